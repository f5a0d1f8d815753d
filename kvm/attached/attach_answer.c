// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answer queries, and provide what the accounting needs from its carrier.
 *
 * By the next entry, KVM has emulated the CPUID in its own way; the answer
 * replaces what it put into the registers.  A CPUID that never gets there keeps
 * KVM's complete answer.
 */
#include <linux/module.h>
#include <linux/uaccess.h>

#include "attach_svm.h"
#include "attach_vmx.h"
#include "exit_stats_memory.h"

#define MAX_INSTRUCTION_BYTES	15
#define CPUID_BYTES		2

const u32 kvm_exit_stats_carrier_features = EXITSTAT_FEATURE_APPROXIMATE;
const bool kvm_exit_stats_may_resched;

static struct kvm_vcpu *vcpu_of(const struct kvm_exit_stats *s)
{
	return container_of(s, struct attached_vcpu, stats)->vcpu;
}

static u64 attached_rip(const struct kvm_vcpu *vcpu)
{
	return boot_cpu_has(X86_FEATURE_SVM) ? attached_svm_rip(vcpu) : attached_vmx_rip(vcpu);
}

static struct kvm *kvm_of(const struct kvm_exit_stats_vm *vm)
{
	return attached_vm_of(vm)->kvm;
}

unsigned int kvm_exit_stats_nr_vcpus(const struct kvm_exit_stats_vm *vm)
{
	return atomic_read(&kvm_of(vm)->online_vcpus);
}

struct kvm_exit_stats *kvm_exit_stats_get_vcpu(const struct kvm_exit_stats_vm *vm, unsigned int i)
{
	struct kvm_vcpu *vcpu = kvm_get_vcpu(kvm_of(vm), i);
	struct attached_vcpu *v = vcpu ? attached_of(vcpu) : NULL;

	return v ? &v->stats : NULL;
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
		if (attached_has_run(vcpu))
			return true;
	}
	return false;
}

bool kvm_exit_stats_guest_cpl0(struct kvm_exit_stats *s)
{
	const struct kvm_vcpu *vcpu = vcpu_of(s);

	return boot_cpu_has(X86_FEATURE_SVM) ? attached_svm_cpl0(vcpu) : attached_vmx_cpl0(vcpu);
}

/* The probes see to it, by what each vCPU is. */
void kvm_exit_stats_carrier_details(bool on)
{
}

bool kvm_exit_stats_is_mmio(struct kvm_exit_stats *s, u64 gpa, bool is_write)
{
	return kvm_exit_stats_vcpu_is_mmio(vcpu_of(s), s->details, gpa, is_write);
}

void kvm_exit_stats_carrier_sample(struct kvm_exit_stats *s, bool on)
{
	struct attached_vcpu *v = container_of(s, struct attached_vcpu, stats);

	if (on)
		v->ops.sched_in = attached_samples_sched_in;
	else
		v->ops.sched_in = s->details ? attached_details_sched_in : attached_sched_in;
}

void kvm_exit_stats_queue_nmi(struct kvm_exit_stats *s)
{
	struct kvm_vcpu *vcpu = vcpu_of(s);

	atomic_inc(&vcpu->arch.nmi_queued);
	kvm_make_request(KVM_REQ_NMI, vcpu);
}

u64 kvm_exit_stats_guest_rip(struct kvm_exit_stats *s)
{
	return attached_rip(vcpu_of(s));
}

u64 kvm_exit_stats_guest_idt(struct kvm_exit_stats *s)
{
	return boot_cpu_has(X86_FEATURE_SVM) ? attached_svm_idt(vcpu_of(s)) : attached_vmx_idt();
}

u32 kvm_exit_stats_guest_eax(struct kvm_exit_stats *s)
{
	return vcpu_of(s)->arch.regs[VCPU_REGS_RAX];
}

bool kvm_exit_stats_in_nested_guest(struct kvm_exit_stats *s)
{
	return attached_in_nested_guest(vcpu_of(s));
}

static const struct kvm_cpuid_entry2 *find_entry(const struct kvm_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *entries = vcpu->arch.cpuid_entries;
	int i, nent = vcpu->arch.cpuid_nent;

	for (i = 0; i < nent; i++) {
		if (entries[i].function == EXITSTAT_SIGNATURE)
			return &entries[i];
	}
	return NULL;
}

/* Before the layout is known to hold, do not look for what the VMM said. */
bool attached_is_wanted(const struct kvm_vcpu *vcpu)
{
	return kvm_exit_stats_is_wanted(NULL) ||
	       (READ_ONCE(attached_layout) == ATTACHED_LAYOUT_HOLDS &&
		kvm_exit_stats_is_wanted(find_entry(vcpu)));
}

/* KVM only ever replaces the whole array, and not even that once the vCPU has run. */
static void update_vmm_choice(struct attached_vcpu *v)
{
	const struct kvm_vcpu *vcpu = v->vcpu;

	if (v->vmm_entries == vcpu->arch.cpuid_entries && v->vmm_nent == vcpu->arch.cpuid_nent)
		return;
	v->vmm_entries = vcpu->arch.cpuid_entries;
	v->vmm_nent = vcpu->arch.cpuid_nent;
	kvm_exit_stats_set_vmm_choice(&v->stats, find_entry(vcpu));
}

/*
 * Has the CPUID completed?  Not if it faulted, or if the vCPU was reset or its RIP
 * is somewhere else altogether.  A 32-bit RIP wraps.
 */
static bool is_executed(const struct attached_query *q, u64 rip)
{
	u64 bytes = rip - q->rip;

	if (!(q->rip >> 32))
		bytes = (u32)bytes;
	if (q->next_rip)
		return bytes == q->next_rip - q->rip;
	return bytes >= CPUID_BYTES && bytes <= MAX_INSTRUCTION_BYTES;
}

/* On the vCPU's own thread, with the vCPU loaded. */
void attached_answer(struct attached_vcpu *v)
{
	struct kvm_vcpu *vcpu = v->vcpu;
	unsigned long *regs = vcpu->arch.regs;
	u32 eax = v->query.leaf, ebx, ecx = v->query.input, edx;

	v->special &= ~ATTACHED_QUERY;
	if (!is_executed(&v->query, attached_rip(vcpu)))
		return;

	update_vmm_choice(v);
	if (!kvm_exit_stats_answer(&v->stats, &eax, &ebx, &ecx, &edx))
		return;
	regs[VCPU_REGS_RAX] = eax;
	regs[VCPU_REGS_RBX] = ebx;
	regs[VCPU_REGS_RCX] = ecx;
	regs[VCPU_REGS_RDX] = edx;
}
