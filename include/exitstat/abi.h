/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * exitstat ABI, revision 2: what a guest may ask the hypervisor about its own
 * VM exits, with the CPUID instruction, and how the hypervisor answers.  What
 * revision 2 adds is marked (2); the rest is unchanged since revision 1.
 *
 * Leaves 0x4FFFFF00 to 0x4FFFFFFF are one 256-leaf hypervisor CPUID range.  A
 * leaf that this file does not name returns zero in all four registers.
 *
 * Registers, everywhere in the block:
 *  - a count is 64 bits: EAX = low half, EBX = high half;
 *  - a time is 64 bits of host TSC cycles: EBX = high half, ECX = low half;
 *  - both halves come from one read of one 64-bit value;
 *  - every register not named is 0;
 *  - EDX = EXITSTAT_UNDEFINED and 0 in the other three means that the input in
 *    ECX names nothing.
 *
 * Exit number: on Intel the basic exit reason, on AMD the low 32 bits of
 * EXITCODE.  vmx_exits.h and svm_exits.h list them.
 *
 * Time: every cycle between a vCPU's first VM entry and now is in one place,
 *
 *	guest mode + sum over numbers (processing + waiting) = elapsed TSC
 *
 * where processing = kernel (on the CPU, inside KVM_RUN, from the exit to the
 * next entry) + VMM (between two KVM_RUNs, if KVM_RUN returned for the VMM to do
 * something), and waiting is off the CPU inside KVM_RUN, or between two KVM_RUNs
 * after a signal.  The count rises at the exit, the time at the next entry.
 *
 * (2) The answers come either from a patched KVM, which takes its times at the
 * hardware transition, or from a module attached to a stock KVM, which takes them
 * at KVM's tracepoints.  The feature bits tell the difference.
 */
#ifndef EXITSTAT_ABI_H
#define EXITSTAT_ABI_H

#define EXITSTAT_ABI_REVISION	2

/* The block; a leaf is in it if (leaf & EXITSTAT_BASE_MASK) == EXITSTAT_BASE. */
#define EXITSTAT_BASE		0x4fffff00u
#define EXITSTAT_BASE_MASK	0xffffff00u

/*
 * Discovery.  A stock KVM answers an AMD guest with zeros and an Intel guest with
 * the data of the highest basic leaf: check CPUID.1:ECX[31] and the signature
 * before trusting any other leaf.
 *
 *	SIGNATURE	EAX = the highest leaf, EBX ECX EDX = "ExitStatsKVM"
 *	FEATURES	EAX = ABI revision, EBX = numbering, ECX = features,
 *			EDX = TSC frequency in kHz (0: unknown or not constant)
 *	SCOPE		EAX = vCPUs of this VM, EBX = index of this vCPU,
 *			ECX = epoch, low half, EDX = epoch, high half
 *	HISTOGRAM	EAX = buckets, EBX = log2 of the first bucket's upper
 *			bound in cycles
 *	AGE		(2) time since counting began for this VM
 *
 * The epoch is not 0 and changes whenever the counters start again from 0.
 */
#define EXITSTAT_SIGNATURE	0x4fffff00u
#define EXITSTAT_FEATURES	0x4fffff01u
#define EXITSTAT_SCOPE		0x4fffff02u
#define EXITSTAT_HISTOGRAM	0x4fffff03u
#define EXITSTAT_AGE		0x4fffff04u	/* (2) */

#define EXITSTAT_MAX_LEAF	0x4fffffffu
#define EXITSTAT_SIGNATURE_EBX	0x74697845u	/* "Exit" */
#define EXITSTAT_SIGNATURE_ECX	0x74617453u	/* "Stat" */
#define EXITSTAT_SIGNATURE_EDX	0x4d564b73u	/* "sKVM" */

#define EXITSTAT_NUMBERING_VMX	1u
#define EXITSTAT_NUMBERING_SVM	2u

