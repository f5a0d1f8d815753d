// SPDX-License-Identifier: MIT
/*
 * The guest that vmm runs in real mode and in 32-bit protected mode: it only asks.
 * Compiled for both; segments reach all of memory, in real mode too.
 */
#include "vmm.h"

void start(struct step *s);

#define READ(prefix, s)							\
	asm volatile(prefix "cpuid"					\
		     : "=a"(a), "=b"(b), "=c"(c), "=d"(d)		\
		     : "0"((s)->leaf), "1"(0x1111), "2"((s)->ecx), "3"(0x3333))

static void take(struct step *s)
{
	unsigned int a, b, c, d;

	if (s->op == OP_READ_EMULATED)
		READ(VMM_FORCE_EMULATION, s);
	else
		READ("", s);
	s->rax = a;
	s->rbx = b;
	s->rcx = c;
	s->rdx = d;
}

/* The VMM has the address of the steps in EAX. */
__attribute__((section(".start"))) void start(struct step *s)
{
	for (; s->op != OP_DONE; s++)
		take(s);
	asm volatile("outb %%al, %0" : : "d"((unsigned short)VMM_PORT_DONE), "a"(0) : "memory");
	__builtin_unreachable();
}
