/* SPDX-License-Identifier: MIT */
/* What the tests of kvm/core share: the carrier of core.c, and what KVM calls. */
#ifndef UNIT_CORE_H
#define UNIT_CORE_H

#include "../../kvm/core/exit_stats_details.h"
#include "../../kvm/core/exit_stats_read.h"

#define CPUID	0x72
#define HLT	0x78
#define IO	0x7b
#define VCPUS	200

struct vm {
	struct kvm_exit_stats_vm vm;
	struct kvm_exit_stats vcpu[VCPUS];
	unsigned int nr;
	bool has_run;
};

struct unit_case {
	bool (*holds)(void);
	const char *sentence;
};

extern const struct kernel_param_ops *core_param_guest_exit_stats;
extern bool *core_param_exit_stats_histograms;
extern bool *core_param_exit_stats_details;
extern bool *core_param_exit_stats_samples;
extern u64 now;

/* core_details.c */
extern const struct unit_case details_cases[];
extern const size_t nr_details_cases;

/* core_samples.c */
extern const struct unit_case samples_cases[];
extern const size_t nr_samples_cases;

/* A VM that lives until the next one comes. */
struct vm *new_vm(unsigned int nr);

/* What KVM calls, each after some cycles */
void enter(struct kvm_exit_stats *s, u64 cycles);
void leave(struct kvm_exit_stats *s, u64 cycles, u32 number);
void run_begin(struct kvm_exit_stats *s, u64 cycles);
void run_end(struct kvm_exit_stats *s, u64 cycles, int ret);
void out(struct kvm_exit_stats *s, u64 cycles);
void in(struct kvm_exit_stats *s, u64 cycles);

/* What is read */
u64 of(const struct kvm_exit_stats *s, u32 number, enum kvm_exit_stats_counter counter);
u64 processing(const struct kvm_exit_stats *s);
u64 buckets(const struct kvm_exit_stats *s);
bool totals_are_sums(const struct kvm_exit_stats *s);

#endif /* UNIT_CORE_H */
