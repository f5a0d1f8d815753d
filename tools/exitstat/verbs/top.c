// SPDX-License-Identifier: MIT
/* exitstat top: a full-screen view of the rates. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ncurses.h>

#include "clock.h"
#include "command/options.h"
#include "command/say.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "output/columns.h"
#include "output/detailed.h"
#include "output/rows.h"
#include "output/units.h"
#include "target/target.h"
#include "target/vm.h"
#include "verbs/guests.h"
#include "verbs/verbs.h"

#define DEFAULT_INTERVAL_NS	1000000000
#define SLOWEST_NS		60000000000
#define FASTEST_NS		100000000

static const char help[] =
	"usage: exitstat top [-d] [-e REASON[,...]] [-i INTERVAL]\n"
	"       exitstat host [--vm VM] top [-i INTERVAL]\n"
	"\n"
	"Show the rates of exits on a full screen: of this VM, of one of a host's VMs, or\n"
	"of all of these.\n";

/* Each key means the same by reason, by vCPU and in the list of VMs. */
static const char keys[] =
	"\n"
	"keys:\n"
	"  t c m w x n        sort by time, count, mean, waiting, VMM time, name\n"
	"  R                  sort the other way round\n"
	"  /                  show only what has this word in it: an exit's name or\n"
	"                     class, a VM's name or pid; Enter keeps it, Esc ends it\n"
	"  d                  with details or without (reading each costs two exits)\n"
	"  v                  by reason, or by vCPU (reading each vCPU costs exits there)\n"
	"  p or blank         pause\n"
	"  + -                longer, shorter intervals\n"
	"  arrows, pages      scroll, where there is more than the screen has room for\n"
	"  h or ?             these keys\n"
	"  q                  quit\n";

static const char examples[] =
	"  exitstat top -d                   which ports and MSRs are busy\n"
	"  exitstat top -e io,memory -i 0.5  two classes, twice a second\n"
	"  exitstat host top                 the VMs of a host\n";

enum colours {
	COLOUR_GUEST = 1,
	COLOUR_KERNEL,
	COLOUR_VMM,
	COLOUR_WAITING,
};

/* The latest reading of the VM or of one vCPU, the one before it, and the difference. */
struct gauge {
	int cpu;
	bool known;		/* after is valid */
	bool shown;		/* between is valid */
	struct exitstat_snapshot before;
	struct exitstat_snapshot after;
	struct exitstat_snapshot between;
};

struct top {
	struct options opts;
	struct guests *list;	/* of a host's VMs, in place of a target, or NULL */
	struct target target;
	struct gauge vm;
	struct gauge *vcpus;
	int vcpus_nr;
	uint64_t interval_ns;
	uint64_t next_ns;
	bool by_vcpu;
	bool paused;
	bool ended;		/* the recording or VM has ended */
	bool helping;
	bool colours;
	const char *said;	/* in place of the line of keys, until the next key */
	char filter[32];	/* "": none */
	bool typing;		/* it is being typed */
	size_t first;		/* the first row that is shown */
	size_t room;		/* how many rows fit */
};

/* Static, because a signal handler gets no argument. */
static volatile sig_atomic_t caught;

static void handle(int signal)
{
	caught = signal;
}

static void leave_screen(void)
{
	if (!isendwin())
		endwin();
}

static int gauge_read(struct top *top, struct gauge *gauge)
{
	int status, err;

	gauge->before = gauge->after;
	top->target.vcpu = gauge->cpu;
	err = target_read(&top->target, gauge->known ? &gauge->before : NULL, &gauge->after);
	/* Offline; it may be back in the next interval. */
	if (target_lacks_cpu(&top->target, err)) {
		gauge->shown = false;
		return STATUS_OK;
	}
	status = err ? target_say(&top->target, err) : STATUS_OK;
	if (!status && gauge->known)
		status = target_subtract(&top->target, &gauge->after, &gauge->before,
					 &gauge->between);
	gauge->shown = !status && gauge->known && gauge->between.time_ns;
	gauge->known = !status;
	return status;
}

