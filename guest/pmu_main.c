// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PMU: events that read the hypervisor's counters, per task, cgroup or CPU.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/perf_event.h>

#include "pmu.h"

/* No value of a counter is lower: what it is subtracted from becomes the first value. */
#define NEVER	((u64)S64_MAX)

static struct pmu_hypervisor hypervisor;

static bool is_count(u32 leaf)
{
	return leaf == EXITSTAT_COUNT - EXITSTAT_VCPU ||
	       leaf == EXITSTAT_TOTAL_COUNT - EXITSTAT_VCPU;
}

/* Leaves of the calling vCPU that have one value. */
static bool is_counter(u32 leaf)
{
	switch (leaf + EXITSTAT_VCPU) {
	case EXITSTAT_COUNT:
	case EXITSTAT_TIME:
	case EXITSTAT_TIME_VMM:
	case EXITSTAT_TIME_WAITING:
	case EXITSTAT_TOTAL_COUNT:
	case EXITSTAT_TOTAL_TIME:
	case EXITSTAT_TIME_GUEST:
		return true;
	default:
		return false;
	}
}

static bool has_own_cpuids(u32 leaf, u32 number)
{
	return leaf == EXITSTAT_TOTAL_COUNT - EXITSTAT_VCPU || number == hypervisor.cpuid_number;
}

/*
 * False: there was no answer.  Where an unchanged KVM is asked, the answer is all
 * zeros, or has something where an answer has a zero.
 */
static bool read_leaf(u32 leaf, u32 number, u64 *value)
{
	struct pmu_answer a;
	u64 asked;

	a = pmu_ask(leaf, number, &asked);
	if (a.edx || (is_count(leaf) ? a.ecx : a.eax))
		return false;
	if (!is_count(leaf)) {
		*value = (u64)a.ebx << 32 | a.ecx;
		return true;
	}
	*value = (u64)a.ebx << 32 | a.eax;
	if (has_own_cpuids(leaf, number))
		*value -= asked;
	return true;
}

/*
 * Of two leaves the second one is the smaller one and asked last: in between, with
 * IRQs off, no exit leads to the VMM.
 */
static bool read_counter(u64 config, u64 *value)
{
	u64 minus = 0;

	if (!read_leaf(pmu_leaf(config), pmu_number(config), value))
		return false;
	if (pmu_minus(config) && !read_leaf(pmu_minus(config), pmu_number(config), &minus))
		return false;
	*value -= minus;
	return true;
}

/* A counter that fell was restarted: the hypervisor, or the module in it, is a different one. */
static void take(struct perf_event *event)
{
	u64 value, before;
	s64 more;

	if (!read_counter(event->attr.config, &value))
		return;
	before = local64_xchg(&event->hw.prev_count, value);
	more = value - before;
	if (more > 0)
		local64_add(more, &event->count);
}

static void pmu_start(struct perf_event *event, int flags)
{
	u64 value;

	if (!read_counter(event->attr.config, &value))
		value = NEVER;
	local64_set(&event->hw.prev_count, value);
	event->hw.state = 0;
}

static void pmu_stop(struct perf_event *event, int flags)
{
	if (event->hw.state & PERF_HES_STOPPED)
		return;
	take(event);
	event->hw.state = PERF_HES_STOPPED | PERF_HES_UPTODATE;
}

static int pmu_add(struct perf_event *event, int flags)
{
	event->hw.state = PERF_HES_STOPPED | PERF_HES_UPTODATE;
	if (flags & PERF_EF_START)
		pmu_start(event, flags);
	return 0;
}

static void pmu_del(struct perf_event *event, int flags)
{
	pmu_stop(event, flags);
}

static void pmu_read(struct perf_event *event)
{
	if (!(event->hw.state & PERF_HES_STOPPED))
		take(event);
}

/* Is it a counter, and does the hypervisor know the number? */
static int check_config(u64 config)
{
	u32 leaf = pmu_leaf(config), minus = pmu_minus(config);
	struct pmu_answer a;
	u64 asked;

	if (config >> PMU_CONFIG_BITS || !is_counter(leaf) ||
	    (minus && (!is_counter(minus) || is_count(minus) || is_count(leaf))))
		return -EINVAL;
	if (!pmu_is_answered())
		return -ENODEV;
	preempt_disable();
	a = pmu_ask(leaf, pmu_number(config), &asked);
	preempt_enable();
	return a.edx == EXITSTAT_UNDEFINED ? -EINVAL : 0;
}

static int pmu_event_init(struct perf_event *event)
{
	if (event->attr.type != event->pmu->type)
		return -ENOENT;
	if (is_sampling_event(event) || has_branch_stack(event))
		return -EOPNOTSUPP;
	return check_config(event->attr.config);
}

PMU_FORMAT_ATTR(number, "config:0-31");
PMU_FORMAT_ATTR(leaf, "config:32-39");
PMU_FORMAT_ATTR(minus, "config:40-47");

static struct attribute *formats[] = {
	&format_attr_number.attr,
	&format_attr_leaf.attr,
	&format_attr_minus.attr,
	NULL
};

static const struct attribute_group format_group = { .name = "format", .attrs = formats };
static struct attribute_group events_group = { .name = "events" };
static const struct attribute_group *groups[] = { &format_group, &events_group, NULL };

/* As a software PMU it goes with tasks, takes part in every group, and is always on. */
static struct pmu pmu = {
	.module = THIS_MODULE,
	.task_ctx_nr = perf_sw_context,
	.capabilities = PERF_PMU_CAP_NO_INTERRUPT | PERF_PMU_CAP_NO_EXCLUDE,
	.attr_groups = groups,
	.event_init = pmu_event_init,
	.add = pmu_add,
	.del = pmu_del,
	.start = pmu_start,
	.stop = pmu_stop,
	.read = pmu_read,
};

static int __init pmu_init(void)
{
	const char *problem = pmu_find_hypervisor(&hypervisor);
	int r;

	if (problem) {
		pr_err("%s\n", problem);
		return -ENODEV;
	}
	r = pmu_names_init(&hypervisor, &events_group);
	if (r)
		return r;
	r = pmu_samples_init();
	if (r)
		goto free_names;
	r = perf_pmu_register(&pmu, "exitstat", -1);
	if (r)
		goto stop_samples;
	return 0;

stop_samples:
	pmu_samples_exit();
free_names:
	pmu_names_exit(&events_group);
	return r;
}

static void __exit pmu_exit(void)
{
	perf_pmu_unregister(&pmu);
	pmu_samples_exit();
	pmu_names_exit(&events_group);
}

module_init(pmu_init);
module_exit(pmu_exit);
MODULE_DESCRIPTION("Events of perf for the VM exits of this guest");
MODULE_LICENSE("GPL");
MODULE_VERSION(EXITSTAT_VERSION);
