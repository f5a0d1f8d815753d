// SPDX-License-Identifier: MIT
/*
 * The guest that vmm runs: bare 64-bit code that takes its steps, causes exactly
 * the exits they name, and asks CPUID about them.
 *
 * Interrupts are off except in halt(): those that make_icr() sends stay pending.
 */
#include "exitstat/abi.h"
#include "payload.h"

#define MSR_APIC_BASE		0x1b
#define MSR_TSC_DEADLINE	0x6e0
#define MSR_X2APIC_EOI		0x80b
#define MSR_X2APIC_SPURIOUS	0x80f
#define MSR_X2APIC_ICR		0x830
#define MSR_X2APIC_LVT_TIMER	0x832
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082

#define APIC_BASE_X2APIC	0xc00ul		/* enabled, x2APIC mode */
#define LVT_TSC_DEADLINE	0x40000u
#define VECTOR			0x40
#define CR0_AM			0x40000ul
#define CR4_MCE			0x40ul

#define POISON			0xdeadbeef00000000ul
#define HYPERCALL_KICK		5		/* KVM_HC_KICK_CPU */
#define SHORT_CYCLES		100000ul	/* long enough to halt before it is over */
#define LONG_CYCLES		(1ul << 40)	/* practically never */

/* Selectors in the order for SYSCALL and SYSRET: kernel code, data; user data, code. */
static const unsigned long gdt[] = {
	0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff,
};

static struct gate {
	unsigned short low, selector, type, middle;
	unsigned int high, zero;
} idt[VECTOR + 1];

struct table {
	unsigned short limit;
	const void *base;
} __attribute__((packed));

struct frame {
	unsigned long rip, cs, rflags, rsp, ss;
};

/* entry.S */
void halt(void);
void halt_hlt(void);
void from_cpl3(void);
void at_cpl3(void (*function)(struct step *s), struct step *s);

void run_steps(unsigned long index, unsigned long is_amd, struct step *s, volatile char *fresh,
	       unsigned long fresh_size);

static void wrmsr(unsigned int msr, unsigned long value)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((unsigned int)value), "d"(value >> 32) : "memory");
}

static unsigned long rdmsr(unsigned int msr)
{
	unsigned int low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return low | (unsigned long)high << 32;
}

static void make_cpuid(struct vcpu *v)
{
	unsigned int a = 0, b, c, d;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
}

static void hypercall(struct vcpu *v, unsigned long number, unsigned long b, unsigned long c)
{
	if (v->is_amd)
		asm volatile("vmmcall" : "+a"(number) : "b"(b), "c"(c) : "memory");
	else
		asm volatile("vmcall" : "+a"(number) : "b"(b), "c"(c) : "memory");
}

/* No hypercall has this number: KVM only returns an error. */
static void make_hypercall(struct vcpu *v)
{
	hypercall(v, 0xffff, 0, 0);
}

/* The interrupt controller's mask register, which KVM emulates. */
static void make_pio_kvm(struct vcpu *v)
{
	unsigned char a;

	asm volatile("inb $0x21, %0" : "=a"(a));
}

static void make_pio_vmm(struct vcpu *v)
{
	out(VMM_PORT_NOTHING, 0);
}

static void make_mmio(struct vcpu *v)
{
	*(volatile unsigned int *)VMM_MMIO = 0;
}

/* Across a page boundary: one exit, which KVM passes to the VMM in two pieces. */
static void make_mmio_split(struct vcpu *v)
{
	*(volatile unsigned long *)(VMM_MMIO + 0xffc) = 0;
}

static void make_npf(struct vcpu *v)
{
	*v->fresh = 1;
	v->fresh += 0x1000;
}

static void make_rdmsr(struct vcpu *v)
{
	v->apic_base = rdmsr(MSR_APIC_BASE);
}

static void make_wrmsr(struct vcpu *v)
{
	wrmsr(MSR_APIC_BASE, v->apic_base);
}

