/* SPDX-License-Identifier: MIT */
/* The exits that are asked for: names, numbers or classes. */
#ifndef REASONS_H
#define REASONS_H

#include <stdbool.h>
#include <stdint.h>

#include "exitstat.h"

struct reasons {
	const char *text;	/* as they were asked for; NULL: all */
	uint32_t nr;
	uint32_t numbers[EXITSTAT_ENTRIES_MAX];
};

/*
 * Parse "REASON[,...]": an exit's name or a class, in any case, or a number, as that vendor has
 * them.  text must stay.  STATUS_OK, or STATUS_USAGE after an error message.
 */
int reasons_parse(struct reasons *reasons, uint32_t numbering, const char *text);

bool reasons_have(const struct reasons *reasons, uint32_t number);

/* What a table calls the sum of all exits, which is also of those that were not selected. */
const char *reasons_total(bool selected);

#endif /* REASONS_H */
