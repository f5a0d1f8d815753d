// SPDX-License-Identifier: GPL-2.0-only
/*
 * Samples: the hypervisor queues an NMI at every Nth exit of some numbers.  The NMI
 * interrupts the code that made the exit, and its handler fires a tracepoint.
 *
 * The numbers and the period are parameters.  As long as the tracepoint is in use,
 * every online CPU is armed, and the module cannot be unloaded.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/time64.h>
#include <asm/nmi.h>

#include "pmu.h"

#define CREATE_TRACE_POINTS
#include "pmu_trace.h"

/* The hypervisor disarms the CPU after so many samples that were not taken. */
#define PATIENCE	16

struct sampled {
	u32 number;
	char name[PMU_NAME_SIZE];
};

static DEFINE_MUTEX(lock);		/* what follows changes when not armed */
static struct sampled sampled[EXITSTAT_SAMPLED_MAX];
static u32 nr_sampled;
static u16 period = 1;
static bool has_details;
static u32 khz;			/* of the times of samples; 0: there are none */

static bool armed;
static int hotplug_state;

static struct pmu_answer arm_one(u32 number, u16 every)
{
	u64 asked;

	return pmu_ask(EXITSTAT_SAMPLE_ARM, (number & 0xffff) | (u32)every << 16, &asked);
}

/* A hypervisor that knows one number at a time says so: it tells how many are armed. */
static bool arm_here(void)
{
	u32 i, now = 0;

	for (i = 0; i < nr_sampled; i++)
		now = arm_one(sampled[i].number, period).eax;
	return now == nr_sampled;
}

static void disarm_here(void)
{
	u32 i;

	for (i = 0; i < nr_sampled; i++)
		arm_one(sampled[i].number, 0);
}

static const char *name_of(u32 number)
{
	u32 i;

	for (i = 0; i < nr_sampled; i++) {
		if (sampled[i].number == number)
			return sampled[i].name;
	}
	return NULL;
}

/* Of the sample that was taken last, or EXITSTAT_DETAIL_REST. */
static u64 ask_detail(void)
{
	struct pmu_answer a;
	u64 asked;

	if (!has_details)
		return EXITSTAT_DETAIL_REST;
	a = pmu_ask(EXITSTAT_SAMPLE_DETAIL, 0, &asked);
	return a.eax == 1 ? (u64)a.ebx << 32 | a.ecx : EXITSTAT_DETAIL_REST;
}

/*
 * False: there was none.  *more: there are others, for which no other NMI comes.  Ask for the
 * time, not the RIP: @regs has where the NMI came.
 */
static bool take_sample(const struct pt_regs *regs, bool *more)
{
	struct pmu_answer a = { 0 };
	bool is_timed = khz;
	const char *name;
	u64 asked;
	s64 ns = -1;
	u32 nr;

	if (is_timed)
		a = pmu_ask(EXITSTAT_SAMPLE_TIME, 0, &asked);
	/* Zeros: this host is older than the one where we began. */
	if (!a.eax && !a.edx) {
		is_timed = false;
		a = pmu_ask(EXITSTAT_SAMPLE_TAKE, 0, &asked);
	}
	*more = a.eax & EXITSTAT_SAMPLE_MORE;
	nr = a.eax & ~EXITSTAT_SAMPLE_MORE;
	name = nr ? name_of(a.edx) : NULL;
	if (!name)
		return false;
	if (nr >= PATIENCE && READ_ONCE(armed))
		arm_here();
	if (is_timed)
		ns = mul_u64_u32_div((u64)a.ebx << 32 | a.ecx, NSEC_PER_MSEC, khz);
	trace_exit(a.edx, name, regs->ip, ask_detail(), ns, nr * period);
	return true;
}

/*
 * The hypervisor queues the next NMI only after this one was asked about.  This
 * handler makes exits, too, which may have a sampled number.
 */
static int handle_nmi(unsigned int cmd, struct pt_regs *regs)
{
	bool more;
	u32 i;

	if (!take_sample(regs, &more))
		return NMI_DONE;
	for (i = 1; more && i < PATIENCE; i++)
		take_sample(regs, &more);
	return NMI_HANDLED;
}

static void arm_cpu(void *failed)
{
	if (!arm_here())
		WRITE_ONCE(*(bool *)failed, true);
}

static void disarm_cpu(void *unused)
{
	disarm_here();
}

static int come_online(unsigned int cpu)
{
	bool failed;

	if (READ_ONCE(armed))
		arm_cpu(&failed);
	return 0;
}

static int go_offline(unsigned int cpu)
{
	if (READ_ONCE(armed))
		disarm_cpu(NULL);
	return 0;
}