/* To itself, by physical destination: the form that KVM's fastpath handles. */
static void make_icr(struct vcpu *v)
{
	wrmsr(MSR_X2APIC_ICR, v->index << 32 | VECTOR);
}

static void set_deadline(unsigned long cycles)
{
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + cycles);
}

static void make_deadline(struct vcpu *v)
{
	set_deadline(LONG_CYCLES);
}

static void kick(struct vcpu *v)
{
	hypercall(v, HYPERCALL_KICK, 0, v->index);
}

static void halt_kicked(struct vcpu *v)
{
	asm volatile("hlt" : : : "memory");
}

/* Wakes at once, without an interrupt, because a kick from this or another vCPU is pending. */
static void make_hlt(struct vcpu *v)
{
	kick(v);
	halt_kicked(v);
}

static void halt_for(unsigned long cycles)
{
	set_deadline(cycles);
	halt();
}

/* Sleeps until the timer's interrupt. */
static void make_hlt_timer(struct vcpu *v)
{
	halt_for(SHORT_CYCLES);
}

/*
 * Interrupts are off already, but the host's cause exits all the same.  Bochs, however, delays
 * those after an entry with interrupts off until the guest changes the flag.
 */
static void let_host_in(void)
{
	asm volatile("cli");
}

static void spin_for(unsigned long cycles)
{
	unsigned long start = rdtsc();

	while (rdtsc() - start < cycles)
		let_host_in();
}

/* Pass the step to the VMM.  A step that waits for a signal waits here, and says so. */
static void hand_over(struct step *s)
{
	s->rdx = s->kind != ACTION_kick;
	out(VMM_PORT_DO, (unsigned long)s);
	while (s->kind == ACTION_kick && !*(volatile unsigned long *)&s->rdx) {
		*(volatile unsigned long *)&s->rcx = 1;
		let_host_in();
	}
}

static void make_wbinvd(struct vcpu *v)
{
	asm volatile("wbinvd" : : : "memory");
}

/* Flip a bit that has no effect here and that KVM does not let the guest own. */
static void make_cr0(struct vcpu *v)
{
	v->cr0 ^= CR0_AM;
	asm volatile("mov %0, %%cr0" : : "r"(v->cr0));
}

static void make_cr4(struct vcpu *v)
{
	v->cr4 ^= CR4_MCE;
	asm volatile("mov %0, %%cr4" : : "r"(v->cr4));
}

static void make_ud(struct vcpu *v)
{
	asm volatile("ud2" : : : "memory");
}

#define KIND(name, vmx, svm) make_##name,
void (*const make[])(struct vcpu *v) = { VMM_KINDS };

#define CPUID(prefix, s)						\
do {									\
	struct step *step = (s);					\
									\
	asm volatile(prefix "cpuid"					\
		     : "=a"(step->rax), "=b"(step->rbx), "=c"(step->rcx), "=d"(step->rdx) \
		     : "0"(POISON | step->leaf), "1"(POISON | 0x1111),	\
		       "2"(POISON | step->ecx), "3"(POISON | 0x3333));	\
} while (0)

static void read_leaf(struct step *s)
{
	CPUID("", s);
}

static void read_emulated(struct step *s)
{
	CPUID(VMM_FORCE_EMULATION, s);
}

/* s->n tells whether there was a number to continue from. */
static void read_next(struct step *s)
{
	const struct step *last = s - 1;

	s->n = last->n && (unsigned int)last->rdx != 0xffffffff &&
	       (unsigned int)last->rax != 0xffffffff;
	if (!s->n)
		return;
	s->ecx = (unsigned int)last->rax + 1;
	read_leaf(s);
}

/* Of the one vCPU that is armed. */
static struct {
	unsigned int leaf;		/* to ask of an NMI; 0: none */
	unsigned int number;		/* of the last one */
	unsigned long ahead;		/* how far the guest had come after it */
	unsigned long nmis, exits, cycles;
} samples = { .leaf = EXITSTAT_SAMPLE_TAKE };

