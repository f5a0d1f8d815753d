// SPDX-License-Identifier: MIT
/* The table of details: what goes where, when it is full, and what readers see of it. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/exitstat.h"
#include "core.h"

/* A reader that makes room for this many has room for all. */
static_assert(EXITSTAT_DETAILS_PER_VCPU > KVM_EXIT_STATS_DETAIL_ROWS);

#define MSR		0x7c
#define HYPERCALL	0x81
#define NPF		0x400
#define MOST		(KVM_EXIT_STATS_DETAILS / 4)
#define MMIO		(1ull << 30)

static const u32 detailed[] = { CPUID, IO, MSR, HYPERCALL, NPF };

static struct kvm_exit_stats *new_vcpus(unsigned int nr, bool histograms)
{
	struct vm *vm;

	*core_param_exit_stats_details = true;
	*core_param_exit_stats_histograms = histograms;
	vm = new_vm(nr);
	*core_param_exit_stats_details = false;
	*core_param_exit_stats_histograms = false;
	return vm->vcpu;
}

/* The carrier's quick look knows it now and then. */
static bool is_memory(struct kvm_vcpu *vcpu, const struct kvm_exit_stats_details *details, u64 gpa)
{
	return rand() & 1 && !kvm_exit_stats_is_mmio(NULL, gpa, true);
}

static void tell(struct kvm_exit_stats *s, const struct vmcb_control_area *control,
		 const unsigned long *regs)
{
	if (s->details && !kvm_exit_stats_svm_detail(s, control, regs, NULL, is_memory))
		__kvm_exit_stats_svm_detail(s, control, regs);
}

/* An exit on AMD, as the hardware tells it; @about is in RAX and RCX. */
static void leave_svm(struct kvm_exit_stats *s, u32 number, u64 info1, u64 info2, u64 about)
{
	const struct vmcb_control_area control = { .exit_info_1 = info1, .exit_info_2 = info2 };
	const unsigned long regs[] = { about, about };

	leave(s, 5, number);
	tell(s, &control, regs);
}

static void leave_port(struct kvm_exit_stats *s, u16 port, bool in)
{
	leave_svm(s, IO, (u64)port << 16 | 1 << 6 | in, 0, 0);
}

/* The only row of a detail; false if there are more, or less. */
static bool find(const struct kvm_exit_stats *s, u32 number, u64 detail, u32 *found)
{
	u32 n = 0;

	for (u32 row = kvm_exit_stats_next_detail(s, 0); row < KVM_EXIT_STATS_DETAIL_ROWS;
	     row = kvm_exit_stats_next_detail(s, row + 1)) {
		if (kvm_exit_stats_detail_of(s, row) != detail ||
		    kvm_exit_stats_number_of(kvm_exit_stats_detail_slot(s, row)) != number)
			continue;
		*found = row;
		n++;
	}
	return n == 1;
}

static u64 count_of(const struct kvm_exit_stats *s, u32 number, u64 detail)
{
	u32 row;

	if (!find(s, number, detail, &row))
		return 0;
	return kvm_exit_stats_read_detail(s, row, KVM_EXIT_STATS_COUNT);
}

static bool sums_are_the_numbers(const struct kvm_exit_stats *s)
{
	for (size_t n = 0; n < ARRAY_SIZE(detailed); n++) {
		u64 sum[KVM_EXIT_STATS_COUNTERS] = {};

		for (u32 row = kvm_exit_stats_next_detail(s, 0); row < KVM_EXIT_STATS_DETAIL_ROWS;
		     row = kvm_exit_stats_next_detail(s, row + 1)) {
			u32 slot = kvm_exit_stats_detail_slot(s, row);

			if (kvm_exit_stats_number_of(slot) != detailed[n])
				continue;
			for (int c = 0; c < KVM_EXIT_STATS_COUNTERS; c++)
				sum[c] += kvm_exit_stats_read_detail(s, row, c);
		}
		for (int c = 0; c < KVM_EXIT_STATS_COUNTERS; c++) {
			if (sum[c] != of(s, detailed[n], c)) {
				printf("# number %#x, counter %d: %llu, not %llu\n", detailed[n], c,
				       (unsigned long long)sum[c],
				       (unsigned long long)of(s, detailed[n], c));
				return false;
			}
		}
	}
	return true;
}

