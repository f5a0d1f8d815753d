// SPDX-License-Identifier: MIT
/*
 * libexitstat against a model of a virtual machine: every query is an exit, as on a CPU.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../lib/exitstat.h"
#include "../lib/cases.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define ROWS	300
#define CPUID_CYCLES	2600

struct vm {
	bool hypervisor;
	struct exitstat_regs signature;
	struct exitstat_regs features;
	uint32_t vcpus;
	uint64_t epoch;
	uint64_t guest_cycles;
	struct exitstat_entry rows[ROWS];	/* ascending */
	size_t rows_nr;
	bool next_goes_back;
	bool elsewhere;			/* the questions raise another vCPU's counters */
	uint64_t age_cycles;
	uint32_t busy;			/* an exit of this number follows each question */
	unsigned long exit_at;		/* one of number 48 follows that question */
	uint32_t vcpu;			/* the number of the one that asks */
	struct exitstat_regs histogram;
	uint32_t no_bucket;		/* EDX of a bucket's answer */
	uint32_t no_time;		/* EDX of the guest's time */
	bool no_pair;			/* both values of a number are undefined */
	unsigned long asked_in_block;
	unsigned long asked_row_e;
};

static struct vm vm;
static struct exitstat_source *src;
static struct exitstat_description desc;
static struct exitstat_snapshot before, after, between;

#define TAKE_ALL (EXITSTAT_TAKE_TIMES | EXITSTAT_TAKE_SPLIT | EXITSTAT_TAKE_EPOCH)

static struct exitstat_entry *row_of(uint32_t number)
{
	size_t i;

	for (i = 0; i < vm.rows_nr && vm.rows[i].number < number; i++)
		;
	if (i < vm.rows_nr && vm.rows[i].number == number)
		return &vm.rows[i];
	memmove(&vm.rows[i + 1], &vm.rows[i], (vm.rows_nr - i) * sizeof(*vm.rows));
	vm.rows_nr++;
	vm.rows[i] = (struct exitstat_entry){ .number = number };
	return &vm.rows[i];
}

static void make_exits(uint32_t number, uint64_t count, uint64_t cycles_each)
{
	struct exitstat_entry *row = row_of(number);

	row->count += count;
	row->cycles += count * cycles_each;
	row->vmm_cycles += count * (cycles_each / 2);
	row->waiting_cycles += count;
}

static struct exitstat_regs time_regs(uint64_t cycles)
{
	return (struct exitstat_regs){ .ebx = (uint32_t)(cycles >> 32), .ecx = (uint32_t)cycles };
}

static struct exitstat_regs pair_regs(uint64_t first, uint64_t second)
{
	return (struct exitstat_regs){ (uint32_t)first, (uint32_t)(first >> 32), (uint32_t)second,
				       (uint32_t)(second >> 32) };
}

static struct exitstat_regs count_regs(uint64_t count)
{
	return pair_regs(count, 0);
}

static uint64_t total_count(void)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < vm.rows_nr; i++)
		count += vm.rows[i].count;
	return count;
}

static struct exitstat_regs next_regs(uint32_t first)
{
	size_t i;

	for (i = 0; i < vm.rows_nr; i++) {
		uint64_t count = vm.rows[i].count;

		if (vm.rows[i].number < first)
			continue;
		return (struct exitstat_regs){ vm.next_goes_back ? 0 : vm.rows[i].number,
					       (uint32_t)(count >> 32), (uint32_t)count, 0 };
	}
	return (struct exitstat_regs){ .edx = EXITSTAT_UNDEFINED };
}

static struct exitstat_regs vm_answer(uint32_t leaf, uint32_t ecx)
{
	switch (leaf) {
	case 1:
		return (struct exitstat_regs){ .ecx = vm.hypervisor ? 1u << 31 : 0 };
	case EXITSTAT_SIGNATURE:
		return vm.signature;
	case EXITSTAT_FEATURES:
		return vm.features;
	case EXITSTAT_SCOPE:
		return (struct exitstat_regs){ vm.vcpus, vm.vcpu, (uint32_t)vm.epoch,
					       (uint32_t)(vm.epoch >> 32) };
	case EXITSTAT_HISTOGRAM:
		return vm.histogram;
	case EXITSTAT_BUCKET:
		return (struct exitstat_regs){ ecx >> 16, ecx & 0xffff, 0, vm.no_bucket };
	case EXITSTAT_NEXT:
		return next_regs(ecx);
	case EXITSTAT_TIME_GUEST:
		return (struct exitstat_regs){ 0, (uint32_t)(vm.guest_cycles >> 32),
					       (uint32_t)vm.guest_cycles, vm.no_time };
	case EXITSTAT_TIME:
		return time_regs(row_of(ecx)->cycles);
	case EXITSTAT_TIME_VMM:
		return time_regs(row_of(ecx)->vmm_cycles);
	case EXITSTAT_TIME_WAITING:
		return time_regs(row_of(ecx)->waiting_cycles);
	}
	if (vm.features.eax < 2)
		return (struct exitstat_regs){ 0 };
	switch (leaf) {
	case EXITSTAT_AGE:
		return time_regs(vm.age_cycles);
	case EXITSTAT_TOTAL_COUNT:
		return count_regs(total_count());
	case EXITSTAT_COUNT_TIME:
		return pair_regs(row_of(ecx)->count, row_of(ecx)->cycles);
	case EXITSTAT_VMM_WAITING:
		if (vm.no_pair)
			return (struct exitstat_regs){ .edx = EXITSTAT_UNDEFINED };
		return pair_regs(row_of(ecx)->vmm_cycles, row_of(ecx)->waiting_cycles);
	}
	return (struct exitstat_regs){ 0 };
}

static int vm_ask(void *self, uint32_t leaf, uint32_t ecx, struct exitstat_regs *regs)
{
	struct exitstat_entry *cpuid = row_of(exitstat_exit_cpuid(vm.features.ebx));

	(void)self;
	vm.asked_in_block += (leaf & EXITSTAT_BASE_MASK) == EXITSTAT_BASE;
	vm.asked_row_e += leaf >= 0x4fffffe0 && leaf <= 0x4fffffef;
	if (leaf >= 0x4fffffe0 && leaf <= 0x4fffffef)
		leaf += EXITSTAT_VCPU;
	/* The count rises at the exit, the time at the next entry. */
	if (!vm.elsewhere)
		cpuid->count++;
	*regs = vm_answer(leaf, ecx);
	if (!vm.elsewhere)
		row_of(exitstat_exit_cpuid(vm.features.ebx))->cycles += CPUID_CYCLES;
	if (vm.busy)
		make_exits(vm.busy, 1, 100);
	if (vm.exit_at && vm.asked_in_block == vm.exit_at)
		make_exits(48, 1, 100);
	return 0;
}

static const struct exitstat_source_ops vm_ops = { .size = sizeof(vm_ops), .ask = vm_ask };

static void boot(uint32_t numbering)
{
	vm = (struct vm){
		.hypervisor = true,
		.signature = { EXITSTAT_MAX_LEAF, EXITSTAT_SIGNATURE_EBX, EXITSTAT_SIGNATURE_ECX,
			       EXITSTAT_SIGNATURE_EDX },
		.features = { 1, numbering, EXITSTAT_FEATURE_TIMES | EXITSTAT_FEATURE_SPLIT,
			      2500000 },
		.vcpus = 2,
		.epoch = 0x123456789abcdef0,
		.guest_cycles = 1000000,
	};
	make_exits(1, 211, 3000);
	make_exits(12, 307, 5000);
	make_exits(48, 5003, 2500);
	make_exits(EXITSTAT_OTHER, 3, 9000);
	exitstat_source_close(src);
	src = NULL;
	if (exitstat_source_open(&vm_ops, NULL, &src))
		exit(1);
}

