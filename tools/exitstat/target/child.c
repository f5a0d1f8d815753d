// SPDX-License-Identifier: MIT
/* The measured command: fork early, exec late, pass signals on, wait. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "command/say.h"
#include "target/child.h"

#define STATUS_NOT_EXECUTABLE	126
#define STATUS_NO_COMMAND	127
#define STATUS_KILLED		128

static const int caught[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD };

#define CAUGHT	(sizeof(caught) / sizeof(*caught))

/* Static, because a signal handler gets no argument. */
static struct {
	volatile sig_atomic_t pid;	/* 0: there is no child */
	volatile sig_atomic_t stop;
	volatile sig_atomic_t signal;	/* the last one received, other than SIGCHLD */
	int start;			/* the end of a pipe that starts the child, or -1 */
	int began;			/* the end of one that closes at the child's exec, or -1 */
	bool *never_ran;		/* shared with the child */
	sigset_t before;		/* the original signal mask, and the child's */
	sigset_t asleep;		/* the signal mask while this process sleeps */
	struct sigaction actions[CAUGHT];
} child = { .start = -1, .began = -1 };

static void handle(int signal)
{
	int saved = errno;

	if (signal == SIGCHLD)
		return;
	child.signal = signal;
	/* The terminal sent these two to the command as well. */
	if (child.pid && signal != SIGINT && signal != SIGQUIT)
		kill(child.pid, signal);
	if (!child.pid || signal == SIGINT)
		child.stop = 1;
	errno = saved;
}

void child_catch_signals(void)
{
	struct sigaction action = { .sa_handler = handle };
	sigset_t blocked;
	size_t i;

	/* Signals are unblocked only while this process sleeps, so that no wake-up is missed. */
	sigemptyset(&blocked);
	for (i = 0; i < CAUGHT; i++) {
		sigaction(caught[i], NULL, &child.actions[i]);
		if (child.actions[i].sa_handler == SIG_IGN && caught[i] != SIGCHLD)
			continue;
		sigaction(caught[i], &action, NULL);
		sigaddset(&blocked, caught[i]);
	}
	sigprocmask(SIG_BLOCK, &blocked, &child.before);
	/* The parent may have blocked SIGCHLD, which must end the sleep. */
	child.asleep = child.before;
	sigdelset(&child.asleep, SIGCHLD);
}

/* In the child: wait for the start, then become the command. */
static void become(char **argv, int start)
{
	ssize_t size;
	char byte;
	size_t i;

	for (i = 0; i < CAUGHT; i++)
		sigaction(caught[i], &child.actions[i], NULL);
	sigprocmask(SIG_SETMASK, &child.before, NULL);
	do {
		size = read(start, &byte, 1);
	} while (size < 0 && errno == EINTR);
	/* End of file: the parent gave up and printed why. */
	if (size != 1)
		_exit(STATUS_FAILED);
	execvp(argv[0], argv);
	*child.never_ran = true;
	say(0, "cannot run '%s': %s", argv[0], strerror(errno));
	_exit(errno == ENOENT ? STATUS_NO_COMMAND : STATUS_NOT_EXECUTABLE);
}

static bool say_spawn(char **argv, const char *call)
{
	say(0, "cannot run '%s': %s: %s", argv[0], call, strerror(errno));
	return false;
}

static void close_pair(const int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

bool child_spawn(char **argv)
{
	int start[2], began[2];
	pid_t pid;

	if (!child.never_ran) {
		void *shared = mmap(NULL, sizeof(*child.never_ran), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		if (shared == MAP_FAILED)
			return say_spawn(argv, "mmap");
		child.never_ran = shared;
	}
	if (pipe2(start, O_CLOEXEC))
		return say_spawn(argv, "pipe");
	if (pipe2(began, O_CLOEXEC)) {
		close_pair(start);
		return say_spawn(argv, "pipe");
	}
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		close_pair(start);
		close_pair(began);
		return say_spawn(argv, "fork");
	}
	if (!pid) {
		close(start[1]);
		become(argv, start[0]);
	}
	close(start[0]);
	close(began[1]);
	child.start = start[1];
	child.began = began[0];
	child.pid = pid;
	return true;
}

void child_start(void)
{
	/* If the child is gone already, child_wait() tells. */
	if (write(child.start, "", 1) != 1)
		child.stop = 1;
	close(child.start);
	child.start = -1;
}

void child_cancel(void)
{
	struct rusage usage;

	close(child.start);
	child.start = -1;
	child_wait(&usage);
}

bool child_became(void)
{
	char byte;

	/* Nothing is ever written: the pipe closes at the child's exec, or when the child ends. */
	while (read(child.began, &byte, 1) < 0 && errno == EINTR)
		;
	return !*child.never_ran;
}

bool child_never_ran(void)
{
	return *child.never_ran;
}

/* Handle the signals that are pending because this process has not slept since. */
static void let_signals_in(void)
{
	const struct timespec none = { 0 };

	ppoll(NULL, 0, &none, &child.asleep);
}

bool child_stop_asked(void)
{
	let_signals_in();
	return child.stop;
}

int child_signal(void)
{
	let_signals_in();
	return child.signal;
}

bool child_has_ended(void)
{
	siginfo_t info = { 0 };

	/* Leave the status to child_wait(). */
	return !waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

/*
 * Sleep until the deadline, the child's end, or a signal that asks to stop.  Returns the time.
 */
static uint64_t sleep_until(uint64_t deadline_ns)
{
	struct timespec left;
	uint64_t now;

	for (;;) {
		now = now_ns();
		if (now >= deadline_ns || child.stop || (child.pid && child_has_ended()))
			return now;
		left.tv_sec = (time_t)((deadline_ns - now) / 1000000000);
		left.tv_nsec = (long)((deadline_ns - now) % 1000000000);
		ppoll(NULL, 0, &left, &child.asleep);
	}
}

uint64_t child_sleep_interval(uint64_t *deadline_ns, uint64_t interval_ns)
{
	uint64_t missed = 0;
	uint64_t now;

	*deadline_ns += interval_ns;
	now = sleep_until(*deadline_ns);
	/* Much too late: this process was stopped or starved.  The next interval begins now. */
	if (now > *deadline_ns && now - *deadline_ns > interval_ns / 2) {
		missed = (now - *deadline_ns) / interval_ns;
		*deadline_ns = now;
	}
	return missed;
}

int child_wait(struct rusage *usage)
{
	int status = 0;

	while (!child_has_ended())
		ppoll(NULL, 0, NULL, &child.asleep);
	wait4(child.pid, &status, 0, usage);
	child.pid = 0;
	close(child.began);
	child.began = -1;
	if (WIFSIGNALED(status))
		return STATUS_KILLED + WTERMSIG(status);
	return WEXITSTATUS(status);
}
