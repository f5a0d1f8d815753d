/* SPDX-License-Identifier: MIT */
/* The VMs of a host, each with what happened between the last two readings. */
#ifndef GUESTS_H
#define GUESTS_H

#include <stdbool.h>
#include <stdio.h>

#include "command/options.h"

struct guests;

/* NULL if out of memory.  With quiet, no message tells which VMs ended. */
struct guests *guests_new(const struct options *opts, bool quiet);
void guests_free(struct guests *list);

/* Find the VMs, and take a reading of each.  Returns STATUS_OK or the exit status. */
int guests_update(struct guests *list);

size_t guests_length(const struct guests *list);

/* A line for each VM, below a header, in that many columns, or without a limit if 0. */
void guests_print(FILE *out, struct guests *list, enum sort_key sort, int columns);

#endif /* GUESTS_H */
