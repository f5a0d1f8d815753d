/* SPDX-License-Identifier: MIT */
/* The answers of a conversation with the CPU: what a recording holds, and a recorder wrote. */
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

/* The frames so far, sorted; behind them the answers of the frame at hand, as they came. */
struct answers {
	struct answer *list;
	size_t nr;
	size_t room;
	size_t sorted_nr;
};

/* The answer in the frames so far, or NULL. */
const struct answer *exitstat_answers_find(const struct answers *answers, int cpu, uint32_t leaf,
					   uint32_t ecx);

/* Add to the frame at hand: 0, -ENOMEM, or -EOVERFLOW past ANSWERS_MAX. */
int exitstat_answers_add(struct answers *answers, const struct answer *answer);

/* The frame at hand is whole: sort it in. */
void exitstat_answers_merge(struct answers *answers);

/* It is not: forget it. */
void exitstat_answers_drop(struct answers *answers);

#endif /* EXITSTAT_ANSWERS_H */
