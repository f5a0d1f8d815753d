/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an exit is about, if its number has details, and where that is counted.  The
 * carrier calls the functions at the end, those of the vendor, for each counted exit
 * before any other transition; a second call does no harm.  They find the number's
 * row in kvm_exit_stats.row and leave the detail's there.
 *
 * Only the vCPU's own thread writes.  A key is written when its row has counted an
 * exit, in one piece, and never changes; so readers see whole rows.
 */
#ifndef __KVM_X86_EXIT_STATS_DETAILS_H
#define __KVM_X86_EXIT_STATS_DETAILS_H

#include <linux/bitops.h>
#include <linux/mm.h>	/* what asm/svm.h and asm/vmx.h of 5.10 lack */
#include <asm/kvm_vcpu_regs.h>
#include <asm/svm.h>
#include <asm/vmx.h>

#include "exit_stats_carrier.h"

enum vmx_slot {
	VMX_OTHER,
#define EXITSTAT_EXIT(number, name, words) VMX_##number,
#include <exitstat/vmx_exits.h>
};

enum svm_slot {
	SVM_OTHER,
#define EXITSTAT_EXIT(number, name, words) SVM_##number,
#include <exitstat/svm_exits.h>
};

#define KVM_EXIT_STATS_ADDRESS		(BIT_ULL(52) - 1)

/* Accesses to memory, as an EPT violation tells them, and the bits of a nested page fault. */
#define KVM_EXIT_STATS_READ		BIT(0)
#define KVM_EXIT_STATS_WRITE		BIT(1)
#define KVM_EXIT_STATS_EXECUTE		BIT(2)
#define KVM_EXIT_STATS_ACCESS		\
	(KVM_EXIT_STATS_READ | KVM_EXIT_STATS_WRITE | KVM_EXIT_STATS_EXECUTE)
#define KVM_EXIT_STATS_NPF_WRITE	BIT(1)
#define KVM_EXIT_STATS_NPF_RESERVED	BIT(3)	/* how KVM marks MMIO */
#define KVM_EXIT_STATS_NPF_EXECUTE	BIT(4)

/* As in VM_EXIT_INTR_INFO */
#define KVM_EXIT_STATS_EVENT		0x7ffu	/* vector and type */
#define KVM_EXIT_STATS_EVENT_IS_VALID	BIT(31)

#define KVM_EXIT_STATS_HASH		0x9e3779b1u

/* Fibonacci hashing, by the low half of the key and by what tells the writes of an MSR. */
static __always_inline u32 kvm_exit_stats_product(u32 low, u32 write)
{
	return (low + 8 * write) * KVM_EXIT_STATS_HASH;
}

static __always_inline u32 kvm_exit_stats_product_of(u64 key)
{
	return kvm_exit_stats_product(key, key >> 32 & 1);
}

/*
 * Count the exit if the detail has its row where it is looked for first.  Everything
 * else is left to the functions below, which start over.
 */
static __always_inline bool kvm_exit_stats_count_at(struct kvm_exit_stats *s, u64 key, u32 product)
{
	unsigned long row = product / (U32_MAX / KVM_EXIT_STATS_DETAILS + 1);

	if (unlikely(*(s->details->keys + row) != key))
		return false;
	s->row = s->detail_row + (long)KVM_EXIT_STATS_ROW(row);
	kvm_exit_stats_add(s->counter + s->row + KVM_EXIT_STATS_COUNT, 1);
	return true;
}

static __always_inline bool kvm_exit_stats_count_known(struct kvm_exit_stats *s, u32 slot,
						       u64 detail)
{
	return kvm_exit_stats_count_at(s, detail | (u64)slot << KVM_EXIT_STATS_KEY_SLOT_SHIFT,
				       kvm_exit_stats_product_of(detail));
}

