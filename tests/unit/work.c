// SPDX-License-Identifier: MIT
/*
 * How much work the exporter has with a VM of many vCPUs: read it by QMP and make the live page's
 * JSON of it, in steps, which are what the compiler counts for -fsanitize-coverage=trace-pc (each
 * straight piece of code that runs).
 */
#include <stdio.h>

#include "../../lib/host/qmp.h"
#include "../../tools/exporter/exporter.h"

#define MOMENT_NS	60000000000ULL

static unsigned long steps;

void __sanitizer_cov_trace_pc(void);

__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc(void)
{
	steps++;
}

/* Print how many steps that took, and the JSON. */
int main(int argc, char **argv)
{
	static struct live live;
	const struct sink wanted = { .detail = EXPORT_PER_VCPU };
	struct identity identity = { .plain = true };
	struct exitstat_source *src;
	struct reading reading;
	struct exitstat_vm vm;
	struct text json = { 0 };

	if (argc != 2 || qmp_open_within(argv[1], MOMENT_NS, &vm, &src) ||
	    exitstat_source_advance(src) != 1 || reading_take(&reading, src, &wanted))
		return 1;
	printf("reading %lu\n", steps);
	steps = 0;
	live_add_vm(&live, &reading, &identity);
	printf("json %lu\n", steps);
	reading_free(&reading);
	exitstat_source_close(src);
	if (!live_finish(&live, &json, "host", false))
		return 1;
	fwrite(json.at, 1, json.size, stdout);
	text_free(&json);
	return 0;
}