/*
 * (2) Approximate: counts are exact, but the time between KVM's tracepoints and
 * the hardware transition counts as guest time.  On AMD before Linux 6.5, if the
 * guest's TSC is scaled, that includes the host's interrupt handling.  Each cycle
 * is still counted in exactly one place.
 *
 * (2) Late: counting began after this VM's first entry.  The counters start there,
 * not at the VM's start; AGE tells how long ago that was.
 */
#define EXITSTAT_FEATURE_TIMES		0x1u
#define EXITSTAT_FEATURE_SPLIT		0x2u	/* TIME_VMM, TIME_WAITING, TIME_GUEST */
#define EXITSTAT_FEATURE_HISTOGRAMS	0x4u
#define EXITSTAT_FEATURE_APPROXIMATE	0x8u	/* (2) */
#define EXITSTAT_FEATURE_LATE		0x10u	/* (2) */
#define EXITSTAT_FEATURE_DETAILS	0x20u	/* (2) the three leaves DETAIL... */
#define EXITSTAT_FEATURE_SAMPLES	0x40u	/* (2) the leaves SAMPLE... */

/*
 * Counters of the whole VM.
 *
 *	leaf		ECX in			answer
 *	TOTAL_COUNT	ignored			count: all exits
 *	TOTAL_TIME	ignored			time: processing all of them
 *	COUNT		exit number		count
 *	TIME		exit number		time: processing, kernel + VMM
 *	TIME_VMM	exit number		time: the VMM's part of TIME
 *	TIME_WAITING	exit number		time: waiting, not part of TIME
 *	BUCKET		exit number, bucket	count: exits whose processing
 *						time fell into that bucket
 *	NEXT		first number to look at	the next number, unsigned, with
 *						a non-zero count: EAX = number,
 *						EBX:ECX = count (high, low)
 *	TIME_GUEST	ignored			time: in guest mode
 *	COUNT_TIME	exit number		(2) two at once: COUNT in EAX (low)
 *						and EBX (high), TIME in ECX
 *						(low) and EDX (high)
 *	VMM_WAITING	exit number		(2) two at once, in the same way:
 *						TIME_VMM and TIME_WAITING
 *	DETAIL		place			(2) the next detail at or after that
 *						place: EAX = exit number, EBX:ECX
 *						= detail (high, low), EDX = place
 *	DETAIL_COUNT	place			(2) count: exits of that detail
 *	DETAIL_TIME	place			(2) time: processing them
 *
 * BUCKET takes the low 16 bits of the exit number in ECX 15:0, sign-extended
 * (0xFFFC is -4, 0xFF00 is EXITSTAT_OTHER), and the bucket in ECX 31:16.
 *
 * If details are off, DETAIL, DETAIL_COUNT and DETAIL_TIME answer EDX =
 * EXITSTAT_UNDEFINED, whatever is in ECX.
 *
 * (2) A detail tells which port, MSR, leaf or page caused an exit.  The meaning of
 * its 64 bits depends on the exit number:
 *
 *	port I/O		15:0 port, 16 DETAIL_IN
 *	MSR			31:0 index, 32 DETAIL_WRITE
 *	CPUID			31:0 leaf; DETAIL_OWN for all leaves of this block,
 *				DETAIL_SCAN for all from that on up to this block
 *	hypercall		RAX
 *	memory (nested page fault, EPT violation or misconfiguration)
 *				with DETAIL_MMIO 51:0 guest-physical address that
 *				KVM or the VMM emulates; else RAM being mapped,
 *				2:0 read, write, execute
 *	control register	3:0 register, 5:4 access type (Intel)
 *	exception, external interrupt
 *				7:0 vector, 10:8 type (Intel)
 *
 * An exit with such a number for which no row is free counts under DETAIL_REST, so
 * that the sum over a number's details always equals its count.  Places do not
 * change while the epoch is the same.  Bits 31:16 of a place are the vCPU's index:
 * in the VM's scope, a detail appears once for each vCPU that caused it.
 */
