/* SPDX-License-Identifier: MIT */
/* What the small VMM and the payload that it runs in the guest have to agree on. */
#ifndef LAB_VMM_H
#define LAB_VMM_H

/* Guest-physical = guest-virtual addresses, one page table for all vCPUs. */
#define VMM_PAGE_TABLES	0x1000ul	/* PML4, PDPT, PD: 1 GiB by 2 MiB pages, open to CPL 3 */
#define VMM_PAYLOAD	0x10000ul	/* its first byte is the entry of every vCPU */
#define VMM_STACKS	0x100000ul	/* one page each, growing down from the page's end */
#define VMM_STEPS	0x200000ul	/* the steps of one vCPU after the other */
#define VMM_SAMPLES	0x8000000ul	/* of OP_COST and OP_QUERY, one vCPU after the other */
#define VMM_FRESH	0x10000000ul	/* pages that nobody touches but KIND(npf) */
#define VMM_MEMORY	0x20000000ul
#define VMM_MMIO	0x30000000ul	/* mapped by the page tables, backed by nothing */

#define VMM_MAX_VCPUS	255		/* the interrupt controllers have names for no more */
#define VMM_MAX_STEPS	16384

/* Ports that no device in KVM claims: each OUT returns to the VMM. */
#define VMM_PORT_NOTHING	0xf0f0
#define VMM_PORT_DONE		0xf0f1	/* the vCPU is at the end of its steps */
#define VMM_PORT_WAIT		0xf0f2	/* resume when a line comes on standard input */
#define VMM_PORT_BARRIER	0xf0f3	/* resume when all vCPUs are here */

/*
 * Every way to cause exactly one exit: KIND(name, exit name on Intel, exit name
 * on AMD), with the names of include/exitstat.  Not the only exits there are:
 * the host's interrupts cause others at any time, under numbers of their own.
 */
#define VMM_KINDS						\
	KIND(cpuid, "CPUID", "cpuid")				\
	KIND(hypercall, "VMCALL", "hypercall")			\
	KIND(pio_kvm, "IO_INSTRUCTION", "io")			\
	KIND(pio_vmm, "IO_INSTRUCTION", "io")			\
	KIND(mmio, "EPT_MISCONFIG", "npf")			\
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

#define KIND(name, vmx, svm) KIND_##name,
enum kind { VMM_KINDS KIND_COUNT };
#undef KIND

enum op {
	OP_DONE,
	OP_READ,	/* CPUID(leaf, ecx), every register poisoned before */
	OP_READ_USER,	/* the same at CPL 3 */
	OP_READ_NEXT,	/* the same with ECX = the last answer's EAX + 1, if there was one */
	OP_MAKE,	/* n times kind */
	OP_COST,	/* the same, each between two RDTSC */
	OP_QUERY,	/* n times OP_READ, each between two RDTSC */
	OP_TSC,		/* RDTSC to rax */
	OP_WAIT,	/* for a line on the VMM's standard input */
	OP_BARRIER,	/* for all vCPUs */
};

struct step {
	unsigned int op, kind;
	unsigned int leaf, ecx;
	unsigned long n;
	unsigned long rax, rbx, rcx, rdx;
	unsigned long samples;	/* address of unsigned int[n], in cycles */
};

#endif /* LAB_VMM_H */
