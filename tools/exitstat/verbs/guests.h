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

struct guests_order {
	enum sort_key sort;
	bool reverse;
	size_t limit;		/* of VMs; 0: all */
	const char *filter;	/* in the name or pid of a VM; "" or NULL: all */
};

/*
 * A line for each VM, below a header, in that many columns, or as many as it takes if 0.  Returns
 * how many VMs there are in it.
 */
size_t guests_print(FILE *out, struct guests *list, const struct guests_order *order, int columns);

#endif /* GUESTS_H */
