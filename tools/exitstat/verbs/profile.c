// SPDX-License-Identifier: MIT
/* exitstat profile: who makes exits, sampled by exitstat_pmu and perf. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/options.h"
#include "command/say.h"
#include "exitstat.h"
#include "output/template.h"
#include "profile/profile.h"
#include "target/child.h"
#include "target/target.h"
#include "verbs/verbs.h"

#define MODULE		"/sys/module/exitstat_pmu"
#define PARAMETER(name)	MODULE "/parameters/sample_" name
#define ARGUMENTS_MAX	16

static const char help[] =
	"usage: exitstat profile [OPTION...] [-- CMD...]\n"
	"       exitstat profile --source FILE\n"
	"\n"
	"Say who makes exits: which functions, and from where they are called. Exits are\n"
	"sampled while CMD runs, in CMD; without CMD everywhere, until Ctrl-C. It takes\n"
	"root, the module exitstat_pmu and perf.\n";

static const char examples[] =
	"  exitstat profile -- ls -lR /usr   the most frequent reason\n"
	"  exitstat profile -e io -H io.html -- dmesg\n"
	"                                    who does port I/O, as a flame graph\n"
	"  exitstat profile -t -- CMD        by the time of the exits\n"
	"  exitstat profile -c 100           one exit in a hundred, until Ctrl-C\n";

/* 0 or -errno. */
static int set_parameter(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t size;
	int err = 0;

	if (fd < 0)
		return -errno;
	size = write(fd, value, strlen(value));
	if (size < 0)
		err = -errno;
	close(fd);
	return err;
}

/* As the module calls it. */
static void event_name(char name[64], const char *exit)
{
	size_t i;

	snprintf(name, 64, "%s", exit);
	for (i = 0; name[i]; i++)
		name[i] = name[i] == ' ' ? '_' : (char)tolower((unsigned char)name[i]);
}

static int say_parameter(const char *name, int err)
{
	switch (err) {
	case -EINVAL:
		return say(STATUS_USAGE, "there are no exits called '%s'; exitstat names lists them",
			   name);
	case -EOPNOTSUPP:
		return say(STATUS_FAILED, "exits by %s cannot be sampled: an NMI would disturb them",
			   name);
	case -E2BIG:
		return say(STATUS_USAGE, "at most four kinds of exits can be sampled at once, not '%s'",
			   name);
	case -EBUSY:
		return say(STATUS_FAILED, "another program is listening to exitstat:exit; try again later");
	default:
		return say(STATUS_FAILED, "cannot set %s: %s", PARAMETER("exit"), strerror(-err));
	}
}

static int by_count(const void *a, const void *b)
{
	const struct exitstat_entry *left = a, *right = b;

	return (left->count < right->count) - (left->count > right->count);
}

/* As many as the module samples at once. */
#define EXITS_MAX	4

/* The exits to choose from, the most frequent first; what never happened comes last. */
static int read_candidates(struct target *target, struct exitstat_snapshot *now)
{
	const struct reasons *reasons = &target->reasons;
	int status = target_take(target, now);
	uint32_t i, nr = 0;

	if (status)
		return status;
	for (i = 0; i < now->entries_nr; i++) {
		if (reasons_have(reasons, now->entries[i].number))
			now->entries[nr++] = now->entries[i];
	}
	now->entries_nr = nr;
	for (i = 0; i < reasons->nr; i++) {
		const struct exitstat_entry never = { .number = reasons->numbers[i] };

		if (!exitstat_snapshot_find(now, never.number) && nr < EXITSTAT_ENTRIES_MAX)
			now->entries[nr++] = never;
	}
	now->entries_nr = nr;
	qsort(now->entries, nr, sizeof(*now->entries), by_count);
	return STATUS_OK;
}

/* Without --exit, the first one that the hypervisor samples. */
static int choose_busiest(const struct exitstat_snapshot *now)
{
	int err = -EOPNOTSUPP;
	char name[64];
	uint32_t i;

	for (i = 0; i < now->entries_nr && err == -EOPNOTSUPP; i++) {
		const struct exitstat_exit *exit = exitstat_exit_find(now->numbering,
								      now->entries[i].number);

		if (!exit)
			continue;
		event_name(name, exit->name);
		err = set_parameter(PARAMETER("exit"), name);
	}
	return err ? say_parameter("any reason", err) : STATUS_OK;
}

