// SPDX-License-Identifier: MIT
/*
 * The details of libexitstat against a model of a VM: each question is an exit, on the vCPU that
 * the reader happens to run on, and counts in a bounded table of that vCPU.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../lib/exitstat.h"
#include "../lib/cases.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define VCPUS	4
#define ROWS	32
#define CPUID_CYCLES	2000
#define IO	0x7bu
#define MSR	0x7cu
#define CPUID	0x72u

struct row {
	uint32_t number;	/* 0: free */
	uint64_t detail;
	uint64_t count;
	uint64_t cycles;
};

static struct vm {
	uint64_t epoch;
	uint32_t features;
	uint32_t vcpus;
	uint32_t me;			/* the vCPU that asks */
	struct row rows[VCPUS][ROWS];
	uint32_t owed;			/* the time of the last question, to this vCPU, less 1 */
	unsigned long asked;
	unsigned long moves_at;		/* after so many questions it is another vCPU */
	unsigned long restarts_at;	/* the counters start anew */
	unsigned long exits_at;		/* an exit of a new detail happens */
	bool busy;			/* an exit follows each question */
	bool goes_back;			/* a place comes that was asked for already */
	bool forgets;			/* the first place is gone */
} vm;

static struct exitstat_source *src;
static struct exitstat_description desc;
static struct exitstat_detail lists[3][VCPUS * ROWS];
static struct exitstat_details before, after, between;

/* As the kernel does: a row by open addressing, and where none is free, the number's rest. */
static struct row *row_of(uint32_t vcpu, uint32_t number, uint64_t detail)
{
	uint32_t hash = (uint32_t)(detail * 7 + number) % (ROWS - 8);
	uint32_t i;

	for (i = 0; i < ROWS - 8; i++) {
		struct row *row = &vm.rows[vcpu][(hash + i) % (ROWS - 8)];

		if (row->number && (row->number != number || row->detail != detail))
			continue;
		*row = (struct row){ number, detail, row->count, row->cycles };
		return row;
	}
	for (i = ROWS - 8; vm.rows[vcpu][i].number && vm.rows[vcpu][i].number != number; i++)
		;
	vm.rows[vcpu][i].number = number;
	vm.rows[vcpu][i].detail = EXITSTAT_DETAIL_REST;
	return &vm.rows[vcpu][i];
}

static void exits(uint32_t vcpu, uint32_t number, uint64_t detail, uint64_t count)
{
	struct row *row = row_of(vcpu, number, detail);

	row->count += count;
	row->cycles += 100 * count;
}

static uint64_t number_count(uint32_t number)
{
	uint64_t count = 0;
	uint32_t i;

	for (i = 0; i < VCPUS * ROWS; i++) {
		struct row *row = &vm.rows[i / ROWS][i % ROWS];

		count += row->number == number ? row->count : 0;
	}
	return count;
}

static struct row *at(uint32_t place)
{
	uint32_t vcpu = place >> 16;

	if (vcpu >= VCPUS || (place & 0xffff) >= ROWS || !vm.rows[vcpu][place & 0xffff].number)
		return NULL;
	return &vm.rows[vcpu][place & 0xffff];
}

static struct exitstat_regs next_place(uint32_t first, uint32_t from, uint32_t to)
{
	uint32_t vcpu, i;

	if (vm.goes_back && first)
		return (struct exitstat_regs){ IO, 0, 0, first - 1 };
	for (vcpu = from; vcpu < to; vcpu++) {
		for (i = 0; i < ROWS; i++) {
			uint32_t place = vcpu << 16 | i;
			struct row *row = at(place);

			if (place < first || !row || (vm.forgets && row->number == IO))
				continue;
			return (struct exitstat_regs){ row->number, (uint32_t)(row->detail >> 32),
						       (uint32_t)row->detail, place };
		}
	}
	return (struct exitstat_regs){ .edx = EXITSTAT_UNDEFINED };
}

static struct exitstat_regs answer(uint32_t leaf, uint32_t ecx)
{
	bool one = leaf >= 0x4fffffe0 && leaf <= 0x4fffffef;
	struct row *row = at(ecx);
	uint64_t value = 0;

