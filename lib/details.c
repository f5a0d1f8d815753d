// SPDX-License-Identifier: MIT
/*
 * Details: which port, which MSR, which page.
 *
 * A reading holds places, in their order; subtracting adds them up.  As in a snapshot, each
 * question is an exit.  All of them count under one detail, which has a place on each vCPU that
 * ever asked.  Those places are read one right after the other, behind a question that says which
 * vCPU asks: what was asked until its own place was read is in the counts, and nothing later.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exitstat.h"
#include "own.h"
#include "value.h"

struct reading {
	struct exitstat_source *src;
	const struct exitstat_description *desc;
	struct exitstat_details *details;
	uint32_t row;
	uint32_t cpuid;
};

static int ask(const struct reading *reading, uint32_t leaf, uint32_t ecx,
	       struct exitstat_regs *regs)
{
	return exitstat_source_ask(reading->src, leaf - reading->row, ecx, regs);
}

/* Which vCPU asks; and are these still the counters that were described? */
static int read_scope(const struct reading *reading)
{
	struct exitstat_regs regs;
	int err = exitstat_source_ask(reading->src, EXITSTAT_SCOPE, 0, &regs);

	if (err)
		return err;
	reading->details->vcpu = regs.ebx;
	reading->details->epoch = low_high(regs.ecx, regs.edx);
	return reading->details->epoch == reading->desc->epoch ? 0 : -ESTALE;
}

static int compare_places(const void *left, const void *right)
{
	const struct exitstat_detail *a = left;
	const struct exitstat_detail *b = right;

	return (a->place > b->place) - (a->place < b->place);
}

static struct exitstat_detail *find_place(const struct exitstat_details *details, uint32_t place)
{
	const struct exitstat_detail key = { .place = place };

	if (!details->nr)
		return NULL;
	return bsearch(&key, details->list, details->nr, sizeof(key), compare_places);
}

static int add_place(struct exitstat_details *details, const struct exitstat_detail *detail)
{
	if (details->nr < details->room)
		details->list[details->nr] = *detail;
	details->nr++;
	return details->nr <= details->room ? 0 : -EOVERFLOW;
}

/* The next place from first on: 1, or 0 if there is none. */
static int read_place(const struct reading *reading, uint32_t first,
		      struct exitstat_detail *detail)
{
	struct exitstat_regs regs;
	int err = ask(reading, EXITSTAT_DETAIL, first, &regs);

	if (err)
		return err;
	if (regs.edx == EXITSTAT_UNDEFINED)
		return 0;
	/* A place already passed would keep the reader here forever. */
	if (regs.edx < first)
		return -EPROTO;
	*detail = (struct exitstat_detail){
		.number = regs.eax,
		.place = regs.edx,
		.detail = low_high(regs.ecx, regs.ebx),
	};
	return 1;
}

/* Find all places; how many there are, also if there is no room for them. */
static int read_places(const struct reading *reading)
{
	struct exitstat_detail detail;
	uint32_t first = 0;
	int overflow = 0;
	int ret;

	reading->details->nr = 0;
	while ((ret = read_place(reading, first, &detail)) > 0) {
		overflow = add_place(reading->details, &detail);
		first = detail.place + 1;
	}
	return ret ? ret : overflow;
}

/*
 * Whether the reader's own exits count at that place: under their detail or, of a vCPU on which
 * that found no row, under the rest of the CPUID exits.
 */
static int is_own(const struct reading *reading, const struct exitstat_detail *detail)
{
	const struct exitstat_details *details = reading->details;
	uint32_t i;

	if (detail->number != reading->cpuid)
		return 0;
	if (detail->detail == EXITSTAT_DETAIL_OWN)
		return 1;
	for (i = 0; i < details->nr && detail->detail == EXITSTAT_DETAIL_REST; i++) {
		const struct exitstat_detail *other = &details->list[i];

		if (other->number == reading->cpuid && other->detail == EXITSTAT_DETAIL_OWN &&
		    other->place >> 16 == detail->place >> 16)
			return 0;
	}
	return detail->detail == EXITSTAT_DETAIL_REST;
}

