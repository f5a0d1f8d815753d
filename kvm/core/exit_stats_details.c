// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of a vCPU's details: open addressing, a few probes, no eviction.  A guest
 * chooses the keys, so no number has more than a quarter of the rows.  A Linux boot has
 * some 450 details: in a table twice as large, one that comes later finds a row.
 */
#include <linux/kernel.h>
#include <linux/mm.h>

#include "exit_stats_details.h"
#include "exit_stats_read.h"

#define PROBES			8
#define MOST_OF_A_NUMBER	(KVM_EXIT_STATS_DETAILS / 4)

#define CR_AND_ACCESS		0x3f		/* of the exit qualification */

static u64 rest_key(u32 slot)
{
	return (u64)slot << KVM_EXIT_STATS_KEY_SLOT_SHIFT;
}

struct kvm_exit_stats_details *kvm_exit_stats_details_alloc(gfp_t gfp)
{
	const struct kvm_exit_stats_numbering *numbering = kvm_exit_stats_numbering();
	struct kvm_exit_stats_details *details;
	u32 i;

	/* Not kvzalloc(), which takes a power of two. */
	details = alloc_pages_exact(sizeof(*details), gfp | __GFP_ZERO);
	if (!details)
		return NULL;
	for (i = 0; i < numbering->nr_detailed; i++)
		details->keys[KVM_EXIT_STATS_DETAILS + i] = rest_key(numbering->detailed[i]);
	return details;
}

void kvm_exit_stats_details_free(struct kvm_exit_stats_details *details)
{
	if (details)
		free_pages_exact(details, sizeof(*details));
}

/* The index of the slot's rest, or KVM_EXIT_STATS_RESTS if it has no details. */
static u32 rest_of(u32 slot)
{
	const struct kvm_exit_stats_numbering *numbering = kvm_exit_stats_numbering();
	u32 i;

	for (i = 0; i < numbering->nr_detailed; i++) {
		if (numbering->detailed[i] == slot)
			return i;
	}
	return KVM_EXIT_STATS_RESTS;
}

static void count_in(struct kvm_exit_stats *s, u32 row)
{
	s->row = s->detail_row + (long)KVM_EXIT_STATS_ROW(row);
	kvm_exit_stats_add(&s->details->counter[KVM_EXIT_STATS_ROW(row) + KVM_EXIT_STATS_COUNT], 1);
}

static void count_rest(struct kvm_exit_stats *s)
{
	count_in(s, KVM_EXIT_STATS_DETAILS + rest_of(s->row / KVM_EXIT_STATS_COUNTERS));
}

/* Give the free row to the key.  Readers see it whole, by key or by list. */
static void begin_row(struct kvm_exit_stats *s, u32 row, u64 key, u32 rest)
{
	struct kvm_exit_stats_details *details = s->details;

	details->used[rest]++;
	details->before[row] = details->latest[rest];
	count_in(s, row);
	/* Pairs with kvm_exit_stats_is_detail(). */
	smp_store_release(&details->keys[row], key);
	/* Pairs with kvm_exit_stats_read_details(). */
	smp_store_release(&details->latest[rest], row + 1);
}

/* Double hashing: a full stretch of the table does not stop every key. */
static u32 row_of_probe(u64 key, u32 probe)
{
	u32 product = kvm_exit_stats_product_of(key);
	u32 step = product >> 16 | 1;

	return (product / (U32_MAX / KVM_EXIT_STATS_DETAILS + 1) + probe * step) %
	       KVM_EXIT_STATS_DETAILS;
}

static void count_detail(struct kvm_exit_stats *s, u64 detail)
{
	u32 slot = s->row / KVM_EXIT_STATS_COUNTERS;
	u64 key = detail | (u64)slot << KVM_EXIT_STATS_KEY_SLOT_SHIFT;
	u32 probe, row, rest;

	if (kvm_exit_stats_count_known(s, slot, detail))
		return;
	rest = rest_of(slot);
	for (probe = 0; probe < PROBES; probe++) {
		row = row_of_probe(key, probe);
		if (s->details->keys[row] == key) {
			count_in(s, row);
			return;
		}
		if (s->details->keys[row])
			continue;
		if (s->details->used[rest] >= MOST_OF_A_NUMBER)
			break;
		begin_row(s, row, key, rest);
		return;
	}
	count_in(s, KVM_EXIT_STATS_DETAILS + rest);
}

/* Software that looks for a hypervisor asks hundreds of leaves, which would take as many rows. */
static void count_cpuid(struct kvm_exit_stats *s, u32 leaf)
{
	if ((leaf & EXITSTAT_BASE_MASK) == EXITSTAT_BASE)
		leaf = EXITSTAT_DETAIL_OWN;
	else if (leaf >= EXITSTAT_DETAIL_SCAN && leaf < EXITSTAT_BASE)
		leaf = EXITSTAT_DETAIL_SCAN;
	count_detail(s, leaf);
}

/* RAX can be anything, and a key has no room for that. */
static void count_hypercall(struct kvm_exit_stats *s, u64 rax)
{
	if (rax >> KVM_EXIT_STATS_KEY_SLOT_SHIFT)
		count_rest(s);
	else
		count_detail(s, rax);
}

static void count_mmio(struct kvm_exit_stats *s, u64 gpa)
{
	count_detail(s, EXITSTAT_DETAIL_MMIO | (gpa & KVM_EXIT_STATS_ADDRESS));
}

static void count_memory(struct kvm_exit_stats *s, u64 gpa, u32 access)
{
	if (kvm_exit_stats_is_mmio(s, gpa, access & KVM_EXIT_STATS_WRITE))
		count_mmio(s, gpa);
	else
		count_detail(s, access);
}