	switch (one ? leaf + EXITSTAT_VCPU : leaf) {
	case EXITSTAT_SCOPE:
		return (struct exitstat_regs){ vm.vcpus, vm.me, (uint32_t)vm.epoch,
					       (uint32_t)(vm.epoch >> 32) };
	case EXITSTAT_DETAIL:
		return next_place(ecx, one ? vm.me : 0, one ? vm.me + 1 : VCPUS);
	case EXITSTAT_COUNT:
		value = number_count(ecx);
		return (struct exitstat_regs){ (uint32_t)value, (uint32_t)(value >> 32), 0, 0 };
	case EXITSTAT_DETAIL_COUNT:
		if (!row)
			break;
		return (struct exitstat_regs){ (uint32_t)row->count, (uint32_t)(row->count >> 32),
					       0, 0 };
	case EXITSTAT_DETAIL_TIME:
		if (!row)
			break;
		return (struct exitstat_regs){ 0, (uint32_t)(row->cycles >> 32),
					       (uint32_t)row->cycles, 0 };
	}
	return (struct exitstat_regs){ .edx = EXITSTAT_UNDEFINED };
}

static int ask(void *self, uint32_t leaf, uint32_t ecx, struct exitstat_regs *regs)
{
	uint32_t me = vm.me;

	(void)self;
	vm.asked++;
	/* The count rises at the exit, the time at the next entry: later than this answer. */
	if (vm.owed)
		row_of(vm.owed - 1, CPUID, EXITSTAT_DETAIL_OWN)->cycles += CPUID_CYCLES;
	row_of(me, CPUID, EXITSTAT_DETAIL_OWN)->count++;
	vm.owed = me + 1;
	*regs = answer(leaf, ecx);
	if (vm.busy)
		exits(1, MSR, 0x6e0 | EXITSTAT_DETAIL_WRITE, 1);
	if (vm.asked == vm.moves_at)
		vm.me = 1;
	if (vm.asked == vm.exits_at)
		exits(0, IO, 0x99, 1);
	if (vm.asked == vm.restarts_at) {
		memset(vm.rows, 0, sizeof(vm.rows));
		vm.epoch++;
	}
	return 0;
}

static const struct exitstat_source_ops ops = { .size = sizeof(ops), .ask = ask };

static void boot(void)
{
	static struct exitstat_details * const all[] = { &before, &after, &between };
	size_t i;

	vm = (struct vm){ .epoch = 7, .vcpus = 2, .features = EXITSTAT_FEATURE_TIMES |
			  EXITSTAT_FEATURE_DETAILS };
	exits(0, IO, 0x3f8, 1009);
	exits(1, IO, 0x3f8, 503);
	exits(0, IO, 0x60 | EXITSTAT_DETAIL_IN, 13);
	exits(1, MSR, 0x6e0 | EXITSTAT_DETAIL_WRITE, 211);
	exits(1, CPUID, 1, 17);
	desc = (struct exitstat_description){ .revision = 2, .numbering = EXITSTAT_NUMBERING_SVM,
					      .features = vm.features, .epoch = vm.epoch,
					      .vcpus = vm.vcpus };
	for (i = 0; i < COUNT(all); i++)
		*all[i] = (struct exitstat_details){ .room = COUNT(lists[i]), .list = lists[i] };
	exitstat_source_close(src);
	src = NULL;
	if (exitstat_source_open(&ops, NULL, &src))
		exit(1);
}

static int read_into(struct exitstat_details *details)
{
	return exitstat_details_read(src, &desc, EXITSTAT_SCOPE_VM, EXITSTAT_TAKE_TIMES, details);
}

static int reread(void)
{
	return exitstat_details_reread(src, &desc, &before, &after);
}

static int subtract(void)
{
	return exitstat_details_subtract(&after, &before, &between);
}

static uint64_t cost(const struct exitstat_details *details)
{
	return details->asked.last - details->asked.first;
}

static uint64_t count_of(const struct exitstat_details *details, uint32_t number, uint64_t detail)
{
	uint64_t count = 0;
	uint32_t i;

	for (i = 0; i < details->nr; i++) {
		if (details->list[i].number == number && details->list[i].detail == detail)
			count += details->list[i].count;
	}
	return count;
}