static __always_inline bool kvm_exit_stats_count_msr(struct kvm_exit_stats *s, u32 slot, u32 index,
						     u64 write)
{
	u32 product = kvm_exit_stats_product(index, write);

	/* Slot and direction in one go. */
	write += (u64)slot << (KVM_EXIT_STATS_KEY_SLOT_SHIFT - 32);
	return kvm_exit_stats_count_at(s, index | write << 32, product);
}

/* The port is in bits 31:16, the direction in bit 0. */
static __always_inline u64 kvm_exit_stats_svm_port(u32 info)
{
	return ror32(info, 16) & (EXITSTAT_DETAIL_IN | 0xffff);
}

/* The port is in bits 31:16, the direction in bit 3. */
static __always_inline u64 kvm_exit_stats_vmx_port(u32 qualification)
{
	return qualification >> 16 | (qualification << 13 & EXITSTAT_DETAIL_IN);
}

void __kvm_exit_stats_svm_detail(struct kvm_exit_stats *s, const struct vmcb_control_area *control,
				 const unsigned long *regs);
void __kvm_exit_stats_vmx_detail(struct kvm_exit_stats *s,
				 unsigned long (*vmread)(unsigned long field),
				 const unsigned long *regs);

static __always_inline bool kvm_exit_stats_count_mmio(struct kvm_exit_stats *s, u32 slot, u64 gpa)
{
	return kvm_exit_stats_count_known(s, slot,
					  EXITSTAT_DETAIL_MMIO | (gpa & KVM_EXIT_STATS_ADDRESS));
}

/* Larger values take the slow path. */
static __always_inline bool kvm_exit_stats_count_hypercall(struct kvm_exit_stats *s, u32 slot,
							   u64 rax)
{
	return rax == (u32)rax && kvm_exit_stats_count_known(s, slot, (u32)rax);
}

struct kvm_vcpu;
typedef bool (*kvm_exit_stats_is_memory)(struct kvm_vcpu *vcpu,
					 const struct kvm_exit_stats_details *details, u64 gpa);

static __always_inline bool
kvm_exit_stats_count_npf(struct kvm_exit_stats *s, const struct vmcb_control_area *control,
			 struct kvm_vcpu *vcpu, kvm_exit_stats_is_memory is_memory)
{
	u64 info = control->exit_info_1;

	if (info & KVM_EXIT_STATS_NPF_RESERVED)
		return kvm_exit_stats_count_mmio(s, SVM_0x400, control->exit_info_2);
	if (!is_memory(vcpu, s->details, control->exit_info_2))
		return false;
	/* Of each of these, the row is a constant. */
	if (info & KVM_EXIT_STATS_NPF_EXECUTE)
		return kvm_exit_stats_count_known(s, SVM_0x400, KVM_EXIT_STATS_EXECUTE);
	if (info & KVM_EXIT_STATS_NPF_WRITE)
		return kvm_exit_stats_count_known(s, SVM_0x400, KVM_EXIT_STATS_WRITE);
	return kvm_exit_stats_count_known(s, SVM_0x400, KVM_EXIT_STATS_READ);
}

/*
 * The frequent ones, of a vCPU that has details: return false if the detail is still to be
 * counted, by the function above.  @regs are the guest's, in the hardware's order.
 * @is_memory looks quickly at the memory slots of the carrier's @vcpu: false if it does not know.
 */
static __always_inline bool
kvm_exit_stats_svm_detail(struct kvm_exit_stats *s, const struct vmcb_control_area *control,
			  const unsigned long *regs, struct kvm_vcpu *vcpu,
			  kvm_exit_stats_is_memory is_memory)
{
	if (s->row == KVM_EXIT_STATS_ROW(SVM_0x07c))
		return kvm_exit_stats_count_msr(s, SVM_0x07c, regs[__VCPU_REGS_RCX],
						control->exit_info_1);
	if (s->row > KVM_EXIT_STATS_ROW(SVM_0x07c)) {
		if (s->row == KVM_EXIT_STATS_ROW(SVM_0x081))
			return kvm_exit_stats_count_hypercall(s, SVM_0x081,
							      regs[__VCPU_REGS_RAX]);
		if (s->row == KVM_EXIT_STATS_ROW(SVM_0x400))
			return kvm_exit_stats_count_npf(s, control, vcpu, is_memory);
		return true;
	}
	if (s->row == KVM_EXIT_STATS_ROW(SVM_0x07b))
		return kvm_exit_stats_count_known(s, SVM_0x07b,
				kvm_exit_stats_svm_port(control->exit_info_1));
	if (s->row == KVM_EXIT_STATS_ROW(SVM_0x072))
		return kvm_exit_stats_count_known(s, SVM_0x072, (u32)regs[__VCPU_REGS_RAX]);
	return true;
}

