// SPDX-License-Identifier: MIT
/* A recording summarized in words. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/options.h"
#include "command/say.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "output/detailed.h"
#include "output/rows.h"
#include "output/units.h"
#include "report/report.h"

#define BURSTS_NAMED	5
#define GAPS_NAMED	5

/* Fewer intervals than this do not show whether the rate is steady. */
#define POINTS_FOR_RATE	5

#define STEADY_PERCENT	25

__printf(2, 3) static void add(struct words *words, const char *format, ...)
{
	va_list args;

	if (words->nr == WORDS_MAX)
		return;
	va_start(args, format);
	if (vasprintf(&words->text[words->nr], format, args) >= 0) {
		char *text = words->text[words->nr++];

		exitstat_text_clean(text, strlen(text) + 1, text);
	}
	va_end(args);
}

static int compare_counts(const void *left, const void *right)
{
	const struct exitstat_entry *a = left;
	const struct exitstat_entry *b = right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return a->number < b->number ? -1 : 1;
}

/* "io (41 %), npf (30 %), msr (9 %)": at most three, each at least 1 %. */
static void most_frequent(char text[160], uint32_t numbering, const struct exitstat_entry *entries,
			  uint32_t entries_nr)
{
	struct exitstat_entry sorted[EXITSTAT_ENTRIES_MAX];
	uint64_t total = 0;
	char name[TEXT_SIZE];
	int length = 0;
	uint32_t i;

	memcpy(sorted, entries, entries_nr * sizeof(*entries));
	qsort(sorted, entries_nr, sizeof(*sorted), compare_counts);
	for (i = 0; i < entries_nr; i++)
		total += sorted[i].count;
	*text = '\0';
	for (i = 0; i < entries_nr && i < 3 && sorted[i].count * 100 >= total && total; i++)
		length += snprintf(text + length, 160 - (size_t)length, "%s%s (%.0f %%)",
				   i ? ", " : "", exit_name(name, numbering, sorted[i].number),
				   100.0 * (double)sorted[i].count / (double)total);
}

static void say_what(struct words *words, struct series *series)
{
	struct exitstat_source *src = series->target.src;
	const char *command = exitstat_source_note(src, "command");
	const char *started = exitstat_source_note(src, "started");
	const char *kernel = exitstat_source_note(src, "kernel");
	const char *vm = exitstat_source_note(src, "vm");

	add(words, "%s: %.3f s in %zu interval%s, on %s with %u vCPU%s.", series->path,
	    series->length_s, series->points_nr, series->points_nr == 1 ? "" : "s",
	    vendor_name(series->target.desc.numbering), series->last.vcpus,
	    series->last.vcpus == 1 ? "" : "s");
	if (started)
		add(words, "It was started at %s%s%s.", started, kernel ? ", under Linux " : "",
		    kernel ? kernel : "");
	if (vm)
		add(words, "It is of VM %s, taken on its host.", vm);
	if (command)
		add(words, "While it was recorded, this ran: %s", command);
	if (series->breaks_off)
		add(words, "The recording ends inside a reading, which is ignored.");
	if (series->sum.since & EXITSTAT_SINCE_RESTART)
		add(words, "The counters started again from zero meanwhile, as after a migration.");
	if (series->sum.since & EXITSTAT_SINCE_VCPUS)
		add(words, "The number of vCPUs changed meanwhile.");
}

