/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the accounting needs from its carrier, the code that owns the structs and
 * drives the transitions.  Each carrier defines these once.
 */
#ifndef __KVM_X86_EXIT_STATS_CARRIER_H
#define __KVM_X86_EXIT_STATS_CARRIER_H

#include "exit_stats.h"

/* The EXITSTAT_FEATURE_... bits that this carrier adds. */
extern const u32 kvm_exit_stats_carrier_features;

/* May a guest's query reschedule?  Not if it is answered with IRQs off. */
extern const bool kvm_exit_stats_may_resched;

/* A VM's vCPUs are numbered from 0; _get_vcpu() returns NULL for one that is not counted (yet). */
unsigned int kvm_exit_stats_nr_vcpus(const struct kvm_exit_stats_vm *vm);
struct kvm_exit_stats *kvm_exit_stats_get_vcpu(const struct kvm_exit_stats_vm *vm, unsigned int i);
unsigned int kvm_exit_stats_vcpu_index(const struct kvm_exit_stats *s);

/* Has a vCPU entered the guest, counted or not?  Called between _vm_create() and _vm_destroy(). */
bool kvm_exit_stats_vm_has_run(const struct kvm_exit_stats_vm *vm);

/* Was the CPUID that is being answered executed at CPL 0?  False if that is unknown. */
bool kvm_exit_stats_guest_cpl0(struct kvm_exit_stats *s);

/*
 * Details are wanted of some VM's exits from now on, or of none any more.  Each exit
 * of a vCPU with details is told with one of the functions of exit_stats_details.h,
 * after it was counted and before any other transition.
 */
void kvm_exit_stats_carrier_details(bool on);

/*
 * Is @gpa, whose access caused the vCPU's latest exit, not memory, so that the access
 * has to be emulated?
 */
bool kvm_exit_stats_is_mmio(struct kvm_exit_stats *s, u64 gpa, bool is_write);

/*
 * Samples.  _carrier_sample(): from now on call kvm_exit_stats_sample() after each exit of
 * this vCPU, or stop doing so.  The others are about its latest exit: queue an NMI for the
 * next entry; return RIP, EAX and the base of the IDT; did it leave a nested guest?
 */
void kvm_exit_stats_carrier_sample(struct kvm_exit_stats *s, bool on);
void kvm_exit_stats_queue_nmi(struct kvm_exit_stats *s);
u64 kvm_exit_stats_guest_rip(struct kvm_exit_stats *s);
u64 kvm_exit_stats_guest_idt(struct kvm_exit_stats *s);
u32 kvm_exit_stats_guest_eax(struct kvm_exit_stats *s);
bool kvm_exit_stats_in_nested_guest(struct kvm_exit_stats *s);

#endif /* __KVM_X86_EXIT_STATS_CARRIER_H */
