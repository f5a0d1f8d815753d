/* SPDX-License-Identifier: MIT */
/* The interface between the small VMM and the payload that it runs in the guest. */
#ifndef LAB_VMM_H
#define LAB_VMM_H

/* Guest-physical = guest-virtual addresses, one page table for all vCPUs. */
#define VMM_PAGE_TABLES	0x1000ul	/* PML4, PDPT, PD: 1 GiB by 2 MiB pages, open to CPL 3 */
#define VMM_PAYLOAD	0x10000ul	/* every vCPU starts at its first byte */
#define VMM_STACKS	0x100000ul	/* one page each, growing down from the page's end */
#define VMM_WATCHES	0x200000ul	/* what OP_MIX saw last, for each vCPU */
/* Each vCPU that runs has an equal part of the following. */
#define VMM_STEPS	0x400000ul
#define VMM_SAMPLES	0x4000000ul	/* of OP_COST and OP_QUERY */
#define VMM_FRESH	0x5000000ul	/* pages that only KIND(npf) touches */
#define VMM_MEMORY	0x10000000ul

#define VMM_MMIO	0x30000000ul	/* mapped by the page tables, backed by nothing */

#define VMM_MAX_VCPUS	255	/* as many as have an APIC ID of 8 bits */
#define VMM_MAX_STEPS	32768
#define VMM_MAX_ROWS	48	/* more exit numbers than a bare guest can cause */
#define VMM_MAX_DETAILS	1056	/* more than the table of a vCPU has rows */
#define VMM_TARGETS	300	/* of OP_SPREAD: more than one number may have rows */

/* Ports that no device in KVM claims: each OUT returns to the VMM. */
#define VMM_PORT_NOTHING	0xf0f0
#define VMM_PORT_DONE		0xf0f1	/* the vCPU is at the end of its steps */
#define VMM_PORT_WAIT		0xf0f2	/* resume at a line on standard input */
#define VMM_PORT_BARRIER	0xf0f3	/* resume when all vCPUs are here */
#define VMM_PORT_STIR		0xf0f4	/* the vCPU may be disturbed from now on */
#define VMM_PORT_CALM		0xf0f5	/* until now */
#define VMM_PORT_FRESH		0xf0f6	/* take back the vCPU's part of VMM_FRESH */
#define VMM_PORT_DO		0xf0f7	/* the action of the step at the address in EAX */

/*
 * Every way to cause exactly one exit: KIND(name, exit name on Intel, exit name
 * on AMD), with the names of include/exitstat.  There are other exits, too: the
 * host's interrupts cause them at any time, with other numbers.
 */
#define VMM_KINDS						\
	KIND(cpuid, "CPUID", "cpuid")				\
	KIND(hypercall, "VMCALL", "hypercall")			\
	KIND(pio_kvm, "IO_INSTRUCTION", "io")			\
	KIND(pio_vmm, "IO_INSTRUCTION", "io")			\
	KIND(mmio, "EPT_MISCONFIG", "npf")			\
	KIND(mmio_split, "EPT_MISCONFIG", "npf")		\
	KIND(npf, "EPT_VIOLATION", "npf")			\
	KIND(rdmsr, "MSR_READ", "msr")				\
	KIND(wrmsr, "MSR_WRITE", "msr")				\
	KIND(icr, "MSR_WRITE", "msr")				\
	KIND(deadline, "MSR_WRITE", "msr")			\
	KIND(hlt, "HLT", "hlt")					\
	KIND(hlt_timer, "HLT", "hlt")				\
	KIND(wbinvd, "WBINVD", "wbinvd")			\
	KIND(cr0, "CR_ACCESS", "cr0_sel_write")			\
	KIND(cr4, "CR_ACCESS", "write_cr4")			\
	KIND(ud, "EXCEPTION_NMI", "UD excp")

