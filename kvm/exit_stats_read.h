/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the counters, on whatever CPU, without a lock: for the guest in
 * exit_stats_guest.c, for the host in exit_stats_host.c.
 */
#ifndef __KVM_X86_EXIT_STATS_READ_H
#define __KVM_X86_EXIT_STATS_READ_H

#include <linux/kvm_host.h>

struct kvm_exit_stats_exit {
	u32 number;
	const char *name;
};

/* A vendor's exits by slot: EXITSTAT_OTHER, then the defined ones in ascending order. */
struct kvm_exit_stats_numbering {
	u32 id;
	u32 slots;
	u32 other_place;	/* how many numbers are below EXITSTAT_OTHER */
	const struct kvm_exit_stats_exit *exits;
};

extern const struct kvm_exit_stats_numbering kvm_exit_stats_vmx;
extern const struct kvm_exit_stats_numbering kvm_exit_stats_svm;

static inline const struct kvm_exit_stats_numbering *kvm_exit_stats_numbering(void)
{
	return boot_cpu_has(X86_FEATURE_SVM) ? &kvm_exit_stats_svm : &kvm_exit_stats_vmx;
}

/* The slot of @number, or false if it is not defined.  @number may be a hostile guest's. */
bool kvm_exit_stats_find_slot(u32 number, u32 *slot);

/*
 * Places are in the ascending order of the numbers, EXITSTAT_OTHER among them.
 * The first one whose number is not below @number, perhaps past the last.
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

static inline u64 kvm_exit_stats_read(const struct kvm_exit_stats *s, u32 slot,
				      enum kvm_exit_stats_counter counter)
{
	return READ_ONCE(s->counter[KVM_EXIT_STATS_ROW(slot) + counter]);
}

static inline u64 kvm_exit_stats_read_total(const struct kvm_exit_stats *s,
					    enum kvm_exit_stats_counter counter)
{
	u32 slots = kvm_exit_stats_numbering()->slots;
	u64 sum = 0;
	u32 slot;

	for (slot = 0; slot < slots; slot++)
		sum += kvm_exit_stats_read(s, slot, counter);
	return sum;
}

static inline u64 kvm_exit_stats_read_bucket(const struct kvm_exit_stats *s, u32 slot, u32 bucket)
{
	u32 row = KVM_EXIT_STATS_HIST_ROW(KVM_EXIT_STATS_ROW(slot));

	return s->hist ? READ_ONCE(s->hist[row + KVM_EXIT_STATS_HIST_FIRST + bucket]) : 0;
}

/* vCPUs are not destroyed before their VM: the first one's epoch is the VM's.  0: none yet. */
static inline u64 kvm_exit_stats_epoch(struct kvm *kvm)
{
	struct kvm_vcpu *first = kvm_get_vcpu(kvm, 0);

	return first ? first->exit_stats.epoch : 0;
}

/* 0: unknown, or not constant. */
static inline u32 kvm_exit_stats_tsc_khz(void)
{
	return check_tsc_unstable() ? 0 : tsc_khz;
}

bool kvm_exit_stats_may_ask(struct kvm_vcpu *vcpu);

#endif /* __KVM_X86_EXIT_STATS_READ_H */