/* Not in the handler itself: of an early return there, gcc 12 makes a plain RET. */
static __attribute__((noinline)) void note_nmi(const struct frame *f)
{
	struct answer a;
	unsigned long value;

	samples.nmis++;
	if (!samples.leaf)
		return;
	a = ask(samples.leaf, 0);
	value = (unsigned long)a.ebx << 32 | a.ecx;
	samples.exits += a.eax & ~EXITSTAT_SAMPLE_MORE;
	samples.number = a.edx;
	if (samples.leaf == EXITSTAT_SAMPLE_TIME)
		samples.cycles += value;
	else
		samples.ahead = f->rip - value;
}

static __attribute__((interrupt)) void nmi(struct frame *f)
{
	note_nmi(f);
}

static void tell_samples(struct step *s)
{
	s->rax = samples.nmis;
	s->rbx = samples.exits;
	s->rcx = samples.ahead;
	s->rdx = samples.number;
	s->n = samples.cycles;
	samples.nmis = 0;
	samples.exits = 0;
	samples.cycles = 0;
}

static void nothing(struct vcpu *v)
{
}

static unsigned int cycles_of(void (*action)(struct vcpu *v), struct vcpu *v)
{
	unsigned long start = rdtsc();

	action(v);
	return rdtsc() - start;
}

static unsigned int cycles_of_read(struct step *s)
{
	unsigned long start = rdtsc();

	ask(s->leaf, s->ecx);
	return rdtsc() - start;
}

/* The kick that ends a HLT is not part of its cost. */
static unsigned int cycles_of_step(struct step *s, struct vcpu *v)
{
	if (s->op == OP_QUERY)
		return cycles_of_read(s);
	if (s->kind != KIND_hlt)
		return cycles_of(make[s->kind], v);
	kick(v);
	return cycles_of(halt_kicked, v);
}

/* Without the cost of reading the clock. */
static void sample(struct step *s, struct vcpu *v)
{
	unsigned int *taken = (unsigned int *)s->rax, empty = -1, cycles;

	for (int i = 0; i < 16; i++) {
		cycles = cycles_of(nothing, v);
		if (cycles < empty)
			empty = cycles;
	}
	for (unsigned long i = 0; i < s->n; i++) {
		cycles = cycles_of_step(s, v);
		taken[i] = cycles > empty ? cycles - empty : 0;
	}
}

/* What the MSR is does not matter: it may well be none. */
static void make_at(unsigned int spread, unsigned long target)
{
	switch (spread) {
	case SPREAD_port:
		out(target, 0);
		break;
	case SPREAD_msr:
		rdmsr(target);
		break;
	case SPREAD_leaf:
		ask(target, 0);
		break;
	case SPREAD_mmio:
		*(volatile unsigned int *)target = 0;
		break;
	}
}

static void make_spread(struct step *s)
{
#define SPREAD(name, first, stride) { first, stride },
	static const unsigned long targets[][2] = { VMM_SPREADS };
#undef SPREAD
	const unsigned long *t = targets[s->kind];

	for (unsigned int target = 0; target < VMM_TARGETS; target++) {
		for (unsigned int i = 0; i < vmm_exits_to(target); i++)
			make_at(s->kind, t[0] + target * t[1]);
	}
}

