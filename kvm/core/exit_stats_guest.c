// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPUID leaves that tell a guest about its own exits; the ABI header is the
 * contract.
 *
 * Guests may be hostile: a query takes no lock, allocates nothing, logs nothing,
 * bounds every index and costs O(vCPUs) loads.
 */
#include <linux/kernel.h>
#include <linux/nospec.h>

#include "exit_stats_read.h"

struct registers {
	u32 eax, ebx, ecx, edx;
};

struct query {
	u32 leaf;
	u32 slot;
	u32 bucket;
	bool whole_vm;
};

static u64 read_vcpu(const struct kvm_exit_stats *s, const struct query *q)
{
	switch (q->leaf) {
	case EXITSTAT_TOTAL_COUNT:
		return READ_ONCE(s->count);
	case EXITSTAT_TOTAL_TIME:
		return kvm_exit_stats_read_all_processing(s);
	case EXITSTAT_COUNT:
		return kvm_exit_stats_read(s, q->slot, KVM_EXIT_STATS_COUNT);
	case EXITSTAT_TIME:
		return kvm_exit_stats_read_processing(s, q->slot);
	case EXITSTAT_TIME_VMM:
		return kvm_exit_stats_read(s, q->slot, KVM_EXIT_STATS_VMM);
	case EXITSTAT_TIME_WAITING:
		return kvm_exit_stats_read(s, q->slot, KVM_EXIT_STATS_WAITING);
	case EXITSTAT_BUCKET:
		return kvm_exit_stats_read_bucket(s, q->slot, q->bucket);
	case EXITSTAT_TIME_GUEST:
		return READ_ONCE(s->guest_cycles);
	default:
		return 0;
	}
}

static u64 read_scope(const struct kvm_exit_stats *asking, const struct query *q)
{
	const struct kvm_exit_stats *s;
	unsigned int i = 0;
	u64 sum = 0;

	if (!q->whole_vm)
		return read_vcpu(asking, q);

	while ((s = kvm_exit_stats_next_vcpu(asking->vm, &i)))
		sum += read_vcpu(s, q);
	return sum;
}

static void answer_count(u64 count, struct registers *regs)
{
	regs->eax = lower_32_bits(count);
	regs->ebx = upper_32_bits(count);
}

static void answer_time(u64 cycles, struct registers *regs)
{
	regs->ebx = upper_32_bits(cycles);
	regs->ecx = lower_32_bits(cycles);
}

static void answer_two(const struct kvm_exit_stats *asking, struct query *q, u32 count_leaf,
		       u32 time_leaf, struct registers *regs)
{
	u64 value;

	q->leaf = count_leaf;
	answer_count(read_scope(asking, q), regs);
	q->leaf = time_leaf;
	value = read_scope(asking, q);
	regs->ecx = lower_32_bits(value);
	regs->edx = upper_32_bits(value);
}

/* The first place in [@from, @end) with a non-zero count, or @end. */
static u32 next_live(const struct kvm_exit_stats *s, u32 from, u32 end)
{
	u32 place;

	for (place = from; place < end; place++) {
		if (kvm_exit_stats_read(s, kvm_exit_stats_slot_at(place), KVM_EXIT_STATS_COUNT))
			break;
	}
	return place;
}

static void answer_next(const struct kvm_exit_stats *asking, struct query *q, u32 from_number,
			struct registers *regs)
{
	u32 from = kvm_exit_stats_place_from(from_number);
	u32 places = kvm_exit_stats_numbering()->slots;
	u32 place = places;
	const struct kvm_exit_stats *s;
	unsigned int i = 0;

	if (q->whole_vm) {
		while ((s = kvm_exit_stats_next_vcpu(asking->vm, &i)))
			place = next_live(s, from, place);
	} else {
		place = next_live(asking, from, place);
	}
	if (place == places) {
		regs->edx = EXITSTAT_UNDEFINED;
		return;
	}

	q->leaf = EXITSTAT_COUNT;
	q->slot = kvm_exit_stats_slot_at(place);
	regs->eax = kvm_exit_stats_number_of(q->slot);
	answer_time(read_scope(asking, q), regs);	/* EBX:ECX, as a time */
}

/* A detail's place in ECX: the vCPU's index, and the row. */
#define PLACE_VCPU_SHIFT	16
#define PLACE_ROW_MASK		0xffffu

static bool has_details(const struct kvm_exit_stats *s)
{
	return s && s->details;
}

/* The vCPU that has the place, if the one that asks may see it. */
static const struct kvm_exit_stats *vcpu_of_place(const struct kvm_exit_stats *asking,
						  const struct query *q, u32 place)
{
	u32 index = place >> PLACE_VCPU_SHIFT;

	if (!q->whole_vm)
		return index == kvm_exit_stats_vcpu_index(asking) ? asking : NULL;
	if (index >= kvm_exit_stats_nr_vcpus(asking->vm))
		return NULL;
	return kvm_exit_stats_get_vcpu(asking->vm, index);
}

