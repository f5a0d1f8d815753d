// SPDX-License-Identifier: GPL-2.0-only
/*
 * The accounting inside KVM: its structs are members of struct kvm and struct
 * kvm_vcpu.
 */
#include <linux/kvm_host.h>

#include "exit_stats_carrier.h"
#include "x86.h"

const u32 kvm_exit_stats_carrier_features;
const bool kvm_exit_stats_may_resched = true;

static struct kvm *kvm_of(const struct kvm_exit_stats_vm *vm)
{
	return container_of(vm, struct kvm, exit_stats);
}

static struct kvm_vcpu *vcpu_of(const struct kvm_exit_stats *s)
{
	return container_of(s, struct kvm_vcpu, exit_stats);
}

unsigned int kvm_exit_stats_nr_vcpus(const struct kvm_exit_stats_vm *vm)
{
	return atomic_read(&kvm_of(vm)->online_vcpus);
}

struct kvm_exit_stats *kvm_exit_stats_get_vcpu(const struct kvm_exit_stats_vm *vm, unsigned int i)
{
	struct kvm_vcpu *vcpu = kvm_get_vcpu(kvm_of(vm), i);

	return vcpu ? &vcpu->exit_stats : NULL;
}

unsigned int kvm_exit_stats_vcpu_index(const struct kvm_exit_stats *s)
{
	return vcpu_of(s)->vcpu_idx;
}

bool kvm_exit_stats_vm_has_run(const struct kvm_exit_stats_vm *vm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm_of(vm)) {
		if (READ_ONCE(vcpu->arch.last_vmentry_cpu) != -1)
			return true;
	}
	return false;
}

/* The CPL of a guest with protected state is not known. */
bool kvm_exit_stats_guest_cpl0(struct kvm_exit_stats *s)
{
	struct kvm_vcpu *vcpu = vcpu_of(s);

	return !vcpu->arch.guest_state_protected && !static_call(kvm_x86_get_cpl)(vcpu);
}
