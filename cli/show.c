// SPDX-License-Identifier: MIT
/* exitstat: the table since the VM started. */
#include "cli.h"

static void print_title(const struct meter *meter, const struct exitstat_snapshot *snap)
{
	printf("%s, %u vCPU%s: exits ", vendor_name(snap->numbering), snap->vcpus,
	       snap->vcpus == 1 ? "" : "s");
	if (meter->vcpu >= 0)
		printf("of CPU %d (vCPU %u) ", meter->vcpu, snap->vcpu);
	printf("since the VM started\n\n");
}

static int show_one(const struct options *opts, struct meter *meter)
{
	static struct exitstat_snapshot snap;
	int status = meter_take(meter, &snap);

	if (status)
		return status;
	if (!opts->no_header)
		print_title(meter, &snap);
	table_print(stdout, opts, &meter->desc, &snap);
	if (!opts->no_header)
		states_print(stdout, &meter->desc, &snap);
	return STATUS_OK;
}

static int show_all(const struct options *opts, struct meter *meter)
{
	int status = STATUS_OK;

	for (meter->vcpu = 0; !status; meter->vcpu++) {
		int cpu = exitstat_source_next_cpu(meter->src, meter->vcpu);

		if (cpu < 0)
			return STATUS_OK;
		if (cpu > 0)
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

	(void)argc;
	(void)argv;
	status = meter_open(&meter, opts);
	if (status)
		return status;
	/* Of a recording, the last moment. */
	status = meter_describe(&meter);
	if (!status && !meter_to_end(&meter))
		status = STATUS_FAILED;
	if (!status)
		status = opts->vcpu == VCPU_ALL ? show_all(opts, &meter) : show_one(opts, &meter);
	meter_close(&meter);
	return status;
}

const struct verb verb_show = { .bit = FOR_SHOW, .run = show_run };
