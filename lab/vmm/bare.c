// SPDX-License-Identifier: MIT
/*
 * The guest that vmm runs in real mode and in 32-bit protected mode; it only asks.
 * Compiled for both.  Segments cover all of memory, even in real mode.
 */
#include "vmm.h"

void start(struct step *s);

#define CPUID(prefix, s)						\
do {									\
	struct step *step = (s);					\
	unsigned int a, b, c, d;					\
									\
	asm volatile(prefix "cpuid"					\
		     : "=a"(a), "=b"(b), "=c"(c), "=d"(d)		\
		     : "0"(step->leaf), "1"(0x1111), "2"(step->ecx), "3"(0x3333)); \
	step->rax = a;							\
	step->rbx = b;							\
	step->rcx = c;							\
	step->rdx = d;							\
} while (0)

static void take(struct step *s)
{
	if (s->op == OP_READ_EMULATED)
		CPUID(VMM_FORCE_EMULATION, s);
	else
		CPUID("", s);
}

/* The VMM has the address of the steps in EAX. */
__attribute__((section(".start"))) void start(struct step *s)
{
	for (; s->op != OP_DONE; s++)
		take(s);
	asm volatile("outb %%al, %0" : : "d"((unsigned short)VMM_PORT_DONE), "a"(0) : "memory");
	__builtin_unreachable();
}
