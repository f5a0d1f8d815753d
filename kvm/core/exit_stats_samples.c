// SPDX-License-Identifier: GPL-2.0-only
/*
 * Samples: every Nth exit of a number queues an NMI to the vCPU that made it, if
 * the guest's kernel asked for that; the ABI header is the contract.
 *
 * Everything here runs in the vCPU's own thread.  At most one NMI is on its way: the
 * next one is queued only after the guest has asked about the last one, so a guest
 * that lost its handler gets a single NMI.
 */
#include <linux/module.h>

#include "exit_stats_read.h"

#define UNANSWERED_MAX	16
#define VMX_CPUID	10
#define SVM_CPUID	0x072

static bool exit_stats_samples = true;
module_param(exit_stats_samples, bool, 0644);
MODULE_PARM_DESC(exit_stats_samples, "guests' kernels may have their own exits sampled with NMIs");

/*
 * An NMI would wake a vCPU that halts, shift what interrupts it, or sample itself:
 * on SVM, KVM learns from IRET that the next NMI may come.
 */
static const u32 vmx_disturbed[] = {
	0,	/* exception or NMI */
	1,	/* external interrupt */
	7,	/* interrupt window */
	8,	/* NMI window */
	12,	/* HLT */
};

static const u32 svm_disturbed[] = {
	0x060,	/* interrupt */
	0x061,	/* NMI */
	0x064,	/* interrupt window */
	0x074,	/* IRET */
	0x078,	/* HLT */
	0x0a6,	/* idle HLT */
};

bool kvm_exit_stats_samples_allowed(void)
{
	return READ_ONCE(exit_stats_samples);
}

static bool is_disturbed(u32 number)
{
	bool vmx = kvm_exit_stats_numbering()->id == EXITSTAT_NUMBERING_VMX;
	const u32 *numbers = vmx ? vmx_disturbed : svm_disturbed;
	u32 i, nr = vmx ? ARRAY_SIZE(vmx_disturbed) : ARRAY_SIZE(svm_disturbed);

	for (i = 0; i < nr; i++) {
		if (numbers[i] == number)
			return true;
	}
	return false;
}

/* Samples taken before remain to be asked about. */
void kvm_exit_stats_disarm(struct kvm_exit_stats *s)
{
	u32 i;

	for (i = 0; i < EXITSTAT_SAMPLED_MAX; i++)
		s->sampling.sampled[i].period = 0;
	s->sampling.armed = 0;
	s->sampling.timed = NULL;
	kvm_exit_stats_carrier_sample(s, false);
}

/* The place of @number, or if it is to be armed, another: a free one, or one that is not armed. */
static struct kvm_exit_stats_sampled *find(struct kvm_exit_stats_sampling *sampling, u32 number,
					   bool arm)
{
	struct kvm_exit_stats_sampled *one, *unarmed = NULL;

	for (one = sampling->sampled; one < sampling->sampled + EXITSTAT_SAMPLED_MAX; one++) {
		if (one->number == number && (one->period || one->unanswered))
			return one;
		if (!one->period && (!unarmed || unarmed->unanswered))
			unarmed = one;
	}
	return arm ? unarmed : NULL;
}

/* What its latest exit takes is no sample's any more. */
static void forget_time(struct kvm_exit_stats_sampling *sampling,
			const struct kvm_exit_stats_sampled *one)
{
	if (sampling->timed == one)
		sampling->timed = NULL;
}

static void disarm_one(struct kvm_exit_stats *s, u32 number)
{
	struct kvm_exit_stats_sampled *one = find(&s->sampling, number, false);

	if (!one || !one->period)
		return;
	one->period = 0;
	forget_time(&s->sampling, one);
	if (!--s->sampling.armed)
		kvm_exit_stats_carrier_sample(s, false);
}

/* Whoever arms has no NMI to wait for: one that was pending has come before the question. */
static bool arm_one(struct kvm_exit_stats *s, u32 number, u32 slot, u16 period)
{
	struct kvm_exit_stats_sampling *sampling = &s->sampling;
	struct kvm_exit_stats_sampled *one = find(sampling, number, true);

	if (!one)
		return false;
	sampling->armed += !one->period;
	forget_time(sampling, one);
	*one = (struct kvm_exit_stats_sampled){
		.number = number,
		.row = KVM_EXIT_STATS_ROW(slot),
		.period = period,
		.left = period,
	};
	sampling->nmi_is_pending = false;
	sampling->seen = s->count;
	sampling->idt = kvm_exit_stats_guest_idt(s);
	kvm_exit_stats_carrier_sample(s, true);
	return true;
}

void kvm_exit_stats_answer_arm(struct kvm_exit_stats *s, u32 input, u32 *eax, u32 *edx)
{
	u32 number = (s32)(s16)input, slot;
	u16 period = input >> 16;

	if (!kvm_exit_stats_find_slot(number, &slot) || is_disturbed(number) ||
	    (period && !arm_one(s, number, slot, period))) {
		*edx = EXITSTAT_UNDEFINED;
		return;
	}
	if (!period)
		disarm_one(s, number);
	*eax = s->sampling.armed;
}

static struct kvm_exit_stats_sampled *find_unanswered(struct kvm_exit_stats_sampling *sampling)
{
	struct kvm_exit_stats_sampled *one = sampling->sampled;

