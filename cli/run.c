// SPDX-License-Identifier: MIT
/*
 * exitstat -- CMD: what happened while a command ran.
 *
 * The child exists before the first snapshot and waits on a pipe, so that the window holds the
 * command from its exec to its end and not the fork.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

#define STATUS_NOT_EXECUTABLE	126
#define STATUS_NO_COMMAND	127
#define STATUS_KILLED		128

struct result {
	struct exitstat_snapshot between;
	struct rusage usage;
	int status;
};

/* A signal handler has no argument of its own. */
static volatile sig_atomic_t child_pid;

static void pass_on(int signal)
{
	int saved = errno;

	if (child_pid > 0)
		kill(child_pid, signal);
	errno = saved;
}

/*
 * The terminal sends SIGINT and SIGQUIT to the command too: outlive it.  Others are sent to this
 * process only: pass them on.
 */
static void catch_signals(void)
{
	static const int passed[] = { SIGHUP, SIGTERM, SIGUSR1, SIGUSR2 };
	struct sigaction pass = { .sa_handler = pass_on, .sa_flags = SA_RESTART };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction old;
	size_t i;

	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGQUIT, &ignore, NULL);
	for (i = 0; i < sizeof(passed) / sizeof(*passed); i++) {
		sigaction(passed[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			sigaction(passed[i], &pass, NULL);
	}
}

/* Keep the signals' fate as it was: what this process ignores, the command would inherit. */
struct saved_signals {
	struct sigaction interrupt;
	struct sigaction quit;
};

static void save_signals(struct saved_signals *saved)
{
	sigaction(SIGINT, NULL, &saved->interrupt);
	sigaction(SIGQUIT, NULL, &saved->quit);
}

static void restore_signals(const struct saved_signals *saved)
{
	sigaction(SIGINT, &saved->interrupt, NULL);
	sigaction(SIGQUIT, &saved->quit, NULL);
}

/* In the child: wait for the start, become the command. */
static void become(char **argv, int start)
{
	char byte;
	ssize_t got;

	do {
		got = read(start, &byte, 1);
	} while (got < 0 && errno == EINTR);
	close(start);
	/* The parent gave up, and said why. */
	if (got != 1)
		_exit(STATUS_FAILED);
	execvp(argv[0], argv);
	say(0, "cannot run '%s': %s", argv[0], strerror(errno));
	_exit(errno == ENOENT ? STATUS_NO_COMMAND : STATUS_NOT_EXECUTABLE);
}

/* Fork the child that waits: the pipe's end that starts it, or -1 after an error that was said. */
static int spawn(char **argv, const struct saved_signals *saved)
{
	int pipe_fds[2];
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC)) {
		say(0, "cannot run '%s': pipe: %s", argv[0], strerror(errno));
		return -1;
	}
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		say(0, "cannot run '%s': fork: %s", argv[0], strerror(errno));
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		return -1;
	}
	if (!pid) {
		close(pipe_fds[1]);
		restore_signals(saved);
		become(argv, pipe_fds[0]);
	}
	close(pipe_fds[0]);
	child_pid = pid;
	return pipe_fds[1];
}

static int wait_for_child(struct rusage *usage)
{
	int status = 0;

	while (wait4(child_pid, &status, 0, usage) < 0 && errno == EINTR)
		;
	child_pid = 0;
	if (WIFSIGNALED(status))
		return STATUS_KILLED + WTERMSIG(status);
	return WEXITSTATUS(status);
}

static int start_child(int start)
{
	ssize_t put = write(start, "", 1);

	close(start);
	return put == 1;
}

/* Run the command once between two snapshots: STATUS_OK, or what to exit with. */
static int measure(struct meter *meter, char **argv, const struct saved_signals *saved,
		   struct result *result)
{
	static struct exitstat_snapshot before, after;
	int start = spawn(argv, saved);
	int status;

	if (start < 0)
		return STATUS_FAILED;
	status = meter_take(meter, &before);
	if (status) {
		close(start);
		wait_for_child(&result->usage);
		return status;
	}
	start_child(start);
	result->status = wait_for_child(&result->usage);
	if (meter_advance(meter) < 0)
		return STATUS_FAILED;
	status = meter_take(meter, &after);
	if (status)
		return status;
	if (exitstat_snapshot_subtract(&after, &before, &result->between))
		return say(STATUS_FAILED, "cannot compare: CPU %d became another vCPU meanwhile",
			   meter->vcpu);
	return STATUS_OK;
}

static double seconds(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static void print_title(FILE *out, const struct meter *meter, const struct result *result,
			char **argv)
{
	const struct exitstat_snapshot *between = &result->between;

	fprintf(out, "%s, %u vCPU%s: exits ", vendor_name(between->numbering), between->vcpus,
		between->vcpus == 1 ? "" : "s");
	if (meter->vcpu >= 0)
		fprintf(out, "of CPU %d (vCPU %u) ", meter->vcpu, between->vcpu);
	fprintf(out, "while this ran:");
	for (; *argv; argv++)
		fprintf(out, " %s", *argv);
	fprintf(out, "\n\n");
}

static void print_since(FILE *out, const struct exitstat_snapshot *between)
{
	if (between->since & EXITSTAT_SINCE_RESTART)
		fprintf(out, "The counters started anew meanwhile: all of this is since then.\n");
	if (between->since & EXITSTAT_SINCE_BACKWARD)
		fprintf(out, "A counter went backwards: it is counted from zero.\n");
	if (between->since & EXITSTAT_SINCE_VCPUS)
		fprintf(out, "The number of vCPUs changed meanwhile.\n");
}

static void print_result(FILE *out, const struct options *opts, const struct meter *meter,
			 const struct result *result, char **argv)
{
	if (!opts->no_header)
		print_title(out, meter, result, argv);
	table_print(out, opts, &meter->desc, &result->between);
	if (opts->no_header)
		return;
	states_print(out, &meter->desc, &result->between);
	fprintf(out, "elapsed %.6f s, user %.6f s, sys %.6f s\n",
		(double)result->between.time_ns / 1e9, seconds(&result->usage.ru_utime),
		seconds(&result->usage.ru_stime));
	print_since(out, &result->between);
}

static int run_run(struct options *opts, int argc, char **argv)
{
	static struct result result;
	struct saved_signals saved;
	struct meter meter;
	FILE *out;
	int status;

	(void)argc;
	if (opts->vcpu == VCPU_ALL)
		return say(STATUS_USAGE,
			   "with a command, --vcpu takes the number of one CPU, not 'all'");
	status = meter_open(&meter, opts);
	if (status)
		return status;
	status = meter_describe(&meter);
	if (status)
		goto close;
	out = output_open(opts, stderr);
	if (!out) {
		status = STATUS_FAILED;
		goto close;
	}
	save_signals(&saved);
	catch_signals();
	status = measure(&meter, argv, &saved, &result);
	if (!status) {
		print_result(out, opts, &meter, &result, argv);
		status = result.status;
	}
	status = output_close(out, opts, status);
close:
	meter_close(&meter);
	return status;
}

const struct verb verb_run = { .bit = FOR_RUN, .run = run_run };
