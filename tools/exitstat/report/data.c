// SPDX-License-Identifier: MIT
/* A recording as JSON, for programs and for the page. */
#include <stdio.h>

#include "command/vendor.h"
#include "exitstat.h"
#include "output/format.h"
#include "output/json.h"
#include "report/report.h"

static void put_point(struct json *json, const struct point *point)
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

void series_json(struct json *json, struct series *series)
{
	size_t i;

	json_begin(json, NULL, '{');
	snapshot_json(json, &series->target, &series->sum);
	json_text(json, "recording", series->path);
	json_u64(json, "before", series->first.total.count);
	put_words(json, series);
	json_begin(json, "intervals", '[');
	for (i = 0; i < series->points_nr; i++)
		put_point(json, &series->points[i]);
	json_end(json, ']');
	json_begin(json, "latencies", '[');
	for (i = 0; i < series->latencies_nr; i++)
		put_latency(json, series, &series->latencies[i]);
	json_end(json, ']');
	json_end(json, '}');
}
