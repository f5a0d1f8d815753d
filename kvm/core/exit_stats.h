/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Per-vCPU VM-exit accounting: the state machine that KVM's entry and exit paths
 * drive.  It works on a struct kvm_exit_stats and does not know where that lives;
 * exit_stats_carrier.h lists what it needs from the code that drives it.
 *
 * A vCPU is in one of four states: guest, kernel, VMM, waiting.  Each transition
 * closes the current interval and opens the next one with a single read of the
 * TSC, so every cycle lands in exactly one counter.
 *
 * The guest's clock is the TSC minus not_guest, the time that the vCPU spent
 * elsewhere.  So an exit stores two values and adds nothing, and an entry
 * advances not_guest by what it adds to a counter.  Outside guest mode, between
 * calls of the functions below, since = not_guest + guest_cycles.
 *
 * Only the vCPU's own thread writes, and no writer can interrupt another one:
 * entry and exit run with IRQs off, the others with preemption off.  Readers on
 * any CPU use READ_ONCE() and no lock; each value is written by one instruction.
 */
#ifndef __KVM_X86_EXIT_STATS_H
#define __KVM_X86_EXIT_STATS_H

#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/seqlock.h>
#include <linux/types.h>
#include <asm/msr.h>
#include <asm/tsc.h>
#include <exitstat/abi.h>

struct dentry;
struct kvm_cpuid_entry2;

/*
 * Exit numbers are sparse, slots are dense: slot 0 is EXITSTAT_OTHER, for every number that is not
 * defined; then comes one slot for each defined number, in ascending order.
 */
#define KVM_EXIT_STATS_OTHER		0
#define KVM_EXIT_STATS_SLOTS		180	/* enough for either vendor */
/* The slot for time before the first counted exit; no query reaches it. */
#define KVM_EXIT_STATS_NO_SLOT		KVM_EXIT_STATS_SLOTS

/* The sizes of the hot path's lookup tables; AMD's -4 to -1 are at the end. */
#define KVM_EXIT_STATS_VMX_NUMBERS	128
#define KVM_EXIT_STATS_SVM_NUMBERS	2048

/* By exit number: the row of its slot in the counters. */
extern const u16 kvm_exit_stats_vmx_rows[KVM_EXIT_STATS_VMX_NUMBERS];
extern const u16 kvm_exit_stats_svm_rows[KVM_EXIT_STATS_SVM_NUMBERS];

enum kvm_exit_stats_counter {
	KVM_EXIT_STATS_COUNT,
	KVM_EXIT_STATS_KERNEL,		/* cycles */
	KVM_EXIT_STATS_VMM,		/* cycles */
	KVM_EXIT_STATS_WAITING,		/* cycles */
	KVM_EXIT_STATS_COUNTERS,
};

/* No entry yet: any TSC value minus this is negative. */
#define KVM_EXIT_STATS_NEVER	((u64)S64_MAX)

#define KVM_EXIT_STATS_ROW(slot)	((slot) * KVM_EXIT_STATS_COUNTERS)

/*
 * Details, in VMs that have them.  An exit whose number has details is counted in
 * the number's row and, soon after, also in a row of the detail, which then takes
 * the place of the number's row: the time goes there.  So the times of such a
 * number are the sums over its details.  An exit that finds no row for its detail
 * has the row of the number's rest.
 *
 * A key is a detail, whose bits 62:52 are 0, with the number's slot in bits 59:52.
 * The keys of the rests are only there to tell the slot.
 */
#define KVM_EXIT_STATS_DETAILS		1024
#define KVM_EXIT_STATS_RESTS		16	/* enough for either vendor */
#define KVM_EXIT_STATS_DETAIL_ROWS	(KVM_EXIT_STATS_DETAILS + KVM_EXIT_STATS_RESTS)
#define KVM_EXIT_STATS_KEY_SLOT_SHIFT	52
#define KVM_EXIT_STATS_KEY_SLOT_MASK	0xffu