static void take(struct step *s, struct vcpu *v)
{
	switch (s->op) {
	case OP_READ:
		read_leaf(s);
		break;
	case OP_READ_USER:
		at_cpl3(read_leaf, s);
		break;
	case OP_READ_EMULATED:
		read_emulated(s);
		break;
	case OP_READ_USER_EMULATED:
		at_cpl3(read_emulated, s);
		break;
	case OP_READ_NEXT:
		read_next(s);
		break;
	case OP_MAKE:
		for (unsigned long i = 0; i < s->n; i++)
			make[s->kind](v);
		break;
	case OP_COST:
	case OP_QUERY:
		sample(s, v);
		break;
	case OP_TSC:
		s->rax = rdtsc();
		break;
	case OP_HALT:
		halt_for(s->n);
		break;
	case OP_SPIN:
		spin_for(s->n);
		break;
	case OP_DO:
		hand_over(s);
		break;
	case OP_SAMPLES:
		tell_samples(s);
		break;
	case OP_TIMED:
		samples.leaf = EXITSTAT_SAMPLE_TIME;
		break;
	case OP_UNHEARD:
		samples.leaf = 0;
		break;
	case OP_WAIT:
		out(VMM_PORT_WAIT, 0);
		break;
	case OP_BARRIER:
		out(VMM_PORT_BARRIER, 0);
		break;
	case OP_MIX:
		mix(s, v);
		break;
	case OP_SNAPSHOT:
		snapshot(s);
		break;
	case OP_HISTOGRAMS:
		sum_histograms(s);
		break;
	case OP_DETAILS:
		read_details(s);
		break;
	case OP_SPREAD:
		make_spread(s);
		break;
	}
}

/*
 * STI blocks interrupts until after the HLT, but QEMU's emulation of SVM forgets that at
 * an exit.  Then go on sleeping, until another interrupt.
 */
static __attribute__((interrupt)) void interrupt(struct frame *f)
{
	wrmsr(MSR_X2APIC_EOI, 0);
	if (f->rip == (unsigned long)halt_hlt)
		set_deadline(SHORT_CYCLES);
}

/* Volatile: to GCC 14, the frame is a handler's own arguments, which nothing reads after it. */
static __attribute__((interrupt)) void undefined(volatile struct frame *f)
{
	f->rip += 2;	/* skip the UD2 */
}

/* There is no such MSR. */
static __attribute__((interrupt)) void protection(volatile struct frame *f, unsigned long error)
{
	f->rip += 2;	/* over the RDMSR */
}

static void set_gate(int vector, unsigned long at)
{
	idt[vector] = (struct gate){ at, 8, 0x8e00, at >> 16, at >> 32, 0 };
}

static void set_up(struct vcpu *v)
{
	const struct table gdtr = { sizeof(gdt) - 1, gdt }, idtr = { sizeof(idt) - 1, idt };

	set_gate(VECTOR, (unsigned long)interrupt);
	set_gate(6, (unsigned long)undefined);
	set_gate(13, (unsigned long)protection);
	asm volatile("mov %%cr0, %0; mov %%cr4, %1" : "=r"(v->cr0), "=r"(v->cr4));
	set_gate(2, (unsigned long)nmi);
	asm volatile("lgdt %0; lidt %1" : : "m"(gdtr), "m"(idtr));
	wrmsr(MSR_STAR, 0x13ul << 48 | 8ul << 32);
	wrmsr(MSR_LSTAR, (unsigned long)from_cpl3);
	v->apic_base = rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC;
	wrmsr(MSR_APIC_BASE, v->apic_base);
	wrmsr(MSR_X2APIC_SPURIOUS, 0x1ff);
	wrmsr(MSR_X2APIC_LVT_TIMER, LVT_TSC_DEADLINE | VECTOR);
	make_mmio(v);		/* at the first access, KVM notes that nothing is there */
	*(volatile unsigned int *)(VMM_MMIO + 0x1000) = 0;
	*(volatile unsigned int *)(VMM_MMIO + 0x2ffc) = 0;
}

/* Otherwise, the first access to a step on another page would be an extra exit. */
static void touch(const struct step *s)
{
	while (*(volatile const unsigned int *)&s->op != OP_DONE)
		s++;
}

void run_steps(unsigned long index, unsigned long is_amd, struct step *s, volatile char *fresh,
	       unsigned long fresh_size)
{
	struct vcpu v = {
		.index = index,
		.is_amd = is_amd,
		.fresh = fresh,
		.fresh_start = fresh,
		.fresh_end = fresh + fresh_size,
	};

	set_up(&v);
	touch(s);
	for (; s->op != OP_DONE; s++)
		take(s, &v);
	out(VMM_PORT_DONE, 0);
}
