/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For carriers: what KVM's memory slots say of an address.
 */
#ifndef __KVM_X86_EXIT_STATS_MEMORY_H
#define __KVM_X86_EXIT_STATS_MEMORY_H

#include <linux/kvm_host.h>
#include <linux/srcu.h>

/*
 * KVM emulates an access to what no slot has, a write to a slot that is read-only, and
 * any access to the APIC's page.  The slots say nothing of a nested guest's addresses.
 */
static inline bool kvm_exit_stats_vcpu_is_mmio(struct kvm_vcpu *vcpu, u64 gpa, bool is_write)
{
	struct kvm_memory_slot *slot;
	bool is_mmio;
	int idx;

	if (vcpu->arch.mmu == &vcpu->arch.guest_mmu)
		return false;

	idx = srcu_read_lock(&vcpu->kvm->srcu);
	slot = __gfn_to_memslot(kvm_vcpu_memslots(vcpu), gpa >> PAGE_SHIFT);
	is_mmio = !slot || slot->id == APIC_ACCESS_PAGE_PRIVATE_MEMSLOT ||
		  (is_write && slot->flags & KVM_MEM_READONLY);
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
	return is_mmio;
}

#endif /* __KVM_X86_EXIT_STATS_MEMORY_H */