/* Details are of the VM only. */
static int gauge_take(struct top *top, struct gauge *gauge)
{
	struct causes *causes = top->target.causes;
	int status;

	if (gauge != &top->vm)
		top->target.causes = NULL;
	status = gauge_read(top, gauge);
	top->target.causes = causes;
	return status;
}

static int find_vcpus(struct top *top)
{
	int cpu = 0;

	free(top->vcpus);
	top->vcpus = NULL;
	for (top->vcpus_nr = 0; ; top->vcpus_nr++) {
		struct gauge *more;

		cpu = exitstat_source_next_cpu(top->target.src, cpu);
		if (cpu < 0)
			return STATUS_OK;
		more = realloc(top->vcpus, (size_t)(top->vcpus_nr + 1) * sizeof(*more));
		if (!more)
			return say(STATUS_FAILED, "cannot show the vCPUs: not enough memory");
		top->vcpus = more;
		memset(&more[top->vcpus_nr], 0, sizeof(*more));
		more[top->vcpus_nr].cpu = cpu++;
	}
}

static int take_all(struct top *top)
{
	int status = top->list ? guests_update(top->list) : gauge_take(top, &top->vm);
	int i;

	for (i = 0; top->by_vcpu && !status && i < top->vcpus_nr; i++)
		status = gauge_take(top, &top->vcpus[i]);
	return status;
}

/* Print text, cut at the end of the line, where curses would wrap. */
__printf(3, 4) static void put(int row, int column, const char *format, ...)
{
	char text[512];
	va_list args;
	int used;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (row < LINES && column < COLS)
		mvaddnstr(row, column, text, (int)columns_fit(text, COLS - column, &used));
}

/* A bar that many columns wide, in one colour or in reverse video. */
static void draw_part(const struct top *top, int columns, enum colours colour)
{
	int attribute = top->colours ? (int)COLOR_PAIR(colour) :
			(int)(colour % 2 ? A_REVERSE : A_REVERSE | A_DIM);

	attron(attribute);
	for (; columns > 0; columns--)
		addch(top->colours || colour % 2 ? ' ' : '.');
	attroff(attribute);
}

/* The first row to show, of that many, so that no room is left empty. */
static size_t scroll_to(struct top *top, size_t rows, int room)
{
	top->room = room > 0 ? (size_t)room : 0;
	if (top->first > rows || rows - top->first < top->room)
		top->first = rows > top->room ? rows - top->room : 0;
	return top->first;
}

#define SCROLLED_SIZE	80

/* Which rows are shown, if not all. */
static const char *text_scrolled(char text[SCROLLED_SIZE], const struct top *top, size_t rows)
{
	*text = '\0';
	if (rows > top->room && top->room)
		snprintf(text, SCROLLED_SIZE, ", %zu to %zu of %zu", top->first + 1,
			 top->first + top->room, rows);
	return text;
}

static void draw_states(const struct top *top, int row)
{
	struct states states;
	int guest, kernel, vmm;
	int width = COLS - 1;

	if (!states_of(&top->vm.between, &states))
		return;
	put(row, 0, COLS < 60 ? "guest %.0f%% KVM %.0f%% VMM %.0f%% waiting %.0f%%" :
	    "guest %5.1f %%   KVM %5.1f %%   VMM %5.1f %%   waiting %5.1f %%",
	    100 * states.guest, 100 * states.kernel, 100 * states.vmm, 100 * states.waiting);
	guest = (int)(states.guest * width + 0.5);
	kernel = (int)((states.guest + states.kernel) * width + 0.5);
	vmm = (int)((states.guest + states.kernel + states.vmm) * width + 0.5);
	move(row + 1, 0);
	draw_part(top, guest, COLOUR_GUEST);
	draw_part(top, kernel - guest, COLOUR_KERNEL);
	draw_part(top, vmm - kernel, COLOUR_VMM);
	draw_part(top, width - vmm, COLOUR_WAITING);
}

