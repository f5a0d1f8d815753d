/* SPDX-License-Identifier: MIT */
/* The VMs of a host, each with what happened between the last two readings. */
#ifndef GUESTS_H
#define GUESTS_H

#include <stdbool.h>
#include <stdio.h>

#include "command/options.h"

struct list;

/* NULL: out of memory.  A quiet one does not say which VMs ended. */
struct list *list_new(const struct options *opts, bool quiet);
void list_free(struct list *list);

/* Find the VMs, and take a reading of each: STATUS_OK, or what to exit with. */
int list_update(struct list *list);

size_t list_length(const struct list *list);

/* A line for each, below a header; within so many columns, if not 0. */
void list_print(FILE *out, struct list *list, enum sort_key sort, int columns);

#endif /* GUESTS_H */