/* What happens between two readings: known details, one more, and a rest. */
static void work(void)
{
	exits(0, IO, 0x3f8, 101);
	exits(1, IO, 0x3f8, 7);
	exits(0, MSR, 0x1b, 3);
	exits(vm.me, CPUID, 1, 35);
}

static bool work_is_seen(void)
{
	return count_of(&between, IO, 0x3f8) == 108 && count_of(&between, MSR, 0x1b) == 3 &&
	       count_of(&between, CPUID, 1) == 35 && between.nr == 3;
}

static bool reads(void)
{
	boot();
	return !read_into(&before) && count_of(&before, IO, 0x3f8) == 1512 &&
	       count_of(&before, CPUID, 1) == 17 && cost(&before) == 3 * before.nr + 3 &&
	       before.nr == 6 && before.epoch == 7 && before.list[0].place < before.list[1].place &&
	       before.list[5].cycles == 100 * before.list[5].count;
}

static bool adds_up(void)
{
	uint32_t i;

	boot();
	if (read_into(&after) || exitstat_details_subtract(&after, NULL, &between) ||
	    between.nr != 5 || between.reader.count || between.since)
		return false;
	for (i = 1; i < between.nr; i++) {
		if (between.list[i - 1].number > between.list[i].number)
			return false;
	}
	return between.list[0].number == CPUID && between.list[2].number == IO &&
	       between.list[2].detail == 0x3f8 && between.list[2].count == 1512 &&
	       between.list[2].cycles == 151200 && !between.list[2].place;
}

static bool exact(void)
{
	boot();
	if (read_into(&before))
		return false;
	work();
	return !read_into(&after) && !subtract() && work_is_seen() &&
	       between.reader.count == after.asked.cpuid - before.asked.cpuid &&
	       between.reader.cycles;
}

static bool exact_elsewhere(void)
{
	bool good = true;
	unsigned long move;

	/* Wherever it moves to another vCPU, but between the few questions about itself. */
	for (move = 1; move <= 60; move++) {
		boot();
		exits(1, CPUID, EXITSTAT_DETAIL_OWN, 5);
		vm.moves_at = move;
		good = good && !read_into(&before);
		work();
		good = good && !read_into(&after);
		if (vm.moves_at > before.asked.cpuid - 3 && vm.moves_at <= before.asked.cpuid)
			continue;
		if (vm.moves_at > after.asked.cpuid - 3 && vm.moves_at <= after.asked.cpuid)
			continue;
		good = good && !subtract() && work_is_seen();
	}
	return good;
}

static bool again_costs_less(void)
{
	uint64_t first;

	boot();
	if (read_into(&before))
		return false;
	exits(0, IO, 0x3f8, 101);
	if (reread() || subtract())
		return false;
	first = cost(&after);
	/* Five numbers of AMD have details. */
	return first == 2 * before.nr + 2 + 5 && between.nr == 1 &&
	       count_of(&between, IO, 0x3f8) == 101;
}

static bool again_finds(void)
{
	boot();
	if (read_into(&before))
		return false;
	work();
	return !reread() && !subtract() && work_is_seen() &&
	       cost(&after) == 2 * after.nr + 2 + 1 + after.nr + 1;
}

/* A detail that is new, and as many exits of a known one while it is read: they add up as well. */
static bool again_is_not_misled(void)
{
	bool good = true;
	unsigned long when;

	for (when = 0; when < 30; when++) {
		boot();
		good = good && !read_into(&before);
		exits(0, IO, 0x99, 1);
		vm.exits_at = vm.asked + when;
		good = good && !reread() && !subtract() && count_of(&between, IO, 0x99) >= 1;
	}
	return good;
}

static bool again_when_busy(void)
{
	boot();
	vm.busy = true;
	if (read_into(&before))
		return false;
	work();
	return !reread() && !subtract() && count_of(&between, IO, 0x3f8) == 108 &&
	       count_of(&between, CPUID, 1) == 35 && count_of(&between, MSR, 0x1b) == 3;
}