/* What the screen is about; the rest of the line has precedence over the VM's name. */
static void draw_subject(const struct top *top, const char *rest)
{
	int room = COLS - columns_of(rest);
	char vm[VM_TEXT_SIZE];
	const char *name = top->target.host ? vm_text(vm, &top->target.vm) : "exitstat top";
	int used;
	size_t size = columns_fit(name, room > 0 ? room : 0, &used);

	put(0, 0, "%.*s%s", (int)size, name, rest + (size ? 0 : 2));
}

static void draw_head(struct top *top)
{
	const struct exitstat_snapshot *between = &top->vm.between;
	const char *end = top->target.host ? ", the VM ended" : ", the recording ends here";
	char interval[TEXT_SIZE], rest[160];

	text_ns(interval, (double)(top->paused || top->target.path ? between->time_ns :
				   top->interval_ns));
	snprintf(rest, sizeof(rest), ": %s, %u vCPU%s, every %s%s",
		 vendor_name(between->numbering), top->vm.after.vcpus,
		 top->vm.after.vcpus == 1 ? "" : "s", text_unpad(interval),
		 top->ended ? end : top->paused ? ", paused" : "");
	draw_subject(top, rest);
	if (top->vm.shown)
		draw_states(top, 2);
	else
		put(2, 0, "The first rates come after one interval.");
}

static void draw_sum(const struct top *top, size_t rows)
{
	const struct exitstat_snapshot *between = &top->vm.between;
	char scrolled[SCROLLED_SIZE];

	put(1, 0, "%.0f exits per second%s%s",
	    (double)between->total.count * 1e9 / (double)between->time_ns,
	    text_scrolled(scrolled, top, rows),
	    between->since & EXITSTAT_SINCE_RESTART ? " (the counters started again)" : "");
}

static void draw_title(int row, const char *title)
{
	attron(A_REVERSE);
	put(row, 0, "%-*s", COLS, title);
	attroff(A_REVERSE);
}

/* If there is not enough room, drop the exit's number first, then the end of its name. */
struct reason_layout {
	int number;
	int name;
	int bar;
	struct unit mean;
};

static double mean_of(uint64_t count, uint64_t cycles)
{
	return count ? (double)cycles / (double)count : -1;
}

/* The unit of the column of means. */
static struct unit unit_of_means(const struct top *top)
{
	const struct exitstat_snapshot *between = &top->vm.between;
	const struct causes *causes = top->target.causes;
	double mean, longest = 0;
	uint32_t i;

	for (i = 0; i < between->entries_nr; i++) {
		mean = mean_of(between->entries[i].count, between->entries[i].cycles);
		longest = mean > longest ? mean : longest;
	}
	for (i = 0; causes && i < causes->shown.nr; i++) {
		mean = mean_of(causes->shown.list[i].count, causes->shown.list[i].cycles);
		longest = mean > longest ? mean : longest;
	}
	return unit_for(&top->target.desc, longest);
}

static struct reason_layout lay_out_reasons(const struct top *top)
{
	struct reason_layout layout = { .number = COLS < 46 ? 0 : 6, .name = 25 };
	int numbers = 29;	/* rate, share and mean, with their blanks */

	if (COLS - numbers - layout.number < layout.name)
		layout.name = COLS - numbers - layout.number;
	if (layout.name < 1)
		layout.name = 1;
	layout.mean = unit_of_means(top);
	layout.bar = COLS - numbers - layout.number - layout.name - 3;
	return layout;
}

static void draw_cells(int row, const struct reason_layout *layout, const char *number,
		       const char *name, const char *rest)
{
	int used;

	put(row, 0, "%*.*s%s", layout->number - 1 < 0 ? 0 : layout->number - 1,
	    layout->number, number, layout->number ? " " : "");
	put(row, layout->number, "%.*s", (int)columns_fit(name, layout->name, &used), name);
	put(row, layout->number + layout->name, "%s", rest);
}