static bool each_says_what_it_is(void)
{
	struct kvm_exit_stats *s = new_vcpus(1, false);

	leave_port(s, 0x3f8, false);
	leave_port(s, 0x3f8, true);
	leave_svm(s, IO, 0x00710000 | 1 << 2 | 1 << 3 | 1 << 5 | 1, 0, 0);	/* rep insw */
	leave_svm(s, MSR, 0, 0, 0xffffffffc0000080);
	leave_svm(s, MSR, 1, 0, 0xc0000080);
	leave_svm(s, CPUID, 0, 0, 0x1234567840000001);
	leave_svm(s, CPUID, 0, 0, EXITSTAT_COUNT);
	leave_svm(s, CPUID, 0, 0, EXITSTAT_SIGNATURE);
	leave_svm(s, CPUID, 0, 0, 0x40000100);
	leave_svm(s, CPUID, 0, 0, 0x40010000);
	leave_svm(s, CPUID, 0, 0, 0x4ffffeff);
	leave_svm(s, CPUID, 0, 0, 0x50000000);
	leave_svm(s, HYPERCALL, 0, 0, 5);
	leave_svm(s, NPF, 0x100000004, 0x1000, 0);			/* read */
	leave_svm(s, NPF, 0x100000006, 0x1000, 0);			/* write */
	leave_svm(s, NPF, 0x100000014, 0x1000, 0);			/* execute */
	leave_svm(s, NPF, 0x100000004, MMIO + 0x18, 0);			/* not marked yet */
	leave_svm(s, NPF, 0x10000000d, MMIO + 0x18, 0);			/* marked */
	leave_svm(s, NPF, 0x10000000d, 0x18, 0);			/* a slot is there now */
	leave_svm(s, HLT, 1, 2, 3);
	return count_of(s, IO, 0x3f8) == 1 && count_of(s, IO, EXITSTAT_DETAIL_IN | 0x3f8) == 1 &&
	       count_of(s, IO, EXITSTAT_DETAIL_IN | 0x71) == 1 &&
	       count_of(s, MSR, 0xc0000080) == 1 &&
	       count_of(s, MSR, EXITSTAT_DETAIL_WRITE | 0xc0000080) == 1 &&
	       count_of(s, CPUID, 0x40000001) == 1 &&
	       count_of(s, CPUID, EXITSTAT_DETAIL_OWN) == 2 &&
	       count_of(s, CPUID, EXITSTAT_DETAIL_SCAN) == 3 &&
	       count_of(s, CPUID, 0x50000000) == 1 &&
	       count_of(s, HYPERCALL, 5) == 1 && count_of(s, NPF, 1) == 1 &&
	       count_of(s, NPF, 2) == 1 &&
	       count_of(s, NPF, 4) == 1 &&
	       count_of(s, NPF, EXITSTAT_DETAIL_MMIO | (MMIO + 0x18)) == 2 &&
	       count_of(s, NPF, EXITSTAT_DETAIL_MMIO | 0x18) == 1 && sums_are_the_numbers(s) &&
	       s->details->used[0] + s->details->used[1] + s->details->used[2] +
	       s->details->used[3] + s->details->used[4] == 15;
}

static unsigned long field_values[3];

static unsigned long read_field(unsigned long field)
{
	switch (field) {
	case EXIT_QUALIFICATION:
		return field_values[0];
	case GUEST_PHYSICAL_ADDRESS:
		return field_values[1];
	default:
		return field_values[2];
	}
}

