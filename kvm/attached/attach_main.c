// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach to a running stock KVM, and leave it as it was.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/tracepoint.h>

#include "attach.h"

/* Every KVM has this symbol: referring to it keeps KVM loaded as long as this module. */
extern struct tracepoint __tracepoint_kvm_exit;
static struct tracepoint *pins_kvm __used = &__tracepoint_kvm_exit;

static const char *const layouts[] = {
	[ATTACHED_LAYOUT_UNSEEN] = "unseen",
	[ATTACHED_LAYOUT_HOLDS] = "holds",
	[ATTACHED_LAYOUT_DIFFERS] = "differs",
};

static int get_layout(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", layouts[READ_ONCE(attached_layout)]);
}

static const struct kernel_param_ops layout_ops = { .get = get_layout };
module_param_cb(layout, &layout_ops, NULL, 0444);
MODULE_PARM_DESC(layout, "does KVM match the headers of the build: unseen (no exit yet), holds, differs");

/* The patched KVM exports a symbol of the core, which this module does not. */
static bool kvm_answers_by_itself(void)
{
	void *symbol = __symbol_get("kvm_exit_stats_exit_key");

	if (symbol)
		__symbol_put("kvm_exit_stats_exit_key");
	return symbol;
}

static int __init attach_init(void)
{
	int r;

	if (kvm_answers_by_itself()) {
		pr_err("this KVM already counts exits and answers guests itself\n");
		return -EEXIST;
	}
	r = attached_vcpus_init();
	if (r)
		return r;
	r = attached_probes_register();
	if (r)
		attached_vcpus_exit();
	return r;
}

static void __exit attach_exit(void)
{
	attached_probes_unregister();
	attached_vcpus_exit();
}

module_init(attach_init);
module_exit(attach_exit);
MODULE_DESCRIPTION("Let guests of a stock KVM read their own VM-exit statistics");
MODULE_LICENSE("GPL");