static __always_inline bool
kvm_exit_stats_count_interrupt(struct kvm_exit_stats *s,
			       unsigned long (*vmread)(unsigned long field))
{
	u32 info = vmread(VM_EXIT_INTR_INFO);

	return info & KVM_EXIT_STATS_EVENT_IS_VALID &&
	       kvm_exit_stats_count_known(s, VMX_1, info & KVM_EXIT_STATS_EVENT);
}

static __always_inline bool
kvm_exit_stats_count_violation(struct kvm_exit_stats *s,
			       unsigned long (*vmread)(unsigned long field),
			       struct kvm_vcpu *vcpu, kvm_exit_stats_is_memory is_memory)
{
	return is_memory(vcpu, s->details, vmread(GUEST_PHYSICAL_ADDRESS)) &&
	       kvm_exit_stats_count_known(s, VMX_48,
					  vmread(EXIT_QUALIFICATION) & KVM_EXIT_STATS_ACCESS);
}

/* The same on Intel: @vmread reads a field of the VMCS, which is loaded. */
static __always_inline bool
kvm_exit_stats_vmx_detail(struct kvm_exit_stats *s, unsigned long (*vmread)(unsigned long field),
			  const unsigned long *regs, struct kvm_vcpu *vcpu,
			  kvm_exit_stats_is_memory is_memory)
{
	if (s->row == KVM_EXIT_STATS_ROW(VMX_30))
		return kvm_exit_stats_count_known(s, VMX_30,
				kvm_exit_stats_vmx_port(vmread(EXIT_QUALIFICATION)));
	if (s->row > KVM_EXIT_STATS_ROW(VMX_30)) {
		if (s->row == KVM_EXIT_STATS_ROW(VMX_32))
			return kvm_exit_stats_count_msr(s, VMX_32, regs[__VCPU_REGS_RCX], 1);
		if (s->row == KVM_EXIT_STATS_ROW(VMX_31))
			return kvm_exit_stats_count_msr(s, VMX_31, regs[__VCPU_REGS_RCX], 0);
		if (s->row == KVM_EXIT_STATS_ROW(VMX_49))
			return kvm_exit_stats_count_mmio(s, VMX_49, vmread(GUEST_PHYSICAL_ADDRESS));
		if (s->row == KVM_EXIT_STATS_ROW(VMX_48))
			return kvm_exit_stats_count_violation(s, vmread, vcpu, is_memory);
		return s->row != KVM_EXIT_STATS_ROW(VMX_84) && s->row != KVM_EXIT_STATS_ROW(VMX_85);
	}
	if (s->row == KVM_EXIT_STATS_ROW(VMX_18))
		return kvm_exit_stats_count_hypercall(s, VMX_18, regs[__VCPU_REGS_RAX]);
	if (s->row == KVM_EXIT_STATS_ROW(VMX_10))
		return kvm_exit_stats_count_known(s, VMX_10, (u32)regs[__VCPU_REGS_RAX]);
	if (s->row == KVM_EXIT_STATS_ROW(VMX_1))
		return kvm_exit_stats_count_interrupt(s, vmread);
	return s->row != KVM_EXIT_STATS_ROW(VMX_0) && s->row != KVM_EXIT_STATS_ROW(VMX_28);
}

#endif /* __KVM_X86_EXIT_STATS_DETAILS_H */
