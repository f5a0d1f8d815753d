// SPDX-License-Identifier: GPL-2.0-only
/*
 * Samples: the hypervisor queues an NMI at every Nth exit of one number.  The NMI
 * interrupts the code that made the exit, and its handler fires a tracepoint.
 *
 * The number and the period are parameters.  As long as the tracepoint is in use,
 * every online CPU is armed, and the module cannot be unloaded.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <asm/nmi.h>

#include "pmu.h"

#define CREATE_TRACE_POINTS
#include "pmu_trace.h"

/* The hypervisor disarms the CPU after so many samples that were not taken. */
#define PATIENCE	16

static DEFINE_MUTEX(lock);		/* the three below change when not armed */
static char exit_name[PMU_NAME_SIZE];
static u32 exit_number;
static u16 period = 1;

static bool armed;
static int hotplug_state;

static u32 arming(void)
{
	return (exit_number & 0xffff) | (u32)period << 16;
}

static bool arm_here(u32 input)
{
	struct pmu_answer a;
	u64 asked;

	a = pmu_ask(EXITSTAT_SAMPLE_ARM, input, &asked);
	return a.eax == 1;
}

/*
 * The hypervisor queues the next NMI only after this one was asked about.  This
 * handler makes exits, too, which may have the sampled number.
 */
static int handle_nmi(unsigned int cmd, struct pt_regs *regs)
{
	struct pmu_answer a;
	u64 asked;

	a = pmu_ask(EXITSTAT_SAMPLE_TAKE, 0, &asked);
	if (!a.eax || a.edx == EXITSTAT_UNDEFINED)
		return NMI_DONE;
	if (a.eax >= PATIENCE && READ_ONCE(armed))
		arm_here(arming());
	trace_exit(a.edx, exit_name, (u64)a.ebx << 32 | a.ecx, a.eax * period);
	return NMI_HANDLED;
}

static void arm_cpu(void *failed)
{
	if (!arm_here(arming()))
		WRITE_ONCE(*(bool *)failed, true);
}

static void disarm_cpu(void *unused)
{
	arm_here(exit_number & 0xffff);
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

	if (!*exit_name)
		return -EINVAL;
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
	u64 asked;

	preempt_disable();
	a = pmu_ask(EXITSTAT_SAMPLE_ARM, number & 0xffff, &asked);
	preempt_enable();
	return a.edx != EXITSTAT_UNDEFINED;
}

static int change_exit(u32 number, const char *name)
{
	if (armed)
		return -EBUSY;
	if (!can_be_sampled(number))
		return -EOPNOTSUPP;
	exit_number = number;
	memcpy(exit_name, name, sizeof(exit_name));
	return 0;
}

static int set_exit(const char *value, const struct kernel_param *kp)
{
	char name[PMU_NAME_SIZE];
	u32 number;
	int r;

	if (!pmu_names_find(value, &number, name))
		return -EINVAL;
	mutex_lock(&lock);
	r = change_exit(number, name);
	mutex_unlock(&lock);
	return r;
}

static int get_exit(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", exit_name);
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

static const struct kernel_param_ops exit_ops = { .set = set_exit, .get = get_exit };
static const struct kernel_param_ops period_ops = { .set = set_period, .get = param_get_ushort };

module_param_cb(sample_exit, &exit_ops, NULL, 0644);
MODULE_PARM_DESC(sample_exit, "the exits to sample, by the name of their event, such as cpuid");
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
