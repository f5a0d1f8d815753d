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
 * any access to the APIC's page.  Remember a slot of plain memory.
 */
static noinline bool kvm_exit_stats_look_up_mmio(struct kvm_vcpu *vcpu,
						 struct kvm_exit_stats_details *details, gfn_t gfn,
						 bool is_write)
{
	struct kvm_memslots *slots;
	struct kvm_memory_slot *slot;
	bool is_mmio;
	int idx;

	idx = srcu_read_lock(&vcpu->kvm->srcu);
	slots = kvm_vcpu_memslots(vcpu);
	slot = __gfn_to_memslot(slots, gfn);
	is_mmio = !slot || slot->id == APIC_ACCESS_PAGE_PRIVATE_MEMSLOT ||
		  (is_write && slot->flags & KVM_MEM_READONLY);
	if (!is_mmio && !(slot->flags & KVM_MEM_READONLY)) {
		details->memory.generation = slots->generation;
		details->memory.base_gfn = slot->base_gfn;
		details->memory.npages = slot->npages;
	}
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
	return is_mmio;
}

/*
 * The quick look: is @gpa known to be memory?  The slots say nothing of a nested guest's
 * addresses.  A slot that is remembered holds as long as the slots have the same generation,
 * which no two address spaces have.  Looking at that takes no lock where the slots are a part
 * of struct kvm, and are not freed before it.
 */
static __always_inline bool
kvm_exit_stats_is_known_memory(struct kvm_vcpu *vcpu, const struct kvm_exit_stats_details *details,
			       u64 gpa)
{
#ifdef KVM_EXIT_STATS_SLOTS_STAY
	int i = kvm_arch_vcpu_memslots_id(vcpu);
	const struct kvm_memslots *slots = rcu_dereference_raw(vcpu->kvm->memslots[i]);

	if (READ_ONCE(slots->generation) == details->memory.generation &&
	    (gpa >> PAGE_SHIFT) - details->memory.base_gfn < details->memory.npages)
		return true;
#endif
	return vcpu->arch.mmu == &vcpu->arch.guest_mmu;
}

static inline bool kvm_exit_stats_vcpu_is_mmio(struct kvm_vcpu *vcpu,
					       struct kvm_exit_stats_details *details, u64 gpa,
					       bool is_write)
{
	return !kvm_exit_stats_is_known_memory(vcpu, details, gpa) &&
	       kvm_exit_stats_look_up_mmio(vcpu, details, gpa >> PAGE_SHIFT, is_write);
}

#endif /* __KVM_X86_EXIT_STATS_MEMORY_H */
