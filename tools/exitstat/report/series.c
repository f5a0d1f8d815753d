// SPDX-License-Identifier: MIT
/* Read a recording and analyse it: sums, rates, bursts, latencies. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "command/options.h"
#include "command/say.h"
#include "entry.h"
#include "exitstat.h"
#include "grow.h"
#include "report/report.h"
#include "target/target.h"

/* Keep the ascending order of the numbers. */
static void sum_entry(struct exitstat_snapshot *sum, const struct exitstat_entry *entry)
{
	uint32_t i;

	for (i = 0; i < sum->entries_nr && sum->entries[i].number < entry->number; i++)
		;
	if (i < sum->entries_nr && sum->entries[i].number == entry->number) {
		entry_add(&sum->entries[i], entry);
		return;
	}
	if (sum->entries_nr == EXITSTAT_ENTRIES_MAX)
		return;
	memmove(&sum->entries[i + 1], &sum->entries[i],
		(sum->entries_nr - i) * sizeof(*sum->entries));
	sum->entries[i] = *entry;
	sum->entries_nr++;
}

static void sum_interval(struct exitstat_snapshot *sum, const struct exitstat_snapshot *between)
{
	uint32_t i;

	sum->since |= between->since;
	sum->time_ns += between->time_ns;
	sum->guest_cycles += between->guest_cycles;
	entry_add(&sum->total, &between->total);
	entry_add(&sum->reader, &between->reader);
	for (i = 0; i < between->entries_nr; i++)
		sum_entry(sum, &between->entries[i]);
}

/* The index of that detail, which is new where it was not seen before; or -ENOMEM. */
static ssize_t index_of(struct series *series, const struct exitstat_detail *detail)
{
	struct exitstat_detail *details;
	size_t i;

	for (i = 0; i < series->details_nr; i++) {
		if (series->details[i].number == detail->number &&
		    series->details[i].detail == detail->detail)
			return (ssize_t)i;
	}
	details = grow(series->details, series->details_nr, &series->details_room,
		       sizeof(*details));
	if (!details)
		return -ENOMEM;
	series->details = details;
	series->details[i] = (struct exitstat_detail){ .number = detail->number,
						       .detail = detail->detail };
	series->details_nr++;
	return (ssize_t)i;
}

static int add_tallies(struct series *series, struct point *point,
		       const struct exitstat_details *details)
{
	uint32_t i;

	point->tallies = calloc(details->nr ? details->nr : 1, sizeof(*point->tallies));
	if (!point->tallies)
		return -ENOMEM;
	for (i = 0; i < details->nr; i++) {
		ssize_t index = index_of(series, &details->list[i]);

		if (index < 0)
			return -ENOMEM;
		series->details[index].count += details->list[i].count;
		series->details[index].cycles += details->list[i].cycles;
		point->tallies[point->tallies_nr++] = (struct tally){
			.index = (uint32_t)index,
			.count = details->list[i].count,
		};
	}
	return 0;
}

static int add_point(struct series *series, const struct exitstat_snapshot *between)
{
	size_t size = between->entries_nr * sizeof(*between->entries);
	struct point *point = grow(series->points, series->points_nr, &series->points_room,
				   sizeof(*point));

	if (!point)
		return -ENOMEM;
	series->points = point;
	point = &series->points[series->points_nr];
	*point = (struct point){
		.start_s = series->length_s,
		.length_s = (double)between->time_ns / 1e9,
		.count = between->total.count,
		.guest_cycles = (double)between->guest_cycles,
		.total = between->total,
		.entries_nr = between->entries_nr,
		.entries = malloc(size ? size : 1),
	};
	if (!point->entries)
		return -ENOMEM;
	entry_add(&point->total, &between->reader);
	memcpy(point->entries, between->entries, size);
	if (series->target.causes && add_tallies(series, point, &series->target.causes->shown))
		return -ENOMEM;
	series->length_s += point->length_s;
	series->points_nr++;
	return 0;
}

/* What the recorder asked in its first frame and in its last one, in the same order. */
static int read_histograms(struct series *series, const struct exitstat_snapshot *snap,
			   struct latency *latencies)
{
	uint32_t i;

	for (i = 0; i < snap->entries_nr; i++) {
		int err = exitstat_histogram_read(series->target.src, &series->target.desc,
						  snap->scope, snap->entries[i].number,
						  &latencies[i].histogram);

		if (err && err != -ENODATA)
			return err;
		latencies[i].number = snap->entries[i].number;
		/* A truncated recording may lack them. */
		if (err)
			memset(&latencies[i].histogram, 0, sizeof(latencies[i].histogram));
	}
	return 0;
}

static void subtract_histograms(struct series *series, const struct latency *old)
{
	size_t i, j;

	for (i = 0; i < series->latencies_nr; i++) {
		for (j = 0; j < series->first.entries_nr; j++) {
			if (old[j].number == series->latencies[i].number)
				exitstat_histogram_subtract(&series->latencies[i].histogram,
							    &old[j].histogram,
							    &series->latencies[i].histogram);
		}
	}
}

static int read_interval(struct series *series)
{
	struct exitstat_snapshot between = { .time_ns = 0 };
	struct exitstat_snapshot before = series->last;
	int status = target_take(&series->target, &series->last);

	if (!status)
		status = target_subtract(&series->target, &series->last, &before, &between);
	if (status)
		return status;
	if (!between.time_ns)
		return STATUS_OK;
	sum_interval(&series->sum, &between);
	if (add_point(series, &between))
		return say(STATUS_FAILED, "cannot read %s: not enough memory", series->path);
	return STATUS_OK;
}

