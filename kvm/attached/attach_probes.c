// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes at KVM's tracepoints, and the scheduler's callbacks: when a vCPU goes
 * from guest to kernel to VMM, and when it waits.
 *
 * kvm_entry and kvm_exit run with IRQs and preemption off, except kvm_exit on AMD
 * before Linux 6.5: there, the host handles its interrupts first, and may run
 * another thread.  That is why in_guest tells whether an exit has been seen; an
 * exit that has not is counted when the thread is scheduled out.  KVM's own stamp
 * says when it was.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jump_label.h>
#include <linux/module.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>

#include "attach_svm.h"
#include "attach_vmx.h"
#include "exit_stats_details.h"
#include "exit_stats_memory.h"

/* The last argument of kvm_exit. */
enum isa {
	ISA_VMX = 1,
	ISA_SVM,
};

enum attached_layout attached_layout;

static DEFINE_STATIC_KEY_TRUE(unseen_key);
static DEFINE_STATIC_KEY_FALSE(late_exit_key);
static bool exit_is_late;	/* only where the layout holds, and on SVM */

static void take_layout(struct work_struct *work)
{
	if (exit_is_late)
		static_branch_enable(&late_exit_key);
	static_branch_disable(&unseen_key);
}

static DECLARE_WORK(layout_work, take_layout);

/* Where kvm_exit passes the exit reason first, @vcpu is that. */
static bool is_vcpu(const struct kvm_vcpu *vcpu)
{
	return (unsigned long)vcpu >> (BITS_PER_LONG - 1);
}

static bool layout_holds(const struct kvm_vcpu *vcpu, u32 isa)
{
	bool svm = boot_cpu_has(X86_FEATURE_SVM);

	if (!is_vcpu(vcpu) || isa != (svm ? ISA_SVM : ISA_VMX))
		return false;
	return svm ? attached_svm_layout_holds(vcpu) : attached_vmx_layout_holds(vcpu);
}

/* The first exit shows whether KVM matches the headers, unless it is that of a trust domain. */
static noinline bool prove_layout(const struct kvm_vcpu *vcpu, u32 isa)
{
	if (READ_ONCE(attached_layout) != ATTACHED_LAYOUT_UNSEEN)
		return READ_ONCE(attached_layout) == ATTACHED_LAYOUT_HOLDS;
	if (is_vcpu(vcpu) && compat_is_trust_domain(vcpu->kvm))
		return false;

	if (!layout_holds(vcpu, isa)) {
		WRITE_ONCE(attached_layout, ATTACHED_LAYOUT_DIFFERS);
		pr_err("this KVM does not match the headers that this module was built with; nothing is counted; type: rmmod exitstat_attach\n");
		return false;
	}
	WRITE_ONCE(exit_is_late, !irqs_disabled());
	WRITE_ONCE(attached_layout, ATTACHED_LAYOUT_HOLDS);
	schedule_work(&layout_work);
	return true;
}

/* When the guest was left.  If the probe runs late, use KVM's stamp, which is in guest TSC. */
static __always_inline u64 exit_tsc(const struct kvm_vcpu *vcpu)
{
	if (static_branch_likely(&late_exit_key))
		return vcpu->arch.last_guest_tsc - vcpu->arch.l1_tsc_offset;
	return rdtsc();
}

/* The VMM sets it, between one KVM_RUN and the next. */
void attached_look_at_scaling(struct attached_vcpu *v)
{
	if (attached_svm_tsc_is_scaled(v->vcpu))
		v->special_exit |= ATTACHED_SCALED;
	else
		v->special_exit &= ~ATTACHED_SCALED;
}

/* A nested guest's CPUID is for L1 to answer. */
static __always_inline bool is_query(const struct kvm_vcpu *vcpu)
{
	u32 leaf = vcpu->arch.regs[VCPU_REGS_RAX];

	return (leaf & EXITSTAT_BASE_MASK) == EXITSTAT_BASE && !attached_in_nested_guest(vcpu);
}

static __always_inline void note_query(struct attached_vcpu *v, const struct kvm_vcpu *vcpu)
{
	v->query.leaf = vcpu->arch.regs[VCPU_REGS_RAX];
	v->query.input = vcpu->arch.regs[VCPU_REGS_RCX];
	v->special |= ATTACHED_QUERY;
}

static __always_inline void note_query_svm(struct attached_vcpu *v, const struct kvm_vcpu *vcpu,
					   u32 code)
{
	if (unlikely(code == SVM_EXIT_CPUID) && is_query(vcpu)) {
		attached_svm_note_rip(vcpu, &v->query);
		note_query(v, vcpu);
	}
}