/* All that were asked for or, of a class with more, the most frequent. */
static int choose_these(const struct exitstat_snapshot *now, const char *asked)
{
	char list[EXITS_MAX * 64] = "", name[64];
	uint32_t i;
	int err;

	for (i = 0; i < now->entries_nr && i < EXITS_MAX; i++) {
		const struct exitstat_exit *exit = exitstat_exit_find(now->numbering,
								      now->entries[i].number);

		event_name(name, exit ? exit->name : "");
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? "," : "",
			 name);
	}
	err = set_parameter(PARAMETER("exit"), list);
	return err ? say_parameter(asked, err) : STATUS_OK;
}

static int choose_exit(struct target *target, const char *asked)
{
	struct exitstat_snapshot now = { 0 };
	const char *comma = asked;
	int status, words;

	for (words = 1; comma && (comma = strchr(comma, ',')); words++)
		comma++;
	if (words > EXITS_MAX)
		return say_parameter(asked, -E2BIG);
	status = read_candidates(target, &now);
	if (status)
		return status;
	return asked ? choose_these(&now, asked) : choose_busiest(&now);
}

static bool is_in_path(const char *program)
{
	const char *path = getenv("PATH");
	char *copy = strdup(path ? path : "/usr/bin:/bin"), *rest = copy, *directory;
	bool found = false;

	while (copy && !found && (directory = strsep(&rest, ":"))) {
		char *file;

		if (asprintf(&file, "%s/%s", *directory ? directory : ".", program) < 0)
			break;
		found = !access(file, X_OK);
		free(file);
	}
	free(copy);
	return found;
}

/* What it takes, and what to do about what is missing. */
static int check_needs(const struct target *target)
{
	if (geteuid())
		return say(STATUS_FAILED, "profile needs root: it sets what the kernel samples; type: sudo exitstat profile");
	if (access(MODULE, F_OK))
		return say(STATUS_FAILED, "the module exitstat_pmu is not loaded; type: modprobe exitstat_pmu");
	if (!(target->desc.features & EXITSTAT_FEATURE_SAMPLES))
		return say(STATUS_NOT_HERE, "the host's KVM samples no exits: it is older, or its exit_stats_samples is 0");
	if (!is_in_path("perf"))
		return say(STATUS_FAILED, "profile runs perf, which is not installed; type: apt-get install linux-perf");
	return STATUS_OK;
}

/* Have perf record: STATUS_OK, or what to exit with.  *status is the command's. */
static int record(const char *data, char **command, int *status)
{
	static const char * const always[] = {
		"perf", "record", "-q", "-e", "exitstat:exit", "-g", "-o",
	};
	struct rusage usage;
	char *argv[ARGUMENTS_MAX];
	char **with_command;
	size_t n, length = 0;
	struct stat stat_of;

	for (n = 0; n < sizeof(always) / sizeof(*always); n++)
		argv[n] = (char *)always[n];
	argv[n++] = (char *)data;
	argv[n++] = command ? "--" : "-a";
	while (command && command[length])
		length++;
	with_command = calloc(n + length + 1, sizeof(*with_command));
	if (!with_command)
		return say(STATUS_FAILED, "cannot run perf: not enough memory");
	memcpy(with_command, argv, n * sizeof(*argv));
	if (length)
		memcpy(with_command + n, command, length * sizeof(*command));

	child_catch_signals();
	if (!child_spawn(with_command)) {
		free(with_command);
		return STATUS_FAILED;
	}
	child_start();
	*status = child_wait(&usage);
	free(with_command);
	if (stat(data, &stat_of) || !stat_of.st_size)
		return say(STATUS_FAILED, "perf record failed (see above)");
	if (!command)
		*status = STATUS_OK;	/* Ctrl-C ended it */
	return STATUS_OK;
}

