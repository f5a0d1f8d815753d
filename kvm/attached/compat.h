/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels.  It is detected in the kernel's headers when the
 * module is built, never by a version.
 */
#ifndef ATTACH_COMPAT_H
#define ATTACH_COMPAT_H

#include <linux/kvm_host.h>

/*
 * kvm_exit passed the exit reason before the vCPU until get_exit_info() returned
 * the reason: one commit changed both (0a62a0319abb, Linux 5.16).
 */
typedef void (*compat_get_exit_info)(struct kvm_vcpu *vcpu, u32 *reason, u64 *info1, u64 *info2,
				     u32 *intr_info, u32 *error_code);

#define COMPAT_EXIT_PASSES_REASON						\
	(!__builtin_types_compatible_p(						\
		typeof(((struct kvm_x86_ops *)NULL)->get_exit_info), compat_get_exit_info))

/* RIP is a member of its own, and its bit in regs_avail has another name. */
#ifdef COMPAT_RIP_STANDS_APART
#define compat_rip(vcpu)	((vcpu)->arch.rip)
#define COMPAT_REG_RIP		VCPU_REG_RIP
#else
#define compat_rip(vcpu)	((vcpu)->arch.regs[VCPU_REGS_RIP])
#define COMPAT_REG_RIP		VCPU_REGS_RIP
#endif

/* Where L1's ratio is separate, tsc_scaling_ratio includes a nested guest's scaling. */
#ifdef COMPAT_L1_TSC_SCALING
#define compat_tsc_scaling(vcpu)	((vcpu)->arch.l1_tsc_scaling_ratio)
#else
#define compat_tsc_scaling(vcpu)	((vcpu)->arch.tsc_scaling_ratio)
#endif

/* A trust domain has no VMCS that KVM could read. */
static inline bool compat_is_trust_domain(const struct kvm *kvm)
{
#ifdef KVM_X86_TDX_VM
	return kvm->arch.vm_type == KVM_X86_TDX_VM;
#else
	return false;
#endif
}

#endif /* ATTACH_COMPAT_H */
