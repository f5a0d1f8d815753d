// SPDX-License-Identifier: MIT
/*
 * exitstat host: the VMs of this host, one line each.
 *
 * Each VM's previous reading is kept in packed form, since a host may have thousands of VMs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "command/options.h"
#include "command/say.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "grow.h"
#include "output/columns.h"
#include "output/format.h"
#include "output/rows.h"
#include "target/child.h"
#include "target/target.h"
#include "target/vm.h"
#include "verbs/guests.h"
#include "verbs/verbs.h"

#define DEFAULT_INTERVAL_NS	1000000000

static const char help[] =
	"usage: exitstat host [OPTION...]          this host's VMs, for one second\n"
	"       exitstat host [OPTION...] INTERVAL [COUNT]\n"
	"                                          the same, every INTERVAL seconds\n"
	"       exitstat host top [-i INTERVAL]    the same, on a full screen\n"
	"       exitstat host --vm VM [OPTION...] [VERB...]\n"
	"                                          one VM, with a guest's verbs: the\n"
	"                                          table, INTERVAL, -- CMD, show, top,\n"
	"                                          why, record, check\n"
	"\n"
	"On a host: read the exits of its VMs from KVM's tables in debugfs, which takes\n"
	"root but causes no exits, or those of one VM from QEMU.\n";

static const char examples[] =
	"  exitstat host                     all VMs, for one second\n"
	"  exitstat host -t -n 10 5          the ten busiest, every five seconds\n"
	"  exitstat host -p 4711 top         the VM of process 4711, on a full screen\n"
	"  exitstat host --vm web1 -- sleep 60\n"
	"                                    what web1 does in a minute\n";

/* A VM, and what happened in it since the previous reading. */
struct guest {
	struct target target;
	void *before;			/* the previous reading, packed, or NULL */
	bool shown;			/* the following is known */
	double seconds;
	struct exitstat_entry total;
	bool has_states;
	struct states states;
	uint32_t vcpus;
	char busiest[TEXT_SIZE];
	bool restarted;
};

struct guests {
	const struct options *opts;
	struct guest *guests;		/* in ascending order of pid and fd */
	size_t nr;
	bool quiet;
	int status;			/* of the first VM that could not be read */
};

static void *pack(const struct exitstat_snapshot *snap)
{
	size_t size = offsetof(struct exitstat_snapshot, entries) +
		      snap->entries_nr * sizeof(*snap->entries);
	void *packed = malloc(size);

	if (packed)
		memcpy(packed, snap, size);
	return packed;
}

static void unpack(struct exitstat_snapshot *snap, const void *packed)
{
	size_t head = offsetof(struct exitstat_snapshot, entries);

	memcpy(snap, packed, head);
	memcpy(snap->entries, (const char *)packed + head,
	       snap->entries_nr * sizeof(*snap->entries));
}

static void guest_free(struct guest *guest)
{
	target_close(&guest->target);
	free(guest->before);
}

static void say_end(const struct guests *list, const struct guest *guest)
{
	if (!list->quiet)
		target_say_end(&guest->target);
}

/*
 * Which VMs there are.
 */

static int compare_vms(const struct exitstat_vm *a, const struct exitstat_vm *b)
{
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return (a->fd > b->fd) - (a->fd < b->fd);
}

/* Take that VM from the old list, if it is there; the ones before it have ended. */
static bool take_old(struct guests *list, size_t *old, const struct exitstat_vm *vm,
		     struct guest *guest)
{
	while (*old < list->nr) {
		struct guest *next = &list->guests[*old];
		int order = compare_vms(&next->target.vm, vm);

		if (order > 0)
			return false;
		(*old)++;
		if (!order) {
			*guest = *next;
			return true;
		}
		say_end(list, next);
		guest_free(next);
	}
	return false;
}

static int guest_open(struct guest *guest, const struct exitstat_vm *vm)
{
	*guest = (struct guest){ .target = { .vcpu = VCPU_NONE, .host = true, .vm = *vm } };
	return exitstat_source_open_debugfs(vm->dir, &guest->target.src);
}

