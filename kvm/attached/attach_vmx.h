/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Intel's hardware tells about an exit; the VMCS is loaded where the probes
 * run.  The twin of attach_svm.h.
 */
#ifndef ATTACH_VMX_H
#define ATTACH_VMX_H

#include <asm/vmx.h>

#include "attach.h"

static __always_inline bool attached_vmread(unsigned long field, unsigned long *value)
{
	bool failed;

	asm volatile("vmread %2, %1" : "=@ccbe" (failed), "=r" (*value) : "r" (field));
	return !failed;
}

static __always_inline unsigned long attached_vmcs(unsigned long field)
{
	unsigned long value;

	return likely(attached_vmread(field, &value)) ? value : 0;
}

static __always_inline u16 attached_vmx_reason(void)
{
	return attached_vmcs(VM_EXIT_REASON);
}

static inline u64 attached_vmx_rip(const struct kvm_vcpu *vcpu)
{
	if (test_bit(COMPAT_REG_RIP, (unsigned long *)&vcpu->arch.regs_avail))
		return compat_rip(vcpu);
	return attached_vmcs(GUEST_RIP);
}

/* In real mode, SS may be that of the virtual-8086 mode that KVM uses for it. */
static inline bool attached_vmx_cpl0(const struct kvm_vcpu *vcpu)
{
	if (!(vcpu->arch.cr0 & X86_CR0_PE))
		return true;
	return !(attached_vmcs(GUEST_SS_AR_BYTES) >> 5 & 3);
}

static inline void attached_vmx_note_rip(const struct kvm_vcpu *vcpu, struct attached_query *q)
{
	q->rip = attached_vmcs(GUEST_RIP);
	q->next_rip = q->rip + attached_vmcs(VM_EXIT_INSTRUCTION_LEN);
}

/*
 * A VMCS is loaded; KVM on Hyper-V uses an enlightened VMCS instead.  And what should be
 * KVM's list of the registers that it has is what an exit leaves: all, but for RSP, which
 * is in the VMCS.
 */
static inline bool attached_vmx_layout_holds(const struct kvm_vcpu *vcpu)
{
	unsigned long reason;
	u16 available = *(const u16 *)&vcpu->arch.regs_avail;

	return attached_vmread(VM_EXIT_REASON, &reason) && available == (u16)~BIT(VCPU_REGS_RSP);
}

static inline u64 attached_vmx_idt(void)
{
	return attached_vmcs(GUEST_IDTR_BASE);
}

#endif /* ATTACH_VMX_H */