static noinline void count_svm_detail_slow(struct attached_vcpu *v, struct kvm_vcpu *vcpu)
{
	__kvm_exit_stats_svm_detail(&v->stats, &attached_vmcb(vcpu)->control, vcpu->arch.regs);
}

static noinline void count_vmx_detail_slow(struct attached_vcpu *v, struct kvm_vcpu *vcpu)
{
	__kvm_exit_stats_vmx_detail(&v->stats, attached_vmcs, vcpu->arch.regs);
}

static __always_inline void count_svm_detail(struct attached_vcpu *v, struct kvm_vcpu *vcpu)
{
	if (!kvm_exit_stats_svm_detail(&v->stats, &attached_vmcb(vcpu)->control, vcpu->arch.regs,
				       vcpu, kvm_exit_stats_is_known_memory))
		count_svm_detail_slow(v, vcpu);
}

static __always_inline void count_vmx_detail(struct attached_vcpu *v, struct kvm_vcpu *vcpu)
{
	if (!kvm_exit_stats_vmx_detail(&v->stats, attached_vmcs, vcpu->arch.regs, vcpu,
				       kvm_exit_stats_is_known_memory))
		count_vmx_detail_slow(v, vcpu);
}

/* The exit and all that there can be about it. */
static void leave_svm(struct attached_vcpu *v)
{
	u64 now = v->special_exit & ATTACHED_SCALED ? rdtsc() : exit_tsc(v->vcpu);

	kvm_exit_stats_exit_far(&v->stats, now, kvm_exit_stats_svm_row(attached_svm_code(v->vcpu)));
	if (v->stats.details)
		count_svm_detail(v, v->vcpu);
}

static noinline void exit_svm_special(struct attached_vcpu *v, struct kvm_vcpu *vcpu)
{
	u32 code = attached_svm_code(vcpu);

	if (v->special_exit & ATTACHED_COUNTED)
		v->special_exit &= ~ATTACHED_COUNTED;
	else
		leave_svm(v);
	note_query_svm(v, vcpu, code);
}

static __always_inline void count_svm(struct attached_vcpu *v, struct kvm_vcpu *vcpu)
{
	u32 code = attached_svm_code(vcpu);

	/* In this order, the code is free to become the index. */
	note_query_svm(v, vcpu, code);
	kvm_exit_stats_exit_far(&v->stats, exit_tsc(vcpu), kvm_exit_stats_svm_row(code));
}

static noinline notrace void exit_svm_details(struct attached_vcpu *v, struct kvm_vcpu *vcpu)
{
	v->in_guest = false;
	if (unlikely(v->special_exit)) {
		exit_svm_special(v, vcpu);
		return;
	}
	count_svm(v, vcpu);
	count_svm_detail(v, vcpu);
}

static noinline void exit_svm_samples(struct attached_vcpu *v, struct kvm_vcpu *vcpu)
{
	v->in_guest = false;
	exit_svm_special(v, vcpu);
	kvm_exit_stats_sample(&v->stats);
}

static __always_inline void exit_svm(struct kvm_vcpu *vcpu)
{
	struct preempt_ops *ops = READ_ONCE(vcpu->preempt_notifier.ops);
	struct attached_vcpu *v = container_of(ops, struct attached_vcpu, ops);

	if (!attached_is_plain(ops)) {
		if (attached_has_details(ops))
			exit_svm_details(v, vcpu);
		else if (attached_is_ours(ops))
			exit_svm_samples(v, vcpu);
		return;
	}

	v->in_guest = false;
	if (unlikely(v->special_exit))
		exit_svm_special(v, vcpu);
	else
		count_svm(v, vcpu);
}

static __always_inline void count_vmx(struct attached_vcpu *v, struct kvm_vcpu *vcpu)
{
	u16 reason = attached_vmx_reason();

	if (unlikely(reason == EXIT_REASON_CPUID) && is_query(vcpu)) {
		attached_vmx_note_rip(vcpu, &v->query);
		note_query(v, vcpu);
	}
	kvm_exit_stats_exit_far(&v->stats, rdtsc(), kvm_exit_stats_vmx_row(reason));
}

static noinline notrace void exit_vmx_details(struct attached_vcpu *v, struct kvm_vcpu *vcpu)
{
	count_vmx(v, vcpu);
	count_vmx_detail(v, vcpu);
}