/* Merge the VMs that exist now with the old list. */
static int find_guests(struct guests *list)
{
	const struct exitstat_vm none = { .pid = 2147483647, .fd = 2147483647 };
	struct guest *guests = NULL;
	size_t nr = 0, room = 0, old = 0;
	struct exitstat_vms *vms;
	struct exitstat_vm vm;
	struct guest dummy;
	int status = vm_list(list->opts, &vms);

	if (status)
		return status;
	while (!status && exitstat_vms_next(vms, &vm)) {
		struct guest *more = grow(guests, nr, &room, sizeof(*more));

		if (!more) {
			status = STATUS_FAILED;
			break;
		}
		guests = more;
		if (!take_old(list, &old, &vm, &guests[nr]) && guest_open(&guests[nr], &vm))
			status = STATUS_FAILED;
		else
			nr++;
	}
	exitstat_vms_close(vms);
	if (status)
		say(0, "cannot list the VMs: not enough memory");
	take_old(list, &old, &none, &dummy);
	free(list->guests);
	list->guests = guests;
	list->nr = nr;
	return status;
}

/*
 * What happened in them.
 */

static void note(struct guests *list, struct guest *guest, const struct exitstat_snapshot *between)
{
	const struct reading reading = {
		.kind = list->opts->total ? "total" : "interval", .target = &guest->target,
		.snap = between,
	};
	struct options whole = *list->opts;

	/* The limit is one of VMs, of which programs get all. */
	whole.limit = 0;
	if (whole.format == FORMAT_JSON) {
		json_print(stdout, &whole, &reading);
		return;
	}
	if (whole.format == FORMAT_CSV) {
		csv_print(stdout, &whole, &reading);
		return;
	}
	guest->shown = true;
	guest->seconds = (double)between->time_ns / 1e9;
	guest->total = between->total;
	guest->has_states = states_of(between, &guest->states);
	guest->vcpus = between->vcpus;
	busiest_name(guest->busiest, between);
	guest->restarted = between->since & EXITSTAT_SINCE_RESTART;
}

/* Take a reading and subtract the previous one: 0 or -errno. */
static int guest_take(struct guests *list, struct guest *guest)
{
	struct exitstat_snapshot before, after, between;
	struct target *target = &guest->target;
	int err = 0;

	if (!guest->before)
		err = exitstat_description_read(target->src, &target->desc);
	if (!err)
		err = exitstat_snapshot_take(target->src, &target->desc, EXITSTAT_SCOPE_VM,
					     EXITSTAT_TAKE_TIMES | EXITSTAT_TAKE_SPLIT |
					     EXITSTAT_TAKE_EPOCH, &after);
	if (err)
		return err;
	guest->shown = false;
	target_note_time(target, after.time_ns);
	if (list->opts->total) {
		note(list, guest, &after);
	} else if (guest->before) {
		unpack(&before, guest->before);
		if (!exitstat_snapshot_subtract(&after, &before, &between) && between.time_ns)
			note(list, guest, &between);
	}
	free(guest->before);
	guest->before = pack(&after);
	return guest->before ? 0 : -ENOMEM;
}

/* Report one VM that cannot be read, but not one that ended between listing and reading. */
static void read_guests(struct guests *list)
{
	size_t i, kept = 0;

	for (i = 0; i < list->nr; i++) {
		struct guest guest = list->guests[i];
		int ret = exitstat_source_advance(guest.target.src);

		if (!ret)
			say_end(list, &guest);
		if (ret == 1)
			ret = guest_take(list, &guest);
		else if (!ret)
			ret = -ENODEV;
		if (!ret) {
			list->guests[kept++] = guest;
			continue;
		}
		if (ret != -ENODEV && !list->status)
			list->status = vm_say(&guest.target.vm, guest.target.src, ret);
		guest_free(&guest);
	}
	list->nr = kept;
}

/*
 * The list as text.
 */

/* A mean is not a rate. */
static double key_of(enum sort_key sort, const struct guest *guest)
{
	bool rate = sort != SORT_MEAN && guest->seconds > 0;

	return (double)rows_key(sort, &guest->total) / (rate ? guest->seconds : 1);
}

