// SPDX-License-Identifier: GPL-2.0-only
/*
 * Per-vCPU VM-exit accounting: the rare transitions, and the CPUID leaves that
 * tell a guest about its own exits (include/exitstat/abi.h is the contract).
 *
 * A guest is hostile: a query takes no lock, allocates nothing, logs nothing,
 * bounds every index that it is given and costs O(vCPUs) loads.
 */
#include <linux/bsearch.h>
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "cpuid.h"
#include "x86.h"

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

struct numbering {
	u32 id;
	u32 slots;
	u32 other;		/* the slot of EXITSTAT_OTHER */
	u32 (*slot)(u32 number);
	u32 (*number)(u32 slot);
	const u32 *defined;	/* numbers, ascending */
	u32 nr_defined;
};

struct registers {
	u32 eax, ebx, ecx, edx;
};

struct query {
	u32 leaf;
	u32 slot;
	u32 bucket;
	bool whole_vm;
};

DEFINE_STATIC_KEY_TRUE(kvm_exit_stats_entry_key);
EXPORT_SYMBOL_GPL(kvm_exit_stats_entry_key);
DEFINE_STATIC_KEY_FALSE(kvm_exit_stats_hist_entry_key);
EXPORT_SYMBOL_GPL(kvm_exit_stats_hist_entry_key);
DEFINE_STATIC_KEY_TRUE(kvm_exit_stats_exit_key);
EXPORT_SYMBOL_GPL(kvm_exit_stats_exit_key);

#ifdef EXITSTAT_VERSION
MODULE_VERSION("exitstat " EXITSTAT_VERSION);
#endif

static DEFINE_MUTEX(keys_lock);		/* the static keys and the three below */
static bool counting = true;
static unsigned int nr_vcpus;
static unsigned int nr_vcpus_hist;

static unsigned int guest_exit_stats = GUEST_ACCESS_ALL;

static bool exit_stats_histograms;
module_param(exit_stats_histograms, bool, 0644);
MODULE_PARM_DESC(exit_stats_histograms, "keep a histogram of processing times in new vCPUs");

/*
 * Counting starts as soon as anybody may ask and goes on while a vCPU lives: a
 * counter that a guest has seen never misses an exit.
 */
