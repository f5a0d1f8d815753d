/* SPDX-License-Identifier: MIT */
/* For programs: JSON and CSV. */
#ifndef FORMAT_H
#define FORMAT_H

#include <stdio.h>

#include <jansson.h>

#include "target/target.h"

json_t *json_of_snapshot(const struct meter *meter, const struct exitstat_snapshot *snap);
json_t *json_of_text(const char *text);

/* Print it as a line, and drop it: 0, or -1. */
int json_print(FILE *out, json_t *json);

void csv_header_print(FILE *out, const struct meter *meter);
void csv_print(FILE *out, const struct meter *meter, const struct exitstat_snapshot *snap);

#endif /* FORMAT_H */