static int read_count(const struct reading *reading, struct exitstat_detail *detail)
{
	struct exitstat_regs regs;
	int err = ask(reading, EXITSTAT_DETAIL_COUNT, detail->place, &regs);

	if (err)
		return err;
	/* What has a place keeps it. */
	if (regs.edx)
		return -EPROTO;
	detail->count = low_high(regs.eax, regs.ebx);
	return 0;
}

static int read_time(const struct reading *reading, struct exitstat_detail *detail)
{
	struct exitstat_regs regs;
	int err = ask(reading, EXITSTAT_DETAIL_TIME, detail->place, &regs);

	if (err)
		return err;
	if (regs.edx)
		return -EPROTO;
	detail->cycles = low_high(regs.ecx, regs.ebx);
	return 0;
}

/* The counts of the reader's own places, and when that of this vCPU was read. */
static int read_own_counts(const struct reading *reading)
{
	struct exitstat_details *details = reading->details;
	uint32_t i;

	for (i = 0; i < details->nr; i++) {
		struct exitstat_detail *detail = &details->list[i];
		int err = is_own(reading, detail) ? read_count(reading, detail) : 0;

		if (err)
			return err;
		if (detail->place >> 16 == details->vcpu && is_own(reading, detail))
			details->asked.cpuid = exitstat_source_asked(reading->src);
	}
	return 0;
}

static int read_counts(const struct reading *reading)
{
	struct exitstat_details *details = reading->details;
	int err = read_scope(reading);
	uint32_t i;

	if (!err)
		err = read_own_counts(reading);
	for (i = 0; i < details->nr && !err; i++) {
		if (!is_own(reading, &details->list[i]))
			err = read_count(reading, &details->list[i]);
	}
	return err;
}

static int read_times(const struct reading *reading)
{
	struct exitstat_details *details = reading->details;
	int err = 0;
	uint32_t i;

	for (i = 0; i < details->nr && !err && details->taken; i++)
		err = read_time(reading, &details->list[i]);
	return err;
}

static int begin(const struct reading *reading, enum exitstat_scope scope, uint32_t take)
{
	const struct exitstat_description *desc = reading->desc;
	struct exitstat_details *details = reading->details;
	struct exitstat_detail *list = details->list;
	uint32_t room = details->room;

	memset(details, 0, sizeof(*details));
	details->list = list;
	details->room = room;
	details->scope = scope;
	details->taken = desc->features & EXITSTAT_FEATURE_TIMES ? take & EXITSTAT_TAKE_TIMES : 0;
	details->numbering = desc->numbering;
	details->epoch = desc->epoch;
	details->time_ns = exitstat_source_now_ns(reading->src);
	details->asked.first = exitstat_source_asked(reading->src);
	return desc->features & EXITSTAT_FEATURE_DETAILS ? 0 : -EOPNOTSUPP;
}

/*
 * Are they the same counters still?  If not, an answer may have contradicted an earlier one.  The
 * vCPU that matters is the one before the counts.
 */
static int end(const struct reading *reading, int err)
{
	struct exitstat_details *details = reading->details;
	uint32_t vcpu = details->vcpu;
	int changed = err && err != -EPROTO ? 0 : read_scope(reading);

	if (!err || changed == -ESTALE)
		err = changed;
	details->vcpu = vcpu;
	details->asked.last = exitstat_source_asked(reading->src);
	if (err)
		details->nr = err == -EOVERFLOW ? details->nr : 0;
	return err;
}

static struct reading reading_of(struct exitstat_source *src,
				 const struct exitstat_description *desc,
				 enum exitstat_scope scope, struct exitstat_details *details)
{
	return (struct reading){
		.src = src,
		.desc = desc,
		.details = details,
		.row = scope == EXITSTAT_SCOPE_VCPU ? EXITSTAT_VCPU : 0,
		.cpuid = exitstat_exit_cpuid(desc->numbering),
	};
}

