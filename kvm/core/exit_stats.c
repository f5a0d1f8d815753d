// SPDX-License-Identifier: GPL-2.0-only
/*
 * Per-vCPU VM-exit accounting: when to count, who may ask, and the rare
 * transitions.  The frequent ones are in exit_stats.h.
 */
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/random.h>

#include "exit_stats_read.h"

/* What KVM_SET_CPUID2 said about the block. */
enum vmm_choice {
	VMM_CHOICE_NONE,
	VMM_CHOICE_OFF,
	VMM_CHOICE_ON,
};

/* Values of the parameter guest_exit_stats. */
enum guest_access {
	GUEST_ACCESS_OFF,
	GUEST_ACCESS_CPL0,
	GUEST_ACCESS_ALL,
};

DEFINE_STATIC_KEY_TRUE(kvm_exit_stats_entry_key);
EXPORT_SYMBOL_FOR_KVM_INTERNAL(kvm_exit_stats_entry_key);
DEFINE_STATIC_KEY_FALSE(kvm_exit_stats_hist_entry_key);
EXPORT_SYMBOL_FOR_KVM_INTERNAL(kvm_exit_stats_hist_entry_key);
DEFINE_STATIC_KEY_TRUE(kvm_exit_stats_exit_key);
EXPORT_SYMBOL_FOR_KVM_INTERNAL(kvm_exit_stats_exit_key);
DEFINE_STATIC_KEY_TRUE(kvm_exit_stats_tsc_key);
DEFINE_STATIC_KEY_FALSE(kvm_exit_stats_details_key);

#ifdef EXITSTAT_VERSION
MODULE_VERSION("exitstat " EXITSTAT_VERSION);
#endif

static DEFINE_MUTEX(keys_lock);		/* protects the static keys and the next four */
static bool counting = true;
static LIST_HEAD(vms);
static unsigned int nr_vms_hist;
static unsigned int nr_vms_details;

static unsigned int guest_exit_stats = GUEST_ACCESS_ALL;

static bool exit_stats_histograms;
module_param(exit_stats_histograms, bool, 0644);
MODULE_PARM_DESC(exit_stats_histograms, "keep histograms of processing times in new VMs");

static bool exit_stats_details;
module_param(exit_stats_details, bool, 0644);
MODULE_PARM_DESC(exit_stats_details, "count exits by detail (port, MSR, ...) too in new VMs");

/*
 * Restart the clock of the VMs that already exist.  Patching the keys interrupted every CPU, so no
 * vCPU is still in guest mode after an uncounted entry.
 */
static void begin_counting(void)
{
	struct kvm_exit_stats_vm *vm;

	list_for_each_entry(vm, &vms, node) {
		WRITE_ONCE(vm->counting_since, rdtsc());
		WRITE_ONCE(vm->late, kvm_exit_stats_vm_has_run(vm));
	}
}

static void end_counting(void)
{
	static_branch_disable(&kvm_exit_stats_tsc_key);
	static_branch_disable(&kvm_exit_stats_exit_key);
	static_branch_disable(&kvm_exit_stats_entry_key);
	static_branch_disable(&kvm_exit_stats_hist_entry_key);
}

/*
 * Count as soon as a guest may ask, and go on while any VM exists, so that a
 * counter that a guest has read never misses an exit.
 */
static void update_keys(bool wanted)
{
	bool before = counting;

	lockdep_assert_held(&keys_lock);

	counting = wanted || (counting && !list_empty(&vms));
	if (!counting) {
		end_counting();
		return;
	}

	if (nr_vms_hist) {
		static_branch_enable(&kvm_exit_stats_hist_entry_key);
		static_branch_disable(&kvm_exit_stats_entry_key);
	} else {
		static_branch_enable(&kvm_exit_stats_entry_key);
		static_branch_disable(&kvm_exit_stats_hist_entry_key);
	}
	static_branch_enable(&kvm_exit_stats_exit_key);
	static_branch_enable(&kvm_exit_stats_tsc_key);
	if (!before)
		begin_counting();
}

static void update_details(void)
{
	lockdep_assert_held(&keys_lock);

	if (nr_vms_details)
		static_branch_enable(&kvm_exit_stats_details_key);
	else
		static_branch_disable(&kvm_exit_stats_details_key);
	kvm_exit_stats_carrier_details(nr_vms_details);
}

static int set_guest_exit_stats(const char *val, const struct kernel_param *kp)
{
	unsigned int access;
	int r;

	r = kstrtouint(val, 0, &access);
	if (r)
		return r;
	if (access > GUEST_ACCESS_ALL)
		return -EINVAL;

	mutex_lock(&keys_lock);
	WRITE_ONCE(guest_exit_stats, access);
	update_keys(access != GUEST_ACCESS_OFF);
	mutex_unlock(&keys_lock);
	return 0;
}

