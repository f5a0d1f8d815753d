/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * exitstat ABI, revision 1: what a guest may ask the hypervisor about its own
 * VM exits, with the CPUID instruction, and what it gets.
 *
 * Leaves 0x4FFFFF00 to 0x4FFFFFFF are one 256-leaf hypervisor CPUID range.  A
 * leaf that this file does not name returns zero in all four registers.
 *
 * Registers, everywhere in the block:
 *  - a count is 64 bits: EAX = low half, EBX = high half;
 *  - a time is 64 bits of host TSC cycles: EBX = high half, ECX = low half;
 *  - both halves come from one read of one 64-bit value;
 *  - every register not named is 0;
 *  - EDX = EXITSTAT_UNDEFINED and 0 in the other three: the input in ECX names
 *    nothing.
 *
 * Exit number: on Intel the basic exit reason, on AMD the low 32 bits of
 * EXITCODE.  vmx_exits.h and svm_exits.h list them.
 *
 * Time: every cycle between a vCPU's first VM entry and now is in one place,
 *
 *	guest mode + sum over numbers (processing + waiting) = elapsed TSC
 *
 * where processing = kernel (on the CPU, inside KVM_RUN, from the exit to the
 * next entry) + VMM (between two KVM_RUNs, if KVM_RUN returned for work), and
 * waiting is off the CPU inside KVM_RUN, or between two KVM_RUNs after a
 * signal.  The count rises at the exit, the time at the next entry.
 */
#ifndef EXITSTAT_ABI_H
#define EXITSTAT_ABI_H

#define EXITSTAT_ABI_REVISION	1

/* The block, and the bits of a leaf that place it there. */
#define EXITSTAT_BASE		0x4fffff00u
#define EXITSTAT_BASE_MASK	0xffffff00u

/*
 * Discovery.  An un-instrumented KVM answers with zeros on an AMD guest and
 * with the data of the highest basic leaf on an Intel guest: check
 * CPUID.1:ECX[31] and the signature before believing any other leaf.
 *
 *	SIGNATURE	EAX = the highest leaf, EBX ECX EDX = "ExitStatsKVM"
 *	FEATURES	EAX = ABI revision, EBX = numbering, ECX = features,
 *			EDX = TSC frequency in kHz (0: unknown or not constant)
 *	SCOPE		EAX = vCPUs of this VM, EBX = index of this vCPU,
 *			ECX = epoch, low half, EDX = epoch, high half
 *	HISTOGRAM	EAX = buckets, EBX = log2 of the first bucket's upper
 *			bound in cycles
 *
 * The epoch is not 0 and changes whenever the counters start anew.
 */
#define EXITSTAT_SIGNATURE	0x4fffff00u
#define EXITSTAT_FEATURES	0x4fffff01u
#define EXITSTAT_SCOPE		0x4fffff02u
#define EXITSTAT_HISTOGRAM	0x4fffff03u

#define EXITSTAT_MAX_LEAF	0x4fffffffu
#define EXITSTAT_SIGNATURE_EBX	0x74697845u	/* "Exit" */
#define EXITSTAT_SIGNATURE_ECX	0x74617453u	/* "Stat" */
#define EXITSTAT_SIGNATURE_EDX	0x4d564b73u	/* "sKVM" */

#define EXITSTAT_NUMBERING_VMX	1u
#define EXITSTAT_NUMBERING_SVM	2u

#define EXITSTAT_FEATURE_TIMES		0x1u
#define EXITSTAT_FEATURE_SPLIT		0x2u	/* VMM, WAITING, GUEST_MODE */
#define EXITSTAT_FEATURE_HISTOGRAMS	0x4u

/*
 * Counters of the whole VM.
 *
 *	leaf		ECX in			answer
 *	TOTAL_COUNT	ignored			count: all exits
 *	TOTAL_TIME	ignored			time: processing all of them
 *	COUNT		exit number		count
 *	TIME		exit number		time: processing, kernel + VMM
 *	TIME_VMM	exit number		time: the VMM's part of TIME
 *	TIME_WAITING	exit number		time: waiting, no part of TIME
 *	BUCKET		exit number, bucket	count: exits whose processing
 *						time fell into that bucket
 *	NEXT		first number to look at	the next number, unsigned, that
 *						has a count: EAX = the number,
 *						EBX:ECX = count (high, low)
 *	TIME_GUEST	ignored			time: in guest mode
 *
 * BUCKET takes the low 16 bits of the exit number in ECX 15:0, sign-extended
 * (0xFFFC is -4, 0xFF00 is EXITSTAT_OTHER), and the bucket in ECX 31:16.
 */
#define EXITSTAT_TIME_GUEST	0x4ffffff7u
#define EXITSTAT_NEXT		0x4ffffff8u
#define EXITSTAT_BUCKET		0x4ffffff9u
#define EXITSTAT_TIME_WAITING	0x4ffffffau
#define EXITSTAT_TIME_VMM	0x4ffffffbu
#define EXITSTAT_TOTAL_COUNT	0x4ffffffcu
#define EXITSTAT_TOTAL_TIME	0x4ffffffdu
#define EXITSTAT_COUNT		0x4ffffffeu
#define EXITSTAT_TIME		0x4fffffffu

/* The same of the calling vCPU only: subtract from any of the above. */
#define EXITSTAT_VCPU		0x10u

/*
 * The host reads the same counters as statistics of a vCPU (KVM_GET_STATS_FD).
 * Of exit_count, exit_kernel_cycles, exit_vmm_cycles and exit_waiting_cycles,
 * element i is about the i-th number in ascending order, of those that are
 * defined and EXITSTAT_OTHER; the statistic exit_number lists them.
 */

/* An exit whose number is not listed is counted under this one. */
#define EXITSTAT_OTHER		0xffffff00u

#define EXITSTAT_UNDEFINED	0xffffffffu

/*
 * Bucket 0 holds times below 2^9 cycles, bucket i those in [2^(8+i), 2^(9+i)),
 * the last one all above.
 */
#define EXITSTAT_BUCKETS	24u
#define EXITSTAT_BUCKET0_LOG2	9u

#endif /* EXITSTAT_ABI_H */
