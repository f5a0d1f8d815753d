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

static void print(const struct options *opts, const struct meter *meter,
		  const struct exitstat_snapshot *snap)
{
	char since[SINCE_SIZE];

	if (opts->format == FORMAT_JSON) {
		json_print(stdout, meter, snap);
		return;
	}
	if (opts->format == FORMAT_CSV) {
		csv_print(stdout, meter, snap);
		return;
	}
	if (!opts->no_header) {
		title_print(stdout, meter, snap, meter_since(since, meter, snap));
		fputs("\n\n", stdout);
		table_print(stdout, opts, &meter->desc, snap);
		states_print(stdout, &meter->desc, snap);
	} else {
		table_print(stdout, opts, &meter->desc, snap);
	}
}

static int show_one(const struct options *opts, struct meter *meter)
{
	struct exitstat_snapshot snap;
	int status = meter_take(meter, &snap);

	if (!status)
		print(opts, meter, &snap);
	return status;
}

static int show_all(const struct options *opts, struct meter *meter)
{
	int status = STATUS_OK;

	for (meter->vcpu = 0; !status; meter->vcpu++) {
		int cpu = exitstat_source_next_cpu(meter->src, meter->vcpu);

		if (cpu < 0 && !meter->vcpu)
			return say(STATUS_FAILED, "the recording %s holds no CPU's own exits, only the VM's",
				   meter->path);
		if (cpu < 0)
			return STATUS_OK;
		if (cpu > 0 && opts->format == FORMAT_TABLE)
			putchar('\n');
		meter->vcpu = cpu;
		status = show_one(opts, meter);
	}
	return status;
}

static int show_run(struct options *opts, int argc, char **argv)
{
	struct meter meter;
	int status;

	if (argc > 1)
		return say(STATUS_USAGE, "show takes no operand, not '%s'", argv[1]);
	status = meter_open(&meter, opts);
	if (status)
		return status;
	status = meter_describe(&meter);
	/* Of a recording, the last moment. */
	if (!status && !meter_to_end(&meter))
		status = STATUS_FAILED;
	if (!status && opts->format == FORMAT_CSV && !opts->no_header)
		csv_header_print(stdout, &meter);
	if (!status)
		status = opts->vcpu == VCPU_ALL ? show_all(opts, &meter) : show_one(opts, &meter);
	meter_close(&meter);
	return status;
}

const struct verb verb_show = { .name = "show", .bit = FOR_SHOW, .run = show_run };