static u32 access_of_npf(u64 info)
{
	if (info & KVM_EXIT_STATS_NPF_EXECUTE)
		return KVM_EXIT_STATS_EXECUTE;
	return info & KVM_EXIT_STATS_NPF_WRITE ? KVM_EXIT_STATS_WRITE : KVM_EXIT_STATS_READ;
}

static void count_nested_page_fault(struct kvm_exit_stats *s, u64 info, u64 gpa)
{
	if (info & KVM_EXIT_STATS_NPF_RESERVED)
		count_mmio(s, gpa);
	else
		count_memory(s, gpa, access_of_npf(info));
}

static void count_event(struct kvm_exit_stats *s, u32 intr_info)
{
	if (intr_info & KVM_EXIT_STATS_EVENT_IS_VALID)
		count_detail(s, intr_info & KVM_EXIT_STATS_EVENT);
	else
		count_rest(s);
}

void __kvm_exit_stats_svm_detail(struct kvm_exit_stats *s, const struct vmcb_control_area *control,
				 const unsigned long *regs)
{
	u64 info = control->exit_info_1;

	switch (s->row) {
	case KVM_EXIT_STATS_ROW(SVM_0x072):
		count_cpuid(s, regs[__VCPU_REGS_RAX]);
		break;
	case KVM_EXIT_STATS_ROW(SVM_0x07b):
		count_detail(s, kvm_exit_stats_svm_port(info));
		break;
	case KVM_EXIT_STATS_ROW(SVM_0x07c):
		count_detail(s, (u32)regs[__VCPU_REGS_RCX] | (info & 1) << 32);
		break;
	case KVM_EXIT_STATS_ROW(SVM_0x081):
		count_hypercall(s, regs[__VCPU_REGS_RAX]);
		break;
	case KVM_EXIT_STATS_ROW(SVM_0x400):
		count_nested_page_fault(s, info, control->exit_info_2);
		break;
	}
}

void __kvm_exit_stats_vmx_detail(struct kvm_exit_stats *s,
				 unsigned long (*vmread)(unsigned long field),
				 const unsigned long *regs)
{
	switch (s->row) {
	case KVM_EXIT_STATS_ROW(VMX_0):
	case KVM_EXIT_STATS_ROW(VMX_1):
		count_event(s, vmread(VM_EXIT_INTR_INFO));
		break;
	case KVM_EXIT_STATS_ROW(VMX_10):
		count_cpuid(s, regs[__VCPU_REGS_RAX]);
		break;
	case KVM_EXIT_STATS_ROW(VMX_18):
		count_hypercall(s, regs[__VCPU_REGS_RAX]);
		break;
	case KVM_EXIT_STATS_ROW(VMX_28):
		count_detail(s, vmread(EXIT_QUALIFICATION) & CR_AND_ACCESS);
		break;
	case KVM_EXIT_STATS_ROW(VMX_30):
		count_detail(s, kvm_exit_stats_vmx_port(vmread(EXIT_QUALIFICATION)));
		break;
	case KVM_EXIT_STATS_ROW(VMX_31):
		count_detail(s, (u32)regs[__VCPU_REGS_RCX]);
		break;
	case KVM_EXIT_STATS_ROW(VMX_32):
		count_detail(s, (u32)regs[__VCPU_REGS_RCX] | EXITSTAT_DETAIL_WRITE);
		break;
	case KVM_EXIT_STATS_ROW(VMX_48):
		count_memory(s, vmread(GUEST_PHYSICAL_ADDRESS),
			     vmread(EXIT_QUALIFICATION) & KVM_EXIT_STATS_ACCESS);
		break;
	case KVM_EXIT_STATS_ROW(VMX_49):
		count_mmio(s, vmread(GUEST_PHYSICAL_ADDRESS));
		break;
	case KVM_EXIT_STATS_ROW(VMX_84):
		count_detail(s, (u32)vmread(EXIT_QUALIFICATION));
		break;
	case KVM_EXIT_STATS_ROW(VMX_85):
		count_detail(s, (u32)vmread(EXIT_QUALIFICATION) | EXITSTAT_DETAIL_WRITE);
		break;
	}
}

u64 kvm_exit_stats_read_details(const struct kvm_exit_stats *s, u32 slot,
				enum kvm_exit_stats_counter counter)
{
	u32 rest = rest_of(slot);
	u64 sum;
	u16 row;

	if (rest == KVM_EXIT_STATS_RESTS)
		return 0;
	sum = kvm_exit_stats_read_detail(s, KVM_EXIT_STATS_DETAILS + rest, counter);
	/* Pairs with begin_row(). */
	row = smp_load_acquire(&s->details->latest[rest]);
	for (; row; row = READ_ONCE(s->details->before[row - 1]))
		sum += kvm_exit_stats_read_detail(s, row - 1, counter);
	return sum;
}

bool kvm_exit_stats_is_detail(const struct kvm_exit_stats *s, u32 row)
{
	if (row >= KVM_EXIT_STATS_DETAILS)
		return kvm_exit_stats_read_detail(s, row, KVM_EXIT_STATS_COUNT);
	/* Pairs with begin_row(). */
	return smp_load_acquire(&s->details->keys[row]);
}

u32 kvm_exit_stats_next_detail(const struct kvm_exit_stats *s, u32 row)
{
	while (row < KVM_EXIT_STATS_DETAIL_ROWS && !kvm_exit_stats_is_detail(s, row))
		row++;
	return row;
}
