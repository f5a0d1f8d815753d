// SPDX-License-Identifier: MIT
/* exitstat top: the rates on a full screen. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
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
#include "output/rows.h"
#include "output/units.h"
#include "target/target.h"
#include "verbs/guests.h"
#include "verbs/verbs.h"

#define DEFAULT_INTERVAL_NS	1000000000
#define SLOWEST_NS		60000000000
#define FASTEST_NS		100000000

static const char help[] =
	"usage: exitstat top [-i INTERVAL]\n"
	"\n"
	"Show the rates of exits on a full screen.\n"
	"\n"
	"  -i, --interval S   seconds from one reading to the next, 0.01 to 86400 (1)\n"
	"  -s, --sort KEY     by time, count, mean, vmm, waiting, name or number\n"
	"\n"
	"keys:\n"
	"  t c m w x n        sort by time, count, mean, waiting, VMM time, name\n"
	"  v                  by reason, or by vCPU (reading each vCPU costs exits there)\n"
	"  p or blank         pause\n"
	"  + -                longer, shorter intervals\n"
	"  h or ?             these keys\n"
	"  q                  quit\n";

enum colours {
	COLOUR_GUEST = 1,
	COLOUR_KERNEL,
	COLOUR_VMM,
	COLOUR_WAITING,
};

/* One reading of the VM or of one vCPU, the one before it, and what was in between. */
struct gauge {
	int cpu;
	bool known;		/* after holds a reading */
	bool shown;		/* between holds a difference */
	struct exitstat_snapshot before;
	struct exitstat_snapshot after;
	struct exitstat_snapshot between;
};

struct top {
	struct options opts;
	struct list *list;	/* the VMs of a host, in place of one; or NULL */
	struct meter meter;
	struct gauge vm;
	struct gauge *vcpus;
	int vcpus_nr;
	uint64_t interval_ns;
	uint64_t next_ns;
	bool by_vcpu;
	bool paused;
	bool ended;		/* the recording has no more moments */
	bool helping;
};

/* A signal handler has no argument of its own. */
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

static int gauge_take(struct top *top, struct gauge *gauge)
{
	int status;

	gauge->before = gauge->after;
	top->meter.vcpu = gauge->cpu;
	status = meter_take(&top->meter, &gauge->after);
	if (!status && gauge->known)
		status = meter_subtract(&top->meter, &gauge->after, &gauge->before,
					&gauge->between);
	gauge->shown = !status && gauge->known && gauge->between.time_ns;
	gauge->known = !status;
	return status;
}