#define EXITSTAT_DETAIL_IN	0x10000u	/* (2) */
#define EXITSTAT_DETAIL_WRITE	0x100000000ull	/* (2) */
#define EXITSTAT_DETAIL_OWN	0x4fffff00u	/* (2) */
#define EXITSTAT_DETAIL_SCAN	0x40000100u	/* (2) */
#define EXITSTAT_DETAIL_MMIO	0x8000000000000000ull	/* (2) */
#define EXITSTAT_DETAIL_REST	0xffffffffffffffffull	/* (2) */

#define EXITSTAT_VMM_WAITING	0x4ffffff2u	/* (2) */
#define EXITSTAT_COUNT_TIME	0x4ffffff3u	/* (2) */
#define EXITSTAT_DETAIL_TIME	0x4ffffff4u	/* (2) */
#define EXITSTAT_DETAIL_COUNT	0x4ffffff5u	/* (2) */
#define EXITSTAT_DETAIL		0x4ffffff6u	/* (2) */
#define EXITSTAT_TIME_GUEST	0x4ffffff7u
#define EXITSTAT_NEXT		0x4ffffff8u
#define EXITSTAT_BUCKET		0x4ffffff9u
#define EXITSTAT_TIME_WAITING	0x4ffffffau
#define EXITSTAT_TIME_VMM	0x4ffffffbu
#define EXITSTAT_TOTAL_COUNT	0x4ffffffcu
#define EXITSTAT_TOTAL_TIME	0x4ffffffdu
#define EXITSTAT_COUNT		0x4ffffffeu
#define EXITSTAT_TIME		0x4fffffffu

/* The same for the calling vCPU only: subtract this from any of the above. */
#define EXITSTAT_VCPU		0x10u

/*
 * (2) For the calling vCPU, at CPL 0 (all zeros at another CPL, or if samples are
 * off): let every period-th exit of a number queue an NMI.  Its handler interrupts
 * the code that caused the exit.
 *
 *	leaf		ECX in			answer
 *	SAMPLE_ARM	exit number, period	EAX = how many numbers are armed
 *						now; or EDX = EXITSTAT_UNDEFINED:
 *						that number cannot be sampled, or
 *						SAMPLED_MAX others are
 *	SAMPLE_TAKE	ignored			EAX 15:0 = samples of one number
 *						since they were last asked about,
 *						31 SAMPLE_MORE: others are to be
 *						taken in the same NMI; EBX:ECX =
 *						RIP of the last one (high, low),
 *						EDX = its number
 *	SAMPLE_DETAIL	ignored			EAX = 1, EBX:ECX = detail (high,
 *						low) of the sample that was last
 *						taken; all zeros if unknown
 *	SAMPLE_TIME	ignored			as SAMPLE_TAKE, but EBX:ECX =
 *						cycles (high, low) processing the
 *						exits that the samples stand for;
 *						EDX = EXITSTAT_UNDEFINED if there
 *						are none (a host without this
 *						leaf: all zeros)
 *
 * SAMPLE_ARM takes the exit number as BUCKET does, and the period in ECX 31:16,
 * where 0 means off.
 */
#define EXITSTAT_SAMPLE_ARM	0x4fffff08u	/* (2) */
#define EXITSTAT_SAMPLE_TAKE	0x4fffff09u	/* (2) */
#define EXITSTAT_SAMPLE_DETAIL	0x4fffff0au	/* (2) */
#define EXITSTAT_SAMPLE_TIME	0x4fffff0bu	/* (2) */
#define EXITSTAT_SAMPLED_MAX	4u		/* (2) */
#define EXITSTAT_SAMPLE_MORE	0x80000000u	/* (2) */

/*
 * The host reads the same counters as statistics of a vCPU (KVM_GET_STATS_FD).
 * Of exit_count, exit_kernel_cycles, exit_vmm_cycles and exit_waiting_cycles,
 * element i is about the i-th number in ascending order, of those that are
 * defined and EXITSTAT_OTHER; the statistic exit_number lists them.
 *
 * (2) Where details are on: of exit_detail_number, exit_detail, exit_detail_count
 * and exit_detail_cycles (processing), element i is about the row i, which is the
 * place without the vCPU's index; it is 0 in all of them if the row is free.
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
