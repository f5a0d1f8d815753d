// SPDX-License-Identifier: MIT
/* The report as an HTML page: template, Chart.js and data in one file. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/say.h"
#include "output/json.h"
#include "report/report.h"

/* About as many as a chart has columns. */
#define POINTS_MAX	1000

/* From embed.S. */
extern const char embed_page[], embed_chart[], embed_license[];

static void print_data(FILE *out, struct series *series, size_t series_nr)
{
	struct json json = { .out = out };
	size_t i;

	json_begin(&json, NULL, '[');
	for (i = 0; i < series_nr; i++)
		series_json(&json, &series[i], POINTS_MAX);
	json_end(&json, ']');
}

/* Copy the page up to the mark, and return what comes after it. */
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

/* Only a regular file can be replaced; a device or a link is written to. */
static bool may_replace(const char *path, mode_t *mode)
{
	struct stat stat;

	*mode = umask(0);
	umask(*mode);
	*mode = 0666 & ~*mode;
	if (lstat(path, &stat))
		return errno == ENOENT;
	*mode = stat.st_mode & 0777;
	return S_ISREG(stat.st_mode);
}

/* 0, or -errno. */
static int print_to(int fd, struct series *series, size_t series_nr)
{
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	int err;

	if (!out)
		return -errno;
	print_page(out, series, series_nr);
	err = fflush(out) || ferror(out) ? -errno : 0;
	if (fclose(out) && !err)
		err = -errno;
	return err;
}

/* Keep the old file until the page is complete. */
static int replace(const char *path, mode_t mode, struct series *series, size_t series_nr)
{
	char *new;
	int fd, err;

	if (asprintf(&new, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(new, O_CLOEXEC);
	if (fd >= 0)
		fchmod(fd, mode);
	err = print_to(fd, series, series_nr);
	if (!err && rename(new, path))
		err = -errno;
	if (err && fd >= 0)
		unlink(new);
	free(new);
	return err;
}

int html_write(const char *path, struct series *series, size_t series_nr)
{
	mode_t mode;
	int err;

	if (!strcmp(path, "-")) {
		print_page(stdout, series, series_nr);
		return STATUS_OK;
	}
	if (may_replace(path, &mode))
		err = replace(path, mode, series, series_nr);
	else
		err = print_to(open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), series, series_nr);
	if (!err)
		return STATUS_OK;
	return say(STATUS_FAILED, "cannot write %s: %s", path, strerror(-err));
}
