// SPDX-License-Identifier: MIT
/* exitstat report: summarize a recording, or compare two. */
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

static const char *text_quantile(char text[TEXT_SIZE], const struct series *series,
				 const struct exitstat_histogram *histogram, double quantile)
{
	uint64_t low, high;
	char bound[TEXT_SIZE];

	if (exitstat_histogram_quantile(histogram, quantile, &low, &high))
		return "-";
	text_time(bound, &series->target.desc, (double)(high == UINT64_MAX ? low : high));
	snprintf(text, TEXT_SIZE, "%s %s", high == UINT64_MAX ? ">=" : "<", text_unpad(bound));
	return text;
}

static void print_latencies(const struct series *series)
{
	uint32_t numbering = series->target.desc.numbering;
	size_t i;

	if (!series->latencies_nr)
		return;
	printf("\n%5s %-22s %13s %13s %13s\n", "", "time of one exit", "half below", "99 %",
	       "all");
	for (i = 0; i < series->latencies_nr; i++) {
		const struct latency *latency = &series->latencies[i];
		char number[TEXT_SIZE], name[TEXT_SIZE];
		char half[TEXT_SIZE], most[TEXT_SIZE], all[TEXT_SIZE];

		if (!exitstat_histogram_count(&latency->histogram))
			continue;
		printf("%5s %-22s %13s %13s %13s\n",
		       text_number(number, numbering, latency->number),
		       exit_name(name, numbering, latency->number),
		       text_quantile(half, series, &latency->histogram, 0.5),
		       text_quantile(most, series, &latency->histogram, 0.99),
		       text_quantile(all, series, &latency->histogram, 1));
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

/* Rates and means of both recordings, and the ratio of the rates. */
static void print_compared(const char *number, const char *name, const struct exitstat_entry *a,
			   const struct exitstat_entry *b, const struct series *series)
{
	double rate_a = (double)a->count / series[0].length_s;
	double rate_b = (double)b->count / series[1].length_s;
	char mean_a[TEXT_SIZE] = "-", mean_b[TEXT_SIZE] = "-", times[TEXT_SIZE] = "-";

	if (a->count && a->cycles)
		text_time(mean_a, &series[0].target.desc, (double)a->cycles / (double)a->count);
	if (b->count && b->cycles)
		text_time(mean_b, &series[1].target.desc, (double)b->cycles / (double)b->count);
	if (a->count)
		snprintf(times, sizeof(times), "%.2f", rate_b / rate_a);
	printf("%5s %-25s %9.1f %9.1f %6s %10s %10s\n", number, name, rate_a, rate_b, times,
	       mean_a, mean_b);
}

static void compare(const struct series *series)
{
	const struct exitstat_snapshot *a = &series[0].sum;
	const struct exitstat_snapshot *b = &series[1].sum;
	const struct exitstat_entry none = { 0 };
	char number[TEXT_SIZE], name[TEXT_SIZE];
	uint32_t i = 0, j = 0;

	printf("\nSide by side:\nA is ");
	clean_print(stdout, series[0].path);
	printf("\nB is ");
	clean_print(stdout, series[1].path);
	printf("\n\n");
	printf("%5s %-25s %9s %9s %6s %10s %10s\n", "", "exits per second", "A", "B", "B/A",
	       "mean A", "mean B");
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
		print_compared(text_number(number, a->numbering, next),
			       exit_name(name, a->numbering, next), left, right, series);
	}
	print_compared("", "total", &a->total, &b->total, series);
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