static void draw_reason(int row, const struct top *top, const struct reason_layout *layout,
			const struct exitstat_entry *entry, uint64_t most)
{
	const struct exitstat_snapshot *between = &top->vm.between;
	bool times = between->taken & EXITSTAT_TAKE_TIMES;
	uint64_t value = times ? entry->cycles : entry->count;
	char number[TEXT_SIZE], name[TEXT_SIZE], share[TEXT_SIZE], each[TEXT_SIZE];
	char rest[3 * TEXT_SIZE];

	text_in(each, &layout->mean, times ? mean_of(entry->count, entry->cycles) : -1);
	snprintf(rest, sizeof(rest), " %10.0f %6s %10s",
		 (double)entry->count * 1e9 / (double)between->time_ns,
		 times ? text_share(share, (double)entry->cycles, (double)between->total.cycles) :
			 "-", each);
	draw_cells(row, layout, text_number(number, between->numbering, entry->number),
		   exit_name(name, between->numbering, entry->number), rest);
	if (layout->bar < 1 || !most)
		return;
	move(row, COLS - layout->bar - 1);
	draw_part(top, (int)((double)value / (double)most * layout->bar + 0.5), COLOUR_KERNEL);
}

static void draw_detail(int row, const struct top *top, const struct reason_layout *layout,
			const struct exitstat_detail *detail)
{
	const struct exitstat_snapshot *between = &top->vm.between;
	bool times = between->taken & EXITSTAT_TAKE_TIMES;
	char text[DETAIL_TEXT_SIZE], share[TEXT_SIZE], each[TEXT_SIZE];
	int room = layout->number + layout->name - 2;
	int used;

	detail_text(text, &top->target, detail->number, detail->detail);
	text_in(each, &layout->mean, times ? mean_of(detail->count, detail->cycles) : -1);
	put(row, 2, "%.*s", (int)columns_fit(text, room > 0 ? room : 0, &used), text);
	put(row, layout->number + layout->name, " %10.0f %6s %10s",
	    (double)detail->count * 1e9 / (double)between->time_ns,
	    times ? text_share(share, (double)detail->cycles, (double)between->total.cycles) : "-",
	    each);
}

/* A row of the table: a reason, or what it was about. */
struct line {
	struct exitstat_entry entry;
	struct exitstat_detail detail;
	bool is_detail;
};

static bool has_word(const struct top *top, const char *text)
{
	return !*top->filter || strcasestr(text, top->filter);
}

static bool reason_matches(const struct top *top, uint32_t number)
{
	uint32_t numbering = top->target.desc.numbering;
	char name[TEXT_SIZE];

	return has_word(top, exit_name(name, numbering, number)) ||
	       has_word(top, exitstat_exit_class(numbering, number));
}

static bool detail_matches(const struct top *top, const struct exitstat_detail *detail)
{
	char text[DETAIL_TEXT_SIZE];

	return has_word(top, detail_text(text, &top->target, detail->number, detail->detail));
}

/* The lines of a reason's details, all of them or those that match; returns how many lines. */
static size_t add_details(const struct top *top, uint32_t number, bool all, struct line *lines,
			  size_t nr)
{
	bool times = top->vm.between.taken & EXITSTAT_TAKE_TIMES;
	uint32_t of_nr, shown, i;
	const struct exitstat_detail *of = causes_of(top->target.causes, number, &of_nr);
	struct exitstat_detail *details = calloc(of_nr ? of_nr : 1, sizeof(*details));

	if (!details)
		return nr;
	if (of_nr)
		memcpy(details, of, of_nr * sizeof(*details));
	shown = details_sort(&top->opts, times, details, of_nr);
	for (i = 0; i < (all ? shown : of_nr); i++) {
		if (all || detail_matches(top, &details[i]))
			lines[nr++] = (struct line){ .detail = details[i], .is_detail = true };
	}
	free(details);
	return nr;
}

/* A reason is shown if it matches, or one of its details does. */
static size_t add_reason(const struct top *top, const struct exitstat_entry *entry,
			 struct line *lines, size_t nr)
{
	bool matches = reason_matches(top, entry->number);
	size_t first = nr;

	lines[nr++] = (struct line){ .entry = *entry };
	if (top->target.causes)
		nr = add_details(top, entry->number, matches, lines, nr);
	return matches || nr > first + 1 ? nr : first;
}