static void update_keys(bool wanted)
{
	lockdep_assert_held(&keys_lock);

	counting = wanted || (counting && nr_vcpus);
	if (!counting) {
		static_branch_disable(&kvm_exit_stats_exit_key);
		static_branch_disable(&kvm_exit_stats_entry_key);
		static_branch_disable(&kvm_exit_stats_hist_entry_key);
		return;
	}

	if (nr_vcpus_hist) {
		static_branch_enable(&kvm_exit_stats_hist_entry_key);
		static_branch_disable(&kvm_exit_stats_entry_key);
	} else {
		static_branch_enable(&kvm_exit_stats_entry_key);
		static_branch_disable(&kvm_exit_stats_hist_entry_key);
	}
	static_branch_enable(&kvm_exit_stats_exit_key);
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

/* Caller holds off preemption, or another transition could come in between. */
static void switch_state(struct kvm_exit_stats *s, enum kvm_exit_stats_state next, u64 now)
{
	u64 cycles;

	lockdep_assert_preemption_disabled();

	if (s->since != KVM_EXIT_STATS_NEVER) {
		cycles = kvm_exit_stats_close(s, now);
		if (s->state == KVM_EXIT_STATS_IS_WAITING) {
			s->counter[KVM_EXIT_STATS_WAITING][s->slot] += cycles;
		} else {
			s->counter[KVM_EXIT_STATS_PROCESSING][s->slot] += cycles;
			s->pending_cycles += cycles;
		}
		if (s->state == KVM_EXIT_STATS_IN_VMM)
			s->counter[KVM_EXIT_STATS_VMM][s->slot] += cycles;
	}
	s->state = next;
}

void __kvm_exit_stats_run_begin(struct kvm_exit_stats *s)
{
	preempt_disable();
	switch_state(s, KVM_EXIT_STATS_IN_KERNEL, rdtsc());
	s->in_run = true;
	preempt_enable();
}

void __kvm_exit_stats_run_end(struct kvm_exit_stats *s, int ret)
{
	bool signal = ret == -EINTR;

	preempt_disable();
	switch_state(s, signal ? KVM_EXIT_STATS_IS_WAITING : KVM_EXIT_STATS_IN_VMM, rdtsc());
	s->in_run = false;
	preempt_enable();
}

void __kvm_exit_stats_sched_in(struct kvm_exit_stats *s)
{
	switch_state(s, KVM_EXIT_STATS_IN_KERNEL, rdtsc());
}

void __kvm_exit_stats_sched_out(struct kvm_exit_stats *s, u64 now)
{
	switch_state(s, KVM_EXIT_STATS_IS_WAITING, now);
}

void __kvm_exit_stats_no_entry(struct kvm_exit_stats *s)
{
	/* Start the clock even so: the caller relies on kvm_exit_stats_exit_tsc(). */
	if (s->since == KVM_EXIT_STATS_NEVER)
		kvm_exit_stats_close(s, rdtsc());
	else
		switch_state(s, KVM_EXIT_STATS_IN_KERNEL, rdtsc());
}
EXPORT_SYMBOL_GPL(__kvm_exit_stats_no_entry);

static void account_vcpu(const struct kvm_exit_stats *s, int n)
{
	mutex_lock(&keys_lock);
	nr_vcpus += n;
	if (s->hist)
		nr_vcpus_hist += n;
	update_keys(guest_exit_stats != GUEST_ACCESS_OFF);
	mutex_unlock(&keys_lock);
}

int kvm_exit_stats_vcpu_create(struct kvm_vcpu *vcpu)
{
	struct kvm_exit_stats *s = &vcpu->exit_stats;

	if (READ_ONCE(exit_stats_histograms)) {
		s->hist = kvcalloc(KVM_EXIT_STATS_SLOTS + 1, sizeof(*s->hist), GFP_KERNEL_ACCOUNT);
		if (!s->hist)
			return -ENOMEM;
	}

	s->since = KVM_EXIT_STATS_NEVER;
	s->slot = KVM_EXIT_STATS_NO_SLOT;
	s->state = KVM_EXIT_STATS_IN_VMM;
	s->epoch = get_random_u64() | 1;
	account_vcpu(s, 1);
	return 0;
}

void kvm_exit_stats_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	struct kvm_exit_stats *s = &vcpu->exit_stats;

	account_vcpu(s, -1);
	kvfree(s->hist);
}

static bool has_signature(const struct kvm_cpuid_entry2 *entry)
{
	return entry->ebx == EXITSTAT_SIGNATURE_EBX &&
	       entry->ecx == EXITSTAT_SIGNATURE_ECX &&
	       entry->edx == EXITSTAT_SIGNATURE_EDX;
}

/* The VMM says on or off; how far the block goes is not for it to say. */
void kvm_exit_stats_update_cpuid(struct kvm_cpuid_entry2 *entries, int nent)
{
	int i;

	for (i = 0; i < nent; i++) {
		if (entries[i].function == EXITSTAT_SIGNATURE && has_signature(&entries[i]))
			entries[i].eax = EXITSTAT_MAX_LEAF;
	}
}

void kvm_exit_stats_after_set_cpuid(struct kvm_vcpu *vcpu)
{
	struct kvm_cpuid_entry2 *entry = kvm_find_cpuid_entry(vcpu, EXITSTAT_SIGNATURE);
	struct kvm_exit_stats *s = &vcpu->exit_stats;

	if (!entry) {
		s->vmm_choice = VMM_CHOICE_NONE;
		return;
	}
	if (!has_signature(entry)) {
		s->vmm_choice = VMM_CHOICE_OFF;
		return;
	}

	mutex_lock(&keys_lock);
	update_keys(true);
	mutex_unlock(&keys_lock);
	s->vmm_choice = VMM_CHOICE_ON;
}

