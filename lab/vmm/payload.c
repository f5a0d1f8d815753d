// SPDX-License-Identifier: MIT
/*
 * The guest that vmm runs: bare 64-bit code that takes the steps it is given,
 * causes exactly the exits they name, and asks CPUID about them.
 *
 * Interrupts are off but within make_hlt(): what waits for a halt stays pending.
 */
#include "vmm.h"

#define MSR_APIC_BASE		0x1b
#define MSR_TSC_DEADLINE	0x6e0
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
#define SHORT_CYCLES		100000ul	/* long enough to halt before it is over */
#define LONG_CYCLES		(1ul << 40)	/* never comes */

struct vcpu {
	unsigned long index;
	unsigned long is_amd;
	unsigned long apic_base;
	volatile char *fresh;		/* the next page that nobody has touched */
};

/* Selectors as SYSCALL and SYSRET want them: kernel code, data; user data, code. */
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

/* entry.S */
void interrupt(void);
void undefined(void);
void from_cpl3(void);
void at_cpl3(void (*function)(struct step *s), struct step *s);

void run_steps(unsigned long index, unsigned long is_amd);

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

static unsigned long rdtsc(void)
{
	unsigned int low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return low | (unsigned long)high << 32;
}

static void outb(unsigned short port)
{
	asm volatile("outb %%al, %0" : : "d"(port), "a"(0) : "memory");
}

static void make_cpuid(struct vcpu *v)
{
	unsigned int a = 0, b, c, d;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
}

/* No hypercall has this number: KVM says so and does nothing. */
static void make_hypercall(struct vcpu *v)
{
	unsigned long a = 0xffff;

	if (v->is_amd)
		asm volatile("vmmcall" : "+a"(a) : : "memory");
	else
		asm volatile("vmcall" : "+a"(a) : : "memory");
}

/* The interrupt controller's mask register, which KVM keeps. */
static void make_pio_kvm(struct vcpu *v)
{
	unsigned char a;

	asm volatile("inb $0x21, %0" : "=a"(a));
}

static void make_pio_vmm(struct vcpu *v)
{
	outb(VMM_PORT_NOTHING);
}

static void make_mmio(struct vcpu *v)
{
	*(volatile unsigned int *)VMM_MMIO = 0;
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

/* To itself, by physical destination: the form that KVM's fastpath takes. */
static void make_icr(struct vcpu *v)
{
	wrmsr(MSR_X2APIC_ICR, v->index << 32 | VECTOR);
}

static void make_deadline(struct vcpu *v)
{
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + LONG_CYCLES);
}

static void halt(void)
{
	asm volatile("sti; hlt; cli" : : : "memory");
}

/* Wakes at once: the interrupt is pending before. */
static void make_hlt(struct vcpu *v)
{
	make_icr(v);
	halt();
}

static void make_hlt_timer(struct vcpu *v)
{
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + SHORT_CYCLES);
	halt();
}

static void make_wbinvd(struct vcpu *v)
{
	asm volatile("wbinvd" : : : "memory");
}

/* KVM does nothing for it. */
static void make_invd(struct vcpu *v)
{
	asm volatile("invd" : : : "memory");
}

/* A bit without effect here, of those that KVM leaves to no guest. */
static void make_cr0(struct vcpu *v)
{
	unsigned long cr0;

	asm volatile("mov %%cr0, %0; xor %1, %0; mov %0, %%cr0" : "=&r"(cr0) : "r"(CR0_AM));
}

static void make_cr4(struct vcpu *v)
{
	unsigned long cr4;

	asm volatile("mov %%cr4, %0; xor %1, %0; mov %0, %%cr4" : "=&r"(cr4) : "r"(CR4_MCE));
}

static void make_ud(struct vcpu *v)
{
	asm volatile("ud2" : : : "memory");
}

#define KIND(name, vmx, svm) make_##name,
static void (*const make[])(struct vcpu *v) = { VMM_KINDS };

static void read_leaf(struct step *s)
{
	asm volatile("cpuid"
		     : "=a"(s->rax), "=b"(s->rbx), "=c"(s->rcx), "=d"(s->rdx)
		     : "0"(POISON | s->leaf), "1"(POISON | 0x1111), "2"(POISON | s->ecx),
		       "3"(POISON | 0x3333));
}

/* s->n says whether there was a number to go on from. */
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

static void meet(struct step *s, unsigned long index)
{
	struct step *first = s - index * VMM_MAX_STEPS;

	__atomic_fetch_add(&first->rax, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&first->rax, __ATOMIC_SEQ_CST) < s->n)
		asm volatile("pause");
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
	case OP_READ_NEXT:
		read_next(s);
		break;
	case OP_MAKE:
		for (unsigned long i = 0; i < s->n; i++)
			make[s->kind](v);
		break;
	case OP_TSC:
		s->rax = rdtsc();
		break;
	case OP_WAIT:
		outb(VMM_PORT_WAIT);
		break;
	case OP_BARRIER:
		meet(s, v->index);
		break;
	}
}

static void set_gate(int vector, void (*handler)(void))
{
	unsigned long at = (unsigned long)handler;

	idt[vector] = (struct gate){ at, 8, 0x8e00, at >> 16, at >> 32, 0 };
}

static void set_up(struct vcpu *v)
{
	const struct table gdtr = { sizeof(gdt) - 1, gdt }, idtr = { sizeof(idt) - 1, idt };

	set_gate(VECTOR, interrupt);
	set_gate(6, undefined);
	asm volatile("lgdt %0; lidt %1" : : "m"(gdtr), "m"(idtr));
	wrmsr(MSR_STAR, 0x13ul << 48 | 8ul << 32);
	wrmsr(MSR_LSTAR, (unsigned long)from_cpl3);
	v->apic_base = rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC;
	wrmsr(MSR_APIC_BASE, v->apic_base);
	wrmsr(MSR_X2APIC_SPURIOUS, 0x1ff);
	wrmsr(MSR_X2APIC_LVT_TIMER, LVT_TSC_DEADLINE | VECTOR);
	make_mmio(v);		/* KVM notes on the first access that nothing is there */
}

void run_steps(unsigned long index, unsigned long is_amd)
{
	struct step *s = (struct step *)VMM_STEPS + index * VMM_MAX_STEPS;
	struct vcpu v = {
		.index = index,
		.is_amd = is_amd,
		.fresh = (volatile char *)VMM_FRESH + index * VMM_FRESH_SIZE,
	};

	set_up(&v);
	for (; s->op != OP_DONE; s++)
		take(s, &v);
	outb(VMM_PORT_DONE);
}