/* Of the sorted entries; NULL: out of memory. */
static struct line *collect_lines(const struct top *top, const struct exitstat_entry *entries,
				  uint32_t entries_nr, size_t *nr)
{
	const struct causes *causes = top->target.causes;
	struct line *lines = calloc(entries_nr + (causes ? causes->shown.nr : 0) + 1,
				    sizeof(*lines));
	uint32_t i;

	*nr = 0;
	for (i = 0; lines && i < entries_nr; i++)
		*nr = add_reason(top, &entries[i], lines, *nr);
	return lines;
}

static void draw_reasons(int row, struct top *top)
{
	const struct exitstat_snapshot *between = &top->vm.between;
	const struct reason_layout layout = lay_out_reasons(top);
	/* Below the rows are our own exits, and the keys. */
	const int end = LINES - 1 - !top->target.host;
	struct exitstat_entry entries[EXITSTAT_ENTRIES_MAX];
	char rest[3 * TEXT_SIZE], mean[TEXT_SIZE];
	uint32_t entries_nr;
	struct line *lines;
	uint64_t most = 0;
	size_t i, nr;

	entries_nr = rows_sort(&top->opts, &top->target.reasons, between, entries);
	lines = collect_lines(top, entries, entries_nr, &nr);
	if (!lines)
		return;
	for (i = 0; i < entries_nr; i++) {
		uint64_t value = between->taken & EXITSTAT_TAKE_TIMES ? entries[i].cycles :
									entries[i].count;

		most = value > most ? value : most;
	}
	draw_title(row, "");
	attron(A_REVERSE);
	snprintf(rest, sizeof(rest), "    exits/s  %%time %s",
		 text_head(mean, "mean", &layout.mean));
	draw_cells(row++, &layout, between->numbering == EXITSTAT_NUMBERING_SVM ? "code" : "no.",
		   "exit", rest);
	attroff(A_REVERSE);
	i = scroll_to(top, nr, end - row);
	draw_sum(top, nr);
	for (; i < nr && row < end; i++) {
		if (lines[i].is_detail)
			draw_detail(row++, top, &layout, &lines[i].detail);
		else
			draw_reason(row++, top, &layout, &lines[i].entry, most);
	}
	free(lines);
	if (top->target.host)
		return;
	snprintf(rest, sizeof(rest), " %10.0f",
		 (double)between->reader.count * 1e9 / (double)between->time_ns);
	draw_cells(row, &layout, "", "exitstat itself", rest);
}

static void draw_vcpu(int row, const struct gauge *gauge)
{
	const struct exitstat_snapshot *between = &gauge->between;
	double rate = (double)between->total.count * 1e9 / (double)between->time_ns;
	char name[TEXT_SIZE];
	struct states states;
	bool narrow = COLS < 60;

	if (!gauge->shown) {
		put(row, 0, "%5d     -", gauge->cpu);
		return;
	}
	if (narrow)
		put(row, 0, "%5d %9.0f", gauge->cpu, rate);
	else
		put(row, 0, "%5d %5u %10.0f", gauge->cpu, between->vcpu, rate);
	if (states_of(between, &states))
		put(row, narrow ? 15 : 22, narrow ? " %5.1f %5.1f %5.1f %5.1f" :
		    " %6.1f %6.1f %6.1f %8.1f", 100 * states.guest, 100 * states.kernel,
		    100 * states.vmm, 100 * states.waiting);
	if (!narrow)
		put(row, 54, "%s", busiest_name(name, between));
}

struct vcpu_line {
	const struct gauge *gauge;
	double key;
	bool reverse;
};

static int compare_vcpus(const void *left, const void *right)
{
	const struct vcpu_line *a = left;
	const struct vcpu_line *b = right;
	int order = a->gauge->cpu < b->gauge->cpu ? -1 : 1;

	if (a->key != b->key)
		order = a->key > b->key ? -1 : 1;
	return a->reverse ? -order : order;
}

/* By what a key means for reasons: of the vCPU's total, and a rate unless it is a mean. */
static double vcpu_key(const struct top *top, const struct gauge *gauge)
{
	double key = (double)rows_key(top->opts.sort, &gauge->between.total);

	if (!gauge->shown)
		return -1;
	return top->opts.sort == SORT_MEAN ? key : key / (double)gauge->between.time_ns;
}