static void answer_detail_value(const struct kvm_exit_stats *asking, const struct query *q,
				u32 place, struct registers *regs)
{
	const struct kvm_exit_stats *s = vcpu_of_place(asking, q, place);
	u32 row = place & PLACE_ROW_MASK;

	if (!has_details(s) || row >= KVM_EXIT_STATS_DETAIL_ROWS) {
		regs->edx = EXITSTAT_UNDEFINED;
		return;
	}
	row = array_index_nospec(row, KVM_EXIT_STATS_DETAIL_ROWS);
	if (!kvm_exit_stats_is_detail(s, row)) {
		regs->edx = EXITSTAT_UNDEFINED;
		return;
	}
	if (q->leaf == EXITSTAT_DETAIL_COUNT)
		answer_count(kvm_exit_stats_read_detail(s, row, KVM_EXIT_STATS_COUNT), regs);
	else
		answer_time(kvm_exit_stats_read_detail(s, row, KVM_EXIT_STATS_KERNEL) +
			    kvm_exit_stats_read_detail(s, row, KVM_EXIT_STATS_VMM), regs);
}

/* One vCPU's next detail from @row on.  Return false if there is none. */
static bool answer_next_of(const struct kvm_exit_stats *s, u32 row, struct registers *regs)
{
	u64 detail;

	if (!has_details(s))
		return false;
	row = kvm_exit_stats_next_detail(s, row);
	if (row >= KVM_EXIT_STATS_DETAIL_ROWS)
		return false;
	row = array_index_nospec(row, KVM_EXIT_STATS_DETAIL_ROWS);
	detail = kvm_exit_stats_detail_of(s, row);
	regs->eax = kvm_exit_stats_number_of(kvm_exit_stats_detail_slot(s, row));
	regs->ebx = upper_32_bits(detail);
	regs->ecx = lower_32_bits(detail);
	regs->edx = kvm_exit_stats_vcpu_index(s) << PLACE_VCPU_SHIFT | row;
	return true;
}

static void answer_next_detail(const struct kvm_exit_stats *asking, const struct query *q,
			       u32 place, struct registers *regs)
{
	unsigned int index = place >> PLACE_VCPU_SHIFT, i;
	u32 row = place & PLACE_ROW_MASK;
	const struct kvm_exit_stats *s;

	if (!q->whole_vm) {
		i = kvm_exit_stats_vcpu_index(asking);
		if (index < i)
			row = 0;
		if (index <= i && answer_next_of(asking, row, regs))
			return;
	} else {
		s = vcpu_of_place(asking, q, place);
		if (answer_next_of(s, row, regs))
			return;
		i = index + 1;
		while ((s = kvm_exit_stats_next_vcpu(asking->vm, &i))) {
			if (answer_next_of(s, 0, regs))
				return;
		}
	}
	regs->edx = EXITSTAT_UNDEFINED;
}

static void answer_counter(const struct kvm_exit_stats *asking, u32 leaf, u32 input,
			   struct registers *regs)
{
	/* Row E is row F for one vCPU. */
	struct query q = {
		.leaf = leaf | EXITSTAT_VCPU,
		.whole_vm = leaf & EXITSTAT_VCPU,
	};
	u32 number = input;

	switch (q.leaf) {
	case EXITSTAT_DETAIL:
		answer_next_detail(asking, &q, input, regs);
		return;
	case EXITSTAT_DETAIL_COUNT:
	case EXITSTAT_DETAIL_TIME:
		answer_detail_value(asking, &q, input, regs);
		return;
	case EXITSTAT_NEXT:
		answer_next(asking, &q, input, regs);
		return;
	case EXITSTAT_BUCKET:
		q.bucket = input >> 16;
		number = (s32)(s16)input;
		if (q.bucket >= EXITSTAT_BUCKETS) {
			regs->edx = EXITSTAT_UNDEFINED;
			return;
		}
		q.bucket = array_index_nospec(q.bucket, EXITSTAT_BUCKETS);
		fallthrough;
	case EXITSTAT_COUNT:
	case EXITSTAT_TIME:
	case EXITSTAT_TIME_VMM:
	case EXITSTAT_TIME_WAITING:
	case EXITSTAT_COUNT_TIME:
	case EXITSTAT_VMM_WAITING:
		if (!kvm_exit_stats_find_slot(number, &q.slot)) {
			regs->edx = EXITSTAT_UNDEFINED;
			return;
		}
		break;
	}