static const struct kernel_param_ops guest_exit_stats_ops = {
	.set = set_guest_exit_stats,
	.get = param_get_uint,
};

module_param_cb(guest_exit_stats, &guest_exit_stats_ops, &guest_exit_stats, 0644);
MODULE_PARM_DESC(guest_exit_stats, "guests may read their exit counters: 0 never, 1 at CPL 0, 2 at every CPL");

/* The caller disables preemption, so that no other transition can come in between. */
static __always_inline void
switch_state(struct kvm_exit_stats *s, enum kvm_exit_stats_counter next, u64 now)
{
	u64 cycles = now;

	lockdep_assert_preemption_disabled();

	if (likely(!kvm_exit_stats_subtract(&cycles, &s->since))) {
		if (s->state == KVM_EXIT_STATS_WAITING) {
			kvm_exit_stats_move(s, cycles);
		} else {
			kvm_exit_stats_add(&s->not_guest, cycles);
			s->pending_cycles += cycles;
		}
		kvm_exit_stats_add(&kvm_exit_stats_counters(s)[s->state], cycles);
		s->since = now;
	} else if (s->since != KVM_EXIT_STATS_NEVER) {
		kvm_exit_stats_move(s, cycles);
		s->since = now;
	}
	s->state = next;
}

/* Start the clock outside guest mode, inside KVM_RUN; nothing has been counted yet. */
static void begin(struct kvm_exit_stats *s)
{
	u64 now = rdtsc();

	kvm_exit_stats_move(s, now - s->since);
	s->since = now;
	s->state = KVM_EXIT_STATS_KERNEL;
	s->in_run = true;
}

/* The invariant tells when the entry was: guest_cycles has not changed since. */
void __kvm_exit_stats_fail(struct kvm_exit_stats *s)
{
	u64 failed = s->since;

	s->since = s->not_guest + s->guest_cycles;
	switch_state(s, KVM_EXIT_STATS_KERNEL, failed);
	s->pending_cycles = KVM_EXIT_STATS_BUCKETED;
}
EXPORT_SYMBOL_FOR_KVM_INTERNAL(__kvm_exit_stats_fail);

void __kvm_exit_stats_run_begin(struct kvm_exit_stats *s)
{
	preempt_disable();
	switch_state(s, KVM_EXIT_STATS_KERNEL, rdtsc());
	s->in_run = true;
	preempt_enable();
}

void __kvm_exit_stats_run_end(struct kvm_exit_stats *s, int ret)
{
	bool signal = ret == -EINTR;

	preempt_disable();
	switch_state(s, signal ? KVM_EXIT_STATS_WAITING : KVM_EXIT_STATS_VMM, rdtsc());
	s->in_run = false;
	preempt_enable();
}

void __kvm_exit_stats_sched_in(struct kvm_exit_stats *s)
{
	switch_state(s, KVM_EXIT_STATS_KERNEL, rdtsc());
}

void __kvm_exit_stats_sched_out(struct kvm_exit_stats *s, u64 now)
{
	switch_state(s, KVM_EXIT_STATS_WAITING, now);
}

void __kvm_exit_stats_no_entry(struct kvm_exit_stats *s)
{
	/* Start the clock anyway: the caller relies on kvm_exit_stats_exit_tsc(). */
	if (s->since == KVM_EXIT_STATS_NEVER)
		begin(s);
	else
		switch_state(s, KVM_EXIT_STATS_KERNEL, rdtsc());
}
EXPORT_SYMBOL_FOR_KVM_INTERNAL(__kvm_exit_stats_no_entry);

void kvm_exit_stats_vm_begin(struct kvm_exit_stats_vm *vm, bool late)
{
	vm->counting_since = rdtsc();
	vm->late = late;
	vm->histograms = READ_ONCE(exit_stats_histograms);
	vm->details = READ_ONCE(exit_stats_details);
}

void kvm_exit_stats_vm_init(struct kvm_exit_stats_vm *vm, bool late)
{
	vm->epoch = get_random_u64() | 1;
	kvm_exit_stats_vm_begin(vm, late);
}

void kvm_exit_stats_vm_create(struct kvm_exit_stats_vm *vm)
{
	kvm_exit_stats_vm_init(vm, false);

	mutex_lock(&keys_lock);
	list_add(&vm->node, &vms);
	nr_vms_hist += vm->histograms;
	nr_vms_details += vm->details;
	update_keys(guest_exit_stats != GUEST_ACCESS_OFF);
	update_details();
	mutex_unlock(&keys_lock);
}

