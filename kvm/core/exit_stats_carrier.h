/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the accounting asks of its carrier: of whoever has the structs and drives
 * them.  Each carrier defines these once.
 */
#ifndef __KVM_X86_EXIT_STATS_CARRIER_H
#define __KVM_X86_EXIT_STATS_CARRIER_H

#include "exit_stats.h"

/* Of EXITSTAT_FEATURE_..., those that this carrier adds. */
extern const u32 kvm_exit_stats_carrier_features;

/* May a guest's question take a pause?  Not if it is answered with IRQs off. */
extern const bool kvm_exit_stats_may_resched;

/* The vCPUs of a VM are numbered from 0; one that is not counted (yet) is NULL. */
unsigned int kvm_exit_stats_nr_vcpus(const struct kvm_exit_stats_vm *vm);
struct kvm_exit_stats *kvm_exit_stats_get_vcpu(const struct kvm_exit_stats_vm *vm, unsigned int i);
unsigned int kvm_exit_stats_vcpu_index(const struct kvm_exit_stats *s);

/* Has a vCPU entered the guest, counted or not?  Asked between _vm_create() and _vm_destroy(). */
bool kvm_exit_stats_vm_has_run(const struct kvm_exit_stats_vm *vm);

/* Is the guest, in the CPUID that is being answered, at CPL 0?  Not if that cannot be known. */
bool kvm_exit_stats_guest_cpl0(struct kvm_exit_stats *s);

#endif /* __KVM_X86_EXIT_STATS_CARRIER_H */