struct kvm_exit_stats_details {
	u64 keys[KVM_EXIT_STATS_DETAIL_ROWS];	/* 0: free; a key stays where it is */
	u64 counter[KVM_EXIT_STATS_ROW(KVM_EXIT_STATS_DETAIL_ROWS)];
	/* A list for each number with details, latest first: row + 1, 0 ends it. */
	u16 latest[KVM_EXIT_STATS_RESTS];
	u16 before[KVM_EXIT_STATS_DETAILS];
	u16 used[KVM_EXIT_STATS_RESTS];
	u64 *hist;		/* NULL if the VM has no histograms */
	/* The memory slot that the carrier found last, for kvm_exit_stats_is_mmio(). */
	struct {
		u64 generation;
		u64 base_gfn;
		u64 npages;
	} memory;
};

/*
 * The part of not_guest that is not processing time: waiting, and the time before
 * the first counted exit.  It is where the row of NO_SLOT counts kernel time.
 */
#define KVM_EXIT_STATS_NOT_PROCESSING \
	(KVM_EXIT_STATS_ROW(KVM_EXIT_STATS_NO_SLOT) + KVM_EXIT_STATS_KERNEL)

/*
 * A slot's histogram is indexed by the highest set bit of the time in cycles; a time in the first
 * bucket is indexed as if it were just below the bucket's upper bound.
 */
#define KVM_EXIT_STATS_HIST_FIRST	(EXITSTAT_BUCKET0_LOG2 - 1)
#define KVM_EXIT_STATS_HIST_LAST	(KVM_EXIT_STATS_HIST_FIRST + EXITSTAT_BUCKETS - 1)
#define KVM_EXIT_STATS_HIST_SIZE	(KVM_EXIT_STATS_HIST_LAST + 1)
/* The row of buckets that goes with a row of counters. */
#define KVM_EXIT_STATS_HIST_ROW(row) \
	((row) * (KVM_EXIT_STATS_HIST_SIZE / KVM_EXIT_STATS_COUNTERS))

/* What all vCPUs of a VM share, including those plugged in later. */
struct kvm_exit_stats_vm {
	u64 epoch;		/* not 0 */
	u64 counting_since;	/* TSC */
	bool late;		/* the VM ran before counting began */
	bool histograms;
	bool details;
	struct list_head node;
};

/* Exits of one number, of which the guest wanted samples. */
struct kvm_exit_stats_sampled {
	u32 number;
	u16 period;		/* 0: not armed */
	u16 left;		/* exits up to the next sample */
	u16 unanswered;		/* exits sampled since the guest last asked */
	long row;		/* the number's */
	u64 rip;		/* of the last sample */
	u64 detail;		/* the same; EXITSTAT_DETAIL_REST if unknown */
	u64 cycles;		/* processing exits since the guest last asked */
};

/* For the guest's kernel that asked for them. */
struct kvm_exit_stats_sampling {
	u32 armed;		/* how many are */
	bool nmi_is_pending;	/* until the guest asks */
	bool detail_is_known;	/* of the sample that the guest asked about last */
	u64 seen;		/* count of all exits when an exit was last looked at */
	u64 idt;		/* of the guest, when it armed */
	u64 detail;		/* the same sample's */
	struct kvm_exit_stats_sampled *timed;	/* has the exit that was looked at last, or NULL */
	const u64 *timed_row;	/* where its time is added */
	u64 timed_before;	/* what was there before */
	struct kvm_exit_stats_sampled sampled[EXITSTAT_SAMPLED_MAX];
};

struct kvm_exit_stats {
	u64 since;		/* TSC of the latest exit or later transition */
	u64 not_guest;		/* TSC minus guest time: constant in guest mode */
	u64 guest_cycles;	/* up to the latest exit */
	u64 count;		/* all exits */
	u64 pending_cycles;	/* processing time of the current exit, closed intervals only */
	long row;		/* of the latest exit, as an index of counter[], even if outside */
	seqcount_t no_processing;	/* for advances of not_guest that are not processing */
	u8 state;		/* outside guest mode: the counter that the time goes to */
	bool in_run;		/* inside KVM_RUN */
	u64 *hist;		/* NULL if the VM has no histograms, or has details */
	/* The hot path uses the cache line up to here. */
	struct kvm_exit_stats_vm *vm;
	u8 vmm_choice;
	long detail_row;	/* the first row of the details, as an index of counter[] */
	struct kvm_exit_stats_details *details;	/* NULL if the VM has none */
	struct kvm_exit_stats_sampling sampling;
	/* A row is half a cache line: the count and the times of one slot. */
	u64 counter[KVM_EXIT_STATS_ROW(KVM_EXIT_STATS_SLOTS + 1)] ____cacheline_aligned;
} ____cacheline_aligned;

