// SPDX-License-Identifier: MIT
/* exitstat without a verb: the table of all counters. */
#include <stdio.h>
#include <string.h>

#include "command/options.h"
#include "command/say.h"
#include "exitstat.h"
#include "output/format.h"
#include "output/detailed.h"
#include "output/rows.h"
#include "target/target.h"
#include "verbs/verbs.h"

static void print(const struct options *opts, const struct target *target,
		  const struct exitstat_snapshot *snap)
{
	const struct reading reading = { .kind = "total", .target = target, .snap = snap };
	char since[SINCE_SIZE];

	if (opts->format == FORMAT_JSON) {
		json_print(stdout, opts, &reading);
		return;
	}
	if (opts->format == FORMAT_CSV) {
		csv_print(stdout, opts, &reading);
		return;
	}
	if (!opts->no_header) {
		title_print(stdout, target, snap, target_since(since, target, snap));
		fputs("\n\n", stdout);
		table_print(stdout, opts, target, snap);
		states_print(stdout, &target->desc, snap);
	} else {
		table_print(stdout, opts, target, snap);
	}
}

static int show_one(const struct options *opts, struct target *target)
{
	struct exitstat_snapshot snap;
	int status = target_take(target, &snap);

	if (!status)
		status = target_sum(target, &snap);
	if (!status)
		print(opts, target, &snap);
	return status;
}

/* The CPUs that were not available, for one message at the end. */
struct lacking {
	char list[256];
	unsigned int nr;
	int cpu;		/* the last one, and why */
	int err;
};

static void lacking_add(struct lacking *lacking, int cpu, int err)
{
	size_t length = strlen(lacking->list);

	snprintf(lacking->list + length, sizeof(lacking->list) - length, "%s%d",
		 lacking->nr ? ", " : "", cpu);
	lacking->nr++;
	lacking->cpu = cpu;
	lacking->err = err;
}

static int say_lacking(struct target *target, const struct lacking *lacking)
{
	if (!lacking->nr)
		return STATUS_OK;
	target->vcpu = lacking->cpu;
	if (lacking->nr == 1)
		return target_say(target, lacking->err);
	return say(STATUS_FAILED, "cannot run on %u of the CPUs, which is needed to read their exits: %s",
		   lacking->nr, lacking->list);
}

/* Each of several. */
static int show_all(const struct options *opts, struct target *target)
{
	struct lacking lacking = { .nr = 0 };
	struct exitstat_snapshot snap;
	int cpu = target_next_cpu(target, opts, 0);
	bool more = false;

	if (cpu < 0)
		return target_say_no_cpu(target);
	for (; cpu >= 0; cpu = target_next_cpu(target, opts, cpu + 1)) {
		int err;

		target->vcpu = cpu;
		err = target_read(target, NULL, &snap);
		if (target_lacks_cpu(target, err)) {
			lacking_add(&lacking, cpu, err);
			continue;
		}
		if (err)
			return target_say(target, err);
		if (target_sum(target, &snap))
			return STATUS_FAILED;
		if (more && opts->format == FORMAT_TABLE)
			putchar('\n');
		more = true;
		print(opts, target, &snap);
	}
	target->pinned = false;
	return say_lacking(target, &lacking);
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
	/* For a recording, show the last moment. */
	if (!target_to_end(&target))
		status = STATUS_FAILED;
	if (!status)
		csv_header_print(stdout, opts, &target);
	if (!status)
		status = opts->vcpu < VCPU_NONE ? show_all(opts, &target) :
						  show_one(opts, &target);
	target_close(&target);
	return status;
}

const struct verb verb_show = { .name = "show", .bit = FOR_SHOW, .run = do_show };
