// SPDX-License-Identifier: MIT
/* The CPU as a source of leaves: each query is one CPUID, and in a guest one exit. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "source.h"

/* The most that x86 Linux can be configured for; a plain cpu_set_t ends at 1024. */
#define CPUS_MAX	8192
#define CPUS_SIZE	CPU_ALLOC_SIZE(CPUS_MAX)

struct cpu {
	cpu_set_t *allowed;	/* the affinity when the source was opened */
	cpu_set_t *one;
};

static int cpu_ask(void *self, uint32_t leaf, uint32_t ecx, struct exitstat_regs *regs)
{
	(void)self;
	__cpuid_count(leaf, ecx, regs->eax, regs->ebx, regs->ecx, regs->edx);
	return 0;
}

static int cpu_is_online(int cpu)
{
	char path[64];
	FILE *file;
	int c;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	file = fopen(path, "re");
	if (!file) {
		/* The boot CPU has no such file on most kernels. */
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology", cpu);
		file = fopen(path, "re");
		if (!file)
			return 0;
		fclose(file);
		return 1;
	}
	c = fgetc(file);
	fclose(file);
	return c == '1';
}

/* Just try: an isolated CPU can be pinned to, although it is not in the affinity. */
static int cpu_pin(void *self, int cpu)
{
	struct cpu *me = self;

	if (cpu < 0)
		return sched_setaffinity(0, CPUS_SIZE, me->allowed) ? -errno : 0;
	if (cpu >= CPUS_MAX)
		return -ENODEV;
	CPU_ZERO_S(CPUS_SIZE, me->one);
	CPU_SET_S(cpu, CPUS_SIZE, me->one);
	if (!sched_setaffinity(0, CPUS_SIZE, me->one))
		return 0;
	/* It is not online, or the cpuset excludes it. */
	if (errno != EINVAL)
		return -errno;
	return cpu_is_online(cpu) ? -EPERM : -ENODEV;
}

/* Without /sys, try to run on it. */
static int cpu_exists(struct cpu *me, int cpu)
{
	if (!access("/sys/devices/system/cpu", F_OK))
		return cpu_is_online(cpu);
	if (cpu_pin(me, cpu))
		return 0;
	cpu_pin(me, -1);
	return 1;
}

/* The highest CPU that may ever come online: the last number of a list such as "0-3,8-11". */
static int last_possible_cpu(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/possible", "re");
	int last = -1;
	int number;

	if (!file)
		return CPUS_MAX - 1;
	while (fscanf(file, "%d%*[-,]", &number) == 1)
		last = number;
	fclose(file);
	return last >= 0 && last < CPUS_MAX ? last : CPUS_MAX - 1;
}

static int cpu_next_cpu(void *self, int cpu)
{
	int last = last_possible_cpu();

	for (cpu = cpu < 0 ? 0 : cpu; cpu <= last; cpu++) {
		if (cpu_exists(self, cpu))
			return cpu;
	}
	return -ENODEV;
}

static uint64_t cpu_now_ns(void *self)
{
	(void)self;
	return now_ns();
}

static void cpu_close(void *self)
{
	struct cpu *me = self;

	CPU_FREE(me->allowed);
	CPU_FREE(me->one);
	free(me);
}

static const struct exitstat_source_ops cpu_ops = {
	.size = sizeof(struct exitstat_source_ops),
	.ask = cpu_ask,
	.pin = cpu_pin,
	.next_cpu = cpu_next_cpu,
	.now_ns = cpu_now_ns,
	.close = cpu_close,
};

int exitstat_source_open_cpu(struct exitstat_source **src)
{
	struct cpu *me = calloc(1, sizeof(*me));
	int err = -ENOMEM;

	if (!me)
		return err;
	me->allowed = CPU_ALLOC(CPUS_MAX);
	me->one = CPU_ALLOC(CPUS_MAX);
	if (!me->allowed || !me->one)
		goto fail;

	CPU_ZERO_S(CPUS_SIZE, me->allowed);
	if (sched_getaffinity(0, CPUS_SIZE, me->allowed)) {
		err = -errno;
		goto fail;
	}
	err = exitstat_source_open(&cpu_ops, me, src);
	if (!err)
		return 0;
fail:
	cpu_close(me);
	return err;
}
