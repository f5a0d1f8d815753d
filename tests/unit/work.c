// SPDX-License-Identifier: MIT
/*
 * How much work the exporter has with a VM of many vCPUs: read it by QMP and make the live page's
 * JSON of it, in steps, which are what the compiler counts for -fsanitize-coverage=trace-pc (each
 * straight piece of code that runs).
 */
#include <stdio.h>

#include "../../lib/host/qmp.h"
#include "../../tools/exporter/exporter.h"

#define MOMENT_NS	600000000000ULL

static unsigned long steps;

void __sanitizer_cov_trace_pc(void);

__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc(void)
{
	steps++;
}

static int print_json(struct live *live)
{
	struct text json = { 0 };

	if (!live_finish(live, &json, "host", false))
		return 1;
	fwrite(json.at, 1, json.size, stdout);
	text_free(&json);
	return 0;
}

/* More numbers than any vendor has, each with one exit: no library returns so many. */
static int print_many(struct live *live, const struct identity *identity)
{
	static struct exitstat_entry entries[3][EXITSTAT_ENTRIES_MAX];
	struct part parts[3] = { 0 };
	struct reading reading = {
		.desc = { .numbering = EXITSTAT_NUMBERING_SVM }, .parts_nr = 3, .parts = parts,
	};
	uint32_t i, j;

	for (i = 0; i < 3; i++) {
		parts[i].entries = entries[i];
		parts[i].entries_nr = EXITSTAT_ENTRIES_MAX;
		for (j = 0; j < EXITSTAT_ENTRIES_MAX; j++) {
			entries[i][j].number = 3 * j + i;
			entries[i][j].count = 1;
		}
	}
	live_add_vm(live, &reading, identity);
	return print_json(live);
}

/* Print the steps and the JSON; without a socket, the JSON of a VM with many numbers. */
int main(int argc, char **argv)
{
	static struct live live;
	const struct sink wanted = { .detail = EXPORT_PER_VCPU };
	struct identity identity = { .plain = true };
	struct exitstat_source *src;
	struct reading reading;
	struct exitstat_vm vm;

	if (argc < 2)
		return print_many(&live, &identity);
	if (qmp_open_within(argv[1], MOMENT_NS, &vm, &src) || exitstat_source_advance(src) != 1 ||
	    reading_take(&reading, src, &wanted))
		return 1;
	printf("reading %lu\n", steps);
	steps = 0;
	live_add_vm(&live, &reading, &identity);
	printf("json %lu\n", steps);
	reading_free(&reading);
	exitstat_source_close(src);
	return print_json(&live);
}