	for (; one < sampling->sampled + EXITSTAT_SAMPLED_MAX; one++) {
		if (one->unanswered)
			return one;
	}
	return NULL;
}

/*
 * Where the last sample of one number was or, with SAMPLE_TIME, how long the exits took that its
 * samples stand for.  If others have samples too, the guest asks again, in the same NMI: until
 * then, what it does makes no other one.  One that it asked nothing about would be unknown.
 */
void kvm_exit_stats_answer_take(struct kvm_exit_stats *s, u32 leaf, u32 *eax, u32 *ebx, u32 *ecx,
				u32 *edx)
{
	struct kvm_exit_stats_sampling *sampling = &s->sampling;
	struct kvm_exit_stats_sampled *one = find_unanswered(sampling);
	bool time = leaf == EXITSTAT_SAMPLE_TIME;
	u64 value;

	sampling->nmi_is_pending = false;
	sampling->detail_is_known = false;
	if (!one) {
		*edx = time ? EXITSTAT_UNDEFINED : 0;
		return;
	}
	value = time ? one->cycles : one->rip;
	*eax = one->unanswered;
	*ebx = upper_32_bits(value);
	*ecx = lower_32_bits(value);
	*edx = one->number;
	one->unanswered = 0;
	one->cycles = 0;
	if (find_unanswered(sampling)) {
		*eax |= EXITSTAT_SAMPLE_MORE;
		sampling->nmi_is_pending = true;
	}
	sampling->detail = one->detail;
	sampling->detail_is_known = one->detail != EXITSTAT_DETAIL_REST;
}

void kvm_exit_stats_answer_sample_detail(struct kvm_exit_stats *s, u32 *eax, u32 *ebx, u32 *ecx)
{
	if (!s->sampling.detail_is_known)
		return;
	*eax = 1;
	*ebx = upper_32_bits(s->sampling.detail);
	*ecx = lower_32_bits(s->sampling.detail);
}

static u64 processing_of(const u64 *row)
{
	return row[KVM_EXIT_STATS_KERNEL] + row[KVM_EXIT_STATS_VMM];
}

/*
 * The latest exit's time is in its row at the next exit, whatever that is.  Where the vCPU was
 * preempted before the exit is looked at, the time up to there is left out.
 */
static void begin_time(struct kvm_exit_stats *s, struct kvm_exit_stats_sampled *one)
{
	s->sampling.timed = one;
	s->sampling.timed_row = kvm_exit_stats_counters(s);
	s->sampling.timed_before = processing_of(s->sampling.timed_row);
}

static void end_time(struct kvm_exit_stats_sampling *sampling)
{
	if (!sampling->timed)
		return;
	sampling->timed->cycles += processing_of(sampling->timed_row) - sampling->timed_before;
	sampling->timed = NULL;
}

/* Otherwise, asking about a sample would make the next one. */
static bool is_question(struct kvm_exit_stats *s, u32 number)
{
	bool vmx = kvm_exit_stats_numbering()->id == EXITSTAT_NUMBERING_VMX;

	return number == (vmx ? VMX_CPUID : SVM_CPUID) &&
	       (kvm_exit_stats_guest_eax(s) & EXITSTAT_BASE_MASK) == EXITSTAT_BASE;
}

/* The armed number of the latest exit, or NULL. */
static struct kvm_exit_stats_sampled *sampled_of(struct kvm_exit_stats *s)
{
	struct kvm_exit_stats_sampled *one = s->sampling.sampled;
	long row = s->details ? kvm_exit_stats_number_row(s) : s->row;

	for (; one < s->sampling.sampled + EXITSTAT_SAMPLED_MAX; one++) {
		if (one->period && one->row == row)
			return one;
	}
	return NULL;
}

/* What the latest exit was about, where that has a row. */
static u64 latest_detail(const struct kvm_exit_stats *s)
{
	unsigned long index = s->row - s->detail_row;

	if (!s->details || index >= KVM_EXIT_STATS_ROW(KVM_EXIT_STATS_DETAIL_ROWS))
		return EXITSTAT_DETAIL_REST;
	return kvm_exit_stats_detail_of(s, index / KVM_EXIT_STATS_COUNTERS);
}

/*
 * After a reset or a kexec the guest has another IDT: the kernel that armed is gone.
 */
void kvm_exit_stats_sample(struct kvm_exit_stats *s)
{
	struct kvm_exit_stats_sampling *sampling = &s->sampling;
	struct kvm_exit_stats_sampled *one;

	if (!sampling->armed || sampling->seen == s->count)
		return;
	sampling->seen = s->count;
	end_time(sampling);
	one = sampled_of(s);
	if (!one || is_question(s, one->number) || kvm_exit_stats_in_nested_guest(s))
		return;
	if (sampling->idt != kvm_exit_stats_guest_idt(s) || !kvm_exit_stats_samples_allowed()) {
		kvm_exit_stats_disarm(s);
		return;
	}
	begin_time(s, one);
	if (--one->left)
		return;
	one->left = one->period;

	one->rip = kvm_exit_stats_guest_rip(s);
	one->detail = latest_detail(s);
	one->unanswered++;
	if (!sampling->nmi_is_pending)
		kvm_exit_stats_queue_nmi(s);
	sampling->nmi_is_pending = true;
	if (one->unanswered >= UNANSWERED_MAX)
		kvm_exit_stats_disarm(s);
}