static bool boot_and_describe(uint32_t numbering)
{
	boot(numbering);
	return !exitstat_description_read(src, &desc);
}

static bool take(enum exitstat_scope scope, struct exitstat_snapshot *snap)
{
	return !exitstat_snapshot_take(src, &desc, scope, TAKE_ALL, snap);
}

/* The same VM under a hypervisor that speaks revision 2. */
static bool boot_second(uint32_t numbering)
{
	boot(numbering);
	vm.features.eax = 2;
	return !exitstat_description_read(src, &desc);
}

static bool retake(void)
{
	return !exitstat_snapshot_retake(src, &desc, &before, &after);
}

static uint64_t cost(const struct exitstat_snapshot *snap)
{
	return snap->asked.last - snap->asked.first;
}

static uint64_t count_of(const struct exitstat_snapshot *snap, uint32_t number)
{
	const struct exitstat_entry *entry = exitstat_snapshot_find(snap, number);

	return entry ? entry->count : 0;
}

static bool bare_metal(void)
{
	boot(EXITSTAT_NUMBERING_SVM);
	vm.hypervisor = false;
	return exitstat_description_read(src, &desc) == -ENODEV && !vm.asked_in_block;
}

static bool stock_intel(void)
{
	boot(EXITSTAT_NUMBERING_VMX);
	vm.signature = (struct exitstat_regs){ 0x07280202, 0, 0, 0x603 };
	return exitstat_description_read(src, &desc) == -EOPNOTSUPP && vm.asked_in_block == 1;
}

static bool stock_amd(void)
{
	boot(EXITSTAT_NUMBERING_SVM);
	vm.signature = (struct exitstat_regs){ 0 };
	return exitstat_description_read(src, &desc) == -EOPNOTSUPP && vm.asked_in_block == 1;
}

static bool almost_signed(void)
{
	boot(EXITSTAT_NUMBERING_SVM);
	vm.signature.edx ^= 1u << 24;
	return exitstat_description_read(src, &desc) == -EOPNOTSUPP;
}

static bool has_histograms(uint32_t buckets, uint32_t bucket0_log2)
{
	boot(EXITSTAT_NUMBERING_VMX);
	vm.features.ecx |= EXITSTAT_FEATURE_HISTOGRAMS;
	vm.histogram = (struct exitstat_regs){ buckets, bucket0_log2, 0, 0 };
	return !exitstat_description_read(src, &desc);
}

static bool histogram_bounds(void)
{
	return has_histograms(24, 40) && desc.buckets == 24 && desc.bucket0_log2 == 40 &&
	       !has_histograms(24, 41) && !has_histograms(0, 9) && !has_histograms(65, 0);
}

static bool histogram_reads(void)
{
	struct exitstat_histogram h;
	uint32_t i;

	if (!has_histograms(24, 9) ||
	    exitstat_histogram_read(src, &desc, EXITSTAT_SCOPE_VM, 48, &h) || vm.asked_row_e)
		return false;
	for (i = 0; i < 24; i++) {
		if (h.buckets[i] != ((uint64_t)48 << 32 | i))
			return false;
	}
	if (exitstat_histogram_read(src, &desc, EXITSTAT_SCOPE_VCPU, 48, &h) ||
	    vm.asked_row_e != 24)
		return false;
	vm.no_bucket = EXITSTAT_UNDEFINED;
	return exitstat_histogram_read(src, &desc, EXITSTAT_SCOPE_VM, 48, &h) == -EPROTO;
}

static bool other_revisions(void)
{
	boot(EXITSTAT_NUMBERING_SVM);
	vm.features.eax = 0;
	if (exitstat_description_read(src, &desc) != -EPROTO)
		return false;
	for (uint32_t revision = 1; revision <= 3; revision++) {
		vm.features.eax = revision;
		if (exitstat_description_read(src, &desc) || desc.revision != revision)
			return false;
	}
	vm.features.ebx = 3;
	return exitstat_description_read(src, &desc) == -EPROTO;
}

static bool snapshot_reads(void)
{
	if (!boot_and_describe(EXITSTAT_NUMBERING_VMX) || !take(EXITSTAT_SCOPE_VM, &before))
		return false;
	return before.entries_nr == 5 && count_of(&before, 1) == 211 &&
	       count_of(&before, 48) == 5003 && count_of(&before, EXITSTAT_OTHER) == 3 &&
	       exitstat_snapshot_find(&before, 12)->cycles == 307 * 5000 &&
	       exitstat_snapshot_find(&before, 12)->vmm_cycles == 307 * 2500 &&
	       exitstat_snapshot_find(&before, 12)->waiting_cycles == 307 &&
	       before.guest_cycles == 1000000 && before.epoch == vm.epoch && before.vcpus == 2;
}

static bool snapshot_adds_up(void)
{
	uint64_t count = 0, cycles = 0;
	uint32_t i;

	if (!boot_and_describe(EXITSTAT_NUMBERING_SVM) || !take(EXITSTAT_SCOPE_VM, &before))
		return false;
	for (i = 0; i < before.entries_nr; i++) {
		count += before.entries[i].count;
		cycles += before.entries[i].cycles;
	}
	return before.total.count == count && before.total.cycles == cycles;
}

static bool snapshot_cost(void)
{
	uint64_t asked;

	if (!boot_and_describe(EXITSTAT_NUMBERING_SVM))
		return false;
	asked = exitstat_source_asked(src);
	if (exitstat_snapshot_take(src, &desc, EXITSTAT_SCOPE_VM, EXITSTAT_TAKE_TIMES, &before))
		return false;
	return exitstat_source_asked(src) - asked == 2 * before.entries_nr + 1;
}

static bool features_honoured(void)
{
	boot(EXITSTAT_NUMBERING_SVM);
	vm.features.ecx = 0;
	if (exitstat_description_read(src, &desc) || !take(EXITSTAT_SCOPE_VM, &before))
		return false;
	return before.taken == EXITSTAT_TAKE_EPOCH && before.total.count && !before.total.cycles &&
	       !before.guest_cycles &&
	       before.asked.last - before.asked.first == before.entries_nr + 2;
}

static bool wide_counters(void)
{
	uint64_t count = 0x123456789abcdef;

	if (!boot_and_describe(EXITSTAT_NUMBERING_SVM))
		return false;
	make_exits(0x400, count, 16);
	return take(EXITSTAT_SCOPE_VM, &before) && count_of(&before, 0x400) == count &&
	       exitstat_snapshot_find(&before, 0x400)->cycles == count * 16;
}

static bool last_number(void)
{
	if (!boot_and_describe(EXITSTAT_NUMBERING_SVM))
		return false;
	make_exits(UINT32_MAX, 7, 100);
	return take(EXITSTAT_SCOPE_VM, &before) && count_of(&before, UINT32_MAX) == 7;
}

static bool endless_next(void)
{
	if (!boot_and_describe(EXITSTAT_NUMBERING_SVM))
		return false;
	vm.next_goes_back = true;
	return exitstat_snapshot_take(src, &desc, EXITSTAT_SCOPE_VM, 0, &before) == -EPROTO;
}

static bool too_many_numbers(void)
{
	uint32_t number;

	if (!boot_and_describe(EXITSTAT_NUMBERING_SVM))
		return false;
	for (number = 0; number < 280; number++)
		make_exits(number, 1, 1);
	return exitstat_snapshot_take(src, &desc, EXITSTAT_SCOPE_VM, TAKE_ALL, &before) ==
	       -EOVERFLOW;
}

