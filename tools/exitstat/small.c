// SPDX-License-Identifier: MIT
/* The static exitstat's replacements for what it leaves out: curses, pages, reading JSON, QMP. */
#include <errno.h>
#include <stdio.h>

#include "command/options.h"
#include "command/say.h"
#include "exitstat.h"
#include "host/qmp.h"
#include "output/template.h"
#include "profile/profile.h"
#include "report/report.h"
#include "verbs/verbs.h"

static int say_left_out(const char *what, const char *instead)
{
	return say(STATUS_FAILED, "the static exitstat is built without %s; %s", what, instead);
}

static int do_top(struct options *opts, int argc, char **argv)
{
	(void)opts;
	(void)argc;
	(void)argv;
	return say_left_out("top", "try: exitstat 1");
}

const struct verb verb_top = {
	.name = "top",
	.bit = FOR_TOP,
	.help = "usage: exitstat top [-i INTERVAL]\n"
		"\n"
		"The static exitstat is built without top; try: exitstat 1\n",
	.run = do_top,
	.left_out = true,
};

static int do_diff(struct options *opts, int argc, char **argv)
{
	(void)opts;
	(void)argc;
	(void)argv;
	return say_left_out("diff", "compare the files with another exitstat");
}

const struct verb verb_diff = {
	.name = "diff",
	.bit = FOR_DIFF,
	.help = "usage: exitstat diff [OPTION...] FILE FILE\n"
		"\n"
		"The static exitstat is built without diff; compare the files with another\n"
		"exitstat.\n",
	.run = do_diff,
	.left_out = true,
};

int template_check(const char *instead)
{
	return say_left_out("--html", instead);
}

/* Not called after that. */

int html_write(const char *path, struct series *series, size_t series_nr)
{
	(void)path;
	(void)series;
	(void)series_nr;
	return STATUS_FAILED;
}

int profile_write_page(const char *path, const struct profile *profile)
{
	(void)path;
	(void)profile;
	return STATUS_FAILED;
}

int qmp_open(const char *path, struct exitstat_vm *vm, struct exitstat_source **src)
{
	(void)src;
	snprintf(vm->dir, sizeof(vm->dir), "%s", path);
	return -EOPNOTSUPP;
}
