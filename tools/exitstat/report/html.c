// SPDX-License-Identifier: MIT
/* The report as an HTML page: template, Chart.js and data in one file. */
#include <stdio.h>

#include "output/file.h"
#include "output/json.h"
#include "output/template.h"
#include "report/report.h"

/* About as many as a chart has columns. */
#define POINTS_MAX	1000

/* From embed.S. */
extern const char embed_page[], embed_chart[], embed_license[];

static void print_data(FILE *out, struct series *series, size_t series_nr)
{
	const struct options everything = { 0 };
	struct json json = { .out = out };
	size_t i;

	json_begin(&json, NULL, '[');
	for (i = 0; i < series_nr; i++)
		series_json(&json, &everything, &series[i], POINTS_MAX);
	json_end(&json, ']');
}

static void print_page(FILE *out, struct series *series, size_t series_nr)
{
	const char *page = embed_page;

	template_begin(out, "exitstat report", embed_license);
	page = template_until(out, page, "@CHART@");
	fputs(embed_chart, out);
	page = template_until(out, page, "@DATA@");
	print_data(out, series, series_nr);
	fputs(page, out);
}

struct page {
	struct series *series;
	size_t series_nr;
};

static void print(FILE *out, void *what)
{
	const struct page *page = what;

	print_page(out, page->series, page->series_nr);
}

int html_write(const char *path, struct series *series, size_t series_nr)
{
	struct page page = { series, series_nr };

	return file_write(path, print, &page);
}