/*
 * While counting is on, exactly one of the first two keys is on, so that an entry
 * passes one branch.  The keys are enabled in this order and disabled in reverse.
 * No exit is counted whose entry was not, because patching the first two makes
 * every vCPU leave guest mode; and an exit's stamp is never used before it was
 * taken, because IRQs are off between the two.
 */
DECLARE_STATIC_KEY_TRUE(kvm_exit_stats_entry_key);
DECLARE_STATIC_KEY_FALSE(kvm_exit_stats_hist_entry_key);
DECLARE_STATIC_KEY_TRUE(kvm_exit_stats_exit_key);
DECLARE_STATIC_KEY_TRUE(kvm_exit_stats_tsc_key);
/* On while a VM has details. */
DECLARE_STATIC_KEY_FALSE(kvm_exit_stats_details_key);

/*
 * Below, *(array + i) stands for array[i] where i is known to be in bounds: with
 * UBSAN_BOUNDS_STRICT, array[i] costs two more instructions.
 */

static __always_inline long kvm_exit_stats_vmx_row(u16 basic_exit_reason)
{
	if (unlikely(basic_exit_reason >= KVM_EXIT_STATS_VMX_NUMBERS))
		return KVM_EXIT_STATS_ROW(KVM_EXIT_STATS_OTHER);
	return *(kvm_exit_stats_vmx_rows + basic_exit_reason);
}

static __always_inline long kvm_exit_stats_svm_row(u32 exit_code)
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
 * Readers use READ_ONCE(), and a plain addition is one instruction on x86-64, which
 * a test checks; WRITE_ONCE() would make it three.
 */
static __always_inline void kvm_exit_stats_add(u64 *counter, u64 n)
{
	*counter += n;
}

/*
 * Is @since later than @now?  @now becomes the difference.  RDX is where rdtsc()
 * leaves its result; using the sign flag saves a comparison.
 */
static __always_inline bool kvm_exit_stats_subtract(u64 *now, const u64 *since)
{
#ifdef CONFIG_X86_64
	bool negative;

	asm("sub %2, %0" : "+d" (*now), "=@ccs" (negative) : "m" (*since));
	return negative;
#else
	*now -= *since;
	return (s64)*now < 0;
#endif
}

/* Advance by @cycles, none of which is processing; readers retry until both are updated. */
static __always_inline void kvm_exit_stats_move(struct kvm_exit_stats *s, u64 cycles)
{
	raw_write_seqcount_begin(&s->no_processing);
	kvm_exit_stats_add(&s->not_guest, cycles);
	kvm_exit_stats_add(&s->counter[KVM_EXIT_STATS_NOT_PROCESSING], cycles);
	raw_write_seqcount_end(&s->no_processing);
}

/* In pending_cycles after a failed entry: the previous exit is in its bucket already. */
#define KVM_EXIT_STATS_BUCKETED	BIT_ULL(63)

static __always_inline unsigned long kvm_exit_stats_highest_bit(u64 n)
{
#ifdef CONFIG_X86_64
	return __fls(n);
#else
	return fls64(n) - 1;
#endif
}

/* The row of the latest exit's number. */
static __always_inline unsigned long kvm_exit_stats_number_row(const struct kvm_exit_stats *s)
{
	unsigned long index = s->row - s->detail_row;

	if (index >= KVM_EXIT_STATS_ROW(KVM_EXIT_STATS_DETAIL_ROWS))
		return s->row;
	return KVM_EXIT_STATS_ROW(*(s->details->keys + index / KVM_EXIT_STATS_COUNTERS) >>
				  KVM_EXIT_STATS_KEY_SLOT_SHIFT & KVM_EXIT_STATS_KEY_SLOT_MASK);
}