	switch (q.leaf) {
	case EXITSTAT_COUNT:
	case EXITSTAT_TOTAL_COUNT:
	case EXITSTAT_BUCKET:
		answer_count(read_scope(asking, &q), regs);
		break;
	case EXITSTAT_COUNT_TIME:
		answer_two(asking, &q, EXITSTAT_COUNT, EXITSTAT_TIME, regs);
		break;
	case EXITSTAT_VMM_WAITING:
		answer_two(asking, &q, EXITSTAT_TIME_VMM, EXITSTAT_TIME_WAITING, regs);
		break;
	default:
		answer_time(read_scope(asking, &q), regs);
		break;
	}
}

static void answer_features(const struct kvm_exit_stats *asking, struct registers *regs)
{
	regs->eax = EXITSTAT_ABI_REVISION;
	regs->ebx = kvm_exit_stats_numbering()->id;
	regs->ecx = EXITSTAT_FEATURE_TIMES | EXITSTAT_FEATURE_SPLIT |
		    kvm_exit_stats_carrier_features;
	if (asking->vm->histograms)
		regs->ecx |= EXITSTAT_FEATURE_HISTOGRAMS;
	if (asking->vm->details)
		regs->ecx |= EXITSTAT_FEATURE_DETAILS;
	if (kvm_exit_stats_samples_allowed())
		regs->ecx |= EXITSTAT_FEATURE_SAMPLES;
	if (READ_ONCE(asking->vm->late))
		regs->ecx |= EXITSTAT_FEATURE_LATE;
	regs->edx = kvm_exit_stats_tsc_khz();
}

static void answer_scope(const struct kvm_exit_stats *asking, struct registers *regs)
{
	u64 epoch = asking->vm->epoch;

	regs->eax = kvm_exit_stats_nr_vcpus(asking->vm);
	regs->ebx = kvm_exit_stats_vcpu_index(asking);
	regs->ecx = lower_32_bits(epoch);
	regs->edx = upper_32_bits(epoch);
}

/* All of these questions but the last change something, and only for the vCPU that asks. */
static void answer_samples(struct kvm_exit_stats *asking, u32 leaf, u32 input,
			   struct registers *regs)
{
	if (!kvm_exit_stats_samples_allowed() || !kvm_exit_stats_guest_cpl0(asking))
		return;
	switch (leaf) {
	case EXITSTAT_SAMPLE_ARM:
		kvm_exit_stats_answer_arm(asking, input, &regs->eax, &regs->edx);
		break;
	case EXITSTAT_SAMPLE_TAKE:
	case EXITSTAT_SAMPLE_TIME:
		kvm_exit_stats_answer_take(asking, leaf, &regs->eax, &regs->ebx, &regs->ecx,
					   &regs->edx);
		break;
	case EXITSTAT_SAMPLE_DETAIL:
		kvm_exit_stats_answer_sample_detail(asking, &regs->eax, &regs->ebx, &regs->ecx);
		break;
	}
}

static void answer(struct kvm_exit_stats *asking, u32 leaf, u32 input,
		   struct registers *regs)
{
	switch (leaf) {
	case EXITSTAT_SIGNATURE:
		regs->eax = EXITSTAT_MAX_LEAF;
		regs->ebx = EXITSTAT_SIGNATURE_EBX;
		regs->ecx = EXITSTAT_SIGNATURE_ECX;
		regs->edx = EXITSTAT_SIGNATURE_EDX;
		break;
	case EXITSTAT_FEATURES:
		answer_features(asking, regs);
		break;
	case EXITSTAT_SCOPE:
		answer_scope(asking, regs);
		break;
	case EXITSTAT_HISTOGRAM:
		regs->eax = EXITSTAT_BUCKETS;
		regs->ebx = EXITSTAT_BUCKET0_LOG2;
		break;
	case EXITSTAT_AGE:
		answer_time(kvm_exit_stats_age(asking->vm), regs);
		break;
	case EXITSTAT_SAMPLE_ARM ... EXITSTAT_SAMPLE_TIME:
		answer_samples(asking, leaf, input, regs);
		break;
	case EXITSTAT_VMM_WAITING - EXITSTAT_VCPU ... EXITSTAT_TIME - EXITSTAT_VCPU:
	case EXITSTAT_VMM_WAITING ... EXITSTAT_TIME:
		answer_counter(asking, leaf, input, regs);
		break;
	}
}

bool __kvm_exit_stats_answer(struct kvm_exit_stats *asking, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	struct registers regs = {};

	if (!kvm_exit_stats_may_ask(asking))
		return false;

	answer(asking, *eax, *ecx, &regs);
	*eax = regs.eax;
	*ebx = regs.ebx;
	*ecx = regs.ecx;
	*edx = regs.edx;
	return true;
}
