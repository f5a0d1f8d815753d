/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an exit on AMD says of itself.  attach_vmx.h is the twin.
 */
#ifndef ATTACH_SVM_H
#define ATTACH_SVM_H

#include <asm/svm.h>

#include "attach.h"

/* struct vcpu_svm is KVM's own: a vCPU, and then the VMCB that is in use. */
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

static inline void attached_svm_ask(const struct kvm_vcpu *vcpu, struct attached_question *q)
{
	q->rip = compat_rip(vcpu);
	q->next_rip = attached_vmcb(vcpu)->control.next_rip;
}

/* The registers that KVM has copied from the VMCB are in a VMCB. */
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

#endif /* ATTACH_SVM_H */
