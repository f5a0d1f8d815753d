// SPDX-License-Identifier: MIT
/* The report as a page: a template, Chart.js and the data, all in one file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/say.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "output/format.h"
#include "report/report.h"

/* From embed.S. */
extern const char embed_page[], embed_chart[], embed_license[];

static json_t *json_of_point(const struct point *point)
{
	double kernel = (double)point->total.cycles - (double)point->total.vmm_cycles;
	json_t *json = json_pack("{sfsfsIs[ffff]}", "start_s", point->start_s, "length_s",
				 point->length_s, "count", (json_int_t)point->count,
				 "state_cycles", point->guest_cycles, kernel > 0 ? kernel : 0,
				 (double)point->total.vmm_cycles,
				 (double)point->total.waiting_cycles);
	json_t *counts = json_object();
	uint32_t i;

	for (i = 0; i < point->entries_nr; i++) {
		char key[TEXT_SIZE];

		snprintf(key, sizeof(key), "%u", point->entries[i].number);
		json_object_set_new(counts, key,
				    json_integer((json_int_t)point->entries[i].count));
	}
	json_object_set_new(json, "counts", counts);
	return json;
}

static json_t *json_of_latency(const struct series *series, const struct latency *latency)
{
	char name[TEXT_SIZE];
	const struct exitstat_histogram *histogram = &latency->histogram;
	json_t *buckets = json_array();
	uint32_t i;

	for (i = 0; i < histogram->buckets_nr; i++)
		json_array_append_new(buckets, json_integer((json_int_t)histogram->buckets[i]));
	return json_pack("{sIsssiso}", "number", (json_int_t)latency->number, "name",
			 exit_name(name, series->meter.desc.numbering, latency->number), "bucket0_log2",
			 (int)histogram->bucket0_log2, "buckets", buckets);
}

json_t *json_of_series(struct series *series)
{
	json_t *json = json_of_snapshot(&series->meter, &series->sum);
	json_t *points = json_array();
	json_t *latencies = json_array();
	json_t *text = json_array();
	struct words words;
	size_t i;

	words_of(&words, series);
	for (i = 0; i < words.nr; i++)
		json_array_append_new(text, json_of_text(words.text[i]));
	words_free(&words);
	for (i = 0; i < series->points_nr; i++)
		json_array_append_new(points, json_of_point(&series->points[i]));
	for (i = 0; i < series->latencies_nr; i++)
		json_array_append_new(latencies, json_of_latency(series, &series->latencies[i]));
	json_object_set_new(json, "recording", json_of_text(series->path));
	json_object_set_new(json, "before", json_integer((json_int_t)series->first.total.count));
	json_object_set_new(json, "words", text);
	json_object_set_new(json, "intervals", points);
	json_object_set_new(json, "latencies", latencies);
	return json;
}

/* A '<' is in strings only.  "</script>" would end the data, and "<!--<script>" its end. */
static int dump_escaped(const char *text, size_t size, void *out)
{
	for (; size; size--, text++) {
		if (*text == '<')
			fputs("\\u003c", out);
		else
			fputc(*text, out);
	}
	return 0;
}

static void print_data(FILE *out, struct series *series, size_t series_nr)
{
	json_t *all = json_array();
	size_t i;

	for (i = 0; i < series_nr; i++)
		json_array_append_new(all, json_of_series(&series[i]));
	json_dump_callback(all, dump_escaped, out, JSON_COMPACT);
	json_decref(all);
}

/* Copy the page up to the mark, and say what is behind it. */
static const char *print_until(FILE *out, const char *page, const char *mark)
{
	const char *found = strstr(page, mark);

	fwrite(page, 1, (size_t)(found - page), out);
	return found + strlen(mark);
}

static void print_page(FILE *out, struct series *series, size_t series_nr)
{
	const char *page = embed_page;

	page = print_until(out, page, "@LICENSE@");
	fputs(embed_license, out);
	page = print_until(out, page, "@CHART@");
	fputs(embed_chart, out);
	page = print_until(out, page, "@DATA@");
	print_data(out, series, series_nr);
	fputs(page, out);
}

int html_write(const char *path, struct series *series, size_t series_nr)
{
	FILE *out = strcmp(path, "-") ? fopen(path, "we") : stdout;
	struct stat stat;
	bool failed;
	int err;

	if (!out)
		return say(STATUS_FAILED, "cannot write %s: %s", path, strerror(errno));
	print_page(out, series, series_nr);
	failed = fflush(out) || ferror(out);
	err = errno;
	/* Half a page is none; but a device is no page. */
	if (failed && out != stdout && !fstat(fileno(out), &stat) && S_ISREG(stat.st_mode))
		unlink(path);
	if (out != stdout)
		fclose(out);
	if (!failed)
		return STATUS_OK;
	return say(STATUS_FAILED, "cannot write %s: %s", path, strerror(err));
}
