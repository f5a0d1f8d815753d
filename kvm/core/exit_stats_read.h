/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Read the counters, on any CPU and without a lock: for the guest in
 * exit_stats_guest.c, for the host in exit_stats_tables.c and the carrier.
 */
#ifndef __KVM_X86_EXIT_STATS_READ_H
#define __KVM_X86_EXIT_STATS_READ_H

#include <linux/kernel.h>
#include <linux/kvm_types.h>
#include <linux/sched.h>
#include <asm/cpufeature.h>
#include <asm/tsc.h>

#include "exit_stats_carrier.h"

struct kvm_exit_stats_exit {
	u32 number;
	const char *name;
};

/* A vendor's exits by slot: EXITSTAT_OTHER, then the defined ones in ascending order. */
struct kvm_exit_stats_numbering {
	u32 id;
	u32 slots;
	u32 other_place;	/* of EXITSTAT_OTHER */
	const struct kvm_exit_stats_exit *exits;
	u32 nr_detailed;	/* the slots with details; one's index here is that of its rest */
	const u8 *detailed;
};

extern const struct kvm_exit_stats_numbering kvm_exit_stats_vmx;
extern const struct kvm_exit_stats_numbering kvm_exit_stats_svm;

static inline const struct kvm_exit_stats_numbering *kvm_exit_stats_numbering(void)
{
	return boot_cpu_has(X86_FEATURE_SVM) ? &kvm_exit_stats_svm : &kvm_exit_stats_vmx;
}

struct kvm_exit_stats_name {
	char text[48];		/* KVM_STATS_NAME_SIZE */
};

/* @prefix and the name of a slot's exits, in one word. */
struct kvm_exit_stats_name kvm_exit_stats_name_of(const char *prefix, u32 slot);

/* Find the slot of @number, which may come from a hostile guest; false if it is not defined. */
bool kvm_exit_stats_find_slot(u32 number, u32 *slot);

/*
 * Places list the slots in ascending order of their numbers, EXITSTAT_OTHER included.
 * Return the first place whose number is at least @number; it may be past the last one.
 */
u32 kvm_exit_stats_place_from(u32 number);

static inline u32 kvm_exit_stats_slot_at(u32 place)
{
	u32 other = kvm_exit_stats_numbering()->other_place;

	if (place == other)
		return KVM_EXIT_STATS_OTHER;
	return place < other ? place + 1 : place;
}

static inline u32 kvm_exit_stats_number_of(u32 slot)
{
	return kvm_exit_stats_numbering()->exits[slot].number;
}

/* A counter of a detail's row. */
static inline u64 kvm_exit_stats_read_detail(const struct kvm_exit_stats *s, u32 detail_row,
					     enum kvm_exit_stats_counter counter)
{
	return READ_ONCE(s->details->counter[KVM_EXIT_STATS_ROW(detail_row) + counter]);
}

/* The same, added up over the details of @slot, if it has some. */
u64 kvm_exit_stats_read_details(const struct kvm_exit_stats *s, u32 slot,
				enum kvm_exit_stats_counter counter);

static inline u64 kvm_exit_stats_read(const struct kvm_exit_stats *s, u32 slot,
				      enum kvm_exit_stats_counter counter)
{
	u64 value = READ_ONCE(s->counter[KVM_EXIT_STATS_ROW(slot) + counter]);

	if (!s->details || counter == KVM_EXIT_STATS_COUNT)
		return value;
	return value + kvm_exit_stats_read_details(s, slot, counter);
}

/* Is the row some detail's?  Then it stays that. */
bool kvm_exit_stats_is_detail(const struct kvm_exit_stats *s, u32 row);

/* The first such row from @row on, or KVM_EXIT_STATS_DETAIL_ROWS. */
u32 kvm_exit_stats_next_detail(const struct kvm_exit_stats *s, u32 row);

static inline u32 kvm_exit_stats_detail_slot(const struct kvm_exit_stats *s, u32 row)
{
	return READ_ONCE(s->details->keys[row]) >> KVM_EXIT_STATS_KEY_SLOT_SHIFT &
	       KVM_EXIT_STATS_KEY_SLOT_MASK;
}