/*
 * The VMM's word, if it gave one, is on or off; what it does not decide is who
 * in the guest may ask.  The CPL of a guest with protected state is unknown.
 */
static bool may_ask(struct kvm_vcpu *vcpu)
{
	unsigned int access = READ_ONCE(guest_exit_stats);

	switch (vcpu->exit_stats.vmm_choice) {
	case VMM_CHOICE_OFF:
		return false;
	case VMM_CHOICE_ON:
		if (access == GUEST_ACCESS_OFF)
			access = GUEST_ACCESS_ALL;
		break;
	}

	if (access == GUEST_ACCESS_CPL0)
		return !vcpu->arch.guest_state_protected && !static_call(kvm_x86_get_cpl)(vcpu);
	return access == GUEST_ACCESS_ALL;
}

/* Every defined number, ascending. */
static const u32 vmx_numbers[] = {
#define EXITSTAT_EXIT(number, name, words) number,
#include <exitstat/vmx_exits.h>
};

static const u32 svm_numbers[] = {
#define EXITSTAT_EXIT(number, name, words) number,
#include <exitstat/svm_exits.h>
};

static u32 vmx_slot(u32 number)
{
	return kvm_exit_stats_vmx_slot(min_t(u32, number, U16_MAX));
}

static u32 vmx_number(u32 slot)
{
	return slot < KVM_EXIT_STATS_VMX_OTHER ? slot : EXITSTAT_OTHER;
}

static u32 svm_slot(u32 number)
{
	return kvm_exit_stats_svm_slot(number);
}

static u32 svm_number(u32 slot)
{
	if (slot < KVM_EXIT_STATS_SVM_HIGH)
		return slot;
	if (slot < KVM_EXIT_STATS_SVM_OTHER)
		return slot - KVM_EXIT_STATS_SVM_HIGH + 0x400;
	if (slot < KVM_EXIT_STATS_SVM_FAILED)
		return EXITSTAT_OTHER;
	return slot - KVM_EXIT_STATS_SVM_FAILED + (u32)-4;
}

static const struct numbering vmx_numbering = {
	.id = EXITSTAT_NUMBERING_VMX,
	.slots = KVM_EXIT_STATS_VMX_SLOTS,
	.other = KVM_EXIT_STATS_VMX_OTHER,
	.slot = vmx_slot,
	.number = vmx_number,
	.defined = vmx_numbers,
	.nr_defined = ARRAY_SIZE(vmx_numbers),
};

static const struct numbering svm_numbering = {
	.id = EXITSTAT_NUMBERING_SVM,
	.slots = KVM_EXIT_STATS_SVM_SLOTS,
	.other = KVM_EXIT_STATS_SVM_OTHER,
	.slot = svm_slot,
	.number = svm_number,
	.defined = svm_numbers,
	.nr_defined = ARRAY_SIZE(svm_numbers),
};

static const struct numbering *numbering(void)
{
	return boot_cpu_has(X86_FEATURE_SVM) ? &svm_numbering : &vmx_numbering;
}

static int compare_numbers(const void *a, const void *b)
{
	u32 left = *(const u32 *)a, right = *(const u32 *)b;

	return left < right ? -1 : left > right;
}

static bool is_defined(const struct numbering *n, u32 number)
{
	return number == EXITSTAT_OTHER ||
	       bsearch(&number, n->defined, n->nr_defined, sizeof(number), compare_numbers);
}

static bool is_reserved(const struct numbering *n, u32 slot)
{
	return !is_defined(n, n->number(slot));
}

/* @values holds one value per slot, @stride apart. */
static u64 read_values(const u64 *values, u32 stride, u32 slot)
{
	const struct numbering *n = numbering();
	u64 sum = READ_ONCE(values[slot * stride]);
	u64 value;
	u32 i;

	if (slot != n->other)
		return sum;

	for (i = 0; i < n->slots; i++) {
		value = READ_ONCE(values[i * stride]);
		if (value && is_reserved(n, i))
			sum += value;
	}
	return sum;
}

static u64 read_slot(const struct kvm_exit_stats *s, enum kvm_exit_stats_counter counter, u32 slot)
{
	return read_values(s->counter[counter], 1, slot);
}