/* Two snapshots around known exits, with questions of the reader's own between and in them. */
static bool exact(uint32_t numbering)
{
	uint32_t cpuid = exitstat_exit_cpuid(numbering);
	struct exitstat_regs regs;

	if (!boot_and_describe(numbering) || !take(EXITSTAT_SCOPE_VM, &before))
		return false;
	make_exits(cpuid, 1009, CPUID_CYCLES);
	make_exits(30, 503, 1000);
	make_exits(48, 1, 700);
	exitstat_source_ask(src, 0, 0, &regs);
	exitstat_source_ask(src, EXITSTAT_TOTAL_COUNT, 0, &regs);
	if (!take(EXITSTAT_SCOPE_VM, &after) ||
	    exitstat_snapshot_subtract(&after, &before, &between))
		return false;
	return count_of(&between, cpuid) == 1009 && count_of(&between, 30) == 503 &&
	       count_of(&between, 48) == 1 && between.entries_nr == 3 &&
	       between.total.count == 1009 + 503 + 1 && between.reader.count > 2 && !between.since;
}

static bool exact_on_both(void)
{
	return exact(EXITSTAT_NUMBERING_VMX) && exact(EXITSTAT_NUMBERING_SVM);
}

static bool nothing_is_nothing(void)
{
	if (!boot_and_describe(EXITSTAT_NUMBERING_SVM) || !take(EXITSTAT_SCOPE_VM, &before) ||
	    !take(EXITSTAT_SCOPE_VM, &after))
		return false;
	if (exitstat_snapshot_subtract(&after, &before, &between))
		return false;
	return !between.entries_nr && !between.total.count && !between.total.cycles &&
	       between.reader.count == after.asked.cpuid - before.asked.cpuid &&
	       between.reader.cycles;
}

static bool second_cost(void)
{
	if (!boot_second(EXITSTAT_NUMBERING_VMX) || !take(EXITSTAT_SCOPE_VM, &before) || !retake())
		return false;
	return before.entries_nr == 5 && cost(&before) == 3 * 5 + 3 && after.entries_nr == 5 &&
	       cost(&after) == 2 * 5 + 3;
}

static bool second_reads(void)
{
	const struct exitstat_entry *entry;

	if (!boot_second(EXITSTAT_NUMBERING_VMX))
		return false;
	make_exits(48, 0x123456789abcd, 0x10);
	if (!take(EXITSTAT_SCOPE_VM, &before) || !retake())
		return false;
	entry = exitstat_snapshot_find(&after, 48);
	return entry && entry->count == row_of(48)->count && entry->cycles == row_of(48)->cycles &&
	       entry->vmm_cycles == row_of(48)->vmm_cycles &&
	       entry->waiting_cycles == row_of(48)->waiting_cycles &&
	       !memcmp(entry, exitstat_snapshot_find(&before, 48), sizeof(*entry));
}

/* Known exits between a snapshot and the same once more, with questions of the reader's own. */
static bool second_exact(enum exitstat_scope scope)
{
	struct exitstat_regs regs;

	if (!boot_second(EXITSTAT_NUMBERING_VMX) || !take(scope, &before))
		return false;
	make_exits(10, 1009, CPUID_CYCLES);
	make_exits(48, 13, 700);
	if (scope == EXITSTAT_SCOPE_VM)
		exitstat_source_ask(src, 0, 0, &regs);
	if (!retake() || cost(&after) != 2 * 5 + 3 ||
	    exitstat_snapshot_subtract(&after, &before, &between))
		return false;
	return count_of(&between, 10) == 1009 && count_of(&between, 48) == 13 &&
	       between.total.count == 1022 && between.entries_nr == 2;
}

static bool second_exact_on_both(void)
{
	return second_exact(EXITSTAT_SCOPE_VM) && second_exact(EXITSTAT_SCOPE_VCPU);
}

/* Numbers before, behind and between those that are known, up to the last one. */
static bool second_finds(void)
{
	static const uint32_t new[] = { 0, 7, 30, UINT32_MAX };
	size_t i;

	for (i = 0; i < COUNT(new); i++) {
		if (!boot_second(EXITSTAT_NUMBERING_VMX) || !take(EXITSTAT_SCOPE_VM, &before))
			return false;
		make_exits(new[i], 3, 500);
		make_exits(10, 17, CPUID_CYCLES);
		if (!retake() || after.entries_nr != 6 || cost(&after) > 3 * 6 + 4 ||
		    exitstat_snapshot_subtract(&after, &before, &between))
			return false;
		if (count_of(&between, new[i]) != 3 || count_of(&between, 10) != 17 ||
		    between.total.count != 20 || between.total.cycles < 1500 + 17 * CPUID_CYCLES)
			return false;
	}
	return true;
}

/* Whatever else exits meanwhile, a new number is seen, and the price is bounded. */
static bool second_busy(void)
{
	if (!boot_second(EXITSTAT_NUMBERING_VMX) || !take(EXITSTAT_SCOPE_VM, &before))
		return false;
	vm.busy = 1;
	make_exits(52, 4, 10);
	return retake() && count_of(&after, 52) == 4 && cost(&after) <= 3 * 6 + 4;
}

/* One exit of a new number, and one of a known one meanwhile: they make up for each other. */
static bool second_is_not_misled(void)
{
	unsigned long question;

	for (question = 1; question <= 2 * 5 + 3; question++) {
		if (!boot_second(EXITSTAT_NUMBERING_VMX) || !take(EXITSTAT_SCOPE_VM, &before))
			return false;
		make_exits(52, 1, 10);
		vm.exit_at = vm.asked_in_block + question;
		if (!retake() || count_of(&after, 52) != 1)
			return false;
	}
	return true;
}

static bool second_counts(void)
{
	if (!boot_second(EXITSTAT_NUMBERING_VMX))
		return false;
	if (exitstat_snapshot_take(src, &desc, EXITSTAT_SCOPE_VM, 0, &before) ||
	    cost(&before) != 5 + 1 || !retake())
		return false;
	return cost(&after) == 5 + 1 && count_of(&after, 48) == 5003 && !after.total.cycles;
}

/* What iterates, and has no time: no hypervisor that keeps to the ABI. */
static bool undefined(void)
{
	if (!boot_second(EXITSTAT_NUMBERING_VMX))
		return false;
	vm.no_pair = true;
	if (exitstat_snapshot_take(src, &desc, EXITSTAT_SCOPE_VM, TAKE_ALL, &before) != -EPROTO)
		return false;
	vm.no_pair = false;
	vm.no_time = EXITSTAT_UNDEFINED;
	return exitstat_snapshot_take(src, &desc, EXITSTAT_SCOPE_VM, TAKE_ALL, &before) == -EPROTO;
}

/* As after a restart that no epoch tells of. */
static bool fewer_than_own(void)
{
	if (!boot_and_describe(EXITSTAT_NUMBERING_VMX) || !take(EXITSTAT_SCOPE_VM, &before))
		return false;
	vm.elsewhere = true;
	row_of(10)->count += 2;
	if (!take(EXITSTAT_SCOPE_VM, &after) ||
	    exitstat_snapshot_subtract(&after, &before, &between))
		return false;
	return !between.since && !count_of(&between, 10) &&
	       between.reader.count == 2 + before.asked.last - before.asked.cpuid;
}

static bool first_again(void)
{
	if (!boot_and_describe(EXITSTAT_NUMBERING_VMX) || !take(EXITSTAT_SCOPE_VM, &before) ||
	    !retake())
		return false;
	return cost(&before) == 4 * 5 + 3 && cost(&after) == 4 * 5 + 3;
}

static bool retake_after_restart(void)
{
	if (!boot_second(EXITSTAT_NUMBERING_VMX) || !take(EXITSTAT_SCOPE_VM, &before))
		return false;
	vm.epoch++;
	vm.rows_nr = 0;
	make_exits(30, 5, 10);
	return retake() && count_of(&after, 30) == 5 && !exitstat_snapshot_find(&after, 48);
}