static bool vcpu_matches(const struct top *top, const struct gauge *gauge)
{
	char name[TEXT_SIZE], text[2 * TEXT_SIZE];

	snprintf(text, sizeof(text), "%d %s", gauge->cpu, busiest_name(name, &gauge->between));
	return has_word(top, text);
}

static void draw_vcpus(int row, struct top *top)
{
	struct vcpu_line *lines = calloc((size_t)top->vcpus_nr + 1, sizeof(*lines));
	size_t i, nr = 0;

	if (!lines)
		return;
	for (i = 0; i < (size_t)top->vcpus_nr; i++) {
		const struct gauge *gauge = &top->vcpus[i];

		if (vcpu_matches(top, gauge))
			lines[nr++] = (struct vcpu_line){ gauge, vcpu_key(top, gauge),
							  top->opts.reverse };
	}
	qsort(lines, nr, sizeof(*lines), compare_vcpus);
	draw_title(row++, COLS < 60 ? "  CPU   exits/s   gst   kvm   vmm  wait" :
		   "  CPU  vCPU    exits/s %guest   %KVM   %VMM %waiting  busiest exit");
	i = scroll_to(top, nr, LINES - 1 - row);
	draw_sum(top, nr);
	for (; i < nr && row < LINES - 1; i++)
		draw_vcpu(row++, lines[i].gauge);
	free(lines);
}

/* The list's header and its total, if it has more than one VM, do not scroll. */
static void draw_lines(struct top *top, size_t nr, char *text)
{
	bool total = guests_length(top->list) > 1;
	size_t first = scroll_to(top, nr, LINES - 3 - total);
	char *line, *rest;
	size_t i = 0;
	int row = 2;

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest), i++) {
		if (!i)
			draw_title(1, line);
		else if (i > nr || (i > first && i <= first + top->room))
			put(row++, 0, "%s", line);
	}
}

static void draw_list(struct top *top)
{
	const struct guests_order order = {
		.sort = top->opts.sort, .reverse = top->opts.reverse, .filter = top->filter,
	};
	size_t vms = guests_length(top->list), nr;
	char interval[TEXT_SIZE], scrolled[SCROLLED_SIZE], head[200];
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	nr = guests_print(out, top->list, &order, COLS);
	fclose(out);
	draw_lines(top, nr, text);
	free(text);
	text_ns(interval, (double)top->interval_ns);
	snprintf(head, sizeof(head), ": %zu VM%s%s, every %s%s", vms, vms == 1 ? "" : "s",
		 text_scrolled(scrolled, top, nr), text_unpad(interval),
		 top->paused ? ", paused" : "");
	draw_subject(top, head);
}

static void draw_keys(void)
{
	const char *line = keys + 1;
	int row = 0;

	for (; *line; line += strcspn(line, "\n") + 1)
		put(row++, 0, "%.*s", (int)strcspn(line, "\n"), line);
}

/* The last line: the keys, or what is being typed, or what the last key could not do. */
static void draw_last(const struct top *top)
{
	const int row = LINES - 1;

	if (top->typing)
		put(row, 0, "/%s_", top->filter);
	else if (top->said)
		put(row, 0, "%s", top->said);
	else if (*top->filter)
		put(row, 0, "only what has '%s' in it; / changes that, Esc ends it", top->filter);
	else
		put(row, 0, COLS < 75 ? "tcmwxn sort  R turn  / filter  h keys  q quit" :
		    "t c m w x n sort  R reverse  / filter  d details  v vCPUs  h keys  q quit");
}

static void draw(struct top *top)
{
	erase();
	if (top->helping) {
		draw_keys();
	} else if (top->list) {
		draw_list(top);
	} else {
		draw_head(top);
		if (top->vm.shown && top->by_vcpu)
			draw_vcpus(5, top);
		else if (top->vm.shown)
			draw_reasons(5, top);
	}
	draw_last(top);
	refresh();
}

