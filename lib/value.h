/* SPDX-License-Identifier: MIT */
/* The 64-bit values of answers. */
#ifndef VALUE_H
#define VALUE_H

#include "exitstat.h"

static inline uint64_t low_high(uint32_t low, uint32_t high)
{
	return (uint64_t)high << 32 | low;
}

/* A counter that went backwards has started again from 0: then all of it is new. */
static inline uint64_t minus(uint64_t after, uint64_t before, uint32_t *since)
{
	if (after >= before)
		return after - before;
	*since |= EXITSTAT_SINCE_BACKWARD;
	return after;
}

#endif /* VALUE_H */
