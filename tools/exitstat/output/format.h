/* SPDX-License-Identifier: MIT */
/* For programs: JSON and CSV. */
#ifndef FORMAT_H
#define FORMAT_H

#include <stdio.h>

#include "command/options.h"
#include "output/json.h"
#include "target/target.h"

/* The members of a snapshot's object. */
void snapshot_json(struct json *json, const struct target *target,
		   const struct exitstat_snapshot *snap);

/* The whole object, as one line. */
void json_print(FILE *out, const struct target *target, const struct exitstat_snapshot *snap);

/* Prints the header if the options ask for one. */
void csv_header_print(FILE *out, const struct options *opts, const struct target *target);
void csv_print(FILE *out, const struct target *target, const struct exitstat_snapshot *snap);

#endif /* FORMAT_H */
