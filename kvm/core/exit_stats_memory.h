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
		details->memory.slots = slots;
		details->memory.generation = slots->generation;
		details->memory.base_gfn = slot->base_gfn;
		details->memory.npages = slot->npages;
	}
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
	return is_mmio;
}

/*
 * The slots say nothing of a nested guest's addresses.  A slot that is remembered holds
 * as long as the slots are the same.  Looking at that takes no lock where they are a part
 * of struct kvm, and are not freed before it.
 */
static inline bool kvm_exit_stats_vcpu_is_mmio(struct kvm_vcpu *vcpu,
					       struct kvm_exit_stats_details *details, u64 gpa,
					       bool is_write)
{
	gfn_t gfn = gpa >> PAGE_SHIFT;
#ifdef KVM_EXIT_STATS_SLOTS_STAY
	const struct kvm_memslots *slots;
#endif

	if (vcpu->arch.mmu == &vcpu->arch.guest_mmu)
		return false;

#ifdef KVM_EXIT_STATS_SLOTS_STAY
	slots = rcu_dereference_raw(vcpu->kvm->memslots[kvm_arch_vcpu_memslots_id(vcpu)]);
	if (slots == details->memory.slots &&
	    READ_ONCE(slots->generation) == details->memory.generation &&
	    gfn - details->memory.base_gfn < details->memory.npages)
		return false;
#endif
	return kvm_exit_stats_look_up_mmio(vcpu, details, gfn, is_write);
}

#endif /* __KVM_X86_EXIT_STATS_MEMORY_H */
