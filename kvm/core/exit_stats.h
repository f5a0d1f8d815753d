/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Per-vCPU VM-exit accounting: the state machine that the entry and exit paths
 * of KVM drive.  It works on a struct kvm_exit_stats and knows nothing of where
 * that lives; exit_stats_carrier.h is what it asks of whoever drives it.
 *
 * A vCPU is in one of four states: guest, kernel, VMM, waiting.  Whoever moves
 * it on closes the current interval and opens the next one with a single read
 * of the TSC, so every cycle lands in exactly one counter.
 *
 * Only the vCPU's own thread writes, and none of the writers can interrupt
 * another one: entry and exit run with IRQs off, the others with preemption
 * off.  Readers, on whatever CPU, use READ_ONCE() and no lock.
 */
#ifndef __KVM_X86_EXIT_STATS_H
#define __KVM_X86_EXIT_STATS_H

#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/types.h>
#include <asm/msr.h>
#include <asm/tsc.h>
#include <exitstat/abi.h>

struct dentry;
struct kvm_cpuid_entry2;

/*
 * Exit numbers are sparse, slots are dense: 0 is EXITSTAT_OTHER's, that is, of every number that is
 * not defined; then one for each defined number, in ascending order.
 */
#define KVM_EXIT_STATS_OTHER		0
#define KVM_EXIT_STATS_SLOTS		180	/* enough for either vendor */
/* Where time goes before the first counted exit; no query reaches it. */
#define KVM_EXIT_STATS_NO_SLOT		KVM_EXIT_STATS_SLOTS

/* What the hot path looks up in a table is below; AMD's -4 to -1 are at its end. */
#define KVM_EXIT_STATS_VMX_NUMBERS	128
#define KVM_EXIT_STATS_SVM_NUMBERS	2048

/* The row of a slot in the counters, by exit number. */
extern const u16 kvm_exit_stats_vmx_rows[KVM_EXIT_STATS_VMX_NUMBERS];
extern const u16 kvm_exit_stats_svm_rows[KVM_EXIT_STATS_SVM_NUMBERS];

enum kvm_exit_stats_counter {
	KVM_EXIT_STATS_COUNT,
	KVM_EXIT_STATS_PROCESSING,	/* cycles, VMM included */
	KVM_EXIT_STATS_VMM,		/* cycles */
	KVM_EXIT_STATS_WAITING,		/* cycles */
	KVM_EXIT_STATS_COUNTERS,
};

/* What the vCPU does when it is not in guest mode. */
enum kvm_exit_stats_state {
	KVM_EXIT_STATS_IN_KERNEL,
	KVM_EXIT_STATS_IN_VMM,
	KVM_EXIT_STATS_IS_WAITING,
};

/* No entry yet: the difference to any TSC value is negative. */
#define KVM_EXIT_STATS_NEVER	((u64)S64_MAX)

#define KVM_EXIT_STATS_ROW(slot)	((slot) * KVM_EXIT_STATS_COUNTERS)

/*
 * A slot's histogram is indexed by the highest bit of the time in cycles; times below the first
 * bucket's bound count as just below it.
 */
#define KVM_EXIT_STATS_HIST_FIRST	(EXITSTAT_BUCKET0_LOG2 - 1)
#define KVM_EXIT_STATS_HIST_LAST	(KVM_EXIT_STATS_HIST_FIRST + EXITSTAT_BUCKETS - 1)
#define KVM_EXIT_STATS_HIST_SIZE	(KVM_EXIT_STATS_HIST_LAST + 1)
/* From a row of counters to one of buckets. */
#define KVM_EXIT_STATS_HIST_ROW(row) \
	((row) * (KVM_EXIT_STATS_HIST_SIZE / KVM_EXIT_STATS_COUNTERS))

/* What holds for all vCPUs of a VM, those plugged in later too. */
struct kvm_exit_stats_vm {
	u64 epoch;		/* not 0 */
	u64 counting_since;	/* TSC */
	bool late;		/* the VM had run before that */
	bool histograms;
	struct list_head node;
};

struct kvm_exit_stats {
	u64 since;		/* TSC at which the current interval opened */
	u64 guest_cycles;
	u64 pending_cycles;	/* processing time of the current exit, intervals closed so far */
	u32 row;		/* of the latest exit */
	u8 state;
	bool in_run;		/* inside KVM_RUN */
	u8 vmm_choice;
	u64 *hist;		/* if the VM has histograms */
	struct kvm_exit_stats_vm *vm;
	/* A row is half a cache line: the count and the times of one slot. */
	u64 counter[KVM_EXIT_STATS_ROW(KVM_EXIT_STATS_SLOTS + 1)] ____cacheline_aligned;
} ____cacheline_aligned;

/*
 * One of the first two is on while anybody counts, so that an entry passes one
 * branch.  The third goes on last and off first, so that no exit is counted
 * whose entry was not: every vCPU in guest mode leaves it while the code of the
 * first two is being patched.
 */