static u64 read_bucket(const struct kvm_exit_stats *s, u32 slot, u32 bucket)
{
	const u64 *first;

	if (!s->hist)
		return 0;
	first = &s->hist[0][KVM_EXIT_STATS_HIST_FIRST + bucket];
	return read_values(first, ARRAY_SIZE(s->hist[0]), slot);
}

static u64 read_total(const struct kvm_exit_stats *s, enum kvm_exit_stats_counter counter)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < numbering()->slots; i++)
		sum += READ_ONCE(s->counter[counter][i]);
	return sum;
}

static u64 read_vcpu(const struct kvm_exit_stats *s, const struct query *q)
{
	switch (q->leaf) {
	case EXITSTAT_TOTAL_COUNT:
		return read_total(s, KVM_EXIT_STATS_COUNT);
	case EXITSTAT_TOTAL_TIME:
		return read_total(s, KVM_EXIT_STATS_PROCESSING);
	case EXITSTAT_COUNT:
		return read_slot(s, KVM_EXIT_STATS_COUNT, q->slot);
	case EXITSTAT_TIME:
		return read_slot(s, KVM_EXIT_STATS_PROCESSING, q->slot);
	case EXITSTAT_TIME_VMM:
		return read_slot(s, KVM_EXIT_STATS_VMM, q->slot);
	case EXITSTAT_TIME_WAITING:
		return read_slot(s, KVM_EXIT_STATS_WAITING, q->slot);
	case EXITSTAT_BUCKET:
		return read_bucket(s, q->slot, q->bucket);
	case EXITSTAT_TIME_GUEST:
		return READ_ONCE(s->guest_cycles);
	default:
		return 0;
	}
}

static u64 read_scope(struct kvm_vcpu *vcpu, const struct query *q)
{
	struct kvm_vcpu *v;
	unsigned long i;
	u64 sum = 0;

	if (!q->whole_vm)
		return read_vcpu(&vcpu->exit_stats, q);

	kvm_for_each_vcpu(i, v, vcpu->kvm)
		sum += read_vcpu(&v->exit_stats, q);
	return sum;
}

static void answer_count(u64 count, struct registers *regs)
{
	regs->eax = lower_32_bits(count);
	regs->ebx = upper_32_bits(count);
}

static void answer_time(u64 cycles, struct registers *regs)
{
	regs->ebx = upper_32_bits(cycles);
	regs->ecx = lower_32_bits(cycles);
}

/* The first slot from @from on, below @end, whose count is not 0; or @end. */
static u32 next_live_slot(const struct kvm_exit_stats *s, u32 from, u32 end)
{
	const struct numbering *n = numbering();
	u32 slot;

	for (slot = from; slot < end; slot++) {
		if (read_slot(s, KVM_EXIT_STATS_COUNT, slot) && !is_reserved(n, slot))
			break;
	}
	return slot;
}

static void answer_next(struct kvm_vcpu *vcpu, struct query *q, u32 from_number,
			struct registers *regs)
{
	const struct numbering *n = numbering();
	struct kvm_vcpu *v;
	unsigned long i;
	u32 slot, from;
	u64 count;

	for (from = 0; from < n->slots; from++) {
		if (!is_reserved(n, from) && n->number(from) >= from_number)
			break;
	}

	slot = n->slots;
	if (q->whole_vm) {
		kvm_for_each_vcpu(i, v, vcpu->kvm)
			slot = next_live_slot(&v->exit_stats, from, slot);
	} else {
		slot = next_live_slot(&vcpu->exit_stats, from, slot);
	}
	if (slot == n->slots) {
		regs->edx = EXITSTAT_UNDEFINED;
		return;
	}

	q->leaf = EXITSTAT_COUNT;
	q->slot = slot;
	count = read_scope(vcpu, q);
	regs->eax = n->number(slot);
	answer_time(count, regs);	/* EBX:ECX, as a time */
}