static bool on_intel(void)
{
	static const struct {
		u32 number;
		unsigned long qualification, gpa, info, about;
		u64 detail;
	} exits[] = {
		{ 0, 0, 0, 0x8000030e, 0, 0x30e },		/* #PF */
		{ 0, 0, 0, 0x80000b0e, 0, 0x30e },		/* with an error code */
		{ 0, 0, 0, 0x80000202, 0, 0x202 },		/* NMI */
		{ 1, 0, 0, 0x800000ec, 0, 0xec },
		{ 1, 0, 0, 0xec, 0, EXITSTAT_DETAIL_REST },
		{ 10, 0, 0, 0, 0x80000008, 0x80000008 },
		{ 18, 0, 0, 0, 9, 9 },
		{ 18, 0, 0, 0, 1ul << 52, EXITSTAT_DETAIL_REST },
		{ 28, 0xabc314, 0, 0, 0, 0x14 },		/* MOV from CR4 */
		{ 30, 0x03f80000, 0, 0, 0, 0x3f8 },
		{ 30, 0x03fd0008, 0, 0, 0, EXITSTAT_DETAIL_IN | 0x3fd },
		{ 30, 0xcf80039, 0, 0, 0, EXITSTAT_DETAIL_IN | 0xcf8 },	/* rep ins */
		{ 31, 0, 0, 0, 0x10, 0x10 },
		{ 32, 0, 0, 0, 0x10, EXITSTAT_DETAIL_WRITE | 0x10 },
		{ 84, 0x6e0, 0, 0, 0, 0x6e0 },
		{ 85, 0x6e0, 0, 0, 0, EXITSTAT_DETAIL_WRITE | 0x6e0 },
		{ 48, 0x181, 0x1000, 0, 0, 1 },
		{ 48, 0x183, 0x1000, 0, 0, 3 },
		{ 48, 0x184, 0x1000, 0, 0, 4 },
		{ 48, 0x182, MMIO + 8, 0, 0, EXITSTAT_DETAIL_MMIO | (MMIO + 8) },
		{ 49, 0, MMIO + 8, 0, 0, EXITSTAT_DETAIL_MMIO | (MMIO + 8) },
	};
	bool holds = true;
	struct kvm_exit_stats *s;

	core_is_svm = false;
	s = new_vcpus(1, false);
	/* The second round finds rows that are there. */
	for (size_t n = 0; n < 2 * ARRAY_SIZE(exits); n++) {
		size_t i = n % ARRAY_SIZE(exits);
		const unsigned long regs[] = { exits[i].about, exits[i].about };
		u64 before = count_of(s, exits[i].number, exits[i].detail);

		field_values[0] = exits[i].qualification;
		field_values[1] = exits[i].gpa;
		field_values[2] = exits[i].info;
		now += 5;
		kvm_exit_stats_exit(s);
		kvm_exit_stats_count(s, kvm_exit_stats_vmx_row(exits[i].number));
		if (!kvm_exit_stats_vmx_detail(s, read_field, regs, NULL, is_memory))
			__kvm_exit_stats_vmx_detail(s, read_field, regs);
		if (count_of(s, exits[i].number, exits[i].detail) != before + 1) {
			printf("# exit %zu, number %u\n", i, exits[i].number);
			holds = false;
		}
	}
	new_vm(0);
	core_is_svm = true;
	return holds;
}

/* Primes, so that no two counts are alike by chance. */
static bool what_is_over_is_the_rest(void)
{
	struct kvm_exit_stats *s = new_vcpus(1, false);
	u64 in_rows = 0, all = 0;
	u32 rows = 0;

	for (int round = 0; round < 3; round++) {
		for (u16 port = 0; port < 300; port++) {
			for (int i = 0; i < 7 + port % 3; i++)
				leave_port(s, 0x1000 + 4 * port, port & 1);
		}
	}
	for (u16 port = 0; port < 300; port++) {
		u64 wanted = 3 * (7 + port % 3);
		u64 in = port & 1 ? EXITSTAT_DETAIL_IN : 0;
		u64 got = count_of(s, IO, (0x1000 + 4 * port) | in);

		if (got && got != wanted)
			return false;
		in_rows += got;
		all += wanted;
		rows += !!got;
	}
	return rows == MOST && of(s, IO, KVM_EXIT_STATS_COUNT) == all &&
	       count_of(s, IO, EXITSTAT_DETAIL_REST) == all - in_rows && sums_are_the_numbers(s);
}