static void say_counts(struct words *words, struct series *series)
{
	const struct exitstat_snapshot *sum = &series->sum;
	char most[160], name[TEXT_SIZE];
	uint32_t i, least = 0;

	most_frequent(most, sum->numbering, series->last.entries, series->last.entries_nr);
	add(words, "From %s to the end of the recording: %llu exits, most of all %s.",
	    series->target.desc.features & EXITSTAT_FEATURE_LATE ? "when counting began" :
	    "the VM's start", (unsigned long long)series->last.total.count, most);
	add(words, "Of these, %llu were before the recording began.",
	    (unsigned long long)series->first.total.count);
	if (!sum->total.count) {
		add(words, "During the recording there were no exits except those of reading.");
		return;
	}
	most_frequent(most, sum->numbering, sum->entries, sum->entries_nr);
	add(words, "During the recording: %llu exits, %.1f per second; most frequent %s.",
	    (unsigned long long)sum->total.count, series->mean_rate, most);
	for (i = 1; i < sum->entries_nr; i++) {
		if (!sum->entries[least].count ||
		    (sum->entries[i].count && sum->entries[i].count < sum->entries[least].count))
			least = i;
	}
	add(words, "Least frequent, of %u kinds: %s (%llu).", sum->entries_nr,
	    exit_name(name, sum->numbering, sum->entries[least].number),
	    (unsigned long long)sum->entries[least].count);
}

static void say_times(struct words *words, struct series *series)
{
	const struct exitstat_snapshot *sum = &series->sum;
	const struct exitstat_entry *longest = NULL;
	struct states states;
	char time[TEXT_SIZE], each[TEXT_SIZE], name[TEXT_SIZE];
	uint32_t i;

	if (states_of(sum, &states)) {
		text_time(time, &series->target.desc, states.all_cycles);
		add(words, "Of %s of vCPU time, %.1f %% went to the guest, %.1f %% to KVM, %.1f %% to the VMM, and %.1f %% was spent waiting.",
		    text_unpad(time), 100 * states.guest, 100 * states.kernel,
		    100 * states.vmm, 100 * states.waiting);
	}
	for (i = 0; i < sum->entries_nr; i++) {
		if (sum->entries[i].count && (!longest || sum->entries[i].cycles > longest->cycles))
			longest = &sum->entries[i];
	}
	if (!longest || !longest->cycles)
		return;
	text_time(time, &series->target.desc, (double)longest->cycles);
	text_time(each, &series->target.desc, (double)longest->cycles / (double)longest->count);
	add(words, "Most exit time took %s: %s, %.1f %% of it, %s each.",
	    exit_name(name, sum->numbering, longest->number), text_unpad(time),
	    100 * (double)longest->cycles / (double)sum->total.cycles, text_unpad(each));
}

static void say_burst(struct words *words, struct series *series, const struct burst *burst)
{
	struct exitstat_snapshot *sum = calloc(1, sizeof(*sum));
	char most[160];
	size_t i;
	uint32_t j, k;

	if (!sum)
		return;
	for (i = burst->first; i <= burst->last; i++) {
		for (j = 0; j < series->points[i].entries_nr; j++) {
			const struct exitstat_entry *entry = &series->points[i].entries[j];

			for (k = 0; k < sum->entries_nr; k++) {
				if (sum->entries[k].number == entry->number)
					break;
			}
			if (k == EXITSTAT_ENTRIES_MAX)
				continue;
			if (k == sum->entries_nr)
				sum->entries[sum->entries_nr++].number = entry->number;
			sum->entries[k].count += entry->count;
		}
	}
	most_frequent(most, series->sum.numbering, sum->entries, sum->entries_nr);
	add(words, "Burst at %.3f s, for %.3f s: %.1f exits per second, most of all %s.",
	    burst->start_s, burst->length_s, (double)burst->count / burst->length_s, most);
	free(sum);
}

static int compare_lengths(const void *left, const void *right)
{
	double a = *(const double *)left;
	double b = *(const double *)right;

	return a < b ? -1 : a > b;
}

/* Intervals in which the recorder could not read in time, because it or its machine was stopped. */
static void say_missed(struct words *words, const struct series *series)
{
	double *lengths = calloc(series->points_nr, sizeof(*lengths));
	double usual = 0;
	int said = 0;
	size_t i;

	for (i = 0; lengths && i < series->points_nr; i++)
		lengths[i] = series->points[i].length_s;
	if (lengths) {
		qsort(lengths, series->points_nr, sizeof(*lengths), compare_lengths);
		usual = lengths[series->points_nr / 2];
	}
	free(lengths);
	for (i = 0; usual > 0 && i < series->points_nr && said < GAPS_NAMED; i++) {
		const struct point *point = &series->points[i];

		if (point->length_s < 2 * usual)
			continue;
		add(words, "Readings were missed: at %.3f s, for %.3f s; what happened then is one interval.",
		    point->start_s, point->length_s);
		said++;
	}
}