DECLARE_STATIC_KEY_TRUE(kvm_exit_stats_entry_key);
DECLARE_STATIC_KEY_FALSE(kvm_exit_stats_hist_entry_key);
DECLARE_STATIC_KEY_TRUE(kvm_exit_stats_exit_key);

/*
 * Below, an element of an array is *(array + i) where i is in bounds: kernels
 * with UBSAN_BOUNDS_STRICT make two instructions more of array[i].
 */

static __always_inline u32 kvm_exit_stats_vmx_row(u16 basic_exit_reason)
{
	if (unlikely(basic_exit_reason >= KVM_EXIT_STATS_VMX_NUMBERS))
		return KVM_EXIT_STATS_ROW(KVM_EXIT_STATS_OTHER);
	return *(kvm_exit_stats_vmx_rows + basic_exit_reason);
}

static __always_inline u32 kvm_exit_stats_svm_row(u32 exit_code)
{
	if (unlikely(exit_code >= KVM_EXIT_STATS_SVM_NUMBERS)) {
		if (exit_code < (u32)-4)
			return KVM_EXIT_STATS_ROW(KVM_EXIT_STATS_OTHER);
		exit_code %= KVM_EXIT_STATS_SVM_NUMBERS;
	}
	return *(kvm_exit_stats_svm_rows + exit_code);
}

/* The counters of the latest exit. */
static __always_inline u64 *kvm_exit_stats_counters(struct kvm_exit_stats *s)
{
	return s->counter + s->row;
}

/*
 * Close the current interval and open the next one.  since becomes @now by an addition, which takes
 * no copy of @now; EDX is where rdtsc() leaves it; the flag saves a comparison.
 */
static __always_inline u64 kvm_exit_stats_close(struct kvm_exit_stats *s, u64 now)
{
	u64 cycles = now;
	bool negative;

	asm("sub %2, %0" : "+d" (cycles), "=@ccs" (negative), "+m" (s->since));
	if (likely(!negative)) {
		s->since += cycles;
		return cycles;
	}

	/*
	 * The first entry, perhaps in the middle of a KVM_RUN that began before
	 * anybody counted, or the TSC went backwards.
	 */
	barrier();	/* or half of the addition above comes before the branch */
	s->since += cycles;
	s->state = KVM_EXIT_STATS_IN_KERNEL;
	s->in_run = true;
	return 0;
}

static __always_inline void kvm_exit_stats_bucket(struct kvm_exit_stats *s, u64 cycles)
{
	u64 below_first = BIT_ULL(EXITSTAT_BUCKET0_LOG2) - 1;
	unsigned long bit = __fls((cycles + s->pending_cycles) | below_first);

	s->pending_cycles = 0;
	if (unlikely(bit > KVM_EXIT_STATS_HIST_LAST)) {
		bit = KVM_EXIT_STATS_HIST_LAST;
		OPTIMIZER_HIDE_VAR(bit);	/* a branch, not a conditional move */
	}
	if (likely(s->hist))
		s->hist[KVM_EXIT_STATS_HIST_ROW((unsigned long)s->row) + bit]++;
}

static __always_inline u64 kvm_exit_stats_close_kernel(struct kvm_exit_stats *s)
{
	u64 cycles = kvm_exit_stats_close(s, rdtsc());

	kvm_exit_stats_counters(s)[KVM_EXIT_STATS_PROCESSING] += cycles;
	return cycles;
}

/* Directly before the hardware enters the guest: kernel to guest. */
static __always_inline void kvm_exit_stats_enter(struct kvm_exit_stats *s)
{
	if (static_branch_likely(&kvm_exit_stats_entry_key))
		kvm_exit_stats_close_kernel(s);
	else if (static_branch_unlikely(&kvm_exit_stats_hist_entry_key))
		kvm_exit_stats_bucket(s, kvm_exit_stats_close_kernel(s));
}

/* Guards the next two, so that their arguments cost nothing when nobody counts. */
static __always_inline bool kvm_exit_stats_on(void)
{
	return static_branch_likely(&kvm_exit_stats_exit_key);
}

/* Directly after the hardware left the guest: guest to kernel. */
static __always_inline void kvm_exit_stats_exit(struct kvm_exit_stats *s)
{
	s->guest_cycles += kvm_exit_stats_close(s, rdtsc());
}

/*
 * Once per exit, as soon as the hardware's reason is known and before KVM can
 * rewrite it.  An entry that failed without an exit does not get here; its time
 * stays with the exit before.
 */
static __always_inline void kvm_exit_stats_count(struct kvm_exit_stats *s, u32 row)
{
	s->row = row;
	(*(s->counter + row + KVM_EXIT_STATS_COUNT))++;
}

/* The TSC as read by kvm_exit_stats_exit(), to save the caller another read. */
static __always_inline u64 kvm_exit_stats_exit_tsc(const struct kvm_exit_stats *s)
{
	return kvm_exit_stats_on() ? s->since : rdtsc();
}

void __kvm_exit_stats_run_begin(struct kvm_exit_stats *s);
void __kvm_exit_stats_run_end(struct kvm_exit_stats *s, int ret);
void __kvm_exit_stats_sched_in(struct kvm_exit_stats *s);
void __kvm_exit_stats_sched_out(struct kvm_exit_stats *s, u64 now);
void __kvm_exit_stats_no_entry(struct kvm_exit_stats *s);