static const struct {
	int key;
	enum sort_key sort;
} sort_keys[] = {
	{ 't', SORT_TIME }, { 'c', SORT_COUNT }, { 'm', SORT_MEAN }, { 'w', SORT_WAITING },
	{ 'x', SORT_VMM }, { 'n', SORT_NAME },
};

/* scroll_to() limits it to the end. */
static void scroll_by_key(struct top *top, int key)
{
	size_t page = top->room > 1 ? top->room - 1 : 1;
	size_t up = key == KEY_UP || key == 'k' ? 1 : key == KEY_PPAGE ? page :
		    key == KEY_HOME ? top->first : 0;

	top->first -= up < top->first ? up : top->first;
	if (key == KEY_DOWN || key == 'j')
		top->first++;
	if (key == KEY_NPAGE)
		top->first += page;
	if (key == KEY_END)
		top->first = SIZE_MAX;
}

/* What only one VM has. */
static int say_one_vm(struct top *top)
{
	top->said = "this is for one VM: exitstat host --vm VM top";
	return STATUS_OK;
}

static int toggle_view(struct top *top)
{
	if (top->list)
		return say_one_vm(top);
	top->first = 0;
	top->by_vcpu = !top->by_vcpu;
	return top->by_vcpu ? find_vcpus(top) : STATUS_OK;
}

/* The first reading with details has none before it. */
static int toggle_details(struct top *top)
{
	struct target *target = &top->target;

	if (top->list)
		return say_one_vm(top);
	top->first = 0;
	if (target->causes) {
		target_drop_details(target);
		return STATUS_OK;
	}
	if (!target_has_details(target)) {
		top->said = "there are no details: see exitstat why";
		return STATUS_OK;
	}
	top->vm.known = false;
	top->vm.shown = false;
	return target_want_details(target);
}

#define KEY_ESCAPE	27

/* A key of the word that is typed. */
static void take_letter(struct top *top, int key)
{
	size_t length = strlen(top->filter);

	if (key == KEY_ESCAPE)
		*top->filter = '\0';
	if (key == KEY_ESCAPE || key == KEY_ENTER || key == '\n' || key == '\r')
		top->typing = false;
	else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && length)
		top->filter[length - 1] = '\0';
	else if (key > ' ' && key < 127 && length + 1 < sizeof(top->filter))
		snprintf(top->filter + length, sizeof(top->filter) - length, "%c", key);
	top->first = 0;
}

static void take_sort_key(struct top *top, int key)
{
	size_t i;

	for (i = 0; i < sizeof(sort_keys) / sizeof(*sort_keys); i++) {
		if (key == sort_keys[i].key)
			top->opts.sort = sort_keys[i].sort;
	}
	if (key == 'R')
		top->opts.reverse = !top->opts.reverse;
}

/* Handle a key.  Returns STATUS_OK or the exit status; sets *quit if the user wants to quit. */
static int take_key(struct top *top, int key, bool *quit)
{
	top->said = NULL;
	if (top->typing) {
		take_letter(top, key);
		return STATUS_OK;
	}
	take_sort_key(top, key);
	if (key == '+' && top->interval_ns * 2 <= SLOWEST_NS)
		top->interval_ns *= 2;
	if (key == '-' && top->interval_ns / 2 >= FASTEST_NS)
		top->interval_ns /= 2;
	if (key == 'p' || key == ' ')
		top->paused = !top->paused;
	if (key == 'h' || key == '?')
		top->helping = !top->helping;
	if (key == '/')
		top->typing = true;
	if (key == KEY_ESCAPE)
		*top->filter = '\0';
	scroll_by_key(top, key);
	*quit = key == 'q';
	if (key == 'd')
		return toggle_details(top);
	return key == 'v' ? toggle_view(top) : STATUS_OK;
}

/* The next reading, if it is due. */
static int update(struct top *top)
{
	uint64_t now = now_ns();
	int status;
	int more;

	if (top->paused || top->ended || now < top->next_ns)
		return STATUS_OK;
	top->next_ns = now + top->interval_ns;
	more = top->list ? 1 : target_advance(&top->target);
	if (more < 0)
		return STATUS_FAILED;
	top->ended = !more;
	status = more ? take_all(top) : STATUS_OK;
	if (top->target.ended) {
		top->ended = true;
		status = STATUS_OK;
	}
	return status;
}

