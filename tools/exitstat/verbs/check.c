// SPDX-License-Identifier: MIT
/* exitstat check: what this machine reports, or why it does not. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "command/options.h"
#include "command/say.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "target/target.h"
#include "target/vm.h"
#include "verbs/verbs.h"

static const char help[] =
	"usage: exitstat check\n"
	"\n"
	"Show step by step what this machine reports about its exits, and where it stops.\n"
	"Exit status 0 if the counts can be read, 77 if not.\n";

__printf(2, 3) static void line(const char *what, const char *format, ...)
{
	va_list args;

	printf("%-20s ", what);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static bool ask(struct target *target, uint32_t leaf, struct exitstat_regs *regs)
{
	return !exitstat_source_ask(target->src, leaf, 0, regs);
}

static void print_hypervisor(struct target *target)
{
	struct exitstat_regs regs;
	char vm[VM_TEXT_SIZE];
	char name[13];

	if (target->host) {
		line("VM of this host", "%s", vm_text(vm, &target->vm));
		return;
	}
	if (!ask(target, 1, &regs) || !(regs.ecx & 1u << 31)) {
		line("virtual machine", "no: CPUID.1:ECX[31] is 0");
		return;
	}
	target_hypervisor(target, name);
	line("virtual machine", "yes");
	line("hypervisor", "'%s'", name);
}

static void print_why_not(struct target *target)
{
	struct exitstat_regs regs;

	if (!ask(target, EXITSTAT_SIGNATURE, &regs))
		return;
	line("signature", "no: leaf 0x%x answers %08x %08x %08x %08x", EXITSTAT_SIGNATURE,
	     regs.eax, regs.ebx, regs.ecx, regs.edx);
	puts("\nThe host's KVM lacks the exit statistics, or withholds them: its parameter\n"
	     "kvm.guest_exit_stats is 0, or it is 1 and this program does not run in ring 0,\n"
	     "or the VMM switched them off for this VM.");
}

static void print_description(const struct target *target)
{
	const struct exitstat_description *desc = &target->desc;
	bool times = desc->features & EXITSTAT_FEATURE_TIMES;
	bool split = desc->features & EXITSTAT_FEATURE_SPLIT;
	const struct exitstat_snapshot now = { .time_ns = desc->time_ns };
	char since[SINCE_SIZE];

	line("signature", "yes, ABI revision %u", desc->revision);
	line("numbering", "%s", vendor_name(desc->numbering));
	if (target->host)
		line("vCPUs", "%u", desc->vcpus);
	else
		line("vCPUs", "%u, this is number %u", desc->vcpus, desc->vcpu);
	line("epoch", "0x%016llx", (unsigned long long)desc->epoch);
	line("counts", "yes");
	line("counting since", "%s", desc->features & EXITSTAT_FEATURE_LATE ?
	     target_since(since, target, &now) + strlen("since ") : "the VM started");
	if (times && desc->features & EXITSTAT_FEATURE_APPROXIMATE)
		line("times", "yes, approximate");
	else
		line("times", times ? "yes" : "no");
	line("times by state", split ? "yes: guest, KVM, VMM, waiting" : "no");
	if (desc->buckets)
		line("histograms", "yes, %u buckets", desc->buckets);
	else
		line("histograms", "no: off on the host");
	line("details", desc->features & EXITSTAT_FEATURE_DETAILS ?
	     "yes: see exitstat why" : "no: off on the host");
	if (desc->tsc_khz)
		line("TSC of the host", "%u.%03u MHz", desc->tsc_khz / 1000, desc->tsc_khz % 1000);
	else
		line("TSC of the host", "unknown or not constant: times are in cycles");
}

static unsigned long long cost_of(const struct exitstat_snapshot *snap)
{
	return snap->asked.last - snap->asked.first;
}

static int print_cost(struct target *target)
{
	struct exitstat_snapshot snap, again;
	int status = target_take(target, &snap);

	if (!status)
		status = target_retake(target, &snap, &again);
	if (!status && target->host)
		line("a reading costs", "no exit");
	else if (!status)
		line("a reading costs", "%llu exits now, for %u kinds of exits", cost_of(&snap),
		     snap.entries_nr);
	/* Exits that happen meanwhile may make it more expensive. */
	if (!status && !target->host && !target->path)
		line("the next one", "%llu exits", cost_of(&again));
	return status;
}

/* What "late" and "approximate" mean for the numbers. */
static void print_meanings(const struct exitstat_description *desc)
{
	if (desc->features & EXITSTAT_FEATURE_LATE)
		puts("\nCounting began while the VM ran: exitstat was attached to the host's KVM only\n"
		     "then, or switched on there. Nothing that happened before is counted.");
	if (desc->features & EXITSTAT_FEATURE_APPROXIMATE)
		puts("\nApproximate: the counts are exact, and the times are taken at KVM's tracepoints.\n"
		     "What KVM does between these and the hardware's entry or exit is in the guest's\n"
		     "time, so that the time of each exit is short by a constant part. On AMD before\n"
		     "Linux 6.5 the host's own interrupts are in the guest's time too.");
}

static int do_check(struct options *opts, int argc, char **argv)
{
	struct target target;
	int status;

	if (argc > 1)
		return say(STATUS_USAGE, "check takes no operand, not '%s'", argv[1]);
	status = target_open_source(&target, opts);
	if (status)
		return status;
	print_hypervisor(&target);
	switch (exitstat_description_read(target.src, &target.desc)) {
	case 0:
		print_description(&target);
		status = print_cost(&target);
		if (!status)
			print_meanings(&target.desc);
		break;
	case -ENODEV:
		status = STATUS_NOT_HERE;
		break;
	case -EOPNOTSUPP:
		print_why_not(&target);
		status = STATUS_NOT_HERE;
		break;
	default:
		status = target_describe(&target);
	}
	target_close(&target);
	return status;
}

const struct verb verb_check = {
	.name = "check",
	.bit = FOR_CHECK,
	.run = do_check,
	.help = help,
};
