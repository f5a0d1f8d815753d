/* SPDX-License-Identifier: MIT */
/* The details of what is measured: the last two readings, and what is between. */
#ifndef CAUSES_H
#define CAUSES_H

#include <stdbool.h>

#include "exitstat.h"

struct causes {
	struct exitstat_details now;
	struct exitstat_details last;
	struct exitstat_details shown;	/* what causes_between() or causes_sum() put there */
};

/* NULL: out of memory. */
struct causes *causes_new(void);
void causes_free(struct causes *causes);

/* Read them, once more where that may cost less: 0 or -errno, after which now is what it was. */
int causes_read(struct causes *causes, struct exitstat_source *src,
		const struct exitstat_description *desc, enum exitstat_scope scope, bool again);

/*
 * Put into shown what happened between the last two readings, or all that now holds: 0 or -errno.
 * The details were read after the snapshot; the entries of the numbers that have details become the
 * sums of these, and the total with them, so that all that is printed adds up.
 */
int causes_between(struct causes *causes, struct exitstat_snapshot *between);
int causes_sum(struct causes *causes, struct exitstat_snapshot *snap);

/* Let shown be these, in any order: 0 or -ENOMEM. */
int causes_show(struct causes *causes, const struct exitstat_detail *details, uint32_t nr);

/* The details of that number, of which there are nr: a part of shown.  NULL: none. */
const struct exitstat_detail *causes_of(const struct causes *causes, uint32_t number, uint32_t *nr);

#endif /* CAUSES_H */