static bool late(void)
{
	boot(EXITSTAT_NUMBERING_SVM);
	vm.age_cycles = 0x123456789abc;
	vm.features.eax = 2;
	if (exitstat_description_read(src, &desc) || desc.age_cycles)
		return false;
	vm.features.ecx |= EXITSTAT_FEATURE_LATE | EXITSTAT_FEATURE_APPROXIMATE;
	return !exitstat_description_read(src, &desc) && desc.age_cycles == 0x123456789abc &&
	       desc.features & EXITSTAT_FEATURE_APPROXIMATE;
}

/* What Intel answers where nothing is: the data of the highest basic leaf, whatever is asked. */
static bool basic_leaf;

static int stock_ask(void *self, uint32_t leaf, uint32_t ecx, struct exitstat_regs *regs)
{
	if (!basic_leaf || leaf < EXITSTAT_BASE)
		return vm_ask(self, leaf, ecx, regs);
	*regs = (struct exitstat_regs){ 0x07280202, 0x12345, 0x67, 0x603 };
	return 0;
}

/* The VM moves to a host with another KVM between two snapshots. */
static bool moves(uint32_t revision)
{
	static const struct exitstat_source_ops ops = { .size = sizeof(ops), .ask = stock_ask };
	bool good;

	boot(EXITSTAT_NUMBERING_VMX);
	vm.features.eax = revision;
	exitstat_source_close(src);
	src = NULL;
	if (exitstat_source_open(&ops, NULL, &src) || exitstat_description_read(src, &desc) ||
	    !take(EXITSTAT_SCOPE_VM, &before))
		return false;
	basic_leaf = true;
	good = exitstat_snapshot_take(src, &desc, EXITSTAT_SCOPE_VM, TAKE_ALL, &after) ==
	       -EOPNOTSUPP && exitstat_snapshot_retake(src, &desc, &before, &after) == -EOPNOTSUPP;
	basic_leaf = false;
	vm.epoch++;
	good = good && take(EXITSTAT_SCOPE_VM, &after);
	vm.features.ecx ^= EXITSTAT_FEATURE_SPLIT;
	good = good && exitstat_snapshot_take(src, &desc, EXITSTAT_SCOPE_VM, TAKE_ALL, &after) ==
	       -ESTALE;
	return good && !exitstat_description_read(src, &desc) && take(EXITSTAT_SCOPE_VM, &after) &&
	       !exitstat_snapshot_subtract(&after, &before, &between) &&
	       between.since == EXITSTAT_SINCE_RESTART;
}

static bool moves_away(void)
{
	return moves(1) && moves(2);
}

/* A program of an older header, whose ops end after ask(), and one whose source is free. */
static bool ops_of_another_size(void)
{
	struct exitstat_source_ops ops = { .size = offsetof(struct exitstat_source_ops, pin),
					   .ask = vm_ask };
	struct exitstat_source *it = NULL;
	struct exitstat_regs regs;
	bool good;

	memset(&ops.pin, 0xff, sizeof(ops) - offsetof(struct exitstat_source_ops, pin));
	boot(EXITSTAT_NUMBERING_SVM);
	good = !exitstat_source_open(&ops, NULL, &it) && !exitstat_source_ask(it, 1, 0, &regs) &&
	       exitstat_source_advance(it) == 1 && !exitstat_source_pin(it, 0) &&
	       exitstat_source_pin(it, 1) == -ENODEV && exitstat_source_asked(it) == 1;
	exitstat_source_close(it);
	ops.flags = EXITSTAT_SOURCE_FREE;
	good = good && !exitstat_source_open(&ops, NULL, &it) &&
	       !exitstat_source_ask(it, 1, 0, &regs) && !exitstat_source_asked(it);
	exitstat_source_close(it);
	ops.size = 0;
	return good && exitstat_source_open(&ops, NULL, &it) == -EINVAL;
}

/* A program has these in its own memory: they do not grow, and nothing moves. */
static bool layout_stays(void)
{
	/* Other machines align them in other ways. */
	if (sizeof(void *) == 4)
		return true;
	return sizeof(struct exitstat_entry) == 64 && sizeof(struct exitstat_description) == 120 &&
	       offsetof(struct exitstat_snapshot, entries) == 272 &&
	       sizeof(struct exitstat_snapshot) == 272 + 256 * 64 &&
	       sizeof(struct exitstat_histogram) == 8 + 64 * 8;
}

/* A new number before CPUID's makes the second snapshot longer than the first. */
static bool exact_with_new_numbers(void)
{
	uint32_t number;

	if (!boot_and_describe(EXITSTAT_NUMBERING_SVM) || !take(EXITSTAT_SCOPE_VM, &before))
		return false;
	for (number = 2; number < 12; number++)
		make_exits(number, number, 10);
	make_exits(0x72, 17, CPUID_CYCLES);
	if (!take(EXITSTAT_SCOPE_VM, &after) ||
	    exitstat_snapshot_subtract(&after, &before, &between))
		return false;
	return count_of(&between, 0x72) == 17 && between.total.count == 17 + 65;
}

static bool exact_on_one_vcpu(void)
{
	struct exitstat_regs regs;
	unsigned long described;

	if (!boot_and_describe(EXITSTAT_NUMBERING_SVM))
		return false;
	described = vm.asked_in_block;
	if (!take(EXITSTAT_SCOPE_VCPU, &before))
		return false;
	/* All is the vCPU's, but which it is. */
	if (vm.asked_in_block - described != vm.asked_row_e + 1)
		return false;
	make_exits(0x72, 251, CPUID_CYCLES);
	vm.elsewhere = true;
	exitstat_source_ask(src, 0, 0, &regs);
	vm.elsewhere = false;
	if (!take(EXITSTAT_SCOPE_VCPU, &after) || !vm.asked_row_e ||
	    exitstat_snapshot_subtract(&after, &before, &between))
		return false;
	return count_of(&between, 0x72) == 251;
}

static bool own_time(void)
{
	if (!boot_and_describe(EXITSTAT_NUMBERING_SVM) || !take(EXITSTAT_SCOPE_VM, &before))
		return false;
	make_exits(0x72, 100003, CPUID_CYCLES);
	row_of(0x72)->cycles += 90000;
	if (!take(EXITSTAT_SCOPE_VM, &after) ||
	    exitstat_snapshot_subtract(&after, &before, &between))
		return false;
	/* To the cycle, with what the division leaves over. */
	if (between.reader.cycles != (exitstat_snapshot_find(&between, 0x72)->cycles +
	    between.reader.cycles) * between.reader.count / (100003 + between.reader.count))
		return false;
	return exitstat_snapshot_find(&between, 0x72)->cycles / 100003 >= CPUID_CYCLES - 1 &&
	       exitstat_snapshot_find(&between, 0x72)->cycles / 100003 <= CPUID_CYCLES + 1;
}

static bool in_place(void)
{
	if (!boot_and_describe(EXITSTAT_NUMBERING_SVM) || !take(EXITSTAT_SCOPE_VM, &before))
		return false;
	make_exits(0x78, 13, 1);
	if (!take(EXITSTAT_SCOPE_VM, &after))
		return false;
	between = before;
	if (exitstat_snapshot_subtract(&after, &between, &between))
		return false;
	return between.total.count == 13 && !exitstat_snapshot_subtract(&after, &before, &after) &&
	       after.total.count == 13;
}