static __always_inline void kvm_exit_stats_bucket(struct kvm_exit_stats *s, u64 cycles)
{
	u64 below_first = BIT_ULL(EXITSTAT_BUCKET0_LOG2) - 1;
	unsigned long bit;

	bit = kvm_exit_stats_highest_bit((cycles + s->pending_cycles) | below_first);
	s->pending_cycles = 0;
	if (unlikely(bit > KVM_EXIT_STATS_HIST_LAST)) {
		if (BIT_ULL(bit) == KVM_EXIT_STATS_BUCKETED)
			return;
		bit = KVM_EXIT_STATS_HIST_LAST;
		OPTIMIZER_HIDE_VAR(bit);	/* a branch, not a conditional move */
	}
	if (likely(s->hist))
		kvm_exit_stats_add(&s->hist[KVM_EXIT_STATS_HIST_ROW((unsigned long)s->row) + bit],
				   1);
	else if (s->details && s->details->hist)
		kvm_exit_stats_add(s->details->hist + bit +
				   KVM_EXIT_STATS_HIST_ROW(kvm_exit_stats_number_row(s)), 1);
}

static __always_inline u64 kvm_exit_stats_close_kernel(struct kvm_exit_stats *s, u64 now)
{
	u64 cycles = now;

	if (unlikely(kvm_exit_stats_subtract(&cycles, &s->since))) {
		/*
		 * The first entry, perhaps in a KVM_RUN that began before counting
		 * did, or the TSC went backwards.
		 */
		kvm_exit_stats_move(s, cycles);
		s->state = KVM_EXIT_STATS_KERNEL;
		s->in_run = true;
		return 0;
	}

	kvm_exit_stats_add(&s->not_guest, cycles);
	kvm_exit_stats_add(&kvm_exit_stats_counters(s)[KVM_EXIT_STATS_KERNEL], cycles);
	return cycles;
}

/* Right before the hardware enters the guest: kernel to guest. */
static __always_inline void kvm_exit_stats_enter(struct kvm_exit_stats *s)
{
	if (static_branch_likely(&kvm_exit_stats_entry_key))
		kvm_exit_stats_close_kernel(s, rdtsc());
	else if (static_branch_unlikely(&kvm_exit_stats_hist_entry_key))
		kvm_exit_stats_bucket(s, kvm_exit_stats_close_kernel(s, rdtsc()));
}

/* Guards calls of the next two, so that their arguments cost nothing while counting is off. */
static __always_inline bool kvm_exit_stats_on(void)
{
	return static_branch_likely(&kvm_exit_stats_exit_key);
}

/*
 * Right after the hardware left the guest: guest to kernel.  Since the entry,
 * nothing on this CPU can have set its TSC back.
 */
static __always_inline void kvm_exit_stats_exit(struct kvm_exit_stats *s)
{
	s->since = rdtsc();
}

static __always_inline void kvm_exit_stats_count_row(struct kvm_exit_stats *s, long row)
{
	s->row = row;
	/* Not counter + row: without UBSAN_BOUNDS_STRICT, that costs two more instructions. */
	kvm_exit_stats_add(&s->counter[row + KVM_EXIT_STATS_COUNT], 1);
	kvm_exit_stats_add(&s->count, 1);
}

/*
 * Once per exit, as soon as the exit reason is known and before KVM can rewrite it.
 * For an entry that failed without an exit, call kvm_exit_stats_fail() instead.
 */
static __always_inline void kvm_exit_stats_count(struct kvm_exit_stats *s, long row)
{
	WRITE_ONCE(s->guest_cycles, s->since - s->not_guest);
	kvm_exit_stats_count_row(s, row);
}

/* The TSC that kvm_exit_stats_exit() read, to save the caller another read. */
static __always_inline u64 kvm_exit_stats_exit_tsc(const struct kvm_exit_stats *s)
{
	return static_branch_likely(&kvm_exit_stats_tsc_key) ? s->since : rdtsc();
}

