// SPDX-License-Identifier: MIT
/* exitstat: the table of all that was counted. */
#include <stdio.h>

#include "command/options.h"
#include "command/say.h"
#include "exitstat.h"
#include "output/format.h"
#include "output/rows.h"
#include "target/target.h"
#include "verbs/verbs.h"

static void print(const struct options *opts, const struct target *target,
		  const struct exitstat_snapshot *snap)
{
	char since[SINCE_SIZE];

	if (opts->format == FORMAT_JSON) {
		json_print(stdout, target, snap);
		return;
	}
	if (opts->format == FORMAT_CSV) {
		csv_print(stdout, target, snap);
		return;
	}
	if (!opts->no_header) {
		title_print(stdout, target, snap, target_since(since, target, snap));
		fputs("\n\n", stdout);
		rows_print(stdout, opts, &target->desc, snap);
		states_print(stdout, &target->desc, snap);
	} else {
		rows_print(stdout, opts, &target->desc, snap);
	}
}

static int show_one(const struct options *opts, struct target *target)
{
	struct exitstat_snapshot snap;
	int status = target_take(target, &snap);

	if (!status)
		print(opts, target, &snap);
	return status;
}

static int show_all(const struct options *opts, struct target *target)
{
	int status = STATUS_OK;

	for (target->vcpu = 0; !status; target->vcpu++) {
		int cpu = exitstat_source_next_cpu(target->src, target->vcpu);

		if (cpu < 0 && !target->vcpu)
			return say(STATUS_FAILED, "the recording %s holds no CPU's own exits, only the VM's",
				   target->path);
		if (cpu < 0)
			return STATUS_OK;
		if (cpu > 0 && opts->format == FORMAT_TABLE)
			putchar('\n');
		target->vcpu = cpu;
		status = show_one(opts, target);
	}
	return status;
}

static int do_show(struct options *opts, int argc, char **argv)
{
	struct target target;
	int status;

	if (argc > 1)
		return say(STATUS_USAGE, "show takes no operand, not '%s'", argv[1]);
	status = target_open(&target, opts);
	if (status)
		return status;
	/* Of a recording, the last moment. */
	if (!target_to_end(&target))
		status = STATUS_FAILED;
	if (!status)
		csv_header_print(stdout, opts, &target);
	if (!status)
		status = opts->vcpu == VCPU_ALL ? show_all(opts, &target) : show_one(opts, &target);
	target_close(&target);
	return status;
}

const struct verb verb_show = { .name = "show", .bit = FOR_SHOW, .run = do_show };
