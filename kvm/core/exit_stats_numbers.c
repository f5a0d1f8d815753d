// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exit numbers, slots and rows, generated from the lists of defined numbers.
 */
#include <linux/build_bug.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/string.h>

#include "exit_stats_details.h"
#include "exit_stats_read.h"

static const struct kvm_exit_stats_exit vmx_exits[] = {
	{ EXITSTAT_OTHER, "other" },
#define EXITSTAT_EXIT(number, name, words) { number, name },
#include <exitstat/vmx_exits.h>
};

static const struct kvm_exit_stats_exit svm_exits[] = {
	{ EXITSTAT_OTHER, "other" },
#define EXITSTAT_EXIT(number, name, words) { number, name },
#include <exitstat/svm_exits.h>
};

static_assert(VMX_OTHER == KVM_EXIT_STATS_OTHER && SVM_OTHER == KVM_EXIT_STATS_OTHER);
static_assert(ARRAY_SIZE(vmx_exits) <= KVM_EXIT_STATS_SLOTS);
static_assert(ARRAY_SIZE(svm_exits) <= KVM_EXIT_STATS_SLOTS);

/* Numbers that are not defined have row 0, that of EXITSTAT_OTHER. */
const u16 kvm_exit_stats_vmx_rows[KVM_EXIT_STATS_VMX_NUMBERS] = {
#define EXITSTAT_EXIT(number, name, words) \
	[number] = KVM_EXIT_STATS_ROW(VMX_##number),
#include <exitstat/vmx_exits.h>
};
EXPORT_SYMBOL_FOR_KVM_INTERNAL(kvm_exit_stats_vmx_rows);

const u16 kvm_exit_stats_svm_rows[KVM_EXIT_STATS_SVM_NUMBERS] = {
#define EXITSTAT_EXIT(number, name, words) \
	[(number) % KVM_EXIT_STATS_SVM_NUMBERS] = KVM_EXIT_STATS_ROW(SVM_##number),
#include <exitstat/svm_exits.h>
};
EXPORT_SYMBOL_FOR_KVM_INTERNAL(kvm_exit_stats_svm_rows);

/* The numbers that exit_stats_details.h finds details for. */
static const u8 vmx_detailed[] = {
	VMX_0, VMX_1, VMX_10, VMX_18, VMX_28, VMX_30, VMX_31, VMX_32, VMX_48, VMX_49,
	VMX_84, VMX_85,
};

static const u8 svm_detailed[] = { SVM_0x072, SVM_0x07b, SVM_0x07c, SVM_0x081, SVM_0x400 };

static_assert(ARRAY_SIZE(vmx_detailed) <= KVM_EXIT_STATS_RESTS);
static_assert(ARRAY_SIZE(svm_detailed) <= KVM_EXIT_STATS_RESTS);
static_assert(KVM_EXIT_STATS_SLOTS <= KVM_EXIT_STATS_KEY_SLOT_MASK);

const struct kvm_exit_stats_numbering kvm_exit_stats_vmx = {
	.id = EXITSTAT_NUMBERING_VMX,
	.slots = ARRAY_SIZE(vmx_exits),
	.other_place = ARRAY_SIZE(vmx_exits) - 1,
	.exits = vmx_exits,
	.nr_detailed = ARRAY_SIZE(vmx_detailed),
	.detailed = vmx_detailed,
};

const struct kvm_exit_stats_numbering kvm_exit_stats_svm = {
	.id = EXITSTAT_NUMBERING_SVM,
	.slots = ARRAY_SIZE(svm_exits),
	.other_place = SVM_0xfffffffc - 1,
	.exits = svm_exits,
	.nr_detailed = ARRAY_SIZE(svm_detailed),
	.detailed = svm_detailed,
};

struct kvm_exit_stats_name kvm_exit_stats_name_of(const char *prefix, u32 slot)
{
	struct kvm_exit_stats_name name;

	snprintf(name.text, sizeof(name.text), "%s%s", prefix,
		 kvm_exit_stats_numbering()->exits[slot].name);
	strreplace(name.text, ' ', '_');
	return name;
}

u32 kvm_exit_stats_place_from(u32 number)
{
	u32 low = 0, high = kvm_exit_stats_numbering()->slots;

	while (low < high) {
		u32 middle = (low + high) / 2;

		if (kvm_exit_stats_number_of(kvm_exit_stats_slot_at(middle)) < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool kvm_exit_stats_find_slot(u32 number, u32 *slot)
{
	u32 slots = kvm_exit_stats_numbering()->slots;
	u32 place = kvm_exit_stats_place_from(number);

	if (place >= slots)
		return false;
	*slot = kvm_exit_stats_slot_at(array_index_nospec(place, slots));
	return kvm_exit_stats_number_of(*slot) == number;
}