struct line {
	const struct guest *guest;
	double key;
	bool by_name;
	bool reverse;
};

static int compare_forward(const struct line *a, const struct line *b)
{
	int order = a->by_name ? strcmp(a->guest->target.vm.name, b->guest->target.vm.name) : 0;

	if (order)
		return order;
	if (a->key != b->key)
		return a->key > b->key ? -1 : 1;
	return compare_vms(&a->guest->target.vm, &b->guest->target.vm);
}

static int compare_lines(const void *left, const void *right)
{
	const struct line *a = left;
	int order = compare_forward(a, right);

	return a->reverse ? -order : order;
}

static double count_of(const struct guests *list, const struct guest *guest)
{
	return list->opts->total ? (double)guest->total.count :
	       (double)guest->total.count / guest->seconds;
}

#define ID_SIZE	32

/* What --vm takes: the PID, if it has only one VM. */
static const char *id_of(char id[ID_SIZE], const struct guests *list, const struct guest *guest)
{
	size_t i = (size_t)(guest - list->guests);
	int pid = guest->target.vm.pid;

	snprintf(id, ID_SIZE, "%d-%d", pid, guest->target.vm.fd);
	if ((!i || guest[-1].target.vm.pid != pid) &&
	    (i + 1 == list->nr || guest[1].target.vm.pid != pid))
		snprintf(id, ID_SIZE, "%d", pid);
	return id;
}

static const char *name_of(const struct guest *guest)
{
	return *guest->target.vm.name ? guest->target.vm.name : "-";
}

/* The widths of the columns; on a narrow terminal, the numbers have precedence. */
struct layout {
	int id;
	int name;
	int count;
	int busiest;
	bool narrow;		/* no decimals, and no column of vCPUs */
};

#define NAME_ENOUGH	12
#define BUSIEST_ENOUGH	8

static int larger(int a, int b)
{
	return a > b ? a : b;
}

static int smaller(int a, int b)
{
	return a < b ? a : b;
}

static int digits(double count)
{
	return snprintf(NULL, 0, "%.0f", count);
}

/* As wide as the widest entry, without regard to the terminal. */
static void lay_out_all(struct layout *layout, const struct guests *list)
{
	double count = 0;
	size_t i;

	*layout = (struct layout){ .id = strlen("total"), .name = strlen("name"),
				   .busiest = 1000 };
	for (i = 0; i < list->nr; i++) {
		const struct guest *guest = &list->guests[i];
		char id[ID_SIZE];

		layout->id = larger(layout->id, (int)strlen(id_of(id, list, guest)));
		layout->name = larger(layout->name, columns_of(name_of(guest)));
		count += guest->shown ? count_of(list, guest) : 0;
	}
	layout->count = larger((int)strlen("exits/s"), digits(count));
}

static struct layout lay_out(const struct guests *list, int columns)
{
	struct layout layout;
	int room, enough;

	lay_out_all(&layout, list);
	if (!columns) {
		layout.id = larger(layout.id, 11);
		layout.count = larger(layout.count, 10);
		return layout;
	}
	/* For the name, two blanks and the busiest exit. */
	room = columns - layout.id - layout.count - 32;
	layout.narrow = room < NAME_ENOUGH;
	if (layout.narrow)
		room += 13;
	enough = larger(room - 2 - BUSIEST_ENOUGH, smaller(room, NAME_ENOUGH));
	layout.name = larger(smaller(layout.name, enough), 1);
	layout.busiest = larger(room - layout.name - 2, 0);
	return layout;
}

static void print_states(FILE *out, const struct layout *layout, bool there,
			 const struct states *states)
{
	const int width = layout->narrow ? 3 : 5;
	const int decimals = layout->narrow ? 0 : 1;

	if (there)
		fprintf(out, " %*.*f %*.*f %*.*f %*.*f", width, decimals, 100 * states->guest,
			width, decimals, 100 * states->kernel, width, decimals, 100 * states->vmm,
			larger(width, 4), decimals, 100 * states->waiting);
	else
		fprintf(out, " %*s %*s %*s %*s", width, "-", width, "-", width, "-",
			larger(width, 4), "-");
}

