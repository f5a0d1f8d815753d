// SPDX-License-Identifier: MIT
/* The names of exits, from the tables in include/, and their classes. */
#include <stdbool.h>

#include "exitstat.h"

#define EXITSTAT_EXIT(number, name, words) { number, name, words },
static const struct exitstat_exit vmx_exits[] = {
#include <exitstat/vmx_exits.h>
};

#define EXITSTAT_EXIT(number, name, words) { number, name, words },
static const struct exitstat_exit svm_exits[] = {
#include <exitstat/svm_exits.h>
};

static const struct exitstat_exit other_exit = {
	EXITSTAT_OTHER, "other", "a number that this KVM does not know",
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

const struct exitstat_exit *exitstat_exit_at(uint32_t numbering, size_t i)
{
	if (numbering == EXITSTAT_NUMBERING_VMX)
		return i < LENGTH(vmx_exits) ? &vmx_exits[i] : NULL;
	if (numbering == EXITSTAT_NUMBERING_SVM)
		return i < LENGTH(svm_exits) ? &svm_exits[i] : NULL;
	return NULL;
}

const struct exitstat_exit *exitstat_exit_find(uint32_t numbering, uint32_t number)
{
	bool vmx = numbering == EXITSTAT_NUMBERING_VMX;
	const struct exitstat_exit *exits = vmx ? vmx_exits : svm_exits;
	size_t low = 0, high = vmx ? LENGTH(vmx_exits) : LENGTH(svm_exits);

	if (number == EXITSTAT_OTHER)
		return &other_exit;
	if (!vmx && numbering != EXITSTAT_NUMBERING_SVM)
		return NULL;
	/* They are in ascending order; tests/unit/exit_tables checks it. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (exits[middle].number == number)
			return &exits[middle];
		if (exits[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/*
 * What both vendors' hardware calls by different names.  The exits that are of no class here are
 * rare, or only one vendor has them.
 */
static const struct {
	uint32_t numbering;
	uint32_t first;
	uint32_t last;
	const char *name;
} classes[] = {
#define VMX(first, last, name) { EXITSTAT_NUMBERING_VMX, first, last, name }
#define SVM(first, last, name) { EXITSTAT_NUMBERING_SVM, first, last, name }
	VMX(0, 0, "exception"), SVM(0x40, 0x5f, "exception"), SVM(0x61, 0x61, "exception"),
	VMX(1, 1, "interrupt"), SVM(0x60, 0x60, "interrupt"),
	VMX(7, 8, "window"), SVM(0x64, 0x64, "window"), SVM(0x74, 0x74, "window"),
	VMX(52, 52, "timer"),
	VMX(10, 10, "cpuid"), SVM(0x72, 0x72, "cpuid"),
	VMX(12, 12, "hlt"), SVM(0x78, 0x78, "hlt"), SVM(0xa6, 0xa6, "hlt"),
	VMX(36, 36, "mwait"), VMX(39, 39, "mwait"), SVM(0x8a, 0x8c, "mwait"),
	VMX(67, 68, "mwait"),
	VMX(40, 40, "pause"), SVM(0x77, 0x77, "pause"),
	VMX(18, 18, "hypercall"), SVM(0x81, 0x81, "hypercall"),
	VMX(30, 30, "io"), SVM(0x7b, 0x7b, "io"),
	VMX(31, 32, "msr"), VMX(78, 81, "msr"), VMX(84, 85, "msr"),
	SVM(0x7c, 0x7c, "msr"), SVM(0x8f, 0x8f, "msr"),
	VMX(48, 49, "memory"), SVM(0x400, 0x400, "memory"),
	VMX(43, 45, "apic"), VMX(56, 56, "apic"), SVM(0x401, 0x402, "apic"),
	VMX(28, 28, "cr"), SVM(0x00, 0x1f, "cr"), SVM(0x65, 0x65, "cr"), SVM(0x90, 0x9f, "cr"),
	VMX(29, 29, "dr"), SVM(0x20, 0x3f, "dr"),
	VMX(46, 47, "descriptor"), SVM(0x66, 0x6d, "descriptor"),
	VMX(16, 16, "rdtsc"), VMX(51, 51, "rdtsc"), SVM(0x6e, 0x6e, "rdtsc"),
	SVM(0x87, 0x87, "rdtsc"),
	VMX(15, 15, "rdpmc"), SVM(0x6f, 0x6f, "rdpmc"),
	VMX(14, 14, "tlb"), VMX(58, 58, "tlb"), SVM(0x79, 0x79, "tlb"), SVM(0xa0, 0xa2, "tlb"),
	SVM(0xa4, 0xa4, "tlb"),
	VMX(13, 13, "cache"), VMX(54, 54, "cache"), SVM(0x76, 0x76, "cache"),
	SVM(0x89, 0x89, "cache"),
	VMX(55, 55, "xsetbv"), SVM(0x8d, 0x8d, "xsetbv"),
	VMX(9, 9, "task_switch"), SVM(0x7d, 0x7d, "task_switch"),
	VMX(74, 74, "buslock"), SVM(0xa5, 0xa5, "buslock"),
	VMX(19, 27, "nested"), VMX(50, 50, "nested"), VMX(53, 53, "nested"),
	SVM(0x7a, 0x7a, "nested"), SVM(0x80, 0x80, "nested"), SVM(0x82, 0x86, "nested"),
	VMX(2, 4, "reset"), SVM(0x63, 0x63, "reset"), SVM(0x7f, 0x7f, "reset"),
	VMX(5, 6, "smm"), VMX(17, 17, "smm"), SVM(0x62, 0x62, "smm"), SVM(0x73, 0x73, "smm"),
	VMX(76, 77, "confidential"), SVM(0x403, 0x403, "confidential"),
	VMX(33, 34, "failed_entry"), VMX(41, 41, "failed_entry"),
	SVM(0xfffffffc, 0xffffffff, "failed_entry"),
#undef VMX
#undef SVM
};

const char *exitstat_exit_class(uint32_t numbering, uint32_t number)
{
	size_t i;

	for (i = 0; i < LENGTH(classes); i++) {
		if (classes[i].numbering == numbering && number >= classes[i].first &&
		    number <= classes[i].last)
			return classes[i].name;
	}
	return "other";
}

uint32_t exitstat_exit_cpuid(uint32_t numbering)
{
	return numbering == EXITSTAT_NUMBERING_VMX ? 10 : 0x72;
}