static bool no_number_takes_more_than_a_quarter(void)
{
	struct kvm_exit_stats *s = new_vcpus(1, false);
	u32 row, found = 0;

	for (int i = 0; i < 100000; i++)
		leave_svm(s, CPUID, 0, 0, rand());
	for (u16 port = 0; port < 40; port++)
		leave_port(s, port, false);
	for (u16 port = 0; port < 40; port++)
		found += find(s, IO, port, &row);
	return s->details->used[0] == MOST && found >= 38 && sums_are_the_numbers(s);
}

/* As many as in the boot of a Debian, then some that a new device brings. */
static bool late_ones_find_rows(void)
{
	struct kvm_exit_stats *s = new_vcpus(1, false);
	u32 row, found = 0;

	for (u32 msr = 0; msr < 230; msr++)
		leave_svm(s, MSR, msr & 1, 0, 0x400 + msr);
	for (u16 port = 0; port < 130; port++)
		leave_port(s, 7 * port, port & 1);
	for (u32 i = 0; i < 66; i++)
		leave_svm(s, NPF, 8, MMIO + 0x1000 * i, 0);
	for (u32 i = 0; i < 100; i++)
		leave_svm(s, HYPERCALL, 0, 0, 0xff00 + i);
	for (u32 i = 0; i < 100; i++)
		found += find(s, HYPERCALL, 0xff00 + i, &row);
	return found >= 98;
}

/* Of those that go the same way, eight find a row. */
static bool probes_are_few(void)
{
	struct kvm_exit_stats *s = new_vcpus(1, false);
	u32 leaf, n = 0;

	for (leaf = 0; n < 9; leaf++) {
		if (kvm_exit_stats_product_of(leaf) >> 16 != 0xfafa)
			continue;
		leave_svm(s, CPUID, 0, 0, leaf);
		leave_svm(s, CPUID, 0, 0, leaf);
		n++;
	}
	return s->details->used[0] + s->details->used[1] + s->details->used[2] == 8 &&
	       count_of(s, CPUID, EXITSTAT_DETAIL_REST) == 2;
}

static void leave_any(struct kvm_exit_stats *s)
{
	u64 about = rand() % (1 << rand() % 16);

	switch (rand() % 6) {
	case 0:
		leave_port(s, about, rand() & 1);
		break;
	case 1:
		leave_svm(s, MSR, rand() & 1, 0, about);
		break;
	case 2:
		leave_svm(s, CPUID, 0, 0, rand() % 4 ? about : EXITSTAT_BASE | rand());
		break;
	case 3:
		leave_svm(s, HYPERCALL, 0, 0, rand() % 4 ? about : (u64)rand() << 40);
		break;
	case 4:
		leave_svm(s, NPF, rand(), (u64)rand() << rand() % 30, 0);
		break;
	default:
		leave(s, 1, HLT);
	}
}

static void go_on(struct kvm_exit_stats *s)
{
	const struct vmcb_control_area control = {};
	const unsigned long regs[2] = {};

	tell(s, &control, regs);	/* again */
	switch (rand() % 8) {
	case 0:
		out(s, rand() % 1000);
		in(s, rand() % 1000);
		break;
	case 1:
		run_end(s, rand() % 1000, rand() % 3 ? 0 : -EINTR);
		run_begin(s, rand() % 1000);
		break;
	case 2:
		kvm_exit_stats_no_entry(s);
		break;
	case 3:
		now -= 100000;
		break;
	}
	enter(s, rand() % 1000);
}