static bool another_epoch(void)
{
	if (!boot_and_describe(EXITSTAT_NUMBERING_SVM) || !take(EXITSTAT_SCOPE_VM, &before))
		return false;
	vm.epoch++;
	vm.rows_nr = 0;
	make_exits(0x400, 101, 50);
	make_exits(12, 1000, 50);
	if (!take(EXITSTAT_SCOPE_VM, &after) ||
	    exitstat_snapshot_subtract(&after, &before, &between))
		return false;
	if (between.since != EXITSTAT_SINCE_RESTART || count_of(&between, 0x400) != 101 ||
	    count_of(&between, 12) != 1000 || between.total.count != 1101)
		return false;
	/* A host saw it before it had a vCPU. */
	before.epoch = 0;
	return !exitstat_snapshot_subtract(&after, &before, &between) && !between.since;
}

static bool backward(void)
{
	if (!boot_and_describe(EXITSTAT_NUMBERING_SVM) || !take(EXITSTAT_SCOPE_VM, &before))
		return false;
	row_of(48)->count = 10;
	if (!take(EXITSTAT_SCOPE_VM, &after) ||
	    exitstat_snapshot_subtract(&after, &before, &between))
		return false;
	return between.since == EXITSTAT_SINCE_BACKWARD && count_of(&between, 48) == 10;
}

static bool hotplug(void)
{
	if (!boot_and_describe(EXITSTAT_NUMBERING_SVM) || !take(EXITSTAT_SCOPE_VM, &before))
		return false;
	vm.vcpus = 3;
	if (!take(EXITSTAT_SCOPE_VM, &after) ||
	    exitstat_snapshot_subtract(&after, &before, &between))
		return false;
	return between.since == EXITSTAT_SINCE_VCPUS && between.vcpus == 3;
}

static bool unrelated(void)
{
	if (!boot_and_describe(EXITSTAT_NUMBERING_SVM) || !take(EXITSTAT_SCOPE_VM, &before) ||
	    !take(EXITSTAT_SCOPE_VCPU, &after))
		return false;
	if (exitstat_snapshot_subtract(&after, &before, &between) != -EINVAL)
		return false;
	vm.vcpu = 1;
	if (!take(EXITSTAT_SCOPE_VCPU, &between) ||
	    exitstat_snapshot_subtract(&between, &after, &between) != -EINVAL)
		return false;
	if (!take(EXITSTAT_SCOPE_VM, &after))
		return false;
	return exitstat_snapshot_subtract(&before, &after, &between) == -EINVAL;
}

static bool long_times(void)
{
	struct exitstat_description at = { .tsc_khz = 2500000 };
	struct exitstat_description unknown = { 0 };

	return exitstat_cycles_to_ns(&at, 2500000000ull * 86400 * 365) ==
	       1000000000ull * 86400 * 365 &&
	       exitstat_cycles_to_ns(&at, 5) == 2 && !exitstat_cycles_to_ns(&unknown, 5);
}

static bool names(void)
{
	const struct exitstat_exit *io = exitstat_exit_find(EXITSTAT_NUMBERING_VMX, 30);
	const struct exitstat_exit *npf = exitstat_exit_find(EXITSTAT_NUMBERING_SVM, 0x400);

	return io && !strcmp(io->name, "IO_INSTRUCTION") && npf && !strcmp(npf->name, "npf") &&
	       !exitstat_exit_find(EXITSTAT_NUMBERING_VMX, 35) &&
	       !exitstat_exit_find(EXITSTAT_NUMBERING_SVM, 0xf0000000) &&
	       !strcmp(exitstat_exit_find(EXITSTAT_NUMBERING_SVM, EXITSTAT_OTHER)->name, "other") &&
	       !strcmp(exitstat_exit_find(EXITSTAT_NUMBERING_VMX,
					  exitstat_exit_cpuid(EXITSTAT_NUMBERING_VMX))->name,
		       "CPUID") &&
	       !strcmp(exitstat_exit_find(EXITSTAT_NUMBERING_SVM,
					  exitstat_exit_cpuid(EXITSTAT_NUMBERING_SVM))->name,
		       "cpuid");
}

static bool is_class(uint32_t numbering, uint32_t number, const char *name)
{
	return !strcmp(exitstat_exit_class(numbering, number), name);
}

/* Only these have no twin on the other vendor's CPUs. */
static bool is_lonely(const char *class)
{
	return !strcmp(class, "timer");
}

static bool has_class(uint32_t numbering, const char *class)
{
	const struct exitstat_exit *exit;
	size_t i;

	for (i = 0; (exit = exitstat_exit_at(numbering, i)); i++) {
		if (is_class(numbering, exit->number, class))
			return true;
	}
	return false;
}

/* One word for what both vendors have, and "other" is not a dump for what matters. */
static bool classes(void)
{
	static const struct {
		uint32_t vmx;
		uint32_t svm;
		const char *class;
	} twins[] = {
		{ 12, 0x78, "hlt" }, { 30, 0x7b, "io" }, { 32, 0x7c, "msr" }, { 10, 0x72, "cpuid" },
		{ 49, 0x400, "memory" }, { 18, 0x81, "hypercall" }, { 1, 0x60, "interrupt" },
		{ 7, 0x64, "window" }, { 28, 0x10, "cr" }, { 0, 0x4e, "exception" },
		{ 40, 0x77, "pause" }, { 33, 0xffffffff, "failed_entry" }, { 35, 0x404, "other" },
		{ EXITSTAT_OTHER, EXITSTAT_OTHER, "other" },
	};
	static const uint32_t numberings[] = { EXITSTAT_NUMBERING_VMX, EXITSTAT_NUMBERING_SVM };
	const struct exitstat_exit *exit;
	size_t i, v;

	for (i = 0; i < COUNT(twins); i++) {
		if (!is_class(EXITSTAT_NUMBERING_VMX, twins[i].vmx, twins[i].class) ||
		    !is_class(EXITSTAT_NUMBERING_SVM, twins[i].svm, twins[i].class))
			return false;
	}
	for (v = 0; v < COUNT(numberings); v++) {
		for (i = 0; (exit = exitstat_exit_at(numberings[v], i)); i++) {
			const char *class = exitstat_exit_class(numberings[v], exit->number);

			if (!is_lonely(class) && !has_class(numberings[!v], class))
				return false;
			/* What has details is worth a class. */
			if (exitstat_detail_kind(numberings[v], exit->number) &&
			    !strcmp(class, "other"))
				return false;
		}
	}
	return !strcmp(exitstat_exit_class(0, 12), "other");
}

/* A recording with that text, not yet advanced; NULL if the machine cannot. */
static struct exitstat_source *recording_of(const char *text, size_t size)
{
	char path[] = "/tmp/exitstat-lib-test.XXXXXX";
	struct exitstat_source *recording = NULL;
	int fd = mkstemp(path);

	if (fd < 0)
		return NULL;
	if (write(fd, text, size) == (ssize_t)size)
		exitstat_source_open_recording(path, &recording);
	close(fd);
	unlink(path);
	return recording;
}

#define MAGIC "exitstat-recording 1\n"
#define ANSWER "4fffff00 00000000 -> 00000001 00000002 00000003 00000004\n"