static void say_rate(struct words *words, struct series *series)
{
	double percent = 100 * series->deviation / series->mean_rate;
	size_t i;

	if (!series->sum.total.count)
		return;
	if (series->points_nr < POINTS_FOR_RATE) {
		add(words, "Fewer than %d intervals do not tell whether the rate is steady.",
		    POINTS_FOR_RATE);
		return;
	}
	if (!series->bursts_nr) {
		add(words, "The rate was %s: its standard deviation is %.0f %% of the mean, and no interval had more than twice the median.",
		    percent <= STEADY_PERCENT ? "steady" : "uneven, but without bursts", percent);
		return;
	}
	add(words, "The rate was bursty: %zu burst%s of more than twice the median (%.1f per second) held %.0f %% of the exits in %.0f %% of the time.",
	    series->bursts_nr, series->bursts_nr == 1 ? "" : "s", series->median_rate,
	    100 * (double)series->bursts_count / (double)series->sum.total.count,
	    100 * series->bursts_s / series->length_s);
	for (i = 0; i < series->bursts_nr && i < BURSTS_NAMED; i++)
		say_burst(words, series, &series->bursts[i]);
}

#define CAUSES_NAMED	3

static int compare_details(const void *left, const void *right)
{
	const struct exitstat_detail *a = left;
	const struct exitstat_detail *b = right;
	uint64_t x = a->cycles ? a->cycles : a->count;
	uint64_t y = b->cycles ? b->cycles : b->count;

	return x > y ? -1 : x < y;
}

/* The one sentence has a clause for each: "out 0x3f8 (serial), 71234 exits in 4.123 s". */
static void say_causes(struct words *words, struct series *series)
{
	const struct causes *causes = series->target.causes;
	uint32_t nr = causes ? causes->shown.nr : 0;
	struct exitstat_detail *sorted = calloc(nr ? nr : 1, sizeof(*sorted));
	char clauses[CAUSES_NAMED * 2 * DETAIL_TEXT_SIZE] = "";
	size_t length = 0;
	uint32_t i;

	if (!nr || !sorted) {
		free(sorted);
		return;
	}
	memcpy(sorted, causes->shown.list, nr * sizeof(*sorted));
	qsort(sorted, nr, sizeof(*sorted), compare_details);
	for (i = 0; i < nr && i < CAUSES_NAMED; i++) {
		char name[EXITSTAT_DETAIL_NAME_SIZE], about[DEVICE_NAME_SIZE], time[TEXT_SIZE];
		const char *what = detail_about(about, &series->target, sorted[i].number,
						sorted[i].detail);

		exitstat_detail_name(series->sum.numbering, sorted[i].number, sorted[i].detail,
				     name, sizeof(name));
		text_time(time, &series->target.desc, (double)sorted[i].cycles);
		length += (size_t)snprintf(clauses + length, sizeof(clauses) - length,
					   "%s%s%s%s%s, %llu exits%s%s", i ? "; " : "", name,
					   what ? " (" : "", what ? what : "", what ? ")" : "",
					   (unsigned long long)sorted[i].count,
					   sorted[i].cycles ? " in " : "",
					   sorted[i].cycles ? text_unpad(time) : "");
	}
	add(words, "What took most of it: %s.", clauses);
	free(sorted);
}

void words_of(struct words *words, struct series *series)
{
	words->nr = 0;
	say_what(words, series);
	say_counts(words, series);
	say_times(words, series);
	say_causes(words, series);
	say_missed(words, series);
	say_rate(words, series);
}

void words_free(struct words *words)
{
	while (words->nr)
		free(words->text[--words->nr]);
}
