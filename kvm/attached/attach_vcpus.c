// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counted vCPUs, from the first entry that is seen until the vCPU is destroyed
 * or this module is unloaded.
 *
 * A vCPU is first seen in atomic context, so the memory for it is allocated in
 * advance and freed later, both by the worker.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/irq_work.h>
#include <linux/kprobes.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "attach.h"

/* How many VMs, vCPUs, histograms and tables of details to keep ready, each. */
#define READY		32u
#define READY_LOW	24u

struct preempt_ops *attached_kvm_ops;

/* Protects the following variables and the members of the lists.  Not to be taken in a kprobe. */
static DEFINE_RAW_SPINLOCK(lock);
static LIST_HEAD(ready_vms);
static LIST_HEAD(ready_vcpus);
static unsigned int nr_ready_vms, nr_ready_vcpus, nr_ready_hists, nr_ready_details;
static u64 *ready_hists[READY];
static struct kvm_exit_stats_details *ready_details[READY];
static LIST_HEAD(counted);	/* those in the next list, too */
static bool ending;

static LLIST_HEAD(dead);

static unsigned int uncounted;
module_param(uncounted, uint, 0444);
MODULE_PARM_DESC(uncounted, "entries of vCPUs that were not counted for lack of memory");

static void work(struct work_struct *unused);
static DECLARE_WORK(worker, work);

void attached_call_worker(void)
{
	if (!READ_ONCE(ending))
		queue_work(system_unbound_wq, &worker);
}

static void call_worker_from_irq(struct irq_work *unused)
{
	attached_call_worker();
}

static DEFINE_IRQ_WORK(worker_call, call_worker_from_irq);

/*
 * Ready
 */

static void add_vm(void)
{
	struct attached_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL);

	if (!vm)
		return;
	kvm_exit_stats_vm_init(&vm->stats, false);
	raw_spin_lock_irq(&lock);
	list_add(&vm->node, &ready_vms);
	nr_ready_vms++;
	raw_spin_unlock_irq(&lock);
}

static void add_vcpu(void)
{
	struct attached_vcpu *v = kvzalloc(sizeof(*v), GFP_KERNEL);

	if (!v)
		return;
	v->ops.sched_in = attached_sched_in;
	v->ops.sched_out = attached_sched_out;
	raw_spin_lock_irq(&lock);
	list_add(&v->node, &ready_vcpus);
	nr_ready_vcpus++;
	raw_spin_unlock_irq(&lock);
}

static void add_hist(void)
{
	u64 *hist = kvm_exit_stats_hist_alloc(GFP_KERNEL);

	if (!hist)
		return;
	raw_spin_lock_irq(&lock);
	ready_hists[nr_ready_hists++] = hist;
	raw_spin_unlock_irq(&lock);
}

static void add_details(void)
{
	struct kvm_exit_stats_details *details = kvm_exit_stats_details_alloc(GFP_KERNEL);

	if (!details)
		return;
	raw_spin_lock_irq(&lock);
	ready_details[nr_ready_details++] = details;
	raw_spin_unlock_irq(&lock);
}

/* Only the worker adds, so meanwhile the numbers can only fall.  It retries what failed later. */
static void make_ready(void)
{
	unsigned int n;

	for (n = READ_ONCE(nr_ready_vms); n < READY; n++)
		add_vm();
	for (n = READ_ONCE(nr_ready_vcpus); n < READY; n++)
		add_vcpu();
	for (n = READ_ONCE(nr_ready_hists); n < READY; n++)
		add_hist();
	for (n = READ_ONCE(nr_ready_details); n < READY; n++)
		add_details();
}

static bool is_ready(void)
{
	return nr_ready_vms && nr_ready_vcpus && nr_ready_hists && nr_ready_details;
}

static bool runs_low(void)
{
	return nr_ready_vms < READY_LOW || nr_ready_vcpus < READY_LOW ||
	       nr_ready_hists < READY_LOW || nr_ready_details < READY_LOW;
}

static struct attached_vm *take_vm(void)
{
	struct attached_vm *vm = list_first_entry(&ready_vms, struct attached_vm, node);

	list_del(&vm->node);
	nr_ready_vms--;
	return vm;
}

static struct attached_vcpu *take_vcpu(void)
{
	struct attached_vcpu *v = list_first_entry(&ready_vcpus, struct attached_vcpu, node);

	list_del(&v->node);
	nr_ready_vcpus--;
	return v;
}

/*
 * Counted
 */

static struct attached_vm *find_vm(struct kvm *kvm)
{
	struct attached_vcpu *v;
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		v = attached_of(vcpu);
		if (v)
			return attached_vm_of(v->stats.vm);
	}
	return NULL;
}