/* KVM emulates the next instruction if its parameter force_emulation_prefix is on. */
#define VMM_FORCE_EMULATION	"ud2; .ascii \"kvm\"; "

#define KIND(name, vmx, svm) KIND_##name,
enum kind { VMM_KINDS KIND_COUNT };
#undef KIND

/* What the VMM can do between two KVM_RUNs. */
#define VMM_ACTIONS						\
	ACTION(sleep)	/* n ms */				\
	ACTION(spin)	/* n ms */				\
	ACTION(ioctls)	/* n times */				\
	ACTION(kick)	/* signal, and sleep n ms after it */	\
	ACTION(immediate) /* KVM_RUN at once, and sleep n ms */	\
	ACTION(tally)	/* what it knows about its own time */	\
	ACTION(stats)	/* print what the host can read about the vCPU */

#define ACTION(name) ACTION_##name,
enum action { VMM_ACTIONS ACTION_COUNT };
#undef ACTION

enum op {
	OP_DONE,
	OP_READ,	/* CPUID(leaf, ecx), every register poisoned before */
	OP_READ_USER,	/* the same at CPL 3 */
	OP_READ_EMULATED,	/* the same in KVM's emulator */
	OP_READ_USER_EMULATED,
	OP_READ_NEXT,	/* the same with ECX = the last answer's EAX + 1, if there was one */
	OP_MAKE,	/* n times kind */
	OP_COST,	/* the same, each between two RDTSCs, whose differences go to rax[n] */
	OP_QUERY,	/* n times OP_READ, in the same way */
	OP_TSC,		/* RDTSC to rax */
	OP_HALT,	/* for n cycles */
	OP_SPIN,	/* the same without halting */
	OP_DO,		/* by the VMM: the action in kind */
	OP_SAMPLES,	/* what the NMIs since the last such step were about */
	OP_TIMED,	/* from here on, NMIs ask how long exits took, not where they were */
	OP_UNHEARD,	/* the same, nothing */
	OP_WAIT,	/* for a line on the VMM's standard input */
	OP_BARRIER,	/* for all vCPUs */
	OP_MIX,		/* n exits of random kinds, or a few more; n and rcx are the seed */
	OP_SNAPSHOT,	/* every counter of the vCPU, into the rows that follow */
	OP_HISTOGRAMS,	/* the sums of the buckets, into the rows that follow */
	OP_ROW,		/* for number ecx; n: in use */
	OP_SUMS,	/* the same, of OP_HISTOGRAMS */
	OP_DETAILS,	/* every detail of the vCPU (n = 0) or the VM (1), into what follows: */
	OP_DETAIL_SUMS,	/* number ecx and the sums of its details; n: in use */
	OP_DETAIL,	/* number ecx, place leaf, detail rcx; n: in use */
	OP_SPREAD,	/* as many exits of a kind to each of VMM_TARGETS as vmm_exits_to() says */
};

/* The targets of OP_SPREAD, each of which gets one of a few primes of exits. */
#define VMM_SPREADS						\
	SPREAD(port, 0x5000, 4)					\
	SPREAD(msr, 0x1000, 1)					\
	SPREAD(leaf, 0x50000000, 1)				\
	SPREAD(mmio, VMM_MMIO + 0x2000, 4)

#define SPREAD(name, first, stride) SPREAD_##name,
enum spread { VMM_SPREADS SPREAD_COUNT };
#undef SPREAD

static inline unsigned int vmm_exits_to(unsigned int target)
{
	return "\2\3\5\7\13"[target % 5];
}

/* 64 bits, even in 32-bit guest code. */
#ifdef __x86_64__
#define WORD unsigned long
#else
#define WORD unsigned long long
#endif

struct step {
	unsigned int op, kind;
	unsigned int leaf, ecx;
	WORD n;
	WORD rax, rbx, rcx, rdx;
	WORD watched, fallen;	/* OP_MIX: answers compared, answers lower than the one before */
};

#endif /* LAB_VMM_H */