int exitstat_details_read(struct exitstat_source *src, const struct exitstat_description *desc,
			  enum exitstat_scope scope, uint32_t take,
			  struct exitstat_details *details)
{
	struct reading reading = reading_of(src, desc, scope, details);
	int err = begin(&reading, scope, take);

	if (!err)
		err = read_places(&reading);
	if (!err)
		err = read_counts(&reading);
	if (!err)
		err = read_times(&reading);
	return end(&reading, err);
}

static uint64_t count_of_number(const struct exitstat_details *details, uint32_t number)
{
	uint64_t count = 0;
	uint32_t i;

	for (i = 0; i < details->nr; i++) {
		if (details->list[i].number == number)
			count += details->list[i].count;
	}
	return count;
}

/*
 * Whether a number's places are all known: 1, 0 if that is not certain, or -errno.  Its count is
 * read after those of its places, and no counter falls: they add up to it only if no exit came in
 * between, and none has a place that is not there.
 */
static int is_complete(const struct reading *reading, uint32_t number)
{
	struct exitstat_details *details = reading->details;
	struct exitstat_regs regs;
	uint64_t own = 0;
	int err = ask(reading, EXITSTAT_COUNT, number, &regs);

	if (err)
		return err;
	if (number == reading->cpuid)
		own = exitstat_source_asked(reading->src) - details->asked.cpuid;
	return low_high(regs.eax, regs.ebx) == count_of_number(details, number) + own;
}

static int are_complete(const struct reading *reading)
{
	const struct exitstat_details *details = reading->details;
	const struct exitstat_exit *exit;
	int ret = 1;
	size_t i;

	/* A number that this library does not expect to have any: then there may be others. */
	for (i = 0; i < details->nr; i++) {
		if (!exitstat_detail_kind(details->numbering, details->list[i].number))
			return 0;
	}
	for (i = 0; ret > 0 && (exit = exitstat_exit_at(details->numbering, i)); i++) {
		if (exitstat_detail_kind(details->numbering, exit->number))
			ret = is_complete(reading, exit->number);
	}
	return ret;
}

static int insert_place(struct exitstat_details *details, uint32_t at,
			const struct exitstat_detail *detail)
{
	if (details->nr >= details->room)
		return -EOVERFLOW;
	memmove(&details->list[at + 1], &details->list[at],
		(details->nr - at) * sizeof(*details->list));
	details->list[at] = *detail;
	details->nr++;
	return 0;
}

/* Go through all places once more, and read the counts of those that are new. */
static int read_new_places(const struct reading *reading)
{
	struct exitstat_details *details = reading->details;
	struct exitstat_detail detail;
	uint32_t first = 0, i = 0;
	int ret;

	while ((ret = read_place(reading, first, &detail)) > 0) {
		first = detail.place + 1;
		if (i < details->nr && details->list[i].place == detail.place) {
			i++;
			continue;
		}
		/* One that was there is not. */
		if (i < details->nr && details->list[i].place < detail.place)
			return -EPROTO;
		ret = insert_place(details, i, &detail);
		if (!ret)
			ret = read_count(reading, &details->list[i]);
		if (ret)
			return ret;
		if (detail.place >> 16 == details->vcpu && is_own(reading, &detail))
			details->asked.cpuid = exitstat_source_asked(reading->src);
		i++;
	}
	return ret;
}

int exitstat_details_reread(struct exitstat_source *src, const struct exitstat_description *desc,
			    const struct exitstat_details *before,
			    struct exitstat_details *details)
{
	struct reading reading = reading_of(src, desc, before->scope, details);
	int ret;

	if (before->epoch != desc->epoch || before->numbering != desc->numbering || !before->nr)
		return exitstat_details_read(src, desc, before->scope, before->taken, details);
	ret = begin(&reading, before->scope, before->taken);
	if (!ret && details->room < before->nr) {
		details->nr = before->nr;
		ret = -EOVERFLOW;
	}
	if (!ret) {
		memcpy(details->list, before->list, before->nr * sizeof(*before->list));
		details->nr = before->nr;
		ret = read_counts(&reading);
	}
	if (!ret)
		ret = are_complete(&reading);
	if (!ret)
		ret = read_new_places(&reading);
	if (ret >= 0)
		ret = read_times(&reading);
	return end(&reading, ret);
}

