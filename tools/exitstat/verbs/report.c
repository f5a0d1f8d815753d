// SPDX-License-Identifier: MIT
/* exitstat report: summarize a recording, or compare two. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/clean.h"
#include "command/options.h"
#include "command/say.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "output/detailed.h"
#include "output/format.h"
#include "output/rows.h"
#include "output/template.h"
#include "output/units.h"
#include "report/report.h"
#include "verbs/verbs.h"

#define SERIES_MAX	2

static const char help[] =
	"usage: exitstat report [-d] [--html FILE] [--json] RECORDING [RECORDING]\n"
	"\n"
	"Summarize a recording: how many exits of which kind, where the time went,\n"
	"whether the rate was steady and when it was not. Two recordings are compared.\n";

static const char examples[] =
	"  exitstat report boot.rec          in words, and a table\n"
	"  exitstat report boot.rec -H boot.html\n"
	"                                    a page with charts\n"
	"  exitstat report before.rec after.rec\n"
	"                                    side by side\n";

/* The length of a word, including a percent sign after it. */
static int word_length(const char *text)
{
	int length = (int)strcspn(text, " ");

	if (text[length] == ' ' && text[length + 1] == '%')
		length += 1 + (int)strcspn(text + length + 1, " ");
	return length;
}

/* Wrap at 80 columns. */
static void print_sentence(const char *text)
{
	int column = 0;

	while (*text) {
		int length = word_length(text);

		if (column && column + 1 + length > 80) {
			putchar('\n');
			column = 0;
		}
		column += printf("%s%.*s", column ? " " : "", length, text);
		text += length + (text[length] == ' ');
	}
	putchar('\n');
}

static void print_words(struct series *series)
{
	struct words words;
	size_t i;

	words_of(&words, series);
	for (i = 0; i < words.nr; i++)
		print_sentence(words.text[i]);
	words_free(&words);
}

/* The bound that so many of the exits stayed below, or above all bounds; or -1. */
static double bound_of(const struct exitstat_histogram *histogram, double quantile, bool *above)
{
	uint64_t low, high;

	*above = false;
	if (exitstat_histogram_quantile(histogram, quantile, &low, &high))
		return -1;
	*above = high == UINT64_MAX;
	return (double)(*above ? low : high);
}

static const double quantiles[] = { 0.5, 0.99, 1 };

#define QUANTILES_NR	(sizeof(quantiles) / sizeof(*quantiles))

static struct unit unit_of_bounds(const struct series *series)
{
	double bound, largest = 0;
	bool above;
	size_t i;

	for (i = 0; i < series->latencies_nr; i++) {
		bound = bound_of(&series->latencies[i].histogram, 1, &above);
		largest = bound > largest ? bound : largest;
	}
	return unit_for(&series->target.desc, largest);
}

static void print_latency(const struct series *series, const struct unit *unit,
			  const struct latency *latency)
{
	uint32_t numbering = series->target.desc.numbering;
	char number[TEXT_SIZE], name[TEXT_SIZE], text[TEXT_SIZE];
	size_t i;

	printf("%5s %-22s", text_number(number, numbering, latency->number),
	       exit_name(name, numbering, latency->number));
	for (i = 0; i < QUANTILES_NR; i++) {
		bool above;
		double bound = bound_of(&latency->histogram, quantiles[i], &above);

		printf("  %2s %s", above ? ">=" : "<", text_in(text, unit, bound));
	}
	putchar('\n');
}

static void print_latencies(const struct series *series)
{
	struct unit unit = unit_of_bounds(series);
	char head[TEXT_SIZE];
	size_t i;

	if (!series->latencies_nr)
		return;
	printf("\n%5s %-22s%15s%15s%15s\n", "", text_head(head, "time of one exit", &unit),
	       "half below", "99 %", "all");
	for (i = 0; i < series->latencies_nr; i++) {
		if (exitstat_histogram_count(&series->latencies[i].histogram))
			print_latency(series, &unit, &series->latencies[i]);
	}
}

static void print_series(const struct options *opts, struct series *series)
{
	print_words(series);
	putchar('\n');
	if (opts->details)
		table_print(stdout, opts, &series->target, &series->sum);
	else
		rows_print(stdout, opts, &series->target, &series->sum);
	states_print(stdout, &series->target.desc, &series->sum);
	print_latencies(series);
}

/* Two recordings side by side; the hosts' TSCs may differ, so times are in ns if both are known. */
struct layout {
	const struct series *series;
	bool known;
	struct unit mean;
};

static double mean_of(const struct layout *layout, const struct series *series,
		      const struct exitstat_entry *entry)
{
	if (!entry->count || !entry->cycles)
		return -1;
	return (double)entry->cycles / (double)entry->count *
	       (layout->known ? 1e6 / series->target.desc.tsc_khz : 1);
}

static double longest_of(const struct layout *layout, const struct series *series)
{
	double longest = mean_of(layout, series, &series->sum.total);
	uint32_t i;

	for (i = 0; i < series->sum.entries_nr; i++)
		longest = fmax(longest, mean_of(layout, series, &series->sum.entries[i]));
	return longest;
}

static struct layout lay_out(const struct series *series)
{
	struct layout layout = {
		.series = series,
		.known = series[0].target.desc.tsc_khz && series[1].target.desc.tsc_khz,
	};
	const struct exitstat_description ns = { .tsc_khz = layout.known ? 1000000 : 0 };