static int arm_all(void)
{
	bool failed = false;

	cpus_read_lock();
	WRITE_ONCE(armed, true);
	on_each_cpu(arm_cpu, &failed, true);
	cpus_read_unlock();
	return failed ? -EOPNOTSUPP : 0;
}

/* A pending NMI arrives before the CPUID that disarms completes. */
static void disarm_all(void)
{
	cpus_read_lock();
	WRITE_ONCE(armed, false);
	on_each_cpu(disarm_cpu, NULL, true);
	cpus_read_unlock();
}

static int begin(void)
{
	int r;

	if (!nr_sampled)
		return -EINVAL;
	has_details = pmu_has_details();
	khz = pmu_times_samples();
	r = register_nmi_handler(NMI_LOCAL, handle_nmi, 0, "exitstat");
	if (r)
		return r;
	r = arm_all();
	if (r) {
		disarm_all();
		unregister_nmi_handler(NMI_LOCAL, "exitstat");
		return r;
	}
	__module_get(THIS_MODULE);
	return 0;
}

int pmu_samples_begin(void)
{
	int r;

	mutex_lock(&lock);
	r = begin();
	mutex_unlock(&lock);
	return r;
}

void pmu_samples_end(void)
{
	mutex_lock(&lock);
	disarm_all();
	unregister_nmi_handler(NMI_LOCAL, "exitstat");
	mutex_unlock(&lock);
	module_put(THIS_MODULE);
}

/* Disarming also tells whether the number can be sampled at all. */
static bool can_be_sampled(u32 number)
{
	struct pmu_answer a;

	preempt_disable();
	a = arm_one(number, 0);
	preempt_enable();
	return a.edx != EXITSTAT_UNDEFINED;
}

static int change_exits(const struct sampled *to, u32 nr)
{
	u32 i;

	if (armed)
		return -EBUSY;
	for (i = 0; i < nr; i++) {
		if (!can_be_sampled(to[i].number))
			return -EOPNOTSUPP;
	}
	memcpy(sampled, to, sizeof(sampled));
	nr_sampled = nr;
	return 0;
}

/* Names between commas, each once. */
static int parse_exits(char *text, struct sampled to[EXITSTAT_SAMPLED_MAX])
{
	char *name;
	u32 nr = 0, i;

	while ((name = strsep(&text, ","))) {
		if (nr == EXITSTAT_SAMPLED_MAX)
			return -E2BIG;
		if (!pmu_names_find(name, &to[nr].number, to[nr].name))
			return -EINVAL;
		for (i = 0; i < nr; i++) {
			if (to[i].number == to[nr].number)
				return -EINVAL;
		}
		nr++;
	}
	return nr;
}

static int set_exits(const char *value, const struct kernel_param *kp)
{
	struct sampled to[EXITSTAT_SAMPLED_MAX] = {};
	char *text = kstrdup(value, GFP_KERNEL);
	int r;

	if (!text)
		return -ENOMEM;
	r = parse_exits(text, to);
	kfree(text);
	if (r < 0)
		return r;
	mutex_lock(&lock);
	r = change_exits(to, r);
	mutex_unlock(&lock);
	return r;
}

static int get_exits(char *buffer, const struct kernel_param *kp)
{
	int length = 0;
	u32 i;

	for (i = 0; i < nr_sampled; i++)
		length += sysfs_emit_at(buffer, length, "%s%s", i ? "," : "", sampled[i].name);
	return length + sysfs_emit_at(buffer, length, "\n");
}

static int set_period(const char *value, const struct kernel_param *kp)
{
	u16 n;
	int r = kstrtou16(value, 0, &n);

	if (r || !n)
		return r ?: -EINVAL;
	mutex_lock(&lock);
	r = armed ? -EBUSY : 0;
	if (!r)
		period = n;
	mutex_unlock(&lock);
	return r;
}

static const struct kernel_param_ops exits_ops = { .set = set_exits, .get = get_exits };
static const struct kernel_param_ops period_ops = { .set = set_period, .get = param_get_ushort };

module_param_cb(sample_exit, &exits_ops, NULL, 0644);
MODULE_PARM_DESC(sample_exit, "the exits to sample, by the names of up to four events, such as cpuid,io");
module_param_cb(sample_period, &period_ops, &period, 0644);
MODULE_PARM_DESC(sample_period, "sample one exit of so many, 1 to 65535");

int pmu_samples_init(void)
{
	int r = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "exitstat:online", come_online, go_offline);

	if (r < 0)
		return r;
	hotplug_state = r;
	return 0;
}

void pmu_samples_exit(void)
{
	cpuhp_remove_state(hotplug_state);
}