static const struct {
	const char *text;
	unsigned long line;
} broken[] = {
	{ "", 1 },
	{ "\n", 1 },
	{ "exitstat-recording 2\n", 1 },
	{ "exitstat-recording 1", 1 },
	{ MAGIC "garbage\n", 2 },
	{ MAGIC "frame\n", 2 },
	{ MAGIC "frame 1\n", 2 },
	{ MAGIC "frame 1.5\n", 2 },
	{ MAGIC "frame -1.000000000\n", 2 },
	{ MAGIC "frame 99999999999999999999.000000000\n", 2 },
	{ MAGIC "frame 0.000000000 asked\n", 2 },
	{ MAGIC "frame 0.000000000 asked -1\n", 2 },
	{ MAGIC "frame 0.000000000 asked 18446744073709551615\n", 2 },
	{ MAGIC "frame 0.000000000\nframe 1.000000000\n", 3 },
	{ MAGIC "frame 0.000000000\n4fffff00 00000000\n", 3 },
	{ MAGIC "frame 0.000000000\n4fffff00 00000000 -> 1 2 3\n", 3 },
	{ MAGIC "frame 0.000000000\n4fffff00 00000000 -> 1 2 3 4 5\n", 3 },
	{ MAGIC "frame 0.000000000\n4fffff00 00000000 -> 1 2 3 123456789\n", 3 },
	{ MAGIC "frame 0.000000000\n4fffff00 -1 -> 1 2 3 4\n", 3 },
	{ MAGIC "frame 0.000000000\ncpu 16384\n", 3 },
	{ MAGIC "frame 0.000000000\ncpu -1\n", 3 },
	{ MAGIC "frame 0.000000000\ncpu 1x\n", 3 },
	{ MAGIC "note key\n", 2 },
	{ MAGIC "note  value\n", 2 },
};

static bool broken_recordings(void)
{
	unsigned long line;
	bool good = true;
	size_t i;

	for (i = 0; i < COUNT(broken); i++) {
		struct exitstat_source *it = recording_of(broken[i].text, strlen(broken[i].text));
		int ret = it ? exitstat_source_advance(it) : 0;

		if (ret != -EBADMSG || !exitstat_source_complaint(it, &line) ||
		    line != broken[i].line) {
			printf("# recording %zu: advance returned %d, line %lu\n", i, ret, line);
			good = false;
		}
		exitstat_source_close(it);
	}
	return good;
}

static bool long_and_zero_lines(void)
{
	static char text[10000];
	struct exitstat_source *it;
	bool good;

	memset(text, 'a', sizeof(text));
	memcpy(text, MAGIC, strlen(MAGIC));
	it = recording_of(text, sizeof(text));
	good = it && exitstat_source_advance(it) == -EBADMSG;
	exitstat_source_close(it);

	memset(text, 0, sizeof(text));
	memcpy(text, MAGIC, strlen(MAGIC));
	text[sizeof(text) - 1] = '\n';
	it = recording_of(text, sizeof(text));
	good = good && it && exitstat_source_advance(it) == -EBADMSG;
	exitstat_source_close(it);
	return good;
}

static bool time_goes_on(void)
{
	static const char text[] = MAGIC "frame 2.000000000\nend\nframe 1.999999999\nend\n";
	struct exitstat_source *it = recording_of(text, strlen(text));
	bool good = it && exitstat_source_advance(it) == 1 &&
		    exitstat_source_now_ns(it) == 2000000000 &&
		    exitstat_source_advance(it) == -EBADMSG;

	exitstat_source_close(it);
	return good;
}

static bool breaks_off(void)
{
	static const char text[] = MAGIC "note command make -j 2\n"
		"frame 0.000000000\n" ANSWER "end\n"
		"frame 1.000000000\n4fffff00 0 -> 9 9 9 9\n4fffff00 00";
	struct exitstat_source *it = recording_of(text, strlen(text));
	struct exitstat_regs regs;
	unsigned long line;
	bool good = it && exitstat_source_advance(it) == 1 &&
		    !exitstat_source_complaint(it, &line) && exitstat_source_advance(it) == 0 &&
		    exitstat_source_complaint(it, &line) && line == 8 &&
		    !exitstat_source_ask(it, EXITSTAT_SIGNATURE, 0, &regs) && regs.eax == 1 &&
		    !strcmp(exitstat_source_note(it, "command"), "make -j 2") &&
		    !exitstat_source_note(it, "nothing");

	exitstat_source_close(it);
	return good;
}

static bool replays(void)
{
	static const char text[] = MAGIC "# a comment\n\n"
		"frame 0.000000000\n" ANSWER "cpu 3\n4fffffee 0a -> 7 0 0 0\ncpu any\n"
		"4fffff01 0 -> 5 6 7 8\nend\n"
		"frame 0.500000000 asked 41\n4fffff01 0 -> 50 6 7 8\n4fffff01 0 -> 51 6 7 8\nend\n";
	struct exitstat_source *it = recording_of(text, strlen(text));
	struct exitstat_regs regs;
	bool good = it && exitstat_source_ask(it, EXITSTAT_SIGNATURE, 0, &regs) == -ENODATA &&
		    exitstat_source_advance(it) == 1 &&
		    !exitstat_source_ask(it, EXITSTAT_FEATURES, 0, &regs) && regs.eax == 5 &&
		    exitstat_source_ask(it, 0x4fffffee, 10, &regs) == -ENODATA &&
		    exitstat_source_pin(it, 2) == -ENODEV && !exitstat_source_pin(it, 3) &&
		    !exitstat_source_ask(it, 0x4fffffee, 10, &regs) && regs.eax == 7 &&
		    exitstat_source_next_cpu(it, 0) == 3 &&
		    exitstat_source_next_cpu(it, 4) == -ENODEV && !exitstat_source_unpin(it) &&
		    exitstat_source_advance(it) == 1 && exitstat_source_asked(it) == 41 &&
		    !exitstat_source_ask(it, EXITSTAT_FEATURES, 0, &regs) && regs.eax == 0x51 &&
		    !exitstat_source_ask(it, EXITSTAT_SIGNATURE, 0, &regs) && regs.edx == 4 &&
		    exitstat_source_advance(it) == 0;

	exitstat_source_close(it);
	return good;
}

/* Record two moments of the model, read them back, compare with what was seen live. */
static bool records(void)
{
	char path[] = "/tmp/exitstat-lib-test.XXXXXX";
	struct exitstat_snapshot live;
	struct exitstat_source *recorder = NULL, *replay = NULL;
	int fd = mkstemp(path);
	bool good;

	boot(EXITSTAT_NUMBERING_SVM);
	good = !exitstat_recording_note(fd, "key", "x") &&
	       exitstat_recording_note(fd, "two words", "x") == -EINVAL &&
	       exitstat_recording_note(fd, "key", "two\nlines") == -EINVAL &&
	       exitstat_recording_note(fd, "key", "") == -EINVAL &&
	       !ftruncate(fd, 0) && !lseek(fd, 0, SEEK_SET) &&
	       !exitstat_source_open_recorder(src, fd, &recorder) &&
	       !exitstat_recording_note(fd, "command", "true") &&
	       !exitstat_description_read(recorder, &desc) &&
	       !exitstat_snapshot_take(recorder, &desc, EXITSTAT_SCOPE_VM, TAKE_ALL, &before) &&
	       exitstat_source_advance(recorder) == 1;
	make_exits(0x72, 1009, CPUID_CYCLES);
	make_exits(0x400, 13, 1);
	good = good &&
	       !exitstat_snapshot_take(recorder, &desc, EXITSTAT_SCOPE_VM, TAKE_ALL, &after) &&
	       exitstat_source_advance(recorder) == 1 &&
	       !exitstat_snapshot_subtract(&after, &before, &live);
	exitstat_source_close(recorder);
	close(fd);

	good = good && !exitstat_source_open_recording(path, &replay) &&
	       exitstat_source_advance(replay) == 1 && !exitstat_description_read(replay, &desc) &&
	       !strcmp(exitstat_source_note(replay, "command"), "true") &&
	       !exitstat_snapshot_take(replay, &desc, EXITSTAT_SCOPE_VM, TAKE_ALL, &before) &&
	       exitstat_source_advance(replay) == 1 &&
	       !exitstat_snapshot_take(replay, &desc, EXITSTAT_SCOPE_VM, TAKE_ALL, &after) &&
	       !exitstat_snapshot_subtract(&after, &before, &between) &&
	       exitstat_source_advance(replay) == 0;
	exitstat_source_close(replay);
	unlink(path);
	return good && count_of(&between, 0x72) == 1009 && between.entries_nr == live.entries_nr &&
	       !memcmp(between.entries, live.entries, live.entries_nr * sizeof(*live.entries)) &&
	       between.reader.count == live.reader.count;
}