static bool again_elsewhere(void)
{
	boot();
	if (read_into(&before))
		return false;
	work();
	vm.me = 1;
	return !reread() && !subtract() && count_of(&between, CPUID, 1) == 35 &&
	       count_of(&between, IO, 0x3f8) == 108 && between.nr == 3;
}

static bool one_vcpu(void)
{
	boot();
	return !exitstat_details_read(src, &desc, EXITSTAT_SCOPE_VCPU, 0, &before) &&
	       count_of(&before, IO, 0x3f8) == 1009 && before.nr == 3 && !before.list[0].cycles &&
	       cost(&before) == 2 * before.nr + 3;
}

static bool rest_takes_the_rest(void)
{
	uint32_t port;

	boot();
	for (port = 0; port < 100; port++)
		exits(0, IO, port, 2);
	if (read_into(&before))
		return false;
	for (port = 0; port < 100; port++)
		exits(0, IO, port, 3);
	return !read_into(&after) && !subtract() &&
	       count_of(&between, IO, EXITSTAT_DETAIL_REST) > 100 &&
	       count_of(&after, IO, EXITSTAT_DETAIL_REST) + 1512 < number_count(IO);
}

/* The reader's own exits found no row: they are in the rest of the CPUID exits. */
static bool own_in_the_rest(void)
{
	uint32_t leaf;

	boot();
	for (leaf = 2; leaf < 100; leaf++)
		exits(0, CPUID, leaf, 1);
	if (read_into(&before))
		return false;
	exits(0, CPUID, 0x4000, 19);
	return !read_into(&after) && !subtract() && between.nr == 1 &&
	       count_of(&between, CPUID, EXITSTAT_DETAIL_REST) == 19;
}

/* Wherever it moves to a vCPU that has a row for them: the time there is read after the counts. */
static bool own_on_the_move(void)
{
	bool good = true;
	unsigned long move;
	uint32_t leaf;

	for (move = 1; move < 90; move++) {
		boot();
		for (leaf = 2; leaf < 100; leaf++)
			exits(0, CPUID, leaf, 1);
		exits(1, CPUID, EXITSTAT_DETAIL_OWN, 5);
		good = good && !read_into(&before);
		exits(0, CPUID, 0x4000, 19);
		vm.moves_at = vm.asked + move;
		good = good && !read_into(&after);
		if (vm.moves_at > after.asked.cpuid - 3 && vm.moves_at <= after.asked.cpuid)
			continue;
		good = good && !subtract() && between.nr == 1 &&
		       count_of(&between, CPUID, EXITSTAT_DETAIL_REST) == 19;
	}
	return good;
}

static bool off(void)
{
	boot();
	desc.features = EXITSTAT_FEATURE_TIMES;
	return read_into(&before) == -EOPNOTSUPP && !vm.asked;
}

static bool no_room(void)
{
	boot();
	before.room = 3;
	return read_into(&before) == -EOVERFLOW && before.nr == 6 &&
	       (before.room = before.nr, !read_into(&before));
}

static bool no_room_between(void)
{
	boot();
	between.room = 5;
	return !read_into(&after) &&
	       exitstat_details_subtract(&after, NULL, &between) == -EOVERFLOW &&
	       !exitstat_details_subtract(&after, NULL, &after) && after.nr == 5;
}

static bool endless(void)
{
	boot();
	vm.goes_back = true;
	return read_into(&before) == -EPROTO;
}

static bool place_goes(void)
{
	boot();
	if (read_into(&before))
		return false;
	exits(0, MSR, 0x99, 1);
	vm.forgets = true;
	return reread() == -EPROTO;
}

/* At every moment of a reading, and of the same once more. */
static bool restarts(void)
{
	bool good = true;
	unsigned long when;

	for (when = 1; when <= 21; when++) {
		boot();
		vm.restarts_at = when;
		good = good && read_into(&before) == (when < 21 ? -ESTALE : 0);
	}
	for (when = 1; when < 19; when++) {
		boot();
		good = good && !read_into(&before);
		vm.restarts_at = vm.asked + when;
		good = good && reread() == -ESTALE;
	}
	return good;
}