static void print_busiest(FILE *out, const struct layout *layout, const struct guest *guest)
{
	char text[TEXT_SIZE + 16];

	snprintf(text, sizeof(text), "%s%s", guest->busiest,
		 guest->restarted ? " (restarted)" : "");
	if (!*text || layout->busiest < 4)
		return;
	fputs("  ", out);
	columns_print(out, text, smaller(columns_of(text), layout->busiest));
}

static void print_guest(FILE *out, const struct guests *list, const struct guest *guest,
			const struct layout *layout)
{
	char id[ID_SIZE];

	fprintf(out, "%*s ", layout->id, id_of(id, list, guest));
	columns_print(out, name_of(guest), layout->name);
	if (!layout->narrow && guest->shown)
		fprintf(out, " %5u", guest->vcpus);
	else if (!layout->narrow)
		fprintf(out, " %5s", "-");
	if (guest->shown) {
		fprintf(out, " %*.0f", layout->count, count_of(list, guest));
		print_states(out, layout, guest->has_states, &guest->states);
		print_busiest(out, layout, guest);
	} else {
		fprintf(out, " %*s", layout->count, "-");
	}
	fputc('\n', out);
}

static void print_total(FILE *out, const struct guests *list, const struct layout *layout)
{
	struct states sum = { 0 };
	double count = 0;
	unsigned long vcpus = 0;
	char nr[ID_SIZE];
	size_t i;

	for (i = 0; i < list->nr; i++) {
		const struct guest *guest = &list->guests[i];
		const struct states *states = &guest->states;

		if (!guest->shown)
			continue;
		vcpus += guest->vcpus;
		count += count_of(list, guest);
		if (!guest->has_states)
			continue;
		sum.all_cycles += states->all_cycles;
		sum.guest += states->guest * states->all_cycles;
		sum.kernel += states->kernel * states->all_cycles;
		sum.vmm += states->vmm * states->all_cycles;
		sum.waiting += states->waiting * states->all_cycles;
	}
	if (sum.all_cycles > 0) {
		sum.guest /= sum.all_cycles;
		sum.kernel /= sum.all_cycles;
		sum.vmm /= sum.all_cycles;
		sum.waiting /= sum.all_cycles;
	}
	snprintf(nr, sizeof(nr), "%zu", list->nr);
	fprintf(out, "%*s ", layout->id, "total");
	columns_print(out, nr, layout->name);
	if (!layout->narrow)
		fprintf(out, " %5lu", vcpus);
	fprintf(out, " %*.0f", layout->count, count);
	print_states(out, layout, sum.all_cycles > 0, &sum);
	fputc('\n', out);
}

static void print_header(FILE *out, const struct guests *list, const struct layout *layout)
{
	fprintf(out, "%*s ", layout->id, "VM");
	columns_print(out, "name", layout->name);
	fprintf(out, "%s %*s", layout->narrow ? "" : " vCPUs", layout->count,
		list->opts->total ? "exits" : "exits/s");
	fputs(layout->narrow ? " gst kvm vmm wait" : "  %gst  %kvm  %vmm %wait", out);
	fputs(layout->busiest < (int)strlen("busiest") ? "\n" : "  busiest\n", out);
}

static bool matches(const struct guests *list, const struct guest *guest, const char *filter)
{
	char id[ID_SIZE];

	return !filter || strstr(guest->target.vm.name, filter) ||
	       strstr(id_of(id, list, guest), filter);
}

/* Those to print, in their order; returns how many. */
static size_t sort_lines(const struct guests *list, const struct guests_order *order,
			 struct line *lines)
{
	size_t i, nr = 0;

	for (i = 0; i < list->nr; i++) {
		const struct guest *guest = &list->guests[i];

		if (matches(list, guest, order->filter))
			lines[nr++] = (struct line){ guest, key_of(order->sort, guest),
						     order->sort == SORT_NAME, order->reverse };
	}
	qsort(lines, nr, sizeof(*lines), compare_lines);
	return order->limit && order->limit < nr ? order->limit : nr;
}

