/* SPDX-License-Identifier: MIT */
/* The reader's own exits: how many are between two readings, and their part of the time. */
#ifndef OWN_H
#define OWN_H

#include <stddef.h>

#include "exitstat.h"

/* The queries between two readings of the count that has them, or since zero without before. */
static inline uint64_t own_queries(enum exitstat_scope scope, const struct exitstat_asked *before,
				   const struct exitstat_asked *after)
{
	uint64_t own = after->cpuid - after->first;

	if (!before)
		return own;
	own += before->last - before->cpuid;
	/* Queries between the two readings may have been on any vCPU. */
	if (scope == EXITSTAT_SCOPE_VM)
		own += after->first - before->last;
	return own;
}

/* cycles * part / whole, exact and without overflow: part <= whole, which is a number of exits. */
static inline uint64_t proportion(uint64_t cycles, uint64_t part, uint64_t whole)
{
	return cycles / whole * part + cycles % whole * part / whole;
}

#endif /* OWN_H */
