/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exitstat_pmu.ko: the VM exits of a guest as events of perf.
 *
 * The hypervisor keeps a set of counters per vCPU, that is, per CPU of this guest.
 * They are read with CPUID, on the CPU that an event is on, when the event is
 * scheduled in and out.  A CPUID is an exit, too: the module counts its own per CPU
 * and subtracts them.
 */
#ifndef EXITSTAT_PMU_H
#define EXITSTAT_PMU_H

#include <linux/types.h>
#include <exitstat/abi.h>

/*
 * An event, as attr.config: an exit number, the low byte of a leaf of the calling
 * vCPU, and that of one whose answer is subtracted, or 0.
 */
#define PMU_CONFIG(number, leaf, minus) \
	((u64)(number) | (u64)((leaf) & 0xff) << 32 | (u64)((minus) & 0xff) << 40)
#define PMU_CONFIG_BITS		48

static inline u32 pmu_number(u64 config)
{
	return (u32)config;
}

static inline u32 pmu_leaf(u64 config)
{
	return EXITSTAT_BASE | (config >> 32 & 0xff);
}

static inline u32 pmu_minus(u64 config)
{
	u32 leaf = config >> 40 & 0xff;

	return leaf ? EXITSTAT_BASE | leaf : 0;
}

struct pmu_answer {
	u32 eax, ebx, ecx, edx;
};

/* What the hypervisor offers. */
struct pmu_hypervisor {
	u32 numbering;
	u32 cpuid_number;	/* the exit number of a CPUID */
	u32 tsc_khz;		/* 0: unknown */
};

/* pmu_ask.c */
/* Ask one leaf; *asked: how many this CPU has asked, including this one.  Preemption is off. */
struct pmu_answer pmu_ask(u32 leaf, u32 input, u64 *asked);
bool pmu_is_answered(void);
/* Does it count what exits are about? */
bool pmu_has_details(void);
/* The frequency of the times that it tells of samples, in kHz; 0 if it tells none. */
u32 pmu_times_samples(void);
/* NULL, or the reason why there is nothing to count here. */
const char *pmu_find_hypervisor(struct pmu_hypervisor *hv);

/* pmu_names.c */
struct attribute_group;
/* The events of this vendor by name; 0 or -ENOMEM. */
int pmu_names_init(const struct pmu_hypervisor *hv, struct attribute_group *events);
void pmu_names_exit(struct attribute_group *events);

/* The longest name of an exit, and its end. */
#define PMU_NAME_SIZE	32

/* The exits that are called @text, perhaps with a newline: their name in full. */
bool pmu_names_find(const char *text, u32 *number, char name[PMU_NAME_SIZE]);

/* pmu_samples.c */
int pmu_samples_init(void);
void pmu_samples_exit(void);

#endif /* EXITSTAT_PMU_H */
