/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exitstat_attach.ko: count the exits of a stock KVM from its tracepoints, and
 * answer the guest.
 *
 * A vCPU is known by its preempt notifier: instead of KVM's callbacks, it has
 * ours, which are the first member of what is kept of it.  So a vCPU is found
 * with one load; its scheduling out and in is seen; and whoever gets the memory
 * of a vCPU that is gone is a stranger, since KVM sets the callbacks anew.
 */
#ifndef ATTACH_H
#define ATTACH_H

#include <linux/list.h>
#include <linux/preempt.h>

#include "compat.h"
#include "exit_stats_carrier.h"

/* A file of debugfs, made by the worker. */
struct attached_table {
	struct dentry *file;	/* with a reference, or NULL */
	bool tried;
};

struct attached_vm {
	struct kvm_exit_stats_vm stats;
	struct list_head node;		/* free */
	struct kvm *kvm;
	unsigned int nr_vcpus;		/* of which something is kept */
	struct attached_table table;
	struct dentry *kvms;		/* KVM's directory */
	struct dentry *dir;		/* the VM's in it: to compare, not to follow */
	char dir_name[32];
};

/* A CPUID of the block, from its exit to the next entry. */
struct attached_question {
	u64 rip;
	u64 next_rip;		/* 0: the hardware did not tell */
	u32 leaf;
	u32 input;
};

/* What an entry has to do besides closing an interval. */
#define ATTACHED_QUESTION	BIT(0)
#define ATTACHED_HISTOGRAMS	BIT(1)

struct attached_vcpu {
	struct preempt_ops ops;		/* the vCPU's */
	u8 special;			/* ATTACHED_... */
	bool in_guest;			/* SVM: no exit was seen since the last entry */
	bool dead;
	int id;				/* the vCPU's, for its directory */
	struct kvm_vcpu *vcpu;
	struct attached_question question;
	struct kvm_exit_stats stats;
	struct list_head node;		/* free, alive, or dead */
	struct attached_table table;
	/* The table from which the VMM's word was taken. */
	const struct kvm_cpuid_entry2 *heard;
	int heard_nent;
};

/* KVM's own callbacks, as soon as a vCPU was seen. */
extern struct preempt_ops *attached_kvm_ops;

void attached_sched_in(struct preempt_notifier *pn, int cpu);
void attached_sched_out(struct preempt_notifier *pn, struct task_struct *next);

static __always_inline bool attached_is_ours(const struct preempt_ops *ops)
{
	return likely(ops->sched_in == attached_sched_in);
}

/* What is kept of the vCPU whose callbacks these are, or NULL. */
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

/* attach_probes.c */
int attached_probes_register(void);
void attached_probes_unregister(void);

/* attach_vcpus.c */
int attached_vcpus_init(void);
void attached_vcpus_exit(void);
/* At an entry, with IRQs off: begin to count a vCPU.  NULL if that is not possible now. */
struct attached_vcpu *attached_first_sight(struct kvm_vcpu *vcpu);
/* Let the worker make and free what the probes must not. */
void attached_call_worker(void);
/* The next vCPU without a table, or NULL; the worker's. */
struct attached_vcpu *attached_next_without_table(void);
bool attached_is_dead(struct attached_vcpu *v);

/* attach_tables.c: the worker's; files go with the last reference, or by _remove(). */
void attached_tables_make(void);
void attached_table_remove(struct attached_table *table);
void attached_table_put(struct attached_table *table);

/* attach_answer.c */
/* May anybody ask on this vCPU?  Only then it is counted. */
bool attached_is_wanted(const struct kvm_vcpu *vcpu);
void attached_answer(struct attached_vcpu *v);

/* Does the kernel look as the headers say?  Unseen until an exit showed it. */
enum attached_layout {
	ATTACHED_LAYOUT_UNSEEN,
	ATTACHED_LAYOUT_HOLDS,
	ATTACHED_LAYOUT_DIFFERS,
};

extern enum attached_layout attached_layout;

#endif /* ATTACH_H */