static struct attached_vm *begin_vm(struct kvm *kvm)
{
	struct attached_vm *vm = take_vm();

	vm->kvm = kvm;
	kvm_exit_stats_vm_begin(&vm->stats, kvm_exit_stats_vm_has_run(&vm->stats));
	if (!IS_ERR_OR_NULL(kvm->debugfs_dentry)) {
		vm->dir = kvm->debugfs_dentry;
		vm->kvm_dir = vm->dir->d_parent;
		strscpy(vm->dir_name, vm->dir->d_name.name, sizeof(vm->dir_name));
	}
	return vm;
}

static struct attached_vcpu *begin_vcpu(struct kvm_vcpu *vcpu)
{
	struct attached_vm *vm = find_vm(vcpu->kvm) ?: begin_vm(vcpu->kvm);
	struct attached_vcpu *v = take_vcpu();
	struct kvm_exit_stats_details *details = NULL;
	u64 *hist = NULL;

	/* Some of its exits were not counted. */
	if (attached_has_run(vcpu))
		vm->stats.late = true;
	if (vm->stats.histograms) {
		hist = ready_hists[--nr_ready_hists];
		v->special |= ATTACHED_HISTOGRAMS;
	}
	if (vm->stats.details) {
		details = ready_details[--nr_ready_details];
		v->ops.sched_in = attached_details_sched_in;
	}
	v->vcpu = vcpu;
	v->id = vcpu->vcpu_id;
	attached_look_at_scaling(v);
	vm->nr_vcpus++;
	kvm_exit_stats_vcpu_begin(&v->stats, &vm->stats, hist, details);
	list_add(&v->node, &counted);
	/* Pairs with the address dependency of attached_of(): @v is complete when it is found. */
	smp_store_release(&vcpu->preempt_notifier.ops, &v->ops);
	return v;
}

/*
 * On the vCPU's own thread, so its notifier must be among the thread's.  Callbacks
 * that differ from all other vCPUs' are not KVM's.
 */
static bool has_kvm_ops(const struct kvm_vcpu *vcpu)
{
	struct preempt_notifier *pn;

	hlist_for_each_entry(pn, &current->preempt_notifiers, link) {
		if (pn != &vcpu->preempt_notifier)
			continue;
		if (!attached_kvm_ops)
			WRITE_ONCE(attached_kvm_ops, pn->ops);
		return attached_kvm_ops == pn->ops;
	}
	return false;
}

struct attached_vcpu *attached_first_sight(struct kvm_vcpu *vcpu)
{
	struct attached_vcpu *v = NULL;
	unsigned long flags;
	bool low;

	if (READ_ONCE(attached_layout) == ATTACHED_LAYOUT_DIFFERS ||
	    compat_is_trust_domain(vcpu->kvm) || !attached_is_wanted(vcpu))
		return NULL;

	raw_spin_lock_irqsave(&lock, flags);
	low = runs_low();
	if (!is_ready())
		uncounted++;
	else if (has_kvm_ops(vcpu))
		v = begin_vcpu(vcpu);
	raw_spin_unlock_irqrestore(&lock, flags);

	if (v || low)
		attached_call_worker();	/* a new vCPU also needs a table */
	return v;
}

struct attached_vcpu *attached_next_without_table(void)
{
	struct attached_vcpu *v, *found = NULL;

	raw_spin_lock_irq(&lock);
	list_for_each_entry(v, &counted, node) {
		if (!v->table.tried) {
			v->table.tried = true;
			found = v;
			break;
		}
	}
	raw_spin_unlock_irq(&lock);
	return found;
}

bool attached_is_dead(struct attached_vcpu *v)
{
	return READ_ONCE(v->dead);
}

/*
 * Dead
 */

/*
 * Restore KVM's callbacks, unless that is done already, or the vCPU was freed
 * unnoticed: then its memory must not be touched.
 */
static bool detach(struct attached_vcpu *v)
{
	struct preempt_ops **ops = &v->vcpu->preempt_notifier.ops;
	struct preempt_ops *is;

	if (xchg(&v->dead, true))
		return false;
	if (!copy_from_kernel_nofault(&is, ops, sizeof(is)) && is == &v->ops)
		WRITE_ONCE(*ops, attached_kvm_ops);
	return true;
}

/*
 * KVM is about to free the vCPU.  It no longer runs, and its table has no readers
 * any more, because KVM has removed it.
 *
 * Without ftrace the probe is an INT3, as good as an NMI: take no lock and queue no
 * work.  If detach_all() was faster, it is a few instructions with IRQs off from
 * having restored the callbacks: the vCPU must not be freed before.
 */
