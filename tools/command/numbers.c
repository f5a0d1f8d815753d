// SPDX-License-Identifier: MIT
/* Numbers as people type them. */
#include <errno.h>
#include <stdlib.h>

#include "command/numbers.h"

bool parse_u32(const char *text, uint32_t *value)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 0);
	if (errno || end == text || *end || number < -0x80000000LL || number > 0xffffffffLL)
		return false;
	*value = (uint32_t)number;
	return true;
}

bool parse_interval(const char *text, uint64_t *interval_ns)
{
	char *end;
	double seconds;

	errno = 0;
	seconds = strtod(text, &end);
	/* Written so that it also rejects NaN. */
	if (errno || end == text || *end || !(seconds >= 0.01 && seconds <= 86400))
		return false;
	*interval_ns = (uint64_t)(seconds * 1e9);
	return true;
}
