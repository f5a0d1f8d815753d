// SPDX-License-Identifier: MIT
/* exitstat why [REASON]: which ports, MSRs, leaves and pages the exits were about. */
#include <stdio.h>

#include "command/options.h"
#include "command/say.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "output/format.h"
#include "output/rows.h"
#include "output/detailed.h"
#include "target/target.h"
#include "verbs/verbs.h"

static const char help[] =
	"usage: exitstat why [OPTION...] [REASON[,...]]\n"
	"       exitstat host why [OPTION...] VM [REASON[,...]]\n"
	"\n"
	"Show which ports, MSRs, CPUID leaves, hypercalls and pages the exits were about:\n"
	"for each reason, or for each REASON (a name, number or class), those that took\n"
	"95 % of its time. The host counts them if its exit_stats_details is 1. With\n"
	"other verbs, with INTERVAL and with a command, --details shows the same.\n";

static const char examples[] =
	"  exitstat why                      all of them\n"
	"  exitstat why io,msr               port I/O and MSRs, on Intel and on AMD\n"
	"  exitstat why -n 3 -s count memory the three busiest kinds of page\n"
	"  exitstat host why web1            those of a VM of this host\n";

static int print(const struct options *opts, struct target *target,
		 const struct exitstat_snapshot *snap)
{
	const struct reading reading = { .kind = "total", .target = target, .snap = snap };
	char since[SINCE_SIZE];

	if (opts->format == FORMAT_JSON) {
		json_print(stdout, opts, &reading);
		return STATUS_OK;
	}
	if (opts->format == FORMAT_CSV) {
		csv_header_print(stdout, opts, target);
		csv_print(stdout, opts, &reading);
		return STATUS_OK;
	}
	if (!opts->no_header) {
		title_print(stdout, target, snap, target_since(since, target, snap));
		fputs("\n\n", stdout);
	}
	details_print(stdout, opts, target, snap, opts->exit ? WHY_THESE : WHY_DETAILED);
	return STATUS_OK;
}

/* A single one, or all of a class, may have none. */
static int say_no_details(const struct target *target)
{
	const struct reasons *reasons = &target->reasons;
	char name[TEXT_SIZE];
	uint32_t i;

	for (i = 0; i < reasons->nr; i++) {
		if (exitstat_detail_kind(target->desc.numbering, reasons->numbers[i]))
			return STATUS_OK;
	}
	if (!reasons->nr)
		return STATUS_OK;
	return say(STATUS_FAILED, "%s has no details: nothing more is known of such an exit",
		   exit_name(name, target->desc.numbering, reasons->numbers[0]));
}

static int show(const struct options *opts, struct target *target)
{
	struct exitstat_snapshot snap;
	int status = say_no_details(target);

	if (status)
		return status;
	if (!target_to_end(target))
		return STATUS_FAILED;
	status = target_take(target, &snap);
	if (!status)
		status = target_sum(target, &snap);
	return status ? status : print(opts, target, &snap);
}

static int do_why(struct options *opts, int argc, char **argv)
{
	bool names_vm = opts->host && !opts->vm && !opts->pid && !opts->qmps_nr && argc > 1;
	struct target target;
	int status;

	if (names_vm) {
		opts->vm = argv[1];
		argc--;
		argv++;
	}
	if (argc > 2)
		return say(STATUS_USAGE, "why takes one list of reasons, not '%s' too", argv[2]);
	if (argc == 2 && opts->exit)
		return say(STATUS_USAGE, "why takes REASON or --exit, not both");
	if (argc == 2)
		opts->exit = argv[1];
	if (opts->vcpu < VCPU_NONE)
		return say(STATUS_USAGE, "why takes the number of one CPU with --vcpu, not several");
	opts->details = true;
	status = target_open(&target, opts);
	if (status)
		return status;
	status = show(opts, &target);
	target_close(&target);
	return status;
}

const struct verb verb_why = {
	.name = "why",
	.bit = FOR_WHY,
	.run = do_why,
	.help = help,
	.examples = examples,
};
