// SPDX-License-Identifier: GPL-2.0-only
/*
 * The names of the events in sysfs: five for each exit number of the vendor, and
 * the totals.  A time has a unit and a scale, from the TSC's cycles to ns.
 */
#include <linux/ctype.h>
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "pmu.h"

struct pmu_exit {
	u32 number;
	const char *name;
};

static const struct pmu_exit vmx_exits[] = {
#define EXITSTAT_EXIT(number, name, words) { number, name },
#include <exitstat/vmx_exits.h>
	{ EXITSTAT_OTHER, "other" },
};

static const struct pmu_exit svm_exits[] = {
#define EXITSTAT_EXIT(number, name, words) { number, name },
#include <exitstat/svm_exits.h>
	{ EXITSTAT_OTHER, "other" },
};

struct pmu_counter {
	const char *suffix;
	u32 leaf;
	u32 minus;
	bool is_time;
};

static const struct pmu_counter counters[] = {
	{ "", EXITSTAT_COUNT - EXITSTAT_VCPU },
	{ "-time", EXITSTAT_TIME - EXITSTAT_VCPU, 0, true },
	{ "-kvm", EXITSTAT_TIME - EXITSTAT_VCPU, EXITSTAT_TIME_VMM - EXITSTAT_VCPU, true },
	{ "-vmm", EXITSTAT_TIME_VMM - EXITSTAT_VCPU, 0, true },
	{ "-waiting", EXITSTAT_TIME_WAITING - EXITSTAT_VCPU, 0, true },
};

/* perf has a meaning of its own for `time` alone. */
static const struct pmu_counter totals[] = {
	{ "total", EXITSTAT_TOTAL_COUNT - EXITSTAT_VCPU },
	{ "total-time", EXITSTAT_TOTAL_TIME - EXITSTAT_VCPU, 0, true },
	{ "guest-time", EXITSTAT_TIME_GUEST - EXITSTAT_VCPU, 0, true },
};

/* "DE excp" becomes de_excp: perf wants lower case and no blanks. */
static void make_word(char *text)
{
	for (; *text; text++)
		*text = *text == ' ' ? '_' : tolower(*text);
}

struct pmu_name {
	struct device_attribute attr;
	u64 config;
	char text[40];
};

static const struct pmu_exit *exits;
static u32 nr_exits;
static struct pmu_name *names;
static char scale[64];	/* three numbers of 64 bits at most */

static ssize_t show_config(struct device *dev, struct device_attribute *attr, char *page)
{
	u64 config = container_of(attr, struct pmu_name, attr)->config;
	int n;

	n = sysfs_emit(page, "number=0x%x,leaf=0x%x", pmu_number(config), pmu_leaf(config) & 0xff);
	if (pmu_minus(config))
		n += sysfs_emit_at(page, n, ",minus=0x%x", pmu_minus(config) & 0xff);
	return n + sysfs_emit_at(page, n, "\n");
}

static ssize_t show_scale(struct device *dev, struct device_attribute *attr, char *page)
{
	return sysfs_emit(page, "%s\n", scale);
}

static ssize_t show_unit(struct device *dev, struct device_attribute *attr, char *page)
{
	return sysfs_emit(page, "ns\n");
}

typedef ssize_t (*show_fn)(struct device *dev, struct device_attribute *attr, char *page);

static struct attribute *make_name(struct pmu_name *name, const char *exit, const char *suffix,
				   const char *file, show_fn show)
{
	snprintf(name->text, sizeof(name->text), "%s%s%s", exit, suffix, file);
	make_word(name->text);
	sysfs_attr_init(&name->attr.attr);
	name->attr.attr.name = name->text;
	name->attr.attr.mode = 0444;
	name->attr.show = show;
	return &name->attr.attr;
}

/* Without the frequency, times are in cycles. */
static u32 add_counter(u32 n, struct attribute **attrs, u32 number, const char *exit,
		       const struct pmu_counter *c)
{
	names[n].config = PMU_CONFIG(number, c->leaf, c->minus);
	attrs[n] = make_name(&names[n], exit, c->suffix, "", show_config);
	n++;
	if (!c->is_time || !*scale)
		return n;
	attrs[n] = make_name(&names[n], exit, c->suffix, ".scale", show_scale);
	n++;
	attrs[n] = make_name(&names[n], exit, c->suffix, ".unit", show_unit);
	return n + 1;
}

static void make_scale(u32 tsc_khz)
{
	u64 rest;
	u64 ns = div64_u64_rem(NSEC_PER_MSEC, tsc_khz, &rest);

	/* 18 digits are more than a double holds, 2^32 times 10^9 less than 2^64. */
	snprintf(scale, sizeof(scale), "%llu.%09llu%09llu", ns,
		 div64_u64(rest * NSEC_PER_SEC, tsc_khz),
		 div64_u64(rest * NSEC_PER_SEC % tsc_khz * NSEC_PER_SEC, tsc_khz));
}

int pmu_names_init(const struct pmu_hypervisor *hv, struct attribute_group *events)
{
	bool svm = hv->numbering == EXITSTAT_NUMBERING_SVM;
	u32 i, j, most, n = 0;

	exits = svm ? svm_exits : vmx_exits;
	nr_exits = svm ? ARRAY_SIZE(svm_exits) : ARRAY_SIZE(vmx_exits);
	most = 3 * (nr_exits * ARRAY_SIZE(counters) + ARRAY_SIZE(totals));
	names = kvcalloc(most, sizeof(*names), GFP_KERNEL);
	events->attrs = kvcalloc(most + 1, sizeof(*events->attrs), GFP_KERNEL);
	if (!names || !events->attrs) {
		pmu_names_exit(events);
		return -ENOMEM;
	}

	if (hv->tsc_khz)
		make_scale(hv->tsc_khz);
	for (i = 0; i < nr_exits; i++) {
		for (j = 0; j < ARRAY_SIZE(counters); j++)
			n = add_counter(n, events->attrs, exits[i].number, exits[i].name,
					&counters[j]);
	}
	for (j = 0; j < ARRAY_SIZE(totals); j++)
		n = add_counter(n, events->attrs, 0, "", &totals[j]);
	return 0;
}

void pmu_names_exit(struct attribute_group *events)
{
	kvfree(events->attrs);
	kvfree(names);
}

bool pmu_names_find(const char *text, u32 *number, char name[PMU_NAME_SIZE])
{
	u32 i;

	for (i = 0; i < nr_exits; i++) {
		strscpy_pad(name, exits[i].name, PMU_NAME_SIZE);
		make_word(name);
		if (sysfs_streq(name, text)) {
			*number = exits[i].number;
			return true;
		}
	}
	return false;
}