/*
 * Entry and exit for a carrier further away from the hardware: between the two, the
 * vCPU may move to another CPU, and an entry may be followed by no exit.  So an
 * entry opens an interval in since, too.
 */
static __always_inline u64 kvm_exit_stats_enter_far(struct kvm_exit_stats *s)
{
	u64 now = rdtsc();
	u64 cycles = kvm_exit_stats_close_kernel(s, now);

	s->since = now;
	return cycles;
}

/* The exit and its count in one. */
static __always_inline void kvm_exit_stats_exit_far(struct kvm_exit_stats *s, u64 now, long row)
{
	u64 cycles = now;

	if (unlikely(kvm_exit_stats_subtract(&cycles, &s->since)))
		kvm_exit_stats_move(s, cycles);
	else
		kvm_exit_stats_add(&s->guest_cycles, cycles);
	s->since = now;
	kvm_exit_stats_count_row(s, row);
}

void __kvm_exit_stats_fail(struct kvm_exit_stats *s);
void __kvm_exit_stats_run_begin(struct kvm_exit_stats *s);
void __kvm_exit_stats_run_end(struct kvm_exit_stats *s, int ret);
void __kvm_exit_stats_sched_in(struct kvm_exit_stats *s);
void __kvm_exit_stats_sched_out(struct kvm_exit_stats *s, u64 now);
void __kvm_exit_stats_no_entry(struct kvm_exit_stats *s);
void __kvm_exit_stats_reenter(struct kvm_exit_stats *s);

/* KVM_RUN begins, with the vCPU loaded: VMM or waiting to kernel. */
static inline void kvm_exit_stats_run_begin(struct kvm_exit_stats *s)
{
	if (kvm_exit_stats_on())
		__kvm_exit_stats_run_begin(s);
}

/* KVM_RUN returns @ret: kernel to VMM, or to waiting if it is because of a signal. */
static inline void kvm_exit_stats_run_end(struct kvm_exit_stats *s, int ret)
{
	if (kvm_exit_stats_on())
		__kvm_exit_stats_run_end(s, ret);
}

/* The vCPU is loaded: waiting to kernel, if the scheduler does that inside KVM_RUN. */
static inline void kvm_exit_stats_sched_in(struct kvm_exit_stats *s)
{
	if (kvm_exit_stats_on() && s->in_run)
		__kvm_exit_stats_sched_in(s);
}

/* The vCPU is put at TSC @now: kernel to waiting, if the scheduler does that inside KVM_RUN. */
static inline void kvm_exit_stats_sched_out(struct kvm_exit_stats *s, u64 now)
{
	if (kvm_exit_stats_on() && s->in_run)
		__kvm_exit_stats_sched_out(s, now);
}

/* After kvm_exit_stats_exit(), if the entry failed without an exit: its time is the kernel's. */
static inline void kvm_exit_stats_fail(struct kvm_exit_stats *s)
{
	if (kvm_exit_stats_on())
		__kvm_exit_stats_fail(s);
}

/*
 * An exit that KVM handled where it happened: the guest is entered again before
 * kvm_exit_stats_carrier_details() would have seen its detail.
 */
static inline void kvm_exit_stats_reenter(struct kvm_exit_stats *s)
{
	if (static_branch_unlikely(&kvm_exit_stats_details_key))
		__kvm_exit_stats_reenter(s);
}

/* KVM emulates invalid guest state instead of entering the guest: kernel to kernel. */
static inline void kvm_exit_stats_no_entry(struct kvm_exit_stats *s)
{
	if (kvm_exit_stats_on())
		__kvm_exit_stats_no_entry(s);
}

/*
 * Soon after an exit that has been counted, and its detail with it: sample it, if it is
 * one to sample.  Called for every exit while kvm_exit_stats_carrier_sample() is on; a
 * second call for the same exit does nothing.
 */
void kvm_exit_stats_sample(struct kvm_exit_stats *s);