void kvm_exit_stats_vm_destroy(struct kvm_exit_stats_vm *vm)
{
	mutex_lock(&keys_lock);
	list_del(&vm->node);
	nr_vms_hist -= vm->histograms;
	nr_vms_details -= vm->details;
	update_keys(guest_exit_stats != GUEST_ACCESS_OFF);
	update_details();
	mutex_unlock(&keys_lock);
}

u64 *kvm_exit_stats_hist_alloc(gfp_t gfp)
{
	return kvcalloc(KVM_EXIT_STATS_SLOTS + 1, KVM_EXIT_STATS_HIST_SIZE * sizeof(u64), gfp);
}

void kvm_exit_stats_vcpu_begin(struct kvm_exit_stats *s, struct kvm_exit_stats_vm *vm, u64 *hist,
			       struct kvm_exit_stats_details *details)
{
	s->since = KVM_EXIT_STATS_NEVER;
	s->not_guest = s->since;
	s->counter[KVM_EXIT_STATS_NOT_PROCESSING] = s->since;
	seqcount_init(&s->no_processing);
	s->row = KVM_EXIT_STATS_ROW(KVM_EXIT_STATS_NO_SLOT);
	s->state = KVM_EXIT_STATS_VMM;
	s->hist = hist;
	s->vm = vm;
	if (!details)
		return;
	s->details = details;
	s->detail_row = details->counter - s->counter;
	details->hist = s->hist;
	s->hist = NULL;
}

int kvm_exit_stats_vcpu_init(struct kvm_exit_stats *s, struct kvm_exit_stats_vm *vm, gfp_t gfp)
{
	struct kvm_exit_stats_details *details = NULL;
	u64 *hist = NULL;

	if (vm->histograms) {
		hist = kvm_exit_stats_hist_alloc(gfp);
		if (!hist)
			return -ENOMEM;
	}
	if (vm->details) {
		details = kvm_exit_stats_details_alloc(gfp);
		if (!details) {
			kvfree(hist);
			return -ENOMEM;
		}
	}
	kvm_exit_stats_vcpu_begin(s, vm, hist, details);
	return 0;
}

void kvm_exit_stats_vcpu_destroy(struct kvm_exit_stats *s)
{
	kvfree(kvm_exit_stats_hist(s));
	kvm_exit_stats_details_free(s->details);
}

static bool has_signature(const struct kvm_cpuid_entry2 *entry)
{
	return entry->ebx == EXITSTAT_SIGNATURE_EBX &&
	       entry->ecx == EXITSTAT_SIGNATURE_ECX &&
	       entry->edx == EXITSTAT_SIGNATURE_EDX;
}

/* The VMM turns the block on or off; it has no say in the block's size. */
void kvm_exit_stats_update_cpuid(struct kvm_cpuid_entry2 *entries, int nent)
{
	int i;

	for (i = 0; i < nent; i++) {
		if (entries[i].function == EXITSTAT_SIGNATURE && has_signature(&entries[i]))
			entries[i].eax = EXITSTAT_MAX_LEAF;
	}
}

static enum vmm_choice choice_of(const struct kvm_cpuid_entry2 *entry)
{
	if (!entry)
		return VMM_CHOICE_NONE;
	return has_signature(entry) ? VMM_CHOICE_ON : VMM_CHOICE_OFF;
}

bool kvm_exit_stats_is_wanted(const struct kvm_cpuid_entry2 *entry)
{
	return READ_ONCE(guest_exit_stats) != GUEST_ACCESS_OFF ||
	       choice_of(entry) == VMM_CHOICE_ON;
}

void kvm_exit_stats_set_vmm_choice(struct kvm_exit_stats *s, const struct kvm_cpuid_entry2 *entry)
{
	s->vmm_choice = choice_of(entry);
}

void kvm_exit_stats_set_cpuid(struct kvm_exit_stats *s, const struct kvm_cpuid_entry2 *entry)
{
	if (choice_of(entry) == VMM_CHOICE_ON) {
		mutex_lock(&keys_lock);
		update_keys(true);
		mutex_unlock(&keys_lock);
	}
	kvm_exit_stats_set_vmm_choice(s, entry);
}

/*
 * The VMM's choice, if it made one, turns the block on or off; the parameter
 * still decides which CPLs may ask.
 */
bool kvm_exit_stats_may_ask(struct kvm_exit_stats *s)
{
	unsigned int access = READ_ONCE(guest_exit_stats);

	switch (s->vmm_choice) {
	case VMM_CHOICE_OFF:
		return false;
	case VMM_CHOICE_ON:
		if (access == GUEST_ACCESS_OFF)
			access = GUEST_ACCESS_ALL;
		break;
	}

	if (access == GUEST_ACCESS_CPL0)
		return kvm_exit_stats_guest_cpl0(s);
	return access == GUEST_ACCESS_ALL;
}