size_t guests_print(FILE *out, struct guests *list, const struct guests_order *order, int columns)
{
	struct line *lines = calloc(list->nr + 1, sizeof(*lines));
	const struct layout layout = lay_out(list, columns);
	size_t i, nr = lines ? sort_lines(list, order, lines) : 0;

	if (!lines)
		list->status = say(STATUS_FAILED, "cannot list the VMs: not enough memory");
	if (!list->opts->no_header)
		print_header(out, list, &layout);
	for (i = 0; i < nr; i++)
		print_guest(out, list, lines[i].guest, &layout);
	if (list->nr > 1 && !list->opts->no_header)
		print_total(out, list, &layout);
	free(lines);
	return nr;
}

size_t guests_length(const struct guests *list)
{
	return list->nr;
}

int guests_update(struct guests *list)
{
	int status = find_guests(list);

	if (status)
		return status;
	read_guests(list);
	return list->nr ? STATUS_OK : list->status;
}

struct guests *guests_new(const struct options *opts, bool quiet)
{
	struct guests *list = calloc(1, sizeof(*list));

	if (!list)
		return NULL;
	list->opts = opts;
	list->quiet = quiet;
	return list;
}

void guests_free(struct guests *list)
{
	size_t i;

	for (i = 0; i < list->nr; i++)
		guest_free(&list->guests[i]);
	free(list->guests);
	free(list);
}

/*
 * The list, once or at intervals.
 */

/* The list has a line of its own for it, as its columns are as wide as the terminal. */
static void print_time(void)
{
	time_t seconds = time(NULL);
	char text[32];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &tm));
	puts(text);
}

/* JSON and CSV were already printed with the readings. */
static void print(struct guests *list, bool first)
{
	const struct options *opts = list->opts;
	const struct guests_order order = {
		.sort = opts->sorted ? opts->sort : SORT_COUNT, .reverse = opts->reverse,
		.limit = opts->limit,
	};
	bool table = opts->format == FORMAT_TABLE;

	if (table && !first && !opts->no_header)
		putchar('\n');
	if (table && opts->timestamp)
		print_time();
	if (table)
		guests_print(stdout, list, &order, columns_of_terminal());
	fflush(stdout);
}

static int measure(struct guests *list, uint64_t interval_ns, uint32_t lines)
{
	uint64_t deadline_ns = now_ns();
	int status = guests_update(list);
	uint32_t line;

	if (!status && !list->nr && lines == 1)
		return say(STATUS_OK, "no VM is running here: %s has none",
			   vm_host_dir(list->opts));
	for (line = 0; !status && line < lines && !ferror(stdout); line++) {
		uint64_t missed = child_sleep_interval(&deadline_ns, interval_ns);

		if (child_stop_asked())
			break;
		status = guests_update(list);
		if (!status)
			print(list, !line);
		if (!status && missed)
			say(0, "%llu intervals were missed while this process was stopped",
			    (unsigned long long)missed);
	}
	return status;
}

static int show_total(struct guests *list)
{
	int status = guests_update(list);

	if (!status && !list->nr)
		return say(STATUS_OK, "no VM is running here: %s has none",
			   vm_host_dir(list->opts));
	if (!status)
		print(list, true);
	return status;
}

static int do_guests(struct options *opts, int argc, char **argv)
{
	const struct target any = { .host = true };
	uint64_t interval_ns = DEFAULT_INTERVAL_NS;
	uint32_t lines = 1;
	struct guests *list;
	int status = argc ? interval_operands(argc, argv, &interval_ns, &lines) : STATUS_OK;

	if (status)
		return status;
	if (opts->total && argc)
		return say(STATUS_USAGE, "--total is since the VMs started: it takes no INTERVAL");
	list = guests_new(opts, false);
	if (!list)
		return say(STATUS_FAILED, "cannot list the VMs: not enough memory");
	csv_header_print(stdout, opts, &any);
	child_catch_signals();
	status = opts->total ? show_total(list) : measure(list, interval_ns, lines);
	if (!status)
		status = list->status;
	guests_free(list);
	return status;
}

const struct verb verb_guests = {
	.bit = FOR_GUESTS,
	.run = do_guests,
	.help = help,
	.examples = examples,
};
