// SPDX-License-Identifier: GPL-2.0-only
/*
 * The accounting inside KVM: its structs are members of struct kvm and struct
 * kvm_vcpu.
 */
#include <linux/kvm_host.h>
#include <linux/static_call.h>

#include "exit_stats_details.h"
#define KVM_EXIT_STATS_SLOTS_STAY
#include "exit_stats_memory.h"
#include "svm/svm.h"
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

bool kvm_exit_stats_is_mmio(struct kvm_exit_stats *s, u64 gpa, bool is_write)
{
	return kvm_exit_stats_vcpu_is_mmio(vcpu_of(s), s->details, gpa, is_write);
}

static unsigned long vmcs(unsigned long field)
{
	unsigned long value = 0;

	asm volatile("vmread %1, %0" : "+r" (value) : "r" (field) : "cc");
	return value;
}

/*
 * Details are counted in the first call to the vendor's module that follows every exit,
 * with IRQs off.  While a VM has details, these functions are called in its place: so
 * without details there is nothing, not even a branch.
 */
DEFINE_STATIC_CALL_NULL(kvm_exit_stats_vendor, *(((struct kvm_x86_ops *)0)->handle_exit_irqoff));

static __always_inline bool svm_detail(struct kvm_vcpu *vcpu)
{
	return !vcpu->exit_stats.details ||
	       kvm_exit_stats_svm_detail(&vcpu->exit_stats, &to_svm(vcpu)->vmcb->control,
					 vcpu->arch.regs, vcpu, kvm_exit_stats_is_known_memory);
}

static __always_inline bool vmx_detail(struct kvm_vcpu *vcpu)
{
	return !vcpu->exit_stats.details ||
	       kvm_exit_stats_vmx_detail(&vcpu->exit_stats, vmcs, vcpu->arch.regs, vcpu,
					 kvm_exit_stats_is_known_memory);
}

static void svm_detail_slow(struct kvm_vcpu *vcpu)
{
	__kvm_exit_stats_svm_detail(&vcpu->exit_stats, &to_svm(vcpu)->vmcb->control,
				    vcpu->arch.regs);
}

static void vmx_detail_slow(struct kvm_vcpu *vcpu)
{
	__kvm_exit_stats_vmx_detail(&vcpu->exit_stats, vmcs, vcpu->arch.regs);
}

static noinline void svm_irqoff_slow(struct kvm_vcpu *vcpu)
{
	svm_detail_slow(vcpu);
	static_call(kvm_exit_stats_vendor)(vcpu);
}

static noinline void vmx_irqoff_slow(struct kvm_vcpu *vcpu)
{
	vmx_detail_slow(vcpu);
	static_call(kvm_exit_stats_vendor)(vcpu);
}

static void notrace svm_irqoff(struct kvm_vcpu *vcpu)
{
	if (likely(svm_detail(vcpu)))
		static_call(kvm_exit_stats_vendor)(vcpu);
	else
		svm_irqoff_slow(vcpu);
}

static void notrace vmx_irqoff(struct kvm_vcpu *vcpu)
{
	if (likely(vmx_detail(vcpu)))
		static_call(kvm_exit_stats_vendor)(vcpu);
	else
		vmx_irqoff_slow(vcpu);
}

void kvm_exit_stats_carrier_details(bool on)
{
	if (!on) {
		static_call_update(kvm_x86_handle_exit_irqoff, kvm_x86_ops.handle_exit_irqoff);
		return;
	}
	static_call_update(kvm_exit_stats_vendor, kvm_x86_ops.handle_exit_irqoff);
	if (boot_cpu_has(X86_FEATURE_SVM))
		static_call_update(kvm_x86_handle_exit_irqoff, svm_irqoff);
	else
		static_call_update(kvm_x86_handle_exit_irqoff, vmx_irqoff);
}

void __kvm_exit_stats_reenter(struct kvm_exit_stats *s)
{
	struct kvm_vcpu *vcpu = vcpu_of(s);

	if (boot_cpu_has(X86_FEATURE_SVM)) {
		if (!svm_detail(vcpu))
			svm_detail_slow(vcpu);
	} else if (!vmx_detail(vcpu)) {
		vmx_detail_slow(vcpu);
	}
}

/*
 * Samples: KVM looks at apic_attention after each exit that leads back to it, whatever its
 * bits are, and clears them when the vCPU is reset.  0 and 1 are KVM's.
 */
#define ATTENTION_SAMPLES	8

void kvm_exit_stats_carrier_sample(struct kvm_exit_stats *s, bool on)
{
	if (on)
		__set_bit(ATTENTION_SAMPLES, &vcpu_of(s)->arch.apic_attention);
	else
		__clear_bit(ATTENTION_SAMPLES, &vcpu_of(s)->arch.apic_attention);
}

void kvm_exit_stats_queue_nmi(struct kvm_exit_stats *s)
{
	kvm_inject_nmi(vcpu_of(s));
}

u64 kvm_exit_stats_guest_rip(struct kvm_exit_stats *s)
{
	return kvm_rip_read(vcpu_of(s));
}

u64 kvm_exit_stats_guest_idt(struct kvm_exit_stats *s)
{
	struct desc_ptr idt;

	static_call(kvm_x86_get_idt)(vcpu_of(s), &idt);
	return idt.address;
}

u32 kvm_exit_stats_guest_eax(struct kvm_exit_stats *s)
{
	return kvm_rax_read(vcpu_of(s));
}

bool kvm_exit_stats_in_nested_guest(struct kvm_exit_stats *s)
{
	return is_guest_mode(vcpu_of(s));
}
