/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What AMD's hardware tells about an exit.  The twin of attach_vmx.h.
 */
#ifndef ATTACH_SVM_H
#define ATTACH_SVM_H

#include <asm/svm.h>

#include "attach.h"

/* The beginning of KVM's private struct vcpu_svm: a vCPU, then the VMCB in use. */
struct attached_vcpu_svm {
	struct kvm_vcpu vcpu;
	struct vmcb *vmcb;
};

static __always_inline struct vmcb *attached_vmcb(const struct kvm_vcpu *vcpu)
{
	return container_of(vcpu, struct attached_vcpu_svm, vcpu)->vmcb;
}

static __always_inline u32 attached_svm_code(const struct kvm_vcpu *vcpu)
{
	return attached_vmcb(vcpu)->control.exit_code;
}

static inline u64 attached_svm_rip(const struct kvm_vcpu *vcpu)
{
	return compat_rip(vcpu);
}

static inline bool attached_svm_cpl0(const struct kvm_vcpu *vcpu)
{
	return !attached_vmcb(vcpu)->save.cpl;
}

/* The ratio has 32 bits behind the point; older kernels leave it 1 where the CPU cannot scale. */
static inline bool attached_svm_tsc_is_scaled(const struct kvm_vcpu *vcpu)
{
	u64 ratio = compat_tsc_scaling(vcpu);

	return ratio != BIT_ULL(32) && ratio != 1;
}

static inline void attached_svm_note_rip(const struct kvm_vcpu *vcpu, struct attached_query *q)
{
	q->rip = compat_rip(vcpu);
	q->next_rip = attached_vmcb(vcpu)->control.next_rip;
}

/* What should be the VMCB holds the register values that KVM copied from it. */
static inline bool attached_svm_layout_holds(const struct kvm_vcpu *vcpu)
{
	const struct vmcb *vmcb = attached_vmcb(vcpu);
	struct vmcb_save_area save;

	if (!IS_ALIGNED((unsigned long)vmcb, PAGE_SIZE) ||
	    copy_from_kernel_nofault(&save, &vmcb->save, sizeof(save)))
		return false;
	return save.rip == compat_rip(vcpu) && save.rsp == vcpu->arch.regs[VCPU_REGS_RSP] &&
	       save.rax == vcpu->arch.regs[VCPU_REGS_RAX];
}

static inline u64 attached_svm_idt(const struct kvm_vcpu *vcpu)
{
	return attached_vmcb(vcpu)->save.idtr.base;
}

#endif /* ATTACH_SVM_H */
