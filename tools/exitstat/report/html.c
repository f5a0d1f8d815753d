// SPDX-License-Identifier: MIT
/* The report as a page: a template, Chart.js and the data, all in one file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/say.h"
#include "output/json.h"
#include "report/report.h"

/* From embed.S. */
extern const char embed_page[], embed_chart[], embed_license[];

static void print_data(FILE *out, struct series *series, size_t series_nr)
{
	struct json json = { .out = out };
	size_t i;

	json_begin(&json, NULL, '[');
	for (i = 0; i < series_nr; i++)
		series_json(&json, &series[i]);
	json_end(&json, ']');
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