static int find_vcpus(struct top *top)
{
	int cpu = 0;

	free(top->vcpus);
	top->vcpus = NULL;
	for (top->vcpus_nr = 0; ; top->vcpus_nr++) {
		struct gauge *more;

		cpu = exitstat_source_next_cpu(top->meter.src, cpu);
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
	int status = top->list ? list_update(top->list) : gauge_take(top, &top->vm);
	int i;

	for (i = 0; top->by_vcpu && !status && i < top->vcpus_nr; i++)
		status = gauge_take(top, &top->vcpus[i]);
	return status;
}

/* A bar of that many columns, in one colour, or inverse. */
static void draw_part(int columns, enum colours colour)
{
	int attribute = has_colors() ? (int)COLOR_PAIR(colour) :
			(int)(colour % 2 ? A_REVERSE : A_REVERSE | A_DIM);

	attron(attribute);
	for (; columns > 0; columns--)
		addch(has_colors() || colour % 2 ? ' ' : '.');
	attroff(attribute);
}

static void draw_states(int row, const struct exitstat_snapshot *between)
{
	struct states states;
	int guest, kernel, vmm;
	int width = COLS - 1;

	if (!states_of(between, &states))
		return;
	mvprintw(row, 0, "guest %5.1f %%   KVM %5.1f %%   VMM %5.1f %%   waiting %5.1f %%",
		 100 * states.guest, 100 * states.kernel, 100 * states.vmm, 100 * states.waiting);
	guest = (int)(states.guest * width + 0.5);
	kernel = (int)((states.guest + states.kernel) * width + 0.5);
	vmm = (int)((states.guest + states.kernel + states.vmm) * width + 0.5);
	move(row + 1, 0);
	draw_part(guest, COLOUR_GUEST);
	draw_part(kernel - guest, COLOUR_KERNEL);
	draw_part(vmm - kernel, COLOUR_VMM);
	draw_part(width - vmm, COLOUR_WAITING);
}

static void draw_head(const struct top *top)
{
	const struct exitstat_snapshot *between = &top->vm.between;
	const char *end = top->meter.host ? ", the VM ended" : ", the recording ends here";
	char interval[TEXT_SIZE], vm[VM_TEXT_SIZE];

	text_ns(interval, (double)(top->paused || top->meter.path ? between->time_ns :
				   top->interval_ns));
	mvprintw(0, 0, "exitstat %s: %s, %u vCPU%s, every %s%s",
		 top->meter.host ? vm_text(vm, &top->meter.vm) : "top",
		 vendor_name(between->numbering), top->vm.after.vcpus,
		 top->vm.after.vcpus == 1 ? "" : "s", text_unpad(interval),
		 top->ended ? end : top->paused ? ", paused" : "");
	if (COLS > 70)
		mvprintw(0, COLS - 9, "h: help");
	if (!top->vm.shown) {
		mvprintw(2, 0, "The first rates come after one interval.");
		return;
	}
	mvprintw(1, 0, "%.0f exits per second",
		 (double)between->total.count * 1e9 / (double)between->time_ns);
	if (between->since & EXITSTAT_SINCE_RESTART)
		printw(" (the counters started anew)");
	draw_states(2, between);
}

static void draw_title(int row, const char *format, const char *title)
{
	attron(A_REVERSE);
	mvprintw(row, 0, "%-*s", COLS - 1, "");
	mvprintw(row, 0, format, title);
	attroff(A_REVERSE);
}

static void draw_reason(int row, const struct top *top, const struct exitstat_entry *entry,
			uint64_t most)
{
	const struct exitstat_snapshot *between = &top->vm.between;
	bool times = between->taken & EXITSTAT_TAKE_TIMES;
	uint64_t value = times ? entry->cycles : entry->count;
	char number[TEXT_SIZE], name[TEXT_SIZE], share[TEXT_SIZE], each[TEXT_SIZE] = "-";
	int width = COLS - 62;

	if (times && entry->count)
		text_time(each, &top->meter.desc, (double)entry->cycles / (double)entry->count);
	mvprintw(row, 0, "%5s %-25s %10.0f %5s %10s", text_number(number, between->numbering,
								  entry->number),
		 exit_name(name, between->numbering, entry->number),
		 (double)entry->count * 1e9 / (double)between->time_ns,
		 times ? text_share(share, (double)entry->cycles, (double)between->total.cycles) :
			 "-", each);
	if (width < 1 || !most)
		return;
	move(row, 61);
	draw_part((int)((double)value / (double)most * width + 0.5), COLOUR_KERNEL);
}

static void draw_reasons(int row, const struct top *top)
{
	const struct exitstat_snapshot *between = &top->vm.between;
	struct exitstat_entry entries[EXITSTAT_ENTRIES_MAX];
	uint64_t most = 0;
	uint32_t i;

	table_sort(top->opts.sort, between, entries);
	for (i = 0; i < between->entries_nr; i++) {
		uint64_t value = between->taken & EXITSTAT_TAKE_TIMES ? entries[i].cycles :
									entries[i].count;

		most = value > most ? value : most;
	}
	draw_title(row++, "%s", between->numbering == EXITSTAT_NUMBERING_SVM ?
		   " code exit                         exits/s %time       mean" :
		   "  no. exit                         exits/s %time       mean");
	for (i = 0; i < between->entries_nr && row < LINES - 1; i++)
		draw_reason(row++, top, &entries[i], most);
	if (!top->meter.host)
		mvprintw(row, 0, "      %-25s %10.0f", "exitstat itself",
			 (double)between->own.count * 1e9 / (double)between->time_ns);
}

static void draw_vcpu(int row, const struct gauge *gauge)
{
	const struct exitstat_snapshot *between = &gauge->between;
	struct states states;

	if (!gauge->shown) {
		mvprintw(row, 0, "%5d     -", gauge->cpu);
		return;
	}
	mvprintw(row, 0, "%5d %5u %10.0f", gauge->cpu, between->vcpu,
		 (double)between->total.count * 1e9 / (double)between->time_ns);
	if (states_of(between, &states))
		printw(" %6.1f %6.1f %6.1f %8.1f", 100 * states.guest, 100 * states.kernel,
		       100 * states.vmm, 100 * states.waiting);
	if (between->entries_nr) {
		struct exitstat_entry entries[EXITSTAT_ENTRIES_MAX];
		char name[TEXT_SIZE];

		table_sort(SORT_COUNT, between, entries);
		printw("  %s", exit_name(name, between->numbering, entries[0].number));
	}
}

static void draw_vcpus(int row, const struct top *top)
{
	int i;

	draw_title(row++, "%s", "  CPU  vCPU    exits/s %guest   %KVM   %VMM %waiting  busiest exit");
	for (i = 0; i < top->vcpus_nr && row < LINES; i++)
		draw_vcpu(row++, &top->vcpus[i]);
}

static void draw_list(const struct top *top)
{
	size_t nr = list_length(top->list);
	char interval[TEXT_SIZE];
	char *text = NULL;
	char *line, *rest;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int row = 1;

	text_ns(interval, (double)top->interval_ns);
	mvprintw(0, 0, "exitstat host top: %zu VM%s, every %s%s", nr, nr == 1 ? "" : "s",
		 text_unpad(interval), top->paused ? ", paused" : "");
	if (COLS > 70)
		mvprintw(0, COLS - 9, "h: help");
	if (!out)
		return;
	list_print(out, top->list, top->opts.sort);
	fclose(out);
	for (line = strtok_r(text, "\n", &rest); line && row < LINES;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (row == 1)
			draw_title(row, "%s", line);
		else
			mvaddnstr(row, 0, line, COLS - 1);
		row++;
	}
	free(text);
}

static void draw(const struct top *top)
{
	const char *keys = strstr(help, "keys:");
	int row = 5;

	erase();
	if (top->list && !top->helping) {
		draw_list(top);
		refresh();
		return;
	}
	if (!top->list)
		draw_head(top);
	if (top->helping) {
		mvprintw(row, 0, "%s", keys);
	} else if (top->vm.shown) {
		if (top->by_vcpu)
			draw_vcpus(row, top);
		else
			draw_reasons(row, top);
	}
	refresh();
}

static const struct {
	int key;
	enum sort_key sort;
} sort_keys[] = {
	{ 't', SORT_TIME }, { 'c', SORT_COUNT }, { 'm', SORT_MEAN }, { 'w', SORT_WAITING },
	{ 'x', SORT_VMM }, { 'n', SORT_NAME },
};

static int toggle_view(struct top *top)
{
	if (top->list)
		return STATUS_OK;
	top->by_vcpu = !top->by_vcpu;
	return top->by_vcpu ? find_vcpus(top) : STATUS_OK;
}

/* What a key does: STATUS_OK, or what to exit with.  quit becomes true where it is to quit. */
static int take_key(struct top *top, int key, bool *quit)
{
	size_t i;

	for (i = 0; i < sizeof(sort_keys) / sizeof(*sort_keys); i++) {
		if (key == sort_keys[i].key)
			top->opts.sort = sort_keys[i].sort;
	}
	if (key == '+' && top->interval_ns * 2 <= SLOWEST_NS)
		top->interval_ns *= 2;
	if (key == '-' && top->interval_ns / 2 >= FASTEST_NS)
		top->interval_ns /= 2;
	if (key == 'p' || key == ' ')
		top->paused = !top->paused;
	if (key == 'h' || key == '?')
		top->helping = !top->helping;
	*quit = key == 'q';
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
	more = top->list ? 1 : meter_advance(&top->meter);
	if (more < 0)
		return STATUS_FAILED;
	top->ended = !more;
	status = more ? take_all(top) : STATUS_OK;
	if (top->meter.ended) {
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
		/* At least once a second: a lost terminal is noticed then. */
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

static void prepare_screen(void)
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
	if (getenv("NO_COLOR") || !has_colors())
		return;
	start_color();
	use_default_colors();
	init_pair(COLOUR_GUEST, COLOR_BLACK, COLOR_GREEN);
	init_pair(COLOUR_KERNEL, COLOR_BLACK, COLOR_BLUE);
	init_pair(COLOUR_VMM, COLOR_BLACK, COLOR_YELLOW);
	init_pair(COLOUR_WAITING, COLOR_BLACK, COLOR_WHITE);
}

static int show(struct top *top)
{
	const char *type = getenv("TERM");
	SCREEN *screen = newterm(NULL, stdout, stdin);
	int status;

	if (!screen)
		return say(STATUS_FAILED, "top cannot use the terminal: TERM is '%s'",
			   type ? type : "");
	prepare_screen();
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
	int status;

	if (!host_lists(&top->opts)) {
		status = meter_open(&top->meter, &top->opts);
		return status ? status : meter_describe(&top->meter);
	}
	if (!top->opts.sorted)
		top->opts.sort = SORT_COUNT;
	top->list = list_new(&top->opts, true);
	return top->list ? STATUS_OK : say(STATUS_FAILED, "top: not enough memory");
}

static int top_run(struct options *opts, int argc, char **argv)
{
	struct top *top;
	int status;

	if (argc > 1)
		return say(STATUS_USAGE, "top takes no operand, not '%s'", argv[1]);
	top = calloc(1, sizeof(*top));
	if (!top)
		return say(STATUS_FAILED, "top: not enough memory");
	top->opts = *opts;
	top->vm.cpu = VCPU_NONE;
	top->interval_ns = opts->interval_ns ? opts->interval_ns : DEFAULT_INTERVAL_NS;
	status = open_all(top);
	if (!status && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
		status = say(STATUS_FAILED,
			     "top needs a terminal; without one, try: exitstat 1");
	if (!status)
		status = show(top);
	meter_close(&top->meter);
	if (top->list)
		list_free(top->list);
	free(top->vcpus);
	free(top);
	return status;
}

const struct verb verb_top = {
	.name = "top",
	.bit = FOR_TOP,
	.run = top_run,
	.help = help,
};