	layout.mean = unit_for(&ns, fmax(longest_of(&layout, &series[0]),
					 longest_of(&layout, &series[1])));
	return layout;
}

/* Rates and means of both recordings, and the ratio of the rates. */
static void print_compared(const struct layout *layout, const char *number, const char *name,
			   const struct exitstat_entry *a, const struct exitstat_entry *b)
{
	const struct series *series = layout->series;
	double rate_a = (double)a->count / series[0].length_s;
	double rate_b = (double)b->count / series[1].length_s;
	char mean_a[TEXT_SIZE], mean_b[TEXT_SIZE], times[TEXT_SIZE] = "-";

	if (a->count)
		snprintf(times, sizeof(times), "%.2f", rate_b / rate_a);
	printf("%5s %-25s %9.1f %9.1f %6s %10s %10s\n", number, name, rate_a, rate_b, times,
	       text_in(mean_a, &layout->mean, mean_of(layout, &series[0], a)),
	       text_in(mean_b, &layout->mean, mean_of(layout, &series[1], b)));
}

static void print_compared_header(const struct layout *layout)
{
	char mean_a[TEXT_SIZE], mean_b[TEXT_SIZE];

	printf("\nSide by side:\nA is ");
	clean_print(stdout, layout->series[0].path);
	printf("\nB is ");
	clean_print(stdout, layout->series[1].path);
	printf("\n\n");
	printf("%5s %-25s %9s %9s %6s %10s %10s\n", "", "exits per second", "A", "B", "B/A",
	       text_head(mean_a, "mean A", &layout->mean),
	       text_head(mean_b, "mean B", &layout->mean));
}

static void compare(const struct series *series)
{
	const struct layout layout = lay_out(series);
	const struct exitstat_snapshot *a = &series[0].sum;
	const struct exitstat_snapshot *b = &series[1].sum;
	const struct exitstat_entry none = { 0 };
	char number[TEXT_SIZE], name[TEXT_SIZE];
	uint32_t i = 0, j = 0;

	print_compared_header(&layout);
	while (i < a->entries_nr || j < b->entries_nr) {
		const struct exitstat_entry *left = i < a->entries_nr ? &a->entries[i] : NULL;
		const struct exitstat_entry *right = j < b->entries_nr ? &b->entries[j] : NULL;
		uint32_t next;

		next = !right || (left && left->number < right->number) ? left->number :
									right->number;
		left = left && left->number == next ? left : &none;
		right = right && right->number == next ? right : &none;
		i += left != &none;
		j += right != &none;
		print_compared(&layout, text_number(number, a->numbering, next),
			       exit_name(name, a->numbering, next), left, right);
	}
	print_compared(&layout, "", "total", &a->total, &b->total);
}

static void print_json(const struct options *opts, struct series *series)
{
	struct json json = { .out = stdout };

	series_json(&json, opts, series, SIZE_MAX / 2);
	putchar('\n');
}

static int print(const struct options *opts, struct series *series, size_t series_nr)
{
	size_t i;

	/* Print only the page. */
	if (opts->html && !strcmp(opts->html, "-"))
		return html_write(opts->html, series, series_nr);
	for (i = 0; i < series_nr; i++) {
		const struct reading reading = {
			.kind = "recording", .target = &series[i].target, .snap = &series[i].sum,
		};

		if (opts->format == FORMAT_JSON) {
			print_json(opts, &series[i]);
			continue;
		}
		if (opts->format == FORMAT_CSV) {
			if (!i)
				csv_header_print(stdout, opts, reading.target);
			csv_print(stdout, opts, &reading);
			continue;
		}
		if (i)
			putchar('\n');
		print_series(opts, &series[i]);
	}
	if (series_nr == 2 && opts->format == FORMAT_TABLE)
		compare(series);
	return opts->html ? html_write(opts->html, series, series_nr) : STATUS_OK;
}

static int do_report(struct options *opts, int argc, char **argv)
{
	size_t series_nr = (size_t)argc - 1;
	struct series *series;
	int status = STATUS_OK;
	size_t i;

	if (!series_nr || series_nr > SERIES_MAX)
		return say(STATUS_USAGE,
			   "report takes one recording or two; see exitstat report --help");
	if (opts->format == FORMAT_CSV && series_nr > 1)
		return say(STATUS_USAGE, "report takes one recording with --csv, not two");
	if (opts->html && template_check("make the page from the recording with another exitstat"))
		return STATUS_FAILED;
	series = calloc(SERIES_MAX, sizeof(*series));
	if (!series)
		return say(STATUS_FAILED, "cannot report: not enough memory");
	for (i = 0; i < series_nr && !status; i++)
		status = series_read(&series[i], argv[i + 1], opts->details);
	if (!status && series_nr == 2 &&
	    series[0].target.desc.numbering != series[1].target.desc.numbering)
		status = say(STATUS_FAILED,
			     "%s is from %s and %s from %s: their exits cannot be compared",
			     argv[1], vendor_name(series[0].target.desc.numbering), argv[2],
			     vendor_name(series[1].target.desc.numbering));
	if (!status)
		status = print(opts, series, series_nr);
	for (i = 0; i < series_nr; i++)
		series_free(&series[i]);
	free(series);
	return status;
}

const struct verb verb_report = {
	.name = "report",
	.bit = FOR_REPORT,
	.run = do_report,
	.help = help,
	.examples = examples,
};