/* The same where KVM is about to re-enter the guest, and the detail is not counted yet. */
static inline void kvm_exit_stats_sample_reentry(struct kvm_exit_stats *s)
{
	if (likely(!s->sampling.armed))
		return;
	kvm_exit_stats_reenter(s);
	kvm_exit_stats_sample(s);
}

/* The vCPU was reset, so the kernel that armed is gone. */
void kvm_exit_stats_disarm(struct kvm_exit_stats *s);

/*
 * The life of a VM.  _init() gives it its epoch and fixes its choices.  _create()
 * also does that, and then keeps the static keys as the VM needs them until
 * _destroy(); both may sleep.
 */
void kvm_exit_stats_vm_init(struct kvm_exit_stats_vm *vm, bool late);
void kvm_exit_stats_vm_create(struct kvm_exit_stats_vm *vm);
void kvm_exit_stats_vm_destroy(struct kvm_exit_stats_vm *vm);

/*
 * The life of a vCPU: zeroed memory, in an initialized VM.  _init() returns 0 or
 * -ENOMEM.  A carrier that meets VM and vCPU where it cannot allocate prepares the
 * memory and calls the two _begin() functions instead: both then are as if they had
 * been initialized at that moment.  _is_wanted() tells whether a guest may ask, by
 * the parameter or by the VMM's CPUID entry, which may be NULL.
 */
bool kvm_exit_stats_is_wanted(const struct kvm_cpuid_entry2 *entry);
void kvm_exit_stats_vm_begin(struct kvm_exit_stats_vm *vm, bool late);
u64 *kvm_exit_stats_hist_alloc(gfp_t gfp);
struct kvm_exit_stats_details *kvm_exit_stats_details_alloc(gfp_t gfp);
void kvm_exit_stats_details_free(struct kvm_exit_stats_details *details);
void kvm_exit_stats_vcpu_begin(struct kvm_exit_stats *s, struct kvm_exit_stats_vm *vm, u64 *hist,
			       struct kvm_exit_stats_details *details);
int kvm_exit_stats_vcpu_init(struct kvm_exit_stats *s, struct kvm_exit_stats_vm *vm, gfp_t gfp);
void kvm_exit_stats_vcpu_destroy(struct kvm_exit_stats *s);

/*
 * The VMM's choice, made with KVM_SET_CPUID2: _update_cpuid() completes the entries
 * before they are used; _set_vmm_choice() takes the one for EXITSTAT_SIGNATURE, or
 * NULL; _set_cpuid() also starts counting if the VMM says on, and may sleep.
 */
void kvm_exit_stats_update_cpuid(struct kvm_cpuid_entry2 *entries, int nent);
void kvm_exit_stats_set_vmm_choice(struct kvm_exit_stats *s, const struct kvm_cpuid_entry2 *entry);
void kvm_exit_stats_set_cpuid(struct kvm_exit_stats *s, const struct kvm_cpuid_entry2 *entry);

bool __cold __kvm_exit_stats_answer(struct kvm_exit_stats *s, u32 *eax, u32 *ebx, u32 *ecx,
				    u32 *edx);

/*
 * Answer CPUID @eax, @ecx if the leaf is in our block and the guest may ask.
 * Otherwise return false and leave the registers alone: KVM answers as always.
 * Call this only for leaves that the VMM did not list; the others cost nothing.
 */
static inline bool kvm_exit_stats_answer(struct kvm_exit_stats *s, u32 *eax, u32 *ebx, u32 *ecx,
					 u32 *edx)
{
	return unlikely((*eax & EXITSTAT_BASE_MASK) == EXITSTAT_BASE) &&
	       __kvm_exit_stats_answer(s, eax, ebx, ecx, edx);
}

/* The host's tables, as files in @parent, KVM's directory for the VM or vCPU. */
void kvm_exit_stats_create_vm_debugfs(struct kvm_exit_stats_vm *vm, struct dentry *parent);
void kvm_exit_stats_create_vcpu_debugfs(struct kvm_exit_stats *s, struct dentry *parent);

#endif /* __KVM_X86_EXIT_STATS_H */
