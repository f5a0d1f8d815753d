/* SPDX-License-Identifier: MIT */
/* A recording: read by series.c; words.c, data.c and html.c present it. */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command/options.h"
#include "exitstat.h"
#include "output/json.h"
#include "target/target.h"

/* How many exits a detail had, which is the one of that index in the series' list. */
struct tally {
	uint32_t index;
	uint64_t count;
};

/* One interval of a recording. */
struct point {
	double start_s;
	double length_s;
	uint64_t count;
	double guest_cycles;
	struct exitstat_entry total;	/* with the reader's own exits, for the states of the VM */
	uint32_t entries_nr;
	struct exitstat_entry *entries;
	uint32_t tallies_nr;
	struct tally *tallies;		/* of its details */
};

/* Adjacent intervals with more than twice the median rate. */
struct burst {
	size_t first;
	size_t last;
	uint64_t count;
	double start_s;
	double length_s;
};

struct latency {
	uint32_t number;
	struct exitstat_histogram histogram;
};

struct series {
	const char *path;
	struct target target;
	struct exitstat_snapshot first;
	struct exitstat_snapshot last;
	struct exitstat_snapshot sum;	/* of all intervals, even if counters restarted */
	size_t points_nr;
	size_t points_room;
	struct point *points;
	double length_s;
	double mean_rate;		/* exits per second */
	double median_rate;
	double deviation;		/* standard deviation of the rate */
	size_t bursts_nr;
	struct burst *bursts;		/* by number of exits, descending */
	uint64_t bursts_count;
	double bursts_s;
	size_t latencies_nr;
	struct latency *latencies;	/* in the order of last's entries; only with histograms */
	size_t details_nr;
	size_t details_room;
	struct exitstat_detail *details;	/* summed over the intervals, in no order */
	bool breaks_off;
};

/*
 * Read and analyse a recording, and its details if it has them; with details, it must have them.
 * Returns STATUS_OK or the exit status.
 */
int series_read(struct series *series, const char *path, bool details);
void series_free(struct series *series);

/* A summary, one sentence per string.  words_free() frees them. */
#define WORDS_MAX	32

struct words {
	size_t nr;
	char *text[WORDS_MAX];
};

void words_of(struct words *words, struct series *series);
void words_free(struct words *words);

/* Everything that the options ask for as JSON, for HTML and for programs. */
void series_json(struct json *json, const struct options *opts, struct series *series,
		 size_t points_max);

/* A self-contained HTML file.  Returns STATUS_OK or the exit status. */
int html_write(const char *path, struct series *series, size_t series_nr);

#endif /* REPORT_H */