/* KVM_RUN begins, with the vCPU loaded: VMM or waiting to kernel. */
static inline void kvm_exit_stats_run_begin(struct kvm_exit_stats *s)
{
	if (kvm_exit_stats_on())
		__kvm_exit_stats_run_begin(s);
}

/* KVM_RUN returns @ret: kernel to VMM, or to waiting if a signal asked for it. */
static inline void kvm_exit_stats_run_end(struct kvm_exit_stats *s, int ret)
{
	if (kvm_exit_stats_on())
		__kvm_exit_stats_run_end(s, ret);
}

/* The vCPU is loaded: waiting to kernel, if the scheduler does it in KVM_RUN. */
static inline void kvm_exit_stats_sched_in(struct kvm_exit_stats *s)
{
	if (kvm_exit_stats_on() && s->in_run)
		__kvm_exit_stats_sched_in(s);
}

/* The vCPU is put at TSC @now: kernel to waiting, if the scheduler does it in KVM_RUN. */
static inline void kvm_exit_stats_sched_out(struct kvm_exit_stats *s, u64 now)
{
	if (kvm_exit_stats_on() && s->in_run)
		__kvm_exit_stats_sched_out(s, now);
}

/* KVM emulates an invalid guest state instead of entering it: kernel to kernel. */
static inline void kvm_exit_stats_no_entry(struct kvm_exit_stats *s)
{
	if (kvm_exit_stats_on())
		__kvm_exit_stats_no_entry(s);
}

/*
 * A VM comes and goes.  Its choices are made, and it is in its own epoch, from
 * kvm_exit_stats_vm_init() on.  While a VM lives between _create() and
 * _destroy(), which may sleep, the static keys stay as it needs them; _create()
 * initializes it, too.
 */
void kvm_exit_stats_vm_init(struct kvm_exit_stats_vm *vm, bool late);
void kvm_exit_stats_vm_create(struct kvm_exit_stats_vm *vm);
void kvm_exit_stats_vm_destroy(struct kvm_exit_stats_vm *vm);

/*
 * A vCPU, all zeros, of a VM that is initialized.  Returns 0 or -ENOMEM.  Whoever
 * meets VM and vCPU where nothing may be allocated has the memory ready, and
 * begins: both are as if they had been initialized just now.  _is_wanted() says
 * whether anybody may ask, by the parameter or by the VMM's entry, if there is one.
 */
bool kvm_exit_stats_is_wanted(const struct kvm_cpuid_entry2 *entry);
void kvm_exit_stats_vm_begin(struct kvm_exit_stats_vm *vm, bool late);
u64 *kvm_exit_stats_hist_alloc(gfp_t gfp);
void kvm_exit_stats_vcpu_begin(struct kvm_exit_stats *s, struct kvm_exit_stats_vm *vm, u64 *hist);
int kvm_exit_stats_vcpu_init(struct kvm_exit_stats *s, struct kvm_exit_stats_vm *vm, gfp_t gfp);
void kvm_exit_stats_vcpu_destroy(struct kvm_exit_stats *s);

/*
 * What the VMM says with KVM_SET_CPUID2: _update_cpuid() completes its entries,
 * before they are in use; _hear_vmm() takes the one for EXITSTAT_SIGNATURE, or
 * NULL; _set_cpuid() also starts to count where the VMM says on, and may sleep.
 */
void kvm_exit_stats_update_cpuid(struct kvm_cpuid_entry2 *entries, int nent);
void kvm_exit_stats_hear_vmm(struct kvm_exit_stats *s, const struct kvm_cpuid_entry2 *entry);
void kvm_exit_stats_set_cpuid(struct kvm_exit_stats *s, const struct kvm_cpuid_entry2 *entry);

bool __cold __kvm_exit_stats_answer(struct kvm_exit_stats *s, u32 *eax, u32 *ebx, u32 *ecx,
				    u32 *edx);

/*
 * Answer CPUID @eax, @ecx if it is one of ours and the guest may ask.  Returns
 * false, with the registers as they were, for KVM to answer as it always did.
 * Called for leaves that the VMM did not list: the others cost nothing more.
 */
static inline bool kvm_exit_stats_answer(struct kvm_exit_stats *s, u32 *eax, u32 *ebx, u32 *ecx,
					 u32 *edx)
{
	return unlikely((*eax & EXITSTAT_BASE_MASK) == EXITSTAT_BASE) &&
	       __kvm_exit_stats_answer(s, eax, ebx, ecx, edx);
}

/* The host's tables, as files in @parent, KVM's directory of the VM or vCPU. */
struct dentry *kvm_exit_stats_create_vm_debugfs(struct kvm_exit_stats_vm *vm,
						struct dentry *parent);
struct dentry *kvm_exit_stats_create_vcpu_debugfs(struct kvm_exit_stats *s,
						  struct dentry *parent);

#endif /* __KVM_X86_EXIT_STATS_H */