static int read_points(struct series *series, struct latency *old)
{
	unsigned long line;
	int status = target_take(&series->target, &series->first);
	int more;

	if (!status && series->target.desc.buckets &&
	    read_histograms(series, &series->first, old))
		status = say(STATUS_FAILED, "cannot read the histograms of %s", series->path);
	series->last = series->first;
	series->sum = series->first;
	series->sum.entries_nr = 0;
	series->sum.time_ns = 0;
	series->sum.guest_cycles = 0;
	series->sum.total = (struct exitstat_entry){ 0 };
	while (!status && (more = target_advance(&series->target))) {
		if (more < 0)
			return STATUS_FAILED;
		status = read_interval(series);
	}
	series->breaks_off = exitstat_source_complaint(series->target.src, &line);
	return status;
}

/* What is printed of the details is their sums. */
static int show_sums(struct series *series)
{
	struct causes *causes = series->target.causes;
	int err = causes ? causes_show(causes, series->details, (uint32_t)series->details_nr) : 0;

	return err ? say(STATUS_FAILED, "cannot read %s: not enough memory", series->path) :
	       STATUS_OK;
}

static int read_latencies(struct series *series, const struct latency *old)
{
	if (!series->target.desc.buckets)
		return STATUS_OK;
	series->latencies = calloc(EXITSTAT_ENTRIES_MAX, sizeof(*series->latencies));
	if (!series->latencies)
		return say(STATUS_FAILED, "cannot read %s: not enough memory", series->path);
	if (read_histograms(series, &series->last, series->latencies))
		return say(STATUS_FAILED, "cannot read the histograms of %s", series->path);
	series->latencies_nr = series->last.entries_nr;
	subtract_histograms(series, old);
	return STATUS_OK;
}

static double rate(const struct point *point)
{
	return (double)point->count / point->length_s;
}

static int compare_doubles(const void *left, const void *right)
{
	double a = *(const double *)left;
	double b = *(const double *)right;

	return a < b ? -1 : a > b;
}

static int find_rates(struct series *series)
{
	double *rates = calloc(series->points_nr + 1, sizeof(*rates));
	double squares = 0;
	size_t n = series->points_nr;
	size_t i;

	if (!rates)
		return -ENOMEM;
	series->mean_rate = (double)series->sum.total.count / series->length_s;
	for (i = 0; i < n; i++) {
		double off;

		rates[i] = rate(&series->points[i]);
		/* Weight by length, so that a short last interval counts for less. */
		off = rates[i] - series->mean_rate;
		squares += off * off * series->points[i].length_s / series->length_s;
	}
	qsort(rates, n, sizeof(*rates), compare_doubles);
	series->median_rate = n % 2 ? rates[n / 2] : (rates[n / 2 - 1] + rates[n / 2]) / 2;
	series->deviation = n > 1 ? sqrt(squares * (double)n / (double)(n - 1)) : 0;
	free(rates);
	return 0;
}

static int compare_bursts(const void *left, const void *right)
{
	const struct burst *a = left;
	const struct burst *b = right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return a->first < b->first ? -1 : 1;
}

static int find_bursts(struct series *series)
{
	/* If nothing happens most of the time, the median is 0 and useless as a limit. */
	double limit = 2 * (series->median_rate > 0 ? series->median_rate : series->mean_rate);
	struct burst *burst = NULL;
	size_t i;

	series->bursts = calloc(series->points_nr, sizeof(*series->bursts));
	if (!series->bursts)
		return -ENOMEM;
	for (i = 0; i < series->points_nr; i++) {
		const struct point *point = &series->points[i];

		if (rate(point) <= limit) {
			burst = NULL;
			continue;
		}
		if (!burst) {
			burst = &series->bursts[series->bursts_nr++];
			*burst = (struct burst){ .first = i, .start_s = point->start_s };
		}
		burst->last = i;
		burst->count += point->count;
		burst->length_s += point->length_s;
		series->bursts_count += point->count;
		series->bursts_s += point->length_s;
	}
	qsort(series->bursts, series->bursts_nr, sizeof(*series->bursts), compare_bursts);
	return 0;
}

static int open_target(struct series *series, const struct options *opts)
{
	int status = target_open(&series->target, opts);

	if (!status && !opts->details && target_has_details(&series->target))
		status = target_want_details(&series->target);
	return status;
}

int series_read(struct series *series, const char *path, bool details)
{
	const struct options opts = { .source = path, .vcpu = VCPU_NONE, .details = details };
	struct latency *old = calloc(EXITSTAT_ENTRIES_MAX, sizeof(*old));
	int status;

	memset(series, 0, sizeof(*series));
	series->path = path;
	if (!old)
		return say(STATUS_FAILED, "cannot read %s: not enough memory", path);
	status = open_target(series, &opts);
	if (!status)
		series->path = series->target.path;
	if (!status)
		status = read_points(series, old);
	if (!status)
		status = show_sums(series);
	if (!status)
		status = read_latencies(series, old);
	free(old);
	if (status)
		return status;
	if (!series->points_nr)
		return say(STATUS_FAILED, "%s holds only one reading: there is nothing to compare",
			   path);
	if (find_rates(series) || find_bursts(series))
		return say(STATUS_FAILED, "cannot read %s: not enough memory", path);
	return STATUS_OK;
}

void series_free(struct series *series)
{
	size_t i;

	for (i = 0; i < series->points_nr; i++) {
		free(series->points[i].entries);
		free(series->points[i].tallies);
	}
	free(series->details);
	free(series->points);
	free(series->bursts);
	free(series->latencies);
	target_close(&series->target);
}
