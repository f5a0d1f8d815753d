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
#include "output/format.h"
#include "target/target.h"
#include "target/vm.h"
#include "verbs/verbs.h"

static const char help[] =
	"usage: exitstat check\n"
	"\n"
	"Show step by step what this machine reports about its exits, and where it stops.\n"
	"Exit status 0 if the counts can be read, 77 if not.\n";

static const char examples[] =
	"  exitstat check\n"
	"  exitstat host --vm web1 check     of a VM of this host\n"
	"  exitstat check --json             for a program\n";

/* A sheet of lines: what, and how it is. */
struct sheet {
	const struct options *opts;
	struct json json;
};

static void begin(struct sheet *sheet)
{
	if (sheet->opts->format == FORMAT_JSON) {
		json_begin(&sheet->json, NULL, '{');
		head_json(&sheet->json, "check");
		json_begin(&sheet->json, "lines", '{');
	} else if (sheet->opts->format == FORMAT_CSV && !sheet->opts->no_header) {
		puts("what,answer");
	}
}

__printf(3, 4) static void line(struct sheet *sheet, const char *what, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	switch (sheet->opts->format) {
	case FORMAT_JSON:
		json_text(&sheet->json, what, text);
		break;
	case FORMAT_CSV:
		printf("%s,", what);
		csv_text(stdout, text);
		putchar('\n');
		break;
	default:
		printf("%-20s %s\n", what, text);
	}
}

/* What the lines mean, for people. */
static void explain(const struct sheet *sheet, const char *text)
{
	if (sheet->opts->format == FORMAT_TABLE)
		printf("\n%s\n", text);
}

static void end(struct sheet *sheet, const struct target *target, bool reported)
{
	const struct exitstat_description *desc = &target->desc;
	char epoch[TEXT_SIZE];

	if (sheet->opts->format != FORMAT_JSON)
		return;
	json_end(&sheet->json, '}');
	if (reported) {
		snprintf(epoch, sizeof(epoch), "0x%016llx", (unsigned long long)desc->epoch);
		json_u64(&sheet->json, "revision", desc->revision);
		json_text(&sheet->json, "vendor", vendor_name(desc->numbering));
		json_u64(&sheet->json, "vcpus", desc->vcpus);
		json_text(&sheet->json, "epoch", epoch);
		json_u64(&sheet->json, "features", desc->features);
		if (desc->tsc_khz)
			json_u64(&sheet->json, "tsc_khz", desc->tsc_khz);
		else
			json_null(&sheet->json, "tsc_khz");
	}
	json_end(&sheet->json, '}');
	putchar('\n');
}

static bool ask(struct target *target, uint32_t leaf, struct exitstat_regs *regs)
{
	return !exitstat_source_ask(target->src, leaf, 0, regs);
}

static void print_hypervisor(struct sheet *sheet, struct target *target)
{
	struct exitstat_regs regs;
	char vm[VM_TEXT_SIZE];
	char name[13];

	if (target->host) {
		line(sheet, "VM of this host", "%s", vm_text(vm, &target->vm));
		return;
	}
	if (!ask(target, 1, &regs) || !(regs.ecx & 1u << 31)) {
		line(sheet, "virtual machine", "no: CPUID.1:ECX[31] is 0");
		return;
	}
	target_hypervisor(target, name);
	line(sheet, "virtual machine", "yes");
	line(sheet, "hypervisor", "'%s'", name);
}

static void print_why_not(struct sheet *sheet, struct target *target)
{
	struct exitstat_regs regs;

	if (!ask(target, EXITSTAT_SIGNATURE, &regs))
		return;
	line(sheet, "signature", "no: leaf 0x%x answers %08x %08x %08x %08x", EXITSTAT_SIGNATURE,
	     regs.eax, regs.ebx, regs.ecx, regs.edx);
	explain(sheet, "The host has not attached exitstat to its KVM (there: exitstat-kvm attach), or\n"
	     "it withholds the answers: its parameter guest_exit_stats is 0, or it is 1 and\n"
	     "this program does not run in ring 0, or the VMM switched them off for this VM.");
}

