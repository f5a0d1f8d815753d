/* SPDX-License-Identifier: MIT */
/* What the files of the payload share. */
#ifndef LAB_PAYLOAD_H
#define LAB_PAYLOAD_H

#include "vmm.h"

struct vcpu {
	unsigned long index;
	unsigned long is_amd;
	unsigned long apic_base;
	unsigned long cr0, cr4;
	volatile char *fresh;		/* the next page that has not been touched */
	volatile char *fresh_start, *fresh_end;
};

struct answer {
	unsigned int eax, ebx, ecx, edx;
};

static inline unsigned long rdtsc(void)
{
	unsigned int low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return low | (unsigned long)high << 32;
}

static inline void out(unsigned short port, unsigned int value)
{
	asm volatile("outl %0, %1" : : "a"(value), "d"(port) : "memory");
}

static inline struct answer ask(unsigned int leaf, unsigned int input)
{
	struct answer a;

	asm volatile("cpuid"
		     : "=a"(a.eax), "=b"(a.ebx), "=c"(a.ecx), "=d"(a.edx)
		     : "0"(leaf), "2"(input));
	return a;
}

/* Cause one exit of a kind (payload.c). */
extern void (*const make[])(struct vcpu *v);

/* mix.c */
void mix(struct step *s, struct vcpu *v);
void snapshot(struct step *s);
void sum_histograms(struct step *s);
void read_details(struct step *s);

#endif /* LAB_PAYLOAD_H */
