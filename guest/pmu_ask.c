// SPDX-License-Identifier: GPL-2.0-only
/*
 * Questions to the hypervisor.
 */
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <asm/cpufeature.h>
#include <asm/svm.h>
#include <asm/vmx.h>

#include "pmu.h"

static DEFINE_PER_CPU(u64, asked_here);

/*
 * If an NMI asks in between, answer and number do not belong together: ask again.
 * The counters are those of the CPU that executes the CPUID.
 */
struct pmu_answer pmu_ask(u32 leaf, u32 input, u64 *asked)
{
	struct pmu_answer a;

	do {
		*asked = this_cpu_inc_return(asked_here);
		asm volatile("cpuid"
			     : "=a" (a.eax), "=b" (a.ebx), "=c" (a.ecx), "=d" (a.edx)
			     : "0" (leaf), "2" (input)
			     : "memory");
	} while (this_cpu_read(asked_here) != *asked);
	return a;
}

static struct pmu_answer ask_anywhere(u32 leaf)
{
	struct pmu_answer a;
	u64 asked;

	preempt_disable();
	a = pmu_ask(leaf, 0, &asked);
	preempt_enable();
	return a;
}

bool pmu_is_answered(void)
{
	struct pmu_answer a;

	if (!boot_cpu_has(X86_FEATURE_HYPERVISOR))
		return false;
	a = ask_anywhere(EXITSTAT_SIGNATURE);
	return a.ebx == EXITSTAT_SIGNATURE_EBX && a.ecx == EXITSTAT_SIGNATURE_ECX &&
	       a.edx == EXITSTAT_SIGNATURE_EDX;
}

bool pmu_has_details(void)
{
	return pmu_is_answered() &&
	       ask_anywhere(EXITSTAT_FEATURES).ecx & EXITSTAT_FEATURE_DETAILS;
}

u32 pmu_times_samples(void)
{
	struct pmu_answer a;

	if (!pmu_is_answered())
		return 0;
	a = ask_anywhere(EXITSTAT_SAMPLE_TIME);
	return a.eax || a.edx ? ask_anywhere(EXITSTAT_FEATURES).edx : 0;
}

const char *pmu_find_hypervisor(struct pmu_hypervisor *hv)
{
	const u32 needed = EXITSTAT_FEATURE_TIMES | EXITSTAT_FEATURE_SPLIT;
	struct pmu_answer a;

	if (!boot_cpu_has(X86_FEATURE_HYPERVISOR))
		return "this is no virtual machine";
	if (!pmu_is_answered())
		return "the hypervisor does not tell this machine its exits";

	a = ask_anywhere(EXITSTAT_FEATURES);
	if (!a.eax)
		return "the hypervisor names no revision of its answers";
	if ((a.ecx & needed) != needed)
		return "the hypervisor tells counts of exits only, and no times";
	switch (a.ebx) {
	case EXITSTAT_NUMBERING_VMX:
		hv->cpuid_number = EXIT_REASON_CPUID;
		break;
	case EXITSTAT_NUMBERING_SVM:
		hv->cpuid_number = SVM_EXIT_CPUID;
		break;
	default:
		return "the hypervisor's exit numbers are neither Intel's nor AMD's";
	}
	hv->numbering = a.ebx;
	hv->tsc_khz = a.edx;
	return NULL;
}
