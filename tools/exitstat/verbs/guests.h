/* SPDX-License-Identifier: MIT */
/* The VMs of a host, each with what happened between the last two readings. */
#ifndef GUESTS_H
#define GUESTS_H

#include <stdbool.h>
#include <stdio.h>

#include "command/options.h"

struct guests;

/* NULL: out of memory.  A quiet one does not say which VMs ended. */
struct guests *guests_new(const struct options *opts, bool quiet);
void guests_free(struct guests *list);

/* Find the VMs, and take a reading of each: STATUS_OK, or what to exit with. */
int guests_update(struct guests *list);

size_t guests_length(const struct guests *list);

/* A line for each, below a header; within so many columns, if not 0. */
void guests_print(FILE *out, struct guests *list, enum sort_key sort, int columns);

#endif /* GUESTS_H */
