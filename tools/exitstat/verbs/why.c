// SPDX-License-Identifier: MIT
/* exitstat why [REASON]: which ports, MSRs, leaves and pages the exits were about. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "command/numbers.h"
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
	"usage: exitstat why [OPTION...] [REASON]\n"
	"       exitstat host why [OPTION...] VM [REASON]\n"
	"\n"
	"Show which ports, MSRs, CPUID leaves, hypercalls and pages the exits were about:\n"
	"for each reason, or for REASON (a name or number), those that took 95 % of its\n"
	"time. The host counts them if its exit_stats_details is 1. With other verbs,\n"
	"with INTERVAL and with a command, the option --details shows the same.\n"
	"\n"
	"  -a, --all           everything, however little time it took\n"
	"  -c, --csv           for programs: comma-separated values\n"
	"  -j, --json          for programs: JSON\n"
	"  -n, --no-header     only the rows\n"
	"  -s, --sort KEY      by time, count, mean, vmm, waiting, name or number\n"
	"  -v, --vcpu N        only those of the vCPU that is CPU N here\n";

/* The reason of that name, in small letters or as it is, or number. */
static const struct exitstat_exit *find_reason(uint32_t numbering, const char *text)
{
	const struct exitstat_exit *exit;
	uint32_t number;
	size_t i;

	if (parse_u32(text, &number))
		return exitstat_exit_find(numbering, number);
	for (i = 0; (exit = exitstat_exit_at(numbering, i)); i++) {
		if (!strcasecmp(exit->name, text))
			return exit;
	}
	return NULL;
}

static int say_no_reason(const struct target *target, const char *text)
{
	return say(STATUS_USAGE, "%s has no exit reason '%s'; see exitstat names --vendor %s",
		   vendor_name(target->desc.numbering), text,
		   target->desc.numbering == EXITSTAT_NUMBERING_VMX ? "intel" : "amd");
}

static int print(const struct options *opts, struct target *target, struct exitstat_snapshot *snap,
		 const struct exitstat_exit *reason)
{
	char since[SINCE_SIZE];

	if (opts->format == FORMAT_JSON) {
		json_print(stdout, target, snap);
		return STATUS_OK;
	}
	if (opts->format == FORMAT_CSV) {
		csv_header_print(stdout, opts, target);
		csv_print(stdout, target, snap);
		return STATUS_OK;
	}
	if (!opts->no_header) {
		title_print(stdout, target, snap, target_since(since, target, snap));
		fputs("\n\n", stdout);
	}
	details_print(stdout, opts, target, snap, reason ? WHY_ONE : WHY_DETAILED,
		      reason ? reason->number : 0);
	return STATUS_OK;
}

/* Of one reason, nothing else is in JSON and CSV either. */
static void keep_only(struct exitstat_snapshot *snap, uint32_t number)
{
	const struct exitstat_entry *found = exitstat_snapshot_find(snap, number);

	snap->entries_nr = 0;
	if (found)
		snap->entries[snap->entries_nr++] = *found;
}

static int show(const struct options *opts, struct target *target, const char *text)
{
	const struct exitstat_exit *reason = NULL;
	struct exitstat_snapshot snap;
	int status;

	if (text) {
		reason = find_reason(target->desc.numbering, text);
		if (!reason)
			return say_no_reason(target, text);
		if (!exitstat_detail_kind(target->desc.numbering, reason->number))
			return say(STATUS_FAILED,
				   "%s has no details: nothing more is known of such an exit",
				   reason->name);
	}
	if (!target_to_end(target))
		return STATUS_FAILED;
	status = target_take(target, &snap);
	if (!status)
		status = target_sum(target, &snap);
	if (status)
		return status;
	if (reason)
		keep_only(&snap, reason->number);
	return print(opts, target, &snap, reason);
}

static int do_why(struct options *opts, int argc, char **argv)
{
	bool names_vm = opts->host && !opts->vm && !opts->qmps_nr && argc > 1;
	struct target target;
	int status;

	if (names_vm) {
		opts->vm = argv[1];
		argc--;
		argv++;
	}
	if (argc > 2)
		return say(STATUS_USAGE, "why takes one reason, not '%s' too", argv[2]);
	if (opts->vcpu == VCPU_ALL)
		return say(STATUS_USAGE, "why takes the number of one CPU with --vcpu, not 'all'");
	opts->details = true;
	status = target_open(&target, opts);
	if (status)
		return status;
	status = show(opts, &target, argc > 1 ? argv[1] : NULL);
	target_close(&target);
	return status;
}

const struct verb verb_why = {
	.name = "why",
	.bit = FOR_WHY,
	.run = do_why,
	.help = help,
};