static void print_description(struct sheet *sheet, const struct target *target)
{
	const struct exitstat_description *desc = &target->desc;
	bool times = desc->features & EXITSTAT_FEATURE_TIMES;
	bool split = desc->features & EXITSTAT_FEATURE_SPLIT;
	const struct exitstat_snapshot now = { .time_ns = desc->time_ns };
	char since[SINCE_SIZE];

	line(sheet, "signature", "yes, ABI revision %u", desc->revision);
	line(sheet, "numbering", "%s", vendor_name(desc->numbering));
	if (target->host)
		line(sheet, "vCPUs", "%u", desc->vcpus);
	else
		line(sheet, "vCPUs", "%u, this is number %u", desc->vcpus, desc->vcpu);
	line(sheet, "epoch", "0x%016llx", (unsigned long long)desc->epoch);
	line(sheet, "counts", "yes");
	line(sheet, "counting since", "%s", desc->features & EXITSTAT_FEATURE_LATE ?
	     target_since(since, target, &now) + strlen("since ") : "the VM started");
	if (times && desc->features & EXITSTAT_FEATURE_APPROXIMATE)
		line(sheet, "times", "yes, approximate");
	else
		line(sheet, "times", times ? "yes" : "no");
	line(sheet, "times by state", split ? "yes: guest, KVM, VMM, waiting" : "no");
	if (desc->buckets)
		line(sheet, "histograms", "yes, %u buckets", desc->buckets);
	else
		line(sheet, "histograms", "no: off on the host");
	line(sheet, "details", desc->features & EXITSTAT_FEATURE_DETAILS ?
	     "yes: see exitstat why" : "no: off on the host");
	if (desc->tsc_khz)
		line(sheet, "TSC of the host", "%u.%03u MHz", desc->tsc_khz / 1000,
		     desc->tsc_khz % 1000);
	else
		line(sheet, "TSC of the host", "unknown or not constant: times are in cycles");
}

static unsigned long long cost_of(const struct exitstat_snapshot *snap)
{
	return snap->asked.last - snap->asked.first;
}

static int print_cost(struct sheet *sheet, struct target *target)
{
	struct exitstat_snapshot snap, again;
	int status = target_take(target, &snap);

	if (!status)
		status = target_retake(target, &snap, &again);
	if (!status && target->host)
		line(sheet, "a reading costs", "no exit");
	else if (!status)
		line(sheet, "a reading costs", "%llu exits now, for %u kinds of exits",
		     cost_of(&snap), snap.entries_nr);
	/* Exits that happen meanwhile may make it more expensive. */
	if (!status && !target->host && !target->path)
		line(sheet, "the next one", "%llu exits", cost_of(&again));
	return status;
}

/* What "late" and "approximate" mean for the numbers. */
static void print_meanings(const struct sheet *sheet,
			   const struct exitstat_description *desc)
{
	if (desc->features & EXITSTAT_FEATURE_LATE)
		explain(sheet, "Counting began while the VM ran: exitstat was attached to the host's KVM only\n"
		     "then, or switched on there. Nothing that happened before is counted.");
	if (desc->features & EXITSTAT_FEATURE_APPROXIMATE)
		explain(sheet, "Approximate: the counts are exact, and the times are taken at KVM's tracepoints.\n"
		     "What KVM does between these and the hardware's entry or exit is in the guest's\n"
		     "time, so that the time of each exit is short by a constant part. On AMD before\n"
		     "Linux 6.5 the host's own interrupts are in the guest's time too.");
}

static int do_check(struct options *opts, int argc, char **argv)
{
	struct sheet sheet = { .opts = opts, .json = { .out = stdout } };
	bool reported = false;
	struct target target;
	int status;

	if (argc > 1)
		return say(STATUS_USAGE, "check takes no operand, not '%s'", argv[1]);
	status = target_open_source(&target, opts);
	if (status)
		return status;
	begin(&sheet);
	print_hypervisor(&sheet, &target);
	switch (exitstat_description_read(target.src, &target.desc)) {
	case 0:
		print_description(&sheet, &target);
		status = print_cost(&sheet, &target);
		if (!status)
			print_meanings(&sheet, &target.desc);
		reported = true;
		break;
	case -ENODEV:
		status = STATUS_NOT_HERE;
		break;
	case -EOPNOTSUPP:
		print_why_not(&sheet, &target);
		status = STATUS_NOT_HERE;
		break;
	default:
		status = target_describe(&target);
	}
	end(&sheet, &target, reported);
	target_close(&target);
	return status;
}

const struct verb verb_check = {
	.name = "check",
	.bit = FOR_CHECK,
	.run = do_check,
	.help = help,
	.examples = examples,
};
