// SPDX-License-Identifier: MIT
/* The details of what is measured: read, subtracted, and in agreement with the snapshot. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/causes.h"

struct causes *causes_new(void)
{
	return calloc(1, sizeof(struct causes));
}

void causes_free(struct causes *causes)
{
	if (!causes)
		return;
	free(causes->now.list);
	free(causes->last.list);
	free(causes->shown.list);
	free(causes);
}

static int make_room(struct exitstat_details *details, uint32_t room)
{
	struct exitstat_detail *list;

	if (room <= details->room)
		return 0;
	list = reallocarray(details->list, room, sizeof(*list));
	if (!list)
		return -ENOMEM;
	details->list = list;
	details->room = room;
	return 0;
}

static void swap(struct causes *causes)
{
	struct exitstat_details last = causes->last;

	causes->last = causes->now;
	causes->now = last;
}

int causes_read(struct causes *causes, struct exitstat_source *src,
		const struct exitstat_description *desc, enum exitstat_scope scope, bool again)
{
	uint32_t room = desc->vcpus * EXITSTAT_DETAILS_PER_VCPU;
	int err = -EOVERFLOW;
	int tries;

	swap(causes);
	/* vCPUs that were unplugged keep their places. */
	for (tries = 0; err == -EOVERFLOW && tries < 3; tries++) {
		err = make_room(&causes->now, room > causes->last.nr ? room : causes->last.nr);
		if (!err && again && causes->last.nr)
			err = exitstat_details_reread(src, desc, &causes->last, &causes->now);
		else if (!err)
			err = exitstat_details_read(src, desc, scope, EXITSTAT_TAKE_TIMES,
						    &causes->now);
		room = causes->now.nr + EXITSTAT_DETAILS_PER_VCPU;
	}
	if (err)
		swap(causes);
	return err;
}

/* The entry of that number, which is new if nothing was seen of it: NULL where there is no room. */
static struct exitstat_entry *entry_of(struct exitstat_snapshot *snap, uint32_t number)
{
	uint32_t i;

	for (i = 0; i < snap->entries_nr && snap->entries[i].number < number; i++)
		;
	if (i < snap->entries_nr && snap->entries[i].number == number)
		return &snap->entries[i];
	if (snap->entries_nr == EXITSTAT_ENTRIES_MAX)
		return NULL;
	memmove(&snap->entries[i + 1], &snap->entries[i],
		(snap->entries_nr - i) * sizeof(*snap->entries));
	snap->entries_nr++;
	snap->entries[i] = (struct exitstat_entry){ .number = number };
	return &snap->entries[i];
}

const struct exitstat_detail *causes_of(const struct causes *causes, uint32_t number, uint32_t *nr)
{
	const struct exitstat_details *details = &causes->shown;
	uint32_t first;

	*nr = 0;
	for (first = 0; first < details->nr && details->list[first].number < number; first++)
		;
	while (first + *nr < details->nr && details->list[first + *nr].number == number)
		++*nr;
	return *nr ? &details->list[first] : NULL;
}

static int compare(const void *left, const void *right)
{
	const struct exitstat_detail *a = left;
	const struct exitstat_detail *b = right;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return (a->detail > b->detail) - (a->detail < b->detail);
}

int causes_show(struct causes *causes, const struct exitstat_detail *details, uint32_t nr)
{
	int err = make_room(&causes->shown, nr ? nr : 1);

	if (err)
		return err;
	causes->shown.nr = nr;
	if (nr) {
		memcpy(causes->shown.list, details, nr * sizeof(*details));
		qsort(causes->shown.list, nr, sizeof(*details), compare);
	}
	return 0;
}

/*
 * What a number with details did between the snapshot and the reading of these is in the difference
 * of the snapshots only, or in that of the details: the latter counts.
 */
static void drop_unread(const struct causes *causes, struct exitstat_snapshot *snap)
{
	uint32_t i, j, nr;

	for (i = 0; i < snap->entries_nr; i++) {
		struct exitstat_entry *entry = &snap->entries[i];

		if (causes_of(causes, entry->number, &nr))
			continue;
		for (j = 0; j < causes->now.nr; j++) {
			if (causes->now.list[j].number == entry->number) {
				entry->count = 0;
				entry->cycles = 0;
				break;
			}
		}
	}
}

static void agree(const struct causes *causes, struct exitstat_snapshot *snap)
{
	const struct exitstat_detail *detail = causes->shown.list;
	const struct exitstat_detail *end = detail + causes->shown.nr;
	uint32_t i;

	while (detail < end) {
		struct exitstat_entry *entry = entry_of(snap, detail->number);
		uint64_t count = 0, cycles = 0;
		uint32_t number = detail->number;

		for (; detail < end && detail->number == number; detail++) {
			count += detail->count;
			cycles += detail->cycles;
		}
		if (!entry)
			continue;
		entry->count = count;
		if (causes->shown.taken & EXITSTAT_TAKE_TIMES)
			entry->cycles = cycles;
	}
	drop_unread(causes, snap);
	snap->total.count = 0;
	snap->total.cycles = 0;
	for (i = 0; i < snap->entries_nr; i++) {
		snap->total.count += snap->entries[i].count;
		snap->total.cycles += snap->entries[i].cycles;
	}
}

static int show(struct causes *causes, const struct exitstat_details *last,
		struct exitstat_snapshot *snap)
{
	int err = make_room(&causes->shown, causes->now.nr ? causes->now.nr : 1);

	if (!err)
		err = exitstat_details_subtract(&causes->now, last, &causes->shown);
	if (err)
		return err;
	snap->since |= causes->shown.since;
	agree(causes, snap);
	return 0;
}

int causes_between(struct causes *causes, struct exitstat_snapshot *between)
{
	int err = show(causes, &causes->last, between);

	if (err)
		return err;
	between->reader.count = causes->shown.reader.count;
	between->reader.cycles = causes->shown.reader.cycles;
	return 0;
}

int causes_sum(struct causes *causes, struct exitstat_snapshot *snap)
{
	return show(causes, NULL, snap);
}
