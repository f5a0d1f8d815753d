// SPDX-License-Identifier: MIT
/* The CPU's answers, sorted by query. */
#include <errno.h>
#include <stdlib.h>

#include "answers.h"
#include "grow.h"

static int compare_key(const void *left, const void *right)
{
	const struct answer *a = left;
	const struct answer *b = right;

	if (a->cpu != b->cpu)
		return a->cpu < b->cpu ? -1 : 1;
	if (a->leaf != b->leaf)
		return a->leaf < b->leaf ? -1 : 1;
	if (a->ecx != b->ecx)
		return a->ecx < b->ecx ? -1 : 1;
	return 0;
}

static int compare_order(const void *left, const void *right)
{
	const struct answer *a = left;
	const struct answer *b = right;
	int order = compare_key(a, b);

	if (order)
		return order;
	return a->order < b->order ? -1 : 1;
}

const struct answer *exitstat_answers_find(const struct answers *answers, int cpu, uint32_t leaf,
					   uint32_t ecx)
{
	struct answer key = { .cpu = cpu, .leaf = leaf, .ecx = ecx };

	if (!answers->sorted_nr)
		return NULL;
	return bsearch(&key, answers->list, answers->sorted_nr, sizeof(key), compare_key);
}

int exitstat_answers_add(struct answers *answers, const struct answer *answer)
{
	struct answer *list;

	if (answers->nr == ANSWERS_MAX)
		return -EOVERFLOW;
	list = grow(answers->list, answers->nr, &answers->room, sizeof(*list));
	if (!list)
		return -ENOMEM;
	answers->list = list;
	answers->list[answers->nr] = *answer;
	answers->list[answers->nr].order = (uint32_t)answers->nr;
	answers->nr++;
	return 0;
}

void exitstat_answers_merge(struct answers *answers)
{
	struct answer *list = answers->list;
	size_t from, to = 0;

	if (answers->nr == answers->sorted_nr)
		return;
	qsort(list, answers->nr, sizeof(*list), compare_order);
	for (from = 0; from < answers->nr; from++) {
		if (to && !compare_key(&list[to - 1], &list[from]))
			to--;
		list[to] = list[from];
		list[to].order = (uint32_t)to;
		to++;
	}
	answers->nr = to;
	answers->sorted_nr = to;
}

void exitstat_answers_drop(struct answers *answers)
{
	answers->nr = answers->sorted_nr;
}
