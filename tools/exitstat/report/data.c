// SPDX-License-Identifier: MIT
/* A recording as JSON, for programs and for the page. */
#include <stdio.h>
#include <stdlib.h>

#include "command/vendor.h"
#include "exitstat.h"
#include "output/format.h"
#include "output/json.h"
#include "report/report.h"

/* "123:0x103f8": a number and a detail, as text. */
static void put_tallies(struct json *json, const struct point *point,
			const struct exitstat_detail *details)
{
	uint32_t i;

	json_begin(json, "details", '{');
	for (i = 0; i < point->tallies_nr; i++) {
		const struct exitstat_detail *detail = &details[point->tallies[i].index];
		char key[2 * TEXT_SIZE];

		snprintf(key, sizeof(key), "%u:0x%llx", detail->number,
			 (unsigned long long)detail->detail);
		json_u64(json, key, point->tallies[i].count);
	}
	json_end(json, '}');
}

static void put_point(struct json *json, const struct point *point,
		      const struct exitstat_detail *details)
{
	double kernel = (double)point->total.cycles - (double)point->total.vmm_cycles;
	uint32_t i;

	json_begin(json, NULL, '{');
	json_real(json, "start_s", point->start_s);
	json_real(json, "length_s", point->length_s);
	json_u64(json, "count", point->count);
	json_begin(json, "state_cycles", '[');
	json_real(json, NULL, point->guest_cycles);
	json_real(json, NULL, kernel > 0 ? kernel : 0);
	json_u64(json, NULL, point->total.vmm_cycles);
	json_u64(json, NULL, point->total.waiting_cycles);
	json_end(json, ']');
	json_begin(json, "counts", '{');
	for (i = 0; i < point->entries_nr; i++) {
		char key[TEXT_SIZE];

		snprintf(key, sizeof(key), "%u", point->entries[i].number);
		json_u64(json, key, point->entries[i].count);
	}
	json_end(json, '}');
	if (details)
		put_tallies(json, point, details);
	json_end(json, '}');
}

static void put_latency(struct json *json, const struct series *series,
			const struct latency *latency)
{
	const struct exitstat_histogram *histogram = &latency->histogram;
	char name[TEXT_SIZE];
	uint32_t i;

	json_begin(json, NULL, '{');
	json_u64(json, "number", latency->number);
	json_text(json, "name", exit_name(name, series->target.desc.numbering, latency->number));
	json_u64(json, "bucket0_log2", histogram->bucket0_log2);
	json_begin(json, "buckets", '[');
	for (i = 0; i < histogram->buckets_nr; i++)
		json_u64(json, NULL, histogram->buckets[i]);
	json_end(json, ']');
	json_end(json, '}');
}

static void put_words(struct json *json, struct series *series)
{
	struct words words;
	size_t i;

	words_of(&words, series);
	json_begin(json, "words", '[');
	for (i = 0; i < words.nr; i++)
		json_text(json, NULL, words.text[i]);
	json_end(json, ']');
	words_free(&words);
}

static void add_entry(struct point *sum, const struct exitstat_entry *entry)
{
	uint32_t i;

	for (i = 0; i < sum->entries_nr && sum->entries[i].number != entry->number; i++)
		;
	if (i == EXITSTAT_ENTRIES_MAX)
		return;
	if (i == sum->entries_nr)
		sum->entries[sum->entries_nr++] =
			(struct exitstat_entry){ .number = entry->number };
	sum->entries[i].count += entry->count;
}

static void add_point(struct point *sum, const struct point *point)
{
	uint32_t i;

	sum->length_s += point->length_s;
	sum->count += point->count;
	sum->guest_cycles += point->guest_cycles;
	sum->total.cycles += point->total.cycles;
	sum->total.vmm_cycles += point->total.vmm_cycles;
	sum->total.waiting_cycles += point->total.waiting_cycles;
	for (i = 0; i < point->entries_nr; i++)
		add_entry(sum, &point->entries[i]);
	for (i = 0; i < point->tallies_nr; i++)
		sum->tallies[point->tallies[i].index].count += point->tallies[i].count;
}

/* Each detail of the series has its place while neighbours are summed: keep those that moved. */
static void drop_empty(struct point *sum)
{
	uint32_t from, to = 0;

	for (from = 0; from < sum->tallies_nr; from++) {
		if (sum->tallies[from].count)
			sum->tallies[to++] = sum->tallies[from];
	}
	sum->tallies_nr = to;
}

static void empty_tallies(struct point *sum, uint32_t nr)
{
	for (sum->tallies_nr = 0; sum->tallies_nr < nr; sum->tallies_nr++)
		sum->tallies[sum->tallies_nr] = (struct tally){ .index = sum->tallies_nr };
}

/* Merge neighbouring points: a day of seconds has more points than a chart has columns. */
static void put_points(struct json *json, const struct series *series, size_t neighbours)
{
	struct exitstat_entry entries[EXITSTAT_ENTRIES_MAX];
	uint32_t details_nr = (uint32_t)series->details_nr;
	struct tally *tallies = calloc(details_nr + 1, sizeof(*tallies));
	size_t i, j;

	json_begin(json, "intervals", '[');
	for (i = 0; tallies && i < series->points_nr; i += neighbours) {
		struct point sum = { .start_s = series->points[i].start_s, .entries = entries,
				     .tallies = tallies };

		empty_tallies(&sum, details_nr);
		for (j = i; j < series->points_nr && j < i + neighbours; j++)
			add_point(&sum, &series->points[j]);
		drop_empty(&sum);
		put_point(json, &sum, series->target.causes ? series->details : NULL);
	}
	json_end(json, ']');
	free(tallies);
}

void series_json(struct json *json, const struct options *opts, struct series *series,
		 size_t points_max)
{
	const struct reading reading = {
		.kind = "recording", .target = &series->target, .snap = &series->sum,
	};
	size_t neighbours = (series->points_nr + points_max - 1) / points_max;
	size_t i;

	json_begin(json, NULL, '{');
	snapshot_json(json, opts, &reading);
	json_text(json, "recording", series->path);
	json_u64(json, "before", series->first.total.count);
	put_words(json, series);
	if (neighbours > 1)
		json_u64(json, "neighbours", neighbours);
	put_points(json, series, neighbours);
	json_begin(json, "latencies", '[');
	for (i = 0; i < series->latencies_nr; i++)
		put_latency(json, series, &series->latencies[i]);
	json_end(json, ']');
	json_end(json, '}');
}