static bool at_random_the_sums_hold(bool histograms)
{
	struct kvm_exit_stats *s = new_vcpus(1, histograms);
	u64 keys[KVM_EXIT_STATS_DETAILS] = {};

	run_begin(s, 1);
	enter(s, 1);
	for (int i = 0; i < 100000; i++) {
		leave_any(s);
		go_on(s);
		if (i % 1000)
			continue;
		for (int row = 0; row < KVM_EXIT_STATS_DETAILS; row++) {
			if (keys[row] && keys[row] != s->details->keys[row])
				return false;
			keys[row] = s->details->keys[row];
		}
		if (!sums_are_the_numbers(s) || !totals_are_sums(s))
			return false;
	}
	return !histograms || buckets(s) == s->count;
}

static bool at_random(void)
{
	return at_random_the_sums_hold(false);
}

static bool at_random_with_histograms(void)
{
	return at_random_the_sums_hold(true);
}

struct answer {
	u32 eax, ebx, ecx, edx;
};

static struct answer ask(struct kvm_exit_stats *s, u32 leaf, u32 input)
{
	struct answer a = { leaf, 0, input, 0 };

	kvm_exit_stats_answer(s, &a.eax, &a.ebx, &a.ecx, &a.edx);
	return a;
}

static bool is_none(struct answer a)
{
	return !a.eax && !a.ebx && !a.ecx && a.edx == EXITSTAT_UNDEFINED;
}

/* Of three vCPUs, the second has none. */
static bool a_guest_finds_them(void)
{
	struct kvm_exit_stats *s = new_vcpus(3, false);
	u32 place = 0, n = 0, last = 0;
	u64 count = 0, cycles = 0;
	struct answer a;

	for (int i = 0; i < 5; i++) {
		leave_port(&s[0], i, false);
		leave_svm(&s[2], MSR, 0, 0, i);
		enter(&s[0], 7);
		enter(&s[2], 7);
	}
	leave_svm(&s[2], HYPERCALL, 0, 0, ~0ull);
	enter(&s[2], 7);
	if (!(ask(s, EXITSTAT_FEATURES, 0).ecx & EXITSTAT_FEATURE_DETAILS))
		return false;
	for (a = ask(s, EXITSTAT_DETAIL, 0); a.edx != EXITSTAT_UNDEFINED;
	     a = ask(s, EXITSTAT_DETAIL, place)) {
		struct answer c = ask(s, EXITSTAT_DETAIL_COUNT, a.edx);
		struct answer t = ask(s, EXITSTAT_DETAIL_TIME, a.edx);

		if (n++ && a.edx <= last)
			return false;
		last = a.edx;
		place = a.edx + 1;
		count += (u64)c.ebx << 32 | c.eax;
		cycles += (u64)t.ebx << 32 | t.ecx;
		if (is_none(ask(&s[a.edx >> 16], EXITSTAT_DETAIL_COUNT - EXITSTAT_VCPU, a.edx)) ||
		    !is_none(ask(&s[1], EXITSTAT_DETAIL_COUNT - EXITSTAT_VCPU, a.edx)))
			return false;
	}
	a = ask(&s[2], EXITSTAT_DETAIL - EXITSTAT_VCPU, 0);
	return n == 11 && count == 11 && cycles > 6 * 7 && a.eax == MSR && a.edx >> 16 == 2 &&
	       last == (2u << 16 | (KVM_EXIT_STATS_DETAILS + 3)) &&
	       is_none(ask(&s[1], EXITSTAT_DETAIL - EXITSTAT_VCPU, 0)) &&
	       is_none(ask(&s[0], EXITSTAT_DETAIL - EXITSTAT_VCPU, 1 << 16));
}