static int before_destroy(struct kprobe *kp, struct pt_regs *regs)
{
	struct kvm_vcpu *vcpu = (struct kvm_vcpu *)regs_get_kernel_argument(regs, 0);
	struct attached_vcpu *v = attached_of(vcpu);

	if (!v)
		return 0;
	if (detach(v)) {
		llist_add(&v->dead_node, &dead);
		irq_work_queue(&worker_call);
	} else {
		while (attached_of(vcpu))
			cpu_relax();
	}
	return 0;
}

static struct kprobe destroy_probe = {
	.symbol_name = "kvm_arch_vcpu_destroy",
	.pre_handler = before_destroy,
};

/* In the vCPU's thread, or before it has one. */
static int before_reset(struct kprobe *kp, struct pt_regs *regs)
{
	struct attached_vcpu *v = attached_of((struct kvm_vcpu *)regs_get_kernel_argument(regs, 0));

	if (v)
		kvm_exit_stats_disarm(&v->stats);
	return 0;
}

static struct kprobe reset_probe = {
	.symbol_name = "kvm_vcpu_reset",
	.pre_handler = before_reset,
};

static struct kprobe *kprobes[] = { &destroy_probe, &reset_probe };

static void put_vm(struct attached_vm *vm)
{
	if (--vm->nr_vcpus)
		return;
	attached_table_put(&vm->table);
	kfree(vm);
}

static void free_vcpu(struct attached_vcpu *v)
{
	if (v->stats.vm)
		put_vm(attached_vm_of(v->stats.vm));
	attached_table_put(&v->table);
	kvm_exit_stats_vcpu_destroy(&v->stats);
	kvfree(v);
}

static void free_list(struct list_head *list)
{
	struct attached_vcpu *v, *next;

	list_for_each_entry_safe(v, next, list, node)
		free_vcpu(v);
}

static void free_dead(void)
{
	struct llist_node *first = llist_del_all(&dead);
	struct attached_vcpu *v;
	LIST_HEAD(list);

	if (!first)
		return;
	raw_spin_lock_irq(&lock);
	llist_for_each_entry(v, first, dead_node)
		list_move(&v->node, &list);
	raw_spin_unlock_irq(&lock);
	synchronize_rcu();
	free_list(&list);
}

static void work(struct work_struct *unused)
{
	if (READ_ONCE(ending))
		return;
	if (READ_ONCE(uncounted))
		pr_warn_once("exits of a vCPU were not counted for lack of memory\n");
	free_dead();
	make_ready();
	attached_tables_make();
}

/*
 * Loading and unloading
 */

static void free_ready(void)
{
	struct attached_vm *vm, *next;

	list_for_each_entry_safe(vm, next, &ready_vms, node)
		kfree(vm);
	free_list(&ready_vcpus);
	while (nr_ready_hists)
		kvfree(ready_hists[--nr_ready_hists]);
	while (nr_ready_details)
		kvm_exit_stats_details_free(ready_details[--nr_ready_details]);
}

int attached_vcpus_init(void)
{
	int r;

	make_ready();
	if (!is_ready()) {
		free_ready();
		return -ENOMEM;
	}
	r = register_kprobes(kprobes, ARRAY_SIZE(kprobes));
	if (r) {
		pr_err("no probe of %s or %s: %pe\n", destroy_probe.symbol_name,
		       reset_probe.symbol_name, ERR_PTR(r));
		free_ready();
	}
	return r;
}

static struct attached_vcpu *next_with_table(void)
{
	struct attached_vcpu *v, *found = NULL;

	raw_spin_lock_irq(&lock);
	list_for_each_entry(v, &counted, node) {
		if (v->table.file || attached_vm_of(v->stats.vm)->table.file) {
			found = v;
			break;
		}
	}
	raw_spin_unlock_irq(&lock);
	return found;
}

/* Afterwards the vCPUs cannot be found any more, and none of our callbacks is running. */
static void detach_all(struct list_head *list)
{
	struct attached_vcpu *v;

	raw_spin_lock_irq(&lock);
	list_for_each_entry(v, &counted, node)
		detach(v);
	list_splice_init(&counted, list);
	raw_spin_unlock_irq(&lock);
	unregister_kprobes(kprobes, ARRAY_SIZE(kprobes));
	synchronize_rcu();
	irq_work_sync(&worker_call);
	cancel_work_sync(&worker);
}

/* The probes are gone, so no vCPU is added.  Tables go first: what they show must not fall. */
void attached_vcpus_exit(void)
{
	struct attached_vcpu *v;
	LIST_HEAD(list);

	WRITE_ONCE(ending, true);
	cancel_work_sync(&worker);
	while ((v = next_with_table())) {
		attached_table_remove(&v->table);
		attached_table_remove(&attached_vm_of(v->stats.vm)->table);
	}
	detach_all(&list);
	free_list(&list);
	free_ready();
}