static bool another_epoch(void)
{
	boot();
	if (read_into(&before))
		return false;
	memset(vm.rows, 0, sizeof(vm.rows));
	desc.epoch = ++vm.epoch;
	exits(0, IO, 0x3f8, 5);
	return !reread() && !subtract() && between.since == EXITSTAT_SINCE_RESTART &&
	       count_of(&between, IO, 0x3f8) == 5 && between.nr == 1;
}

static bool backward(void)
{
	boot();
	if (read_into(&before))
		return false;
	row_of(0, IO, 0x3f8)->count = 4;
	return !read_into(&after) && !subtract() && between.since == EXITSTAT_SINCE_BACKWARD &&
	       count_of(&between, IO, 0x3f8) == 4;
}

static bool vcpu_more(void)
{
	boot();
	if (read_into(&before))
		return false;
	vm.vcpus = 3;
	exits(2, IO, 0x3f8, 19);
	exits(2, IO, 0x70, 2);
	return !reread() && !subtract() && count_of(&between, IO, 0x3f8) == 19 &&
	       count_of(&between, IO, 0x70) == 2;
}

static bool unrelated(void)
{
	boot();
	if (read_into(&before) || read_into(&after))
		return false;
	before.scope = EXITSTAT_SCOPE_VCPU;
	if (subtract() != -EINVAL)
		return false;
	after.scope = EXITSTAT_SCOPE_VCPU;
	after.vcpu = 1;
	if (subtract() != -EINVAL)
		return false;
	after.vcpu = before.vcpu;
	return !subtract() && exitstat_details_subtract(&before, &after, &between) == -EINVAL;
}

/* A recorder writes what is asked, and the recording's reader asks the same. */
static bool records(void)
{
	char path[] = "/tmp/exitstat-details-test.XXXXXX";
	struct exitstat_source *recorder = NULL, *replay = NULL;
	int fd = mkstemp(path);
	struct exitstat_source *real;
	bool good;

	boot();
	real = src;
	good = !exitstat_source_open_recorder(src, fd, &recorder);
	src = recorder;
	good = good && !read_into(&before) && exitstat_source_advance(recorder) == 1;
	work();
	good = good && !read_into(&after) && exitstat_source_advance(recorder) == 1 &&
	       !subtract() && work_is_seen();
	exitstat_source_close(recorder);
	close(fd);
	good = good && !exitstat_source_open_recording(path, &replay);
	src = replay;
	good = good && exitstat_source_advance(replay) == 1 && !read_into(&before) &&
	       exitstat_source_advance(replay) == 1 && !read_into(&after) && !subtract() &&
	       work_is_seen();
	exitstat_source_close(replay);
	src = real;
	unlink(path);
	return good;
}

static const struct {
	uint32_t numbering;
	uint32_t number;
	uint64_t detail;
	const char *name;
	const char *term;
} named[] = {
	{ 2, IO, 0x3f8, "out 0x3f8", "serial port 1" },
	{ 2, IO, 0x3fd | EXITSTAT_DETAIL_IN, "in 0x3fd", "serial port 1" },
	{ 2, IO, 0xc000, "out 0xc000", NULL },
	{ 1, 30, 0xcfc | EXITSTAT_DETAIL_IN, "in 0xcfc", "PCI configuration data" },
	{ 2, MSR, 0x6e0 | EXITSTAT_DETAIL_WRITE, "wrmsr 0x6e0", "IA32_TSC_DEADLINE" },
	{ 2, MSR, 0xc0000080, "rdmsr 0xc0000080", "EFER" },
	{ 1, 32, 0x830 | EXITSTAT_DETAIL_WRITE, "wrmsr 0x830", "x2APIC ICR" },
	{ 1, 31, 0x4b564d01, "rdmsr 0x4b564d01", "KVM_SYSTEM_TIME_NEW" },
	{ 1, 85, 0x48 | EXITSTAT_DETAIL_WRITE, "wrmsr 0x48", "IA32_SPEC_CTRL" },
	{ 1, 31, 0x12345, "rdmsr 0x12345", NULL },
	{ 2, CPUID, 0xd, "cpuid 0xd", "XSAVE" },
	{ 2, CPUID, EXITSTAT_DETAIL_SCAN, "cpuid 0x40000100", "search for hypervisors" },
	{ 1, 10, EXITSTAT_DETAIL_OWN, "cpuid 0x4fffff00", "the exit statistics" },
	{ 2, 0x81, 10, "call 0xa", "KVM_HC_SEND_IPI" },
	{ 1, 18, 0xfedcba9876543210, "call 0xfedcba9876543210", NULL },
	{ 2, 0x400, EXITSTAT_DETAIL_MMIO | 0xfee000b0, "mmio 0xfee000b0", "local APIC EOI" },
	{ 1, 49, EXITSTAT_DETAIL_MMIO | 0xffffffffff000, "mmio 0xffffffffff000", NULL },
	{ 1, 48, 2, "ram write", NULL },
	{ 2, 0x400, 5, "ram read, execute", NULL },
	{ 1, 28, 0x3, "to cr3", NULL },
	{ 1, 28, 0x18, "from cr8", NULL },
	{ 1, 28, 0x20, "clts", NULL },
	{ 1, 0, 0x30e, "exception 14", "#PF, page fault" },
	{ 1, 1, 0xec, "vector 236", "host's local timer" },
	{ 2, IO, EXITSTAT_DETAIL_REST, "rest", NULL },
	{ 2, 0x78, 5, "0x5", NULL },
};

