// SPDX-License-Identifier: GPL-2.0-only
/*
 * Samples: every Nth exit of one number queues an NMI to the vCPU that made it, if
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

void kvm_exit_stats_disarm(struct kvm_exit_stats *s)
{
	s->sampling.period = 0;
	kvm_exit_stats_carrier_sample(s, false);
}

/* Samples taken before remain to be asked about. */
void kvm_exit_stats_answer_arm(struct kvm_exit_stats *s, u32 input, u32 *eax, u32 *edx)
{
	u32 number = (s32)(s16)input, slot;
	u16 period = input >> 16;

	if (!kvm_exit_stats_find_slot(number, &slot) || is_disturbed(number)) {
		*edx = EXITSTAT_UNDEFINED;
		return;
	}
	if (!period) {
		kvm_exit_stats_disarm(s);
		return;
	}
	s->sampling.number = number;
	s->sampling.row = KVM_EXIT_STATS_ROW(slot);
	s->sampling.period = period;
	s->sampling.left = period;
	s->sampling.unanswered = 0;
	s->sampling.seen = s->count;
	s->sampling.idt = kvm_exit_stats_guest_idt(s);
	kvm_exit_stats_carrier_sample(s, true);
	*eax = 1;
}

void kvm_exit_stats_answer_take(struct kvm_exit_stats *s, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	if (!s->sampling.unanswered)
		return;
	*eax = s->sampling.unanswered;
	*ebx = upper_32_bits(s->sampling.rip);
	*ecx = lower_32_bits(s->sampling.rip);
	*edx = s->sampling.number;
	s->sampling.unanswered = 0;
}

/* Otherwise, asking about a sample would make the next one. */
static bool is_question(struct kvm_exit_stats *s)
{
	bool vmx = kvm_exit_stats_numbering()->id == EXITSTAT_NUMBERING_VMX;

	return s->sampling.number == (vmx ? VMX_CPUID : SVM_CPUID) &&
	       (kvm_exit_stats_guest_eax(s) & EXITSTAT_BASE_MASK) == EXITSTAT_BASE;
}

/*
 * After a reset or a kexec the guest has another IDT: the kernel that armed is gone.
 */
void kvm_exit_stats_sample(struct kvm_exit_stats *s)
{
	struct kvm_exit_stats_sampling *sampling = &s->sampling;
	long row;

	if (!sampling->period || sampling->seen == s->count)
		return;
	sampling->seen = s->count;
	row = s->details ? kvm_exit_stats_number_row(s) : s->row;
	if (row != sampling->row || is_question(s) || kvm_exit_stats_in_nested_guest(s))
		return;
	if (sampling->idt != kvm_exit_stats_guest_idt(s) || !kvm_exit_stats_samples_allowed()) {
		kvm_exit_stats_disarm(s);
		return;
	}
	if (--sampling->left)
		return;
	sampling->left = sampling->period;

	sampling->rip = kvm_exit_stats_guest_rip(s);
	if (!sampling->unanswered++)
		kvm_exit_stats_queue_nmi(s);
	if (sampling->unanswered >= UNANSWERED_MAX)
		kvm_exit_stats_disarm(s);
}