static noinline void exit_vmx_samples(struct attached_vcpu *v, struct kvm_vcpu *vcpu)
{
	count_vmx(v, vcpu);
	if (v->stats.details)
		count_vmx_detail(v, vcpu);
	kvm_exit_stats_sample(&v->stats);
}

static __always_inline void exit_vmx(struct kvm_vcpu *vcpu)
{
	struct preempt_ops *ops = READ_ONCE(vcpu->preempt_notifier.ops);
	struct attached_vcpu *v = container_of(ops, struct attached_vcpu, ops);

	if (attached_is_plain(ops))
		count_vmx(v, vcpu);
	else if (attached_has_details(ops))
		exit_vmx_details(v, vcpu);
	else if (attached_is_ours(ops))
		exit_vmx_samples(v, vcpu);
}

/* Called as the probes are, so that they need not move their arguments. */
static noinline __noclone void exit_unseen(void *unused, struct kvm_vcpu *vcpu, u32 isa)
{
	if (!prove_layout(vcpu, isa))
		return;
	if (isa == ISA_SVM)
		exit_svm(vcpu);
	else
		exit_vmx(vcpu);
}

static noinline void enter_special(struct attached_vcpu *v)
{
	u64 cycles;

	if (v->special & ATTACHED_QUERY)
		attached_answer(v);
	cycles = kvm_exit_stats_enter_far(&v->stats);
	if (v->special & ATTACHED_HISTOGRAMS)
		kvm_exit_stats_bucket(&v->stats, cycles);
}

static __always_inline void enter(struct attached_vcpu *v)
{
	v->in_guest = true;
	if (unlikely(v->special))
		enter_special(v);
	else
		kvm_exit_stats_enter_far(&v->stats);
}

static noinline void enter_first(struct kvm_vcpu *vcpu)
{
	struct attached_vcpu *v = attached_first_sight(vcpu);

	if (v)
		enter(v);
}

static void notrace probe_entry(void *unused, struct kvm_vcpu *vcpu)
{
	struct preempt_ops *ops = READ_ONCE(vcpu->preempt_notifier.ops);

	if (attached_is_ours(ops))
		enter(container_of(ops, struct attached_vcpu, ops));
	else
		enter_first(vcpu);
}

static void notrace probe_exit_svm(void *unused, struct kvm_vcpu *vcpu, u32 isa)
{
	if (static_branch_unlikely(&unseen_key))
		exit_unseen(unused, vcpu, isa);
	else
		exit_svm(vcpu);
}

static void notrace probe_exit_vmx(void *unused, struct kvm_vcpu *vcpu, u32 isa)
{
	if (static_branch_unlikely(&unseen_key))
		exit_unseen(unused, vcpu, isa);
	else
		exit_vmx(vcpu);
}

/* The same for kernels that pass the reason first. */
static void notrace probe_exit_svm_reason(void *unused, unsigned int reason, struct kvm_vcpu *vcpu,
					  u32 isa)
{
	probe_exit_svm(unused, vcpu, isa);
}

static void notrace probe_exit_vmx_reason(void *unused, unsigned int reason, struct kvm_vcpu *vcpu,
					  u32 isa)
{
	probe_exit_vmx(unused, vcpu, isa);
}

/* The counted vCPU that this thread has loaded, or NULL: its notifier is among the thread's. */
static struct attached_vcpu *loaded_vcpu(void)
{
	struct preempt_notifier *pn;
	struct attached_vcpu *v;

	hlist_for_each_entry(pn, &current->preempt_notifiers, link) {
		v = attached_of_ops(READ_ONCE(pn->ops));
		if (v)
			return v;
	}
	return NULL;
}

/* Does KVM_RUN return because of a signal?  Its return value is not available here. */
static int run_result(const struct kvm_run *run)
{
	/* immediate_exit: some kernels name it differently, but its offset is ABI. */
	u8 immediate_exit = READ_ONCE(*(&run->request_interrupt_window + 1));

	return READ_ONCE(run->exit_reason) == KVM_EXIT_INTR || immediate_exit ? -EINTR : 0;
}

/*
 * KVM_RUN begins by loading the guest's FPU and ends by putting it.  Answer here
 * too, so that the VMM sees the answer if it reads the registers.
 */
