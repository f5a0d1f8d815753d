/* SPDX-License-Identifier: MIT */
/* The CPU's answers: those that a recording holds, or that a recorder has written. */
#ifndef EXITSTAT_ANSWERS_H
#define EXITSTAT_ANSWERS_H

#include "exitstat.h"

#define RECORDING_MAGIC	"exitstat-recording 1"
#define ANSWERS_MAX	(1u << 20)
#define ANY_CPU		(-1)
#define CPU_MAX		16383

struct answer {
	int cpu;
	uint32_t leaf;
	uint32_t ecx;
	uint32_t order;		/* within the list: a later answer replaces an earlier one */
	struct exitstat_regs regs;
};

/*
 * The answers of the frames so far, sorted; then those of the current frame, in order of arrival.
 */
struct answers {
	struct answer *list;
	size_t nr;
	size_t room;
	size_t sorted_nr;
};

/* The answer in the frames before the current one, or NULL. */
const struct answer *exitstat_answers_find(const struct answers *answers, int cpu, uint32_t leaf,
					   uint32_t ecx);

/* Add to the current frame: 0, -ENOMEM, or -EOVERFLOW past ANSWERS_MAX. */
int exitstat_answers_add(struct answers *answers, const struct answer *answer);

/* The current frame is complete: merge it with those before. */
void exitstat_answers_merge(struct answers *answers);

/* The current frame is incomplete: drop it. */
void exitstat_answers_drop(struct answers *answers);

#endif /* EXITSTAT_ANSWERS_H */