static bool full_disk(void)
{
	struct exitstat_source *recorder = NULL;
	FILE *full = fopen("/dev/full", "w");
	bool good;

	boot(EXITSTAT_NUMBERING_SVM);
	good = full && exitstat_source_open_recorder(src, fileno(full), &recorder) == -ENOSPC;
	if (full)
		fclose(full);
	return good;
}

/* What could not be written is in no recording, so a later frame may not leave it out. */
static bool full_for_a_while(void)
{
	char path[] = "/tmp/exitstat-lib-test.XXXXXX";
	struct exitstat_source *recorder = NULL, *replay = NULL;
	int fd = mkstemp(path), kept = dup(fd), full = open("/dev/full", O_WRONLY);
	bool good;

	boot(EXITSTAT_NUMBERING_SVM);
	good = !exitstat_source_open_recorder(src, fd, &recorder) &&
	       !exitstat_description_read(recorder, &desc) && dup2(full, fd) == fd &&
	       exitstat_source_advance(recorder) == -ENOSPC && dup2(kept, fd) == fd &&
	       !exitstat_description_read(recorder, &desc) &&
	       exitstat_source_advance(recorder) == 1;
	exitstat_source_close(recorder);
	close(fd);
	close(kept);
	close(full);
	good = good && !exitstat_source_open_recording(path, &replay) &&
	       exitstat_source_advance(replay) == 1 && !exitstat_description_read(replay, &desc);
	exitstat_source_close(replay);
	unlink(path);
	return good;
}

static bool quantiles(void)
{
	struct exitstat_histogram h = { .buckets_nr = 24, .bucket0_log2 = 9 };
	uint64_t low, high;
	bool good = exitstat_histogram_quantile(&h, 0.5, &low, &high) == -ENODATA;

	h.buckets[0] = 1;
	h.buckets[3] = 98;
	h.buckets[23] = 1;
	good = good && exitstat_histogram_count(&h) == 100 &&
	       !exitstat_histogram_quantile(&h, 0, &low, &high) && !low && high == 512 &&
	       !exitstat_histogram_quantile(&h, 0.01, &low, &high) && !low && high == 512 &&
	       !exitstat_histogram_quantile(&h, 0.011, &low, &high) && low == 2048 &&
	       high == 4096 && !exitstat_histogram_quantile(&h, 0.99, &low, &high) && low == 2048 &&
	       !exitstat_histogram_quantile(&h, 1, &low, &high) && low == UINT64_C(1) << 31 &&
	       high == UINT64_MAX && exitstat_histogram_quantile(&h, 1.5, &low, &high) == -EINVAL &&
	       exitstat_histogram_quantile(&h, -0.1, &low, &high) == -EINVAL;
	return good;
}

static bool histograms_subtract(void)
{
	struct exitstat_histogram old = { .buckets_nr = 24, .bucket0_log2 = 9 };
	struct exitstat_histogram new = old;
	struct exitstat_histogram other = { .buckets_nr = 23, .bucket0_log2 = 9 };
	struct exitstat_histogram finer = { .buckets_nr = 24, .bucket0_log2 = 8 };

	old.buckets[4] = 10;
	new.buckets[4] = 17;
	new.buckets[5] = 3;
	if (exitstat_histogram_subtract(&new, &old, &old) || old.buckets[4] != 7 ||
	    old.buckets[5] != 3)
		return false;
	old.buckets[6] = 1;
	return !exitstat_histogram_subtract(&new, &old, &old) && old.buckets[4] == 17 &&
	       !old.buckets[6] && exitstat_histogram_subtract(&new, &other, &old) == -EINVAL &&
	       exitstat_histogram_subtract(&new, &finer, &old) == -EINVAL;
}

static const struct {
	const char *text;
	const char *clean;
} texts[] = {
	{ "", "" },
	{ "web1 (a, \"b\") \\ <!-- 100 %s", "web1 (a, \"b\") \\ <!-- 100 %s" },
	{ "a\033[31mb\nc\td\177e", "a?[31mb?c?d?e" },
	{ "csi \302\233 end", "csi ? end" },
	{ "first \302\200 and last \302\237 of C1", "first ? and last ? of C1" },
	{ "8-bit csi \233m", "8-bit csi ?m" },
	{ "日本語 ✓ 🖥️ é e\314\201", "日本語 ✓ 🖥️ é e\314\201" },
	{ "👩‍💻 می‌خواهم", "👩‍💻 می‌خواهم" },
	{ "\342\200\256gpj.exe\342\200\254", "?gpj.exe?" },
	{ "\342\201\246i\342\201\251 \330\234 \342\200\216 \342\200\217", "?i? ? ? ?" },
	{ "\342\200\250 \342\200\251 \357\273\277 \363\240\201\201 \342\200\213", "? ? ? ? ?" },
	{ "overlong \300\257 \340\200\257 \360\200\200\257", "overlong ?? ??? ????" },
	{ "surrogate \355\240\200, too high \364\220\200\200 \370\210\200\200\200",
	  "surrogate ???, too high ???? ?????" },
	{ "alone \200 \277 \376 \377", "alone ? ? ? ?" },
	{ "cut \346\227", "cut ??" },
	{ "cut \346\227x", "cut ??x" },
};

static bool text_is_cleaned(void)
{
	char clean[128];
	size_t i;

	for (i = 0; i < COUNT(texts); i++) {
		size_t length = exitstat_text_clean(clean, sizeof(clean), texts[i].text);
		char *same = strdup(texts[i].text);

		if (!same || strcmp(clean, texts[i].clean) || length != strlen(clean)) {
			printf("# %zu: %s\n", i, clean);
			return false;
		}
		exitstat_text_clean(same, strlen(same) + 1, same);
		if (strcmp(same, texts[i].clean))
			return false;
		free(same);
	}
	return true;
}

/* Of a buffer of that size, no byte more. */
static bool text_is_cut(void)
{
	static const char text[] = "a\302\251日🖥b";
	static const char * const cut[] = { "", "a", "a", "a\302\251", "a\302\251" };
	size_t size;

	for (size = 1; size <= sizeof(text); size++) {
		char *to = malloc(size);
		size_t length;
		bool holds;

		if (!to)
			return false;
		length = exitstat_text_clean(to, size, text);
		holds = length < size && length == strlen(to) && !strncmp(text, to, length) &&
			(text[length] & 0xc0) != 0x80 &&
			(size > COUNT(cut) || !strcmp(to, cut[size - 1]));
		free(to);
		if (!holds)
			return false;
	}
	return true;
}

static bool notes_are_clean(void)
{
	static const char text[] = MAGIC "note vm web\033[2J\302\2331\nframe 0.000000000\nend\n";
	struct exitstat_source *recording = recording_of(text, strlen(text));
	bool holds = recording && exitstat_source_advance(recording) == 1 &&
		     !strcmp(exitstat_source_note(recording, "vm"), "web?[2J?1");

	exitstat_source_close(recording);
	return holds;
}

/*
 * A machine of eight CPUs in place of this one's, for whoever asks the kernel.  0 and 1 are here,
 * and the affinity has 0; 2 and 7 are in another cpuset; 3 is offline; there are no others.
 */
static struct {
	bool on;
	bool no_sys;
	unsigned int tried;
} machine;