static void notrace probe_fpu(void *unused, u32 load)
{
	struct attached_vcpu *v = loaded_vcpu();

	if (!v)
		return;
	if (load) {
		attached_look_at_scaling(v);
		__kvm_exit_stats_run_begin(&v->stats);
		return;
	}
	if (v->special & ATTACHED_QUERY)
		attached_answer(v);
	v->in_guest = false;	/* a failed entry has no exit */
	__kvm_exit_stats_run_end(&v->stats, run_result(v->vcpu->run));
}

void attached_sched_in(struct preempt_notifier *pn, int cpu)
{
	struct attached_vcpu *v = attached_of_ops(READ_ONCE(pn->ops));

	if (v && v->stats.in_run)
		__kvm_exit_stats_sched_in(&v->stats);
	attached_kvm_ops->sched_in(pn, cpu);
}

void attached_details_sched_in(struct preempt_notifier *pn, int cpu)
{
	attached_sched_in(pn, cpu);
}

void attached_samples_sched_in(struct preempt_notifier *pn, int cpu)
{
	attached_sched_in(pn, cpu);
}

/*
 * An exit whose tracepoint has not run yet: its time would go to the previous exit.
 * Where exits are never late, there was none: the entry failed.
 */
static void leave_guest_early(struct attached_vcpu *v)
{
	v->in_guest = false;
	v->special_exit |= ATTACHED_COUNTED;
	leave_svm(v);
}

void attached_sched_out(struct preempt_notifier *pn, struct task_struct *next)
{
	struct attached_vcpu *v = attached_of_ops(READ_ONCE(pn->ops));

	attached_kvm_ops->sched_out(pn, next);
	if (!v || !v->stats.in_run)
		return;
	if (v->in_guest && READ_ONCE(exit_is_late))
		leave_guest_early(v);
	__kvm_exit_stats_sched_out(&v->stats, rdtsc());
}

struct probe {
	const char *name;
	void *function;
	struct tracepoint *tp;
	bool registered;
};

/* In the order of registration: no entry may be seen before exits are. */
static struct probe probes[] = {
	{ .name = "kvm_exit" },
	{ .name = "kvm_fpu", .function = probe_fpu },
	{ .name = "kvm_entry", .function = probe_entry },
};

static void find_tracepoint(struct tracepoint *tp, void *unused)
{
	struct probe *p;

	for (p = probes; p < probes + ARRAY_SIZE(probes); p++) {
		if (!strcmp(tp->name, p->name))
			p->tp = tp;
	}
}

static int find_tracepoints(struct notifier_block *nb, unsigned long event, void *data)
{
	struct module *mod = ((struct tp_module *)data)->mod;
	unsigned int i;

	for (i = 0; event == MODULE_STATE_COMING && i < mod->num_tracepoints; i++)
		find_tracepoint(tracepoint_ptr_deref(mod->tracepoints_ptrs + i), NULL);
	return NOTIFY_OK;
}

/* Not all tracepoints are exported, but a new notifier is called for every loaded module. */
static int find_all_tracepoints(void)
{
	struct notifier_block nb = { .notifier_call = find_tracepoints };
	struct probe *p;
	int r;

	for_each_kernel_tracepoint(find_tracepoint, NULL);
	r = register_tracepoint_module_notifier(&nb);
	if (r)
		return r;
	unregister_tracepoint_module_notifier(&nb);

	for (p = probes; p < probes + ARRAY_SIZE(probes); p++) {
		if (!p->tp) {
			pr_err("this kernel's KVM has no tracepoint %s\n", p->name);
			return -ENOENT;
		}
	}
	return 0;
}

static void *exit_probe(void)
{
	if (boot_cpu_has(X86_FEATURE_SVM))
		return COMPAT_EXIT_PASSES_REASON ? (void *)probe_exit_svm_reason :
						   (void *)probe_exit_svm;
	return COMPAT_EXIT_PASSES_REASON ? (void *)probe_exit_vmx_reason : (void *)probe_exit_vmx;
}

int attached_probes_register(void)
{
	struct probe *p;
	int r;

	probes[0].function = exit_probe();
	r = find_all_tracepoints();
	for (p = probes; !r && p < probes + ARRAY_SIZE(probes); p++) {
		r = tracepoint_probe_register(p->tp, p->function, NULL);
		p->registered = !r;
	}
	if (r)
		attached_probes_unregister();
	return r;
}

void attached_probes_unregister(void)
{
	struct probe *p;

	for (p = probes + ARRAY_SIZE(probes) - 1; p >= probes; p--) {
		if (p->registered)
			tracepoint_probe_unregister(p->tp, p->function, NULL);
	}
	tracepoint_synchronize_unregister();
	cancel_work_sync(&layout_work);
}