/*
 * Subtract.
 */

static int compare_details(const void *left, const void *right)
{
	const struct exitstat_detail *a = left;
	const struct exitstat_detail *b = right;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return (a->detail > b->detail) - (a->detail < b->detail);
}

/* Add up the places of the same detail; what did not move goes. */
static void merge(struct exitstat_details *details)
{
	struct exitstat_detail *list = details->list;
	uint32_t from, to = 0;

	if (details->nr)
		qsort(list, details->nr, sizeof(*list), compare_details);
	for (from = 0; from < details->nr; from++) {
		if (!list[from].count && !list[from].cycles)
			continue;
		list[from].place = 0;
		if (to && !compare_details(&list[to - 1], &list[from])) {
			list[to - 1].count += list[from].count;
			list[to - 1].cycles += list[from].cycles;
		} else {
			list[to++] = list[from];
		}
	}
	details->nr = to;
}

static void subtract_places(struct exitstat_details *between, const struct exitstat_details *before)
{
	uint32_t i;

	for (i = 0; i < between->nr; i++) {
		struct exitstat_detail *detail = &between->list[i];
		const struct exitstat_detail *old = find_place(before, detail->place);

		if (!old)
			continue;
		detail->count = minus(detail->count, old->count, &between->since);
		detail->cycles = minus(detail->cycles, old->cycles, &between->since);
	}
}

/* Move up to own exits of the detail to the reader: how many. */
static uint64_t take_out(struct exitstat_details *between, uint64_t detail, uint64_t own)
{
	const struct exitstat_detail key = {
		.number = exitstat_exit_cpuid(between->numbering),
		.detail = detail,
	};
	struct exitstat_detail *found = NULL;
	uint64_t cycles;

	if (between->nr)
		found = bsearch(&key, between->list, between->nr, sizeof(key), compare_details);
	if (!found)
		return 0;
	if (own > found->count)
		own = found->count;
	/* Without an exit, what is left of one before. */
	cycles = own < found->count ? proportion(found->cycles, own, found->count) : found->cycles;
	between->reader.count += own;
	between->reader.cycles += cycles;
	found->count -= own;
	found->cycles -= cycles;
	return own;
}

int exitstat_details_subtract(const struct exitstat_details *after,
			      const struct exitstat_details *before,
			      struct exitstat_details *between)
{
	struct exitstat_detail *list = between->list;
	uint32_t room = between->room;
	int same = before && after->epoch == before->epoch;
	uint64_t own = !before ? 0 : own_queries(after->scope, same ? &before->asked : NULL,
						 &after->asked);

	if (before && (after->scope != before->scope || after->asked.first < before->asked.last))
		return -EINVAL;
	if (same && (after->numbering != before->numbering || after->taken != before->taken))
		return -EINVAL;
	if (same && after->scope == EXITSTAT_SCOPE_VCPU && after->vcpu != before->vcpu)
		return -EINVAL;
	if (room < after->nr)
		return -EOVERFLOW;

	if (between != after) {
		*between = *after;
		between->list = list;
		between->room = room;
		memmove(list, after->list, after->nr * sizeof(*list));
	}
	between->since = same || !before || !before->epoch ? 0 : EXITSTAT_SINCE_RESTART;
	between->reader = (struct exitstat_detail){
		.number = exitstat_exit_cpuid(between->numbering),
		.detail = EXITSTAT_DETAIL_OWN,
	};
	if (before)
		between->time_ns -= before->time_ns;
	if (same)
		subtract_places(between, before);
	merge(between);
	if (before)
		own -= take_out(between, EXITSTAT_DETAIL_OWN, own);
	if (own)
		take_out(between, EXITSTAT_DETAIL_REST, own);
	merge(between);
	return 0;
}
