/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exitstat_attach.ko: count the exits of a stock KVM at its tracepoints, and
 * answer the guest.
 *
 * A counted vCPU's preempt notifier points to our callbacks instead of KVM's.
 * They are the first member of struct attached_vcpu, so one load finds the
 * struct, and the callbacks see the vCPU scheduled out and in.  A new vCPU in
 * the memory of a destroyed one is not mistaken for it, because KVM sets its own
 * callbacks again.
 */
#ifndef ATTACH_H
#define ATTACH_H

#include <linux/list.h>
#include <linux/llist.h>
#include <linux/preempt.h>

#include "compat.h"
#include "exit_stats_carrier.h"

/* Debugfs files, created by the worker.  Each holds a reference, or is NULL. */
struct attached_table {
	struct dentry *file;
	struct dentry *details;
	bool tried;
};

struct attached_vm {
	struct kvm_exit_stats_vm stats;
	struct list_head node;		/* in ready_vms */
	struct kvm *kvm;
	unsigned int nr_vcpus;		/* struct attached_vcpu that refer to this */
	struct attached_table table;
	struct dentry *kvm_dir;		/* KVM's directory in debugfs */
	struct dentry *dir;		/* the VM's in it: compare only, never dereference */
	char dir_name[32];
};

/* A CPUID of our block, from its exit to the next entry. */
struct attached_query {
	u64 rip;
	u64 next_rip;		/* 0 if the hardware does not provide it */
	u32 leaf;
	u32 input;
};

/* What an entry has to do besides closing the interval. */
#define ATTACHED_QUERY	BIT(0)
#define ATTACHED_HISTOGRAMS	BIT(1)

/* Why an exit on SVM is not simply counted at KVM's stamp. */
#define ATTACHED_COUNTED	BIT(0)	/* it has been, before kvm_exit */
#define ATTACHED_SCALED		BIT(1)	/* the stamp is of a scaled TSC */

struct attached_vcpu {
	struct preempt_ops ops;		/* the vCPU's callbacks */
	u8 special;			/* at an entry: ATTACHED_QUERY, ... */
	u8 special_exit;		/* ATTACHED_COUNTED, ... */
	bool in_guest;			/* SVM: no exit seen since the last entry */
	bool dead;			/* KVM has its callbacks again, or is about to */
	int id;				/* vcpu_id, for the name of its directory */
	struct kvm_vcpu *vcpu;
	struct attached_query query;
	struct kvm_exit_stats stats;
	struct list_head node;		/* in ready_vcpus or counted */
	struct llist_node dead_node;
	struct attached_table table;
	/* The CPUID entries from which the VMM's choice was taken. */
	const struct kvm_cpuid_entry2 *vmm_entries;
	int vmm_nent;
};

/* KVM's own callbacks; NULL until the first vCPU is seen. */
extern struct preempt_ops *attached_kvm_ops;

void attached_sched_in(struct preempt_notifier *pn, int cpu);
void attached_sched_out(struct preempt_notifier *pn, struct task_struct *next);

/*
 * The same, of a vCPU with details, and of one that is armed for samples: so an exit finds
 * out at no price that a vCPU is neither.
 */
void attached_details_sched_in(struct preempt_notifier *pn, int cpu);
void attached_samples_sched_in(struct preempt_notifier *pn, int cpu);

static __always_inline bool attached_is_ours(const struct preempt_ops *ops)
{
	return likely(ops->sched_out == attached_sched_out);
}

static __always_inline bool attached_is_plain(const struct preempt_ops *ops)
{
	return likely(ops->sched_in == attached_sched_in);
}

static __always_inline bool attached_has_details(const struct preempt_ops *ops)
{
	return likely(ops->sched_in == attached_details_sched_in);
}

/* The counted vCPU with these callbacks, or NULL. */
static __always_inline struct attached_vcpu *attached_of_ops(struct preempt_ops *ops)
{
	return attached_is_ours(ops) ? container_of(ops, struct attached_vcpu, ops) : NULL;
}

static __always_inline struct attached_vcpu *attached_of(const struct kvm_vcpu *vcpu)
{
	return attached_of_ops(READ_ONCE(vcpu->preempt_notifier.ops));
}

static inline struct attached_vm *attached_vm_of(const struct kvm_exit_stats_vm *stats)
{
	return container_of(stats, struct attached_vm, stats);
}

static inline bool attached_in_nested_guest(const struct kvm_vcpu *vcpu)
{
	return vcpu->arch.hflags & HF_GUEST_MASK;
}

/* Not last_vmentry_cpu: 5.10 does not set it before the first entry. */
static inline bool attached_has_run(const struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->stat.exits);
}

/* attach_probes.c */
void attached_look_at_scaling(struct attached_vcpu *v);
int attached_probes_register(void);
void attached_probes_unregister(void);

/* attach_vcpus.c */
int attached_vcpus_init(void);
void attached_vcpus_exit(void);
/* At an entry, with IRQs off: begin to count a vCPU, or return NULL if that is not possible now. */
struct attached_vcpu *attached_first_sight(struct kvm_vcpu *vcpu);
/* Let the worker allocate and free what the probes cannot. */
void attached_call_worker(void);
/* For the worker: the next vCPU without a table, or NULL. */
struct attached_vcpu *attached_next_without_table(void);
bool attached_is_dead(struct attached_vcpu *v);

/* attach_tables.c, for the worker */
void attached_tables_make(void);
void attached_table_remove(struct attached_table *table);
void attached_table_put(struct attached_table *table);

/* attach_answer.c */
/* May the guest ask on this vCPU?  Only then is it counted. */
bool attached_is_wanted(const struct kvm_vcpu *vcpu);
void attached_answer(struct attached_vcpu *v);

/* Does KVM match the headers this module was built with?  The first exit shows it. */
enum attached_layout {
	ATTACHED_LAYOUT_UNSEEN,
	ATTACHED_LAYOUT_HOLDS,
	ATTACHED_LAYOUT_DIFFERS,
};

extern enum attached_layout attached_layout;

#endif /* ATTACH_H */