/* Read what perf script makes of it: STATUS_OK, or what to exit with. */
static int read_data(struct profile *profile, const char *data)
{
	const char * const argv[] = {
		"perf", "script", "-i", data, "-F", PROFILE_FIELDS, "--no-inline", NULL,
	};
	int ends[2], status = 0, err;
	pid_t pid;
	FILE *in;

	if (pipe2(ends, O_CLOEXEC))
		return say(STATUS_FAILED, "cannot run perf script: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		execvp(argv[0], (char * const *)argv);
		_exit(127);
	}
	close(ends[1]);
	in = pid < 0 ? NULL : fdopen(ends[0], "r");
	if (!in)
		return say(STATUS_FAILED, "cannot run perf script: %s", strerror(errno));
	err = profile_read(profile, in);
	fclose(in);
	waitpid(pid, &status, 0);
	if (err)
		return say(STATUS_FAILED, "cannot read the samples: %s", strerror(-err));
	if (status)
		return say(STATUS_FAILED, "perf script failed (see above)");
	return STATUS_OK;
}

static int sample(struct profile *profile, const struct options *opts, char **command, int *status)
{
	const char *tmp = getenv("TMPDIR");
	char period[16];
	char *directory, *data;
	int result, err;

	snprintf(period, sizeof(period), "%u", opts->period ? opts->period : 1);
	err = set_parameter(PARAMETER("period"), period);
	if (err)
		return say_parameter("any reason", err);
	if (asprintf(&directory, "%s/exitstat.XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0)
		return say(STATUS_FAILED, "cannot run perf: not enough memory");
	if (!mkdtemp(directory)) {
		err = errno;
		free(directory);
		return say(STATUS_FAILED, "cannot make a directory for perf's data: %s",
			   strerror(err));
	}
	if (asprintf(&data, "%s/data", directory) < 0) {
		result = say(STATUS_FAILED, "cannot run perf: not enough memory");
	} else {
		result = record(data, command, status);
		if (!result)
			result = read_data(profile, data);
		unlink(data);
		free(data);
	}
	rmdir(directory);
	free(directory);
	return result;
}

static int sample_here(struct profile *profile, const struct options *opts, char **command,
		       int *status)
{
	struct target target;
	int result = target_open(&target, opts);

	if (result)
		return result;
	result = check_needs(&target);
	if (!result)
		result = choose_exit(&target, opts->exit);
	target_close(&target);
	return result ? result : sample(profile, opts, command, status);
}

static int read_source(struct profile *profile, const char *path)
{
	FILE *in = strcmp(path, "-") ? fopen(path, "re") : stdin;
	int err = in ? profile_read(profile, in) : -errno;

	if (in && in != stdin)
		fclose(in);
	return err ? say(STATUS_FAILED, "cannot read %s: %s", path, strerror(-err)) : STATUS_OK;
}

static int print(const struct options *opts, struct profile *profile)
{
	int result = STATUS_OK;

	if (!profile->samples)
		return say(STATUS_FAILED, "no exit was sampled");
	if (opts->by_time && !profile_has_times(profile))
		return say(STATUS_FAILED, "the samples have no times: the host's KVM or the module exitstat_pmu is older; try without --time");
	profile->by_time = opts->by_time;
	if (opts->format == FORMAT_JSON)
		profile_print_json(stdout, profile);
	else if (opts->format == FORMAT_CSV)
		profile_print_csv(stdout, profile);
	else if (opts->folded)
		profile_print_folded(stdout, profile);
	else if (!opts->html || strcmp(opts->html, "-"))
		result = profile_print(stdout, profile, opts->limit);
	if (opts->html && !result)
		result = profile_write_page(opts->html, profile);
	return result;
}

static const char without_pages[] =
	"save what perf script prints, and make the page with another exitstat";

/* The command's status is that of exitstat, unless there is no profile. */
static int do_profile(struct options *opts, int argc, char **argv)
{
	struct profile profile = { 0 };
	int status = STATUS_OK, result;
	char **command = opts->dashes && argc > 1 ? argv + 1 : NULL;

	if (opts->host)
		return say(STATUS_USAGE, "profile runs inside a guest, not on its host");
	if (argc > 1 && !command)
		return say(STATUS_USAGE, "to profile a command: exitstat profile -- %s", argv[1]);
	if (opts->html && template_check(without_pages))
		return STATUS_FAILED;
	if (opts->source)
		result = read_source(&profile, opts->source);
	else
		result = sample_here(&profile, opts, command, &status);
	if (!result)
		result = print(opts, &profile);
	profile_free(&profile);
	return result ? result : status;
}

const struct verb verb_profile = {
	.name = "profile",
	.bit = FOR_PROFILE,
	.run = do_profile,
	.help = help,
	.examples = examples,
};