static inline u64 kvm_exit_stats_detail_of(const struct kvm_exit_stats *s, u32 row)
{
	if (row >= KVM_EXIT_STATS_DETAILS)
		return EXITSTAT_DETAIL_REST;
	return READ_ONCE(s->details->keys[row]) &
	       ~((u64)KVM_EXIT_STATS_KEY_SLOT_MASK << KVM_EXIT_STATS_KEY_SLOT_SHIFT);
}

/* The ABI's processing time: the kernel's and the VMM's, neither of which ever falls. */
static inline u64 kvm_exit_stats_read_processing(const struct kvm_exit_stats *s, u32 slot)
{
	return kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_KERNEL) +
	       kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_VMM);
}

/* The same for all slots together. */
static inline u64 kvm_exit_stats_read_all_processing(const struct kvm_exit_stats *s)
{
	unsigned int seq;
	u64 cycles;

	do {
		seq = read_seqcount_begin(&s->no_processing);
		cycles = READ_ONCE(s->not_guest) -
			 READ_ONCE(s->counter[KVM_EXIT_STATS_NOT_PROCESSING]) -
			 kvm_exit_stats_read(s, KVM_EXIT_STATS_NO_SLOT, KVM_EXIT_STATS_VMM);
	} while (read_seqcount_retry(&s->no_processing, seq));
	return cycles;
}

static inline u64 *kvm_exit_stats_hist(const struct kvm_exit_stats *s)
{
	return s->details ? s->details->hist : s->hist;
}

static inline u64 kvm_exit_stats_read_bucket(const struct kvm_exit_stats *s, u32 slot, u32 bucket)
{
	u32 row = KVM_EXIT_STATS_HIST_ROW(KVM_EXIT_STATS_ROW(slot));
	const u64 *hist = kvm_exit_stats_hist(s);

	return hist ? READ_ONCE(hist[row + KVM_EXIT_STATS_HIST_FIRST + bucket]) : 0;
}

#define KVM_EXIT_STATS_VCPUS_AT_ONCE	64

/* The first counted vCPU from index *@i on, or NULL; *@i becomes the index after it. */
static inline struct kvm_exit_stats *
kvm_exit_stats_next_vcpu(const struct kvm_exit_stats_vm *vm, unsigned int *i)
{
	struct kvm_exit_stats *s = NULL;

	while (!s && *i < kvm_exit_stats_nr_vcpus(vm)) {
		if (*i % KVM_EXIT_STATS_VCPUS_AT_ONCE == 0 && *i && kvm_exit_stats_may_resched)
			cond_resched();
		s = kvm_exit_stats_get_vcpu(vm, (*i)++);
	}
	return s;
}

/* 0 if unknown or not constant. */
static inline u32 kvm_exit_stats_tsc_khz(void)
{
	return check_tsc_unstable() ? 0 : tsc_khz;
}

/* Cycles since counting began for the VM. */
static inline u64 kvm_exit_stats_age(const struct kvm_exit_stats_vm *vm)
{
	u64 age = rdtsc() - READ_ONCE(vm->counting_since);

	return (s64)age < 0 ? 0 : age;
}

bool kvm_exit_stats_may_ask(struct kvm_exit_stats *s);

/* exit_stats_samples.c: may guests have samples, and their questions. */
bool kvm_exit_stats_samples_allowed(void);
void kvm_exit_stats_answer_arm(struct kvm_exit_stats *s, u32 input, u32 *eax, u32 *edx);
void kvm_exit_stats_answer_take(struct kvm_exit_stats *s, u32 leaf, u32 *eax, u32 *ebx, u32 *ecx,
				u32 *edx);
void kvm_exit_stats_answer_sample_detail(struct kvm_exit_stats *s, u32 *eax, u32 *ebx, u32 *ecx);

#endif /* __KVM_X86_EXIT_STATS_READ_H */