static void answer_counter(struct kvm_vcpu *vcpu, u32 leaf, u32 input, struct registers *regs)
{
	const struct numbering *n = numbering();
	/* Row E is row F for one vCPU. */
	struct query q = {
		.leaf = leaf | EXITSTAT_VCPU,
		.whole_vm = leaf & EXITSTAT_VCPU,
	};
	u32 number = input;

	switch (q.leaf) {
	case EXITSTAT_NEXT:
		answer_next(vcpu, &q, input, regs);
		return;
	case EXITSTAT_BUCKET:
		q.bucket = input >> 16;
		number = (s32)(s16)input;
		if (q.bucket >= EXITSTAT_BUCKETS) {
			regs->edx = EXITSTAT_UNDEFINED;
			return;
		}
		q.bucket = array_index_nospec(q.bucket, EXITSTAT_BUCKETS);
		fallthrough;
	case EXITSTAT_COUNT:
	case EXITSTAT_TIME:
	case EXITSTAT_TIME_VMM:
	case EXITSTAT_TIME_WAITING:
		if (!is_defined(n, number)) {
			regs->edx = EXITSTAT_UNDEFINED;
			return;
		}
		q.slot = array_index_nospec(n->slot(number), n->slots);
		break;
	}

	if (q.leaf == EXITSTAT_COUNT || q.leaf == EXITSTAT_TOTAL_COUNT || q.leaf == EXITSTAT_BUCKET)
		answer_count(read_scope(vcpu, &q), regs);
	else
		answer_time(read_scope(vcpu, &q), regs);
}

static void answer_features(struct kvm_vcpu *vcpu, struct registers *regs)
{
	regs->eax = EXITSTAT_ABI_REVISION;
	regs->ebx = numbering()->id;
	regs->ecx = EXITSTAT_FEATURE_TIMES | EXITSTAT_FEATURE_SPLIT;
	if (vcpu->exit_stats.hist)
		regs->ecx |= EXITSTAT_FEATURE_HISTOGRAMS;
	regs->edx = check_tsc_unstable() ? 0 : tsc_khz;
}

static void answer_scope(struct kvm_vcpu *vcpu, struct registers *regs)
{
	/* vCPUs are never destroyed before their VM, so the first one is the VM's. */
	u64 epoch = kvm_get_vcpu(vcpu->kvm, 0)->exit_stats.epoch;

	regs->eax = atomic_read(&vcpu->kvm->online_vcpus);
	regs->ebx = vcpu->vcpu_idx;
	regs->ecx = lower_32_bits(epoch);
	regs->edx = upper_32_bits(epoch);
}

static void answer(struct kvm_vcpu *vcpu, u32 leaf, u32 input, struct registers *regs)
{
	switch (leaf) {
	case EXITSTAT_SIGNATURE:
		regs->eax = EXITSTAT_MAX_LEAF;
		regs->ebx = EXITSTAT_SIGNATURE_EBX;
		regs->ecx = EXITSTAT_SIGNATURE_ECX;
		regs->edx = EXITSTAT_SIGNATURE_EDX;
		break;
	case EXITSTAT_FEATURES:
		answer_features(vcpu, regs);
		break;
	case EXITSTAT_SCOPE:
		answer_scope(vcpu, regs);
		break;
	case EXITSTAT_HISTOGRAM:
		regs->eax = EXITSTAT_BUCKETS;
		regs->ebx = EXITSTAT_BUCKET0_LOG2;
		break;
	case EXITSTAT_TIME_GUEST - EXITSTAT_VCPU ... EXITSTAT_TIME - EXITSTAT_VCPU:
	case EXITSTAT_TIME_GUEST ... EXITSTAT_TIME:
		answer_counter(vcpu, leaf, input, regs);
		break;
	}
}

bool __kvm_exit_stats_cpuid(struct kvm_vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	struct registers regs = {};

	if (!may_ask(vcpu))
		return false;

	answer(vcpu, *eax, *ecx, &regs);
	*eax = regs.eax;
	*ebx = regs.ebx;
	*ecx = regs.ecx;
	*edx = regs.edx;
	return true;
}
