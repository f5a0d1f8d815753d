/* SPDX-License-Identifier: MIT */
/* For programs: JSON and CSV. */
#ifndef FORMAT_H
#define FORMAT_H

#include <stdio.h>

#include "command/options.h"
#include "output/json.h"
#include "target/target.h"

#define SCHEMA	2

/* What a snapshot is: kind is one of the schema's. */
struct reading {
	const char *kind;	/* "total", "interval", "command" or "recording" */
	unsigned int run;	/* from 1 on, with --repeat; or 0 */
	const struct target *target;
	const struct exitstat_snapshot *snap;
};

/* The members that every object has. */
void head_json(struct json *json, const char *kind);

/* The members of a snapshot's object, without what the options leave out. */
void snapshot_json(struct json *json, const struct options *opts, const struct reading *reading);

/* The whole object, as one line. */
void json_print(FILE *out, const struct options *opts, const struct reading *reading);

/* Prints the header if the options ask for one. */
void csv_header_print(FILE *out, const struct options *opts, const struct target *target);
void csv_print(FILE *out, const struct options *opts, const struct reading *reading);

/* Text in CSV, quoted. */
void csv_text(FILE *out, const char *text);

/* "2026-11-25T21:00:00.123456789Z", of ns since 1970. */
#define WALL_CLOCK_SIZE	32
const char *wall_clock(char text[WALL_CLOCK_SIZE], int64_t wall_ns);

#endif /* FORMAT_H */