static int loop(struct top *top)
{
	bool quit = false;
	int status = take_all(top);

	top->next_ns = now_ns() + top->interval_ns;
	while (!status && !quit && !caught) {
		uint64_t now = now_ns();
		int key;

		draw(top);
		/* At least once a second, to notice a lost terminal. */
		timeout(now >= top->next_ns ? 0 : top->next_ns - now > 1000000000 ? 1000 :
			(int)((top->next_ns - now) / 1000000) + 1);
		if (top->paused || top->ended)
			timeout(1000);
		key = getch();
		if (key != ERR)
			status = take_key(top, key, &quit);
		else if (!caught && !isatty(STDIN_FILENO))
			quit = true;
		if (!status)
			status = update(top);
	}
	return status;
}

/* An empty NO_COLOR does not count: https://no-color.org. */
static bool wants_colours(void)
{
	const char *no_color = getenv("NO_COLOR");

	return has_colors() && !(no_color && *no_color);
}

static void prepare_screen(struct top *top)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = handle };
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
	say_prepare = leave_screen;
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	/* Only what sends arrow keys byte by byte, more slowly, is misunderstood. */
	set_escdelay(50);
	top->colours = wants_colours();
	if (!top->colours)
		return;
	start_color();
	use_default_colors();
	init_pair(COLOUR_GUEST, COLOR_BLACK, COLOR_GREEN);
	init_pair(COLOUR_KERNEL, COLOR_BLACK, COLOR_BLUE);
	init_pair(COLOUR_VMM, COLOR_BLACK, COLOR_YELLOW);
	init_pair(COLOUR_WAITING, COLOR_BLACK, COLOR_WHITE);
}

static int show_screen(struct top *top)
{
	const char *type = getenv("TERM");
	SCREEN *screen = newterm(NULL, stdout, stdin);
	int status;

	/* curses would draw even if the cursor cannot be moved. */
	if (screen && !tigetstr("cup")) {
		endwin();
		delscreen(screen);
		screen = NULL;
	}
	if (!screen)
		return say(STATUS_FAILED,
			   "top cannot use the terminal: TERM is '%s'; without one, try: exitstat 1",
			   type ? type : "");
	prepare_screen(top);
	status = loop(top);
	leave_screen();
	say_prepare = NULL;
	delscreen(screen);
	if (caught && !status)
		status = 128 + caught;
	return status;
}

static int open_all(struct top *top)
{
	if (!vm_is_list(&top->opts))
		return target_open(&top->target, &top->opts);
	if (!top->opts.sorted)
		top->opts.sort = SORT_COUNT;
	top->list = guests_new(&top->opts, true);
	return top->list ? STATUS_OK : say(STATUS_FAILED, "top: not enough memory");
}

static int do_top(struct options *opts, int argc, char **argv)
{
	struct top *top;
	int status;

	if (argc > 1)
		return say(STATUS_USAGE, "top takes no operand, not '%s'", argv[1]);
	top = calloc(1, sizeof(*top));
	if (!top)
		return say(STATUS_FAILED, "top: not enough memory");
	if (vm_is_list(opts) && (opts->exit || opts->details)) {
		free(top);
		return say(STATUS_USAGE, "top of all VMs takes no --%s; choose one with --vm VM",
			   opts->exit ? "exit" : "details");
	}
	top->opts = *opts;
	top->vm.cpu = VCPU_NONE;
	top->interval_ns = opts->interval_ns ? opts->interval_ns : DEFAULT_INTERVAL_NS;
	status = open_all(top);
	if (!status && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
		status = say(STATUS_FAILED,
			     "top needs a terminal; without one, try: exitstat 1");
	if (!status)
		status = show_screen(top);
	target_close(&top->target);
	if (top->list)
		guests_free(top->list);
	free(top->vcpus);
	free(top);
	return status;
}

const struct verb verb_top = {
	.name = "top",
	.bit = FOR_TOP,
	.run = do_top,
	.help = help,
	.more = keys,
	.examples = examples,
};