static bool garbage_names_nothing(void)
{
	struct kvm_exit_stats *s = new_vcpus(VCPUS, false);

	leave_port(&s[3], 0x3f8, false);
	for (int i = 0; i < 200000; i++) {
		u32 place = (u32)rand() << 1 ^ rand();
		struct answer a;

		if (i & 1)
			place &= 0xff03ff;
		a = ask(s, EXITSTAT_DETAIL, place);
		if (!is_none(a) && (a.edx < place || a.edx >> 16 != 3))
			return false;
		if (!is_none(ask(s, EXITSTAT_DETAIL_COUNT, place)) && a.edx != place)
			return false;
		if (!is_none(ask(s, EXITSTAT_DETAIL_TIME - EXITSTAT_VCPU, place)))
			return false;
	}
	return is_none(ask(s, EXITSTAT_DETAIL, 0xffffffff));
}

static bool off_is_off(void)
{
	struct kvm_exit_stats *s = new_vm(1)->vcpu;

	leave_port(s, 0x3f8, false);
	enter(s, 3);
	return !s->details && is_none(ask(s, EXITSTAT_DETAIL, 0)) &&
	       is_none(ask(s, EXITSTAT_DETAIL_COUNT, 0)) &&
	       is_none(ask(s, EXITSTAT_DETAIL_TIME, 0)) &&
	       !(ask(s, EXITSTAT_FEATURES, 0).ecx & EXITSTAT_FEATURE_DETAILS) &&
	       of(s, IO, KVM_EXIT_STATS_COUNT) == 1;
}

/* While one thread counts, another reads rows that begin, and times that must not fall. */
static atomic_bool stop;
static struct kvm_exit_stats *shared;
static const char *wrong;

static void *reader(void *unused)
{
	u64 last = 0;
	u32 slot = 0;

	(void)unused;
	kvm_exit_stats_find_slot(IO, &slot);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		u64 value = kvm_exit_stats_read_processing(shared, slot);

		if (value < last)
			wrong = "the processing time fell";
		last = value;
		for (u32 row = kvm_exit_stats_next_detail(shared, 0);
		     row < KVM_EXIT_STATS_DETAIL_ROWS;
		     row = kvm_exit_stats_next_detail(shared, row + 1)) {
			if (!kvm_exit_stats_read_detail(shared, row, KVM_EXIT_STATS_COUNT))
				wrong = "a row is seen before its exit";
			if (kvm_exit_stats_detail_slot(shared, row) != slot)
				wrong = "a row is of no number";
		}
	}
	return NULL;
}

static bool readers_see_whole_rows(void)
{
	pthread_t thread;

	for (int round = 0; round < 20; round++) {
		shared = new_vcpus(1, false);
		run_begin(shared, 1);
		enter(shared, 1);
		atomic_store(&stop, false);
		if (pthread_create(&thread, NULL, reader, NULL))
			return false;
		for (int i = 0; i < 20000; i++) {
			leave_port(shared, i / 50, false);
			enter(shared, 3);
		}
		atomic_store(&stop, true);
		pthread_join(thread, NULL);
	}
	if (wrong)
		printf("# %s\n", wrong);
	return !wrong;
}

const struct unit_case details_cases[] = {
	{ each_says_what_it_is, "an exit's detail is what the ABI says, on AMD" },
	{ on_intel, "and on Intel" },
	{ what_is_over_is_the_rest, "of 300 ports, the rest has exactly what found no row" },
	{ no_number_takes_more_than_a_quarter, "random CPUID leaves take a quarter of the rows" },
	{ late_ones_find_rows, "after a boot's 430 details, a hundred others find rows" },
	{ probes_are_few, "what finds no row in eight probes counts under the rest" },
	{ at_random, "at random, details add up to their numbers, and stay where they are" },
	{ at_random_with_histograms, "so they do with histograms, which have each exit once" },
	{ a_guest_finds_them, "a guest finds each by its place, and its own with row E" },
	{ garbage_names_nothing, "a place that is nobody's names nothing" },
	{ off_is_off, "without details there are none" },
	{ readers_see_whole_rows, "a reader sees whole rows, and no time that falls" },
};

const size_t nr_details_cases = ARRAY_SIZE(details_cases);