int __real_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __real_sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set);
int __real_access(const char *path, int mode);
FILE *__real_fopen(const char *path, const char *mode);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set);
int __wrap_access(const char *path, int mode);
FILE *__wrap_fopen(const char *path, const char *mode);

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	if (!machine.on)
		return __real_sched_getaffinity(pid, size, set);
	CPU_ZERO_S(size, set);
	CPU_SET_S(0, size, set);
	return 0;
}

int __wrap_sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
	if (!machine.on)
		return __real_sched_setaffinity(pid, size, set);
	machine.tried++;
	if (CPU_ISSET_S(0, size, set) || CPU_ISSET_S(1, size, set))
		return 0;
	errno = EINVAL;
	return -1;
}

int __wrap_access(const char *path, int mode)
{
	return machine.on ? -machine.no_sys : __real_access(path, mode);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	static const char * const files[][2] = {
		{ "possible", "0-7\n" }, { "cpu0/topology", "." }, { "cpu1/online", "1\n" },
		{ "cpu2/online", "1\n" }, { "cpu3/online", "0\n" }, { "cpu7/online", "1\n" },
	};
	static const char dir[] = "/sys/devices/system/cpu/";
	size_t i;

	if (!machine.on || strncmp(path, dir, strlen(dir)))
		return __real_fopen(path, mode);
	errno = ENOENT;
	for (i = 0; !machine.no_sys && i < COUNT(files); i++) {
		if (!strcmp(path + strlen(dir), files[i][0]))
			return fmemopen((char *)files[i][1], strlen(files[i][1]), "r");
	}
	return NULL;
}

static bool cpus_are_tried(void)
{
	struct exitstat_source *cpu;
	bool good;

	machine.on = true;
	good = !exitstat_source_open_cpu(&cpu) && !exitstat_source_pin(cpu, 0) &&
	       !exitstat_source_pin(cpu, 1) && exitstat_source_pin(cpu, 2) == -EPERM &&
	       exitstat_source_pin(cpu, 3) == -ENODEV && exitstat_source_pin(cpu, 4) == -ENODEV &&
	       machine.tried == 5 && !exitstat_source_unpin(cpu) &&
	       exitstat_source_next_cpu(cpu, 0) == 0 && exitstat_source_next_cpu(cpu, 2) == 2 &&
	       exitstat_source_next_cpu(cpu, 3) == 7 &&
	       exitstat_source_next_cpu(cpu, 8) == -ENODEV;
	machine.no_sys = true;
	good = good && exitstat_source_next_cpu(cpu, 0) == 0 &&
	       exitstat_source_next_cpu(cpu, 1) == 1 && exitstat_source_next_cpu(cpu, 2) == -ENODEV;
	exitstat_source_close(cpu);
	machine.on = false;
	return good;
}

static bool impossible_cpu(void)
{
	struct exitstat_source *cpu;
	bool good;

	if (exitstat_source_open_cpu(&cpu))
		return false;
	good = exitstat_source_pin(cpu, 8191) == -ENODEV &&
	       exitstat_source_pin(cpu, 8192) == -ENODEV &&
	       exitstat_source_pin(cpu, -1) == -ENODEV && exitstat_source_next_cpu(cpu, 0) >= 0 &&
	       exitstat_source_next_cpu(cpu, 8191) == -ENODEV;
	exitstat_source_close(cpu);
	return good;
}

static const struct test_case cases[] = {
	{ bare_metal, "without the hypervisor bit, no leaf of the block is queried" },
	{ stock_intel, "the highest basic leaf's data is no signature, nothing else is queried" },
	{ stock_amd, "zeros are not a signature, and nothing else is queried" },
	{ almost_signed, "with one wrong bit, it is not a signature" },
	{ other_revisions,
	  "revision 0 and an unknown numbering are refused, revisions 1 to 3 are not" },
	{ histogram_bounds, "buckets whose bounds do not fit into 64 bits are refused" },
	{ histogram_reads,
	  "a histogram is read from the VM's row or the vCPU's, and no answer is no bucket" },
	{ snapshot_reads, "a snapshot holds what the counters hold" },
	{ snapshot_adds_up, "a snapshot's total is the sum of its entries" },
	{ snapshot_cost, "counts and times of k numbers cost 2k + 1 queries" },
	{ features_honoured, "without the feature bits, neither times nor the split are queried" },
	{ wide_counters, "counts and times have 64 bits" },
	{ last_number, "the number 0xffffffff is the last" },
	{ endless_next, "an iteration that goes back is refused, not followed forever" },
	{ too_many_numbers, "more numbers than there is room for are refused" },
	{ second_cost,
	  "revision 2: all of k numbers costs 3k + 3 questions, and 2k + 3 once more" },
	{ second_reads,
	  "the leaves that answer two at once are taken apart as they are put together" },
	{ second_exact_on_both,
	  "between a snapshot and the same once more there is every exit but the reader's" },
	{ second_finds, "a number that is new is found, and no reading costs more than 3k + 4" },
	{ second_busy, "so it is if other exits fall into the reading" },
	{ second_is_not_misled, "so it is if one of them makes up for the new number's" },
	{ second_counts, "counts alone cost k + 1 queries, every time" },
	{ undefined, "a number with a count but without a time is refused" },
	{ fewer_than_own, "the reader's own exits are never more than there were" },
	{ first_again, "revision 1: all of k numbers costs 4k + 3 queries, every time" },
	{ retake_after_restart, "with another epoch, retaking a snapshot is a new reading" },
	{ late, "the age of counters is read only if they are late" },
	{ moves_away,
	  "with another epoch the hypervisor is looked at before its answers are believed" },
	{ ops_of_another_size, "a source tells the size of its ops, and that asking is free" },
	{ layout_stays, "public structs keep their size" },
	{ exact_on_both, "the difference of two snapshots has every exit but the reader's own" },
	{ exact_with_new_numbers, "even if the second snapshot is longer than the first" },
	{ exact_on_one_vcpu, "and on one vCPU, with queries on another" },
	{ nothing_is_nothing, "if nothing happened, only the reader's own exits are left" },
	{ own_time, "the reader's time is subtracted in proportion" },
	{ in_place, "the difference may replace either snapshot" },
	{ another_epoch, "another epoch counts from zero" },
	{ backward, "a counter that goes backwards counts from zero" },
	{ hotplug, "an additional vCPU is noted" },
	{ unrelated,
	  "snapshots of two scopes, of two vCPUs, or in the wrong order are not subtracted" },
	{ long_times, "a year in cycles is a year in nanoseconds" },
	{ names, "exits have the names that the tracepoints print" },
	{ classes, "exits have classes that mean the same on Intel and AMD" },
	{ broken_recordings, "every broken recording is refused with the number of the bad line" },
	{ long_and_zero_lines, "an endless line and a zero byte are refused" },
	{ time_goes_on, "a recording's time does not go backwards" },
	{ breaks_off, "a truncated recording is good up to its last complete frame" },
	{ replays, "a frame adds to the one before it, per CPU, and the latest answer counts" },
	{ records, "what a recorder writes reads back as it was seen" },
	{ full_disk, "a recorder reports a full disk" },
	{ full_for_a_while, "and later writes what it could not write then" },
	{ quantiles, "a quantile is given by the bounds of its bucket" },
	{ histograms_subtract, "histograms subtract, and one that restarted counts from zero" },
	{ text_is_cleaned, "untrusted text becomes one line of UTF-8 that controls no terminal" },
	{ text_is_cut, "and is truncated between characters" },
	{ notes_are_clean, "and so is a recording's note" },
	{ cpus_are_tried,
	  "a CPU outside of the affinity is tried before it is refused, and without /sys" },
	{ impossible_cpu, "a CPU that does not exist cannot be pinned" },
};

int main(void)
{
	int status = run_cases(cases, COUNT(cases));

	exitstat_source_close(src);
	return status;
}