static bool names(void)
{
	bool good = true;
	size_t i;

	for (i = 0; i < COUNT(named); i++) {
		const char *term = exitstat_detail_term(named[i].numbering, named[i].number,
							named[i].detail);
		char text[EXITSTAT_DETAIL_NAME_SIZE];

		exitstat_detail_name(named[i].numbering, named[i].number, named[i].detail, text,
				     sizeof(text));
		if (strcmp(text, named[i].name) || !term != !named[i].term ||
		    (term && strcmp(term, named[i].term))) {
			printf("# %s, %s\n", text, term ? term : "-");
			good = false;
		}
	}
	return good;
}

static bool layout_stays(void)
{
	return sizeof(void *) == 4 || (sizeof(struct exitstat_detail) == 48 &&
	       offsetof(struct exitstat_details, list) == 184 &&
	       sizeof(struct exitstat_details) == 192);
}

static const struct test_case cases[] = {
	{ off, "if details are off, nothing is queried" },
	{ no_room, "without enough room, the reader is told how many there are" },
	{ no_room_between, "a difference needs as much room, or replaces the later reading" },
	{ endless, "places that go back are refused, not followed forever" },
	{ place_goes, "a place that disappears in the same epoch is refused" },
	{ restarts, "counters that restart anywhere in a reading are noticed" },
	{ reads, "a reading has every place; p of them cost 3p + 3 queries" },
	{ one_vcpu, "those of one vCPU are read from its row; without times they cost 2p + 3" },
	{ adds_up, "the places of several vCPUs are added up, in ascending order" },
	{ exact, "the difference of two readings has every exit but the reader's own" },
	{ exact_elsewhere, "even if the reader moves to another vCPU at any time" },
	{ again_costs_less, "once more, known places cost 2p + 2, and one for each number" },
	{ again_finds, "what is new is found" },
	{ again_is_not_misled, "even if exits of other details could hide it" },
	{ again_when_busy, "even while exits happen all the time" },
	{ again_elsewhere, "even by a reader on another vCPU, which never asked before" },
	{ rest_takes_the_rest, "exits that find no row count as the number's rest" },
	{ own_in_the_rest, "the reader's own exits are subtracted from the rest if there" },
	{ own_on_the_move, "even if the reader moves to a vCPU that has a row for them" },
	{ another_epoch, "another epoch counts from zero" },
	{ backward, "a counter that goes backwards counts from zero" },
	{ vcpu_more, "the details of a vCPU that was plugged in are included" },
	{ unrelated, "different scopes or vCPUs, or the wrong order, are not subtracted" },
	{ records, "what is recorded reads back as it was seen" },
	{ names, "details have the manuals' names" },
	{ layout_stays, "public structs keep their size" },
};

int main(void)
{
	int status = run_cases(cases, COUNT(cases));

	exitstat_source_close(src);
	return status;
}
