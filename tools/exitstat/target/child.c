// SPDX-License-Identifier: MIT
/* The command that is measured: start it late, pass signals on, wait. */
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

/* A signal handler has no argument of its own: this is its state. */
static struct {
	volatile sig_atomic_t pid;	/* 0: there is no child */
	volatile sig_atomic_t stop;
	int start;			/* the pipe's end that starts the child, or -1 */
	bool *never_ran;		/* shared with the child */
	sigset_t before;		/* the signal mask of this process, and of the child */
	struct sigaction actions[CAUGHT];
} child = { .start = -1 };

static void handle(int signal)
{
	int saved = errno;

	if (signal == SIGCHLD)
		return;
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

	/* They are let in while this process sleeps, and nowhere else: no wake-up is missed. */
	sigemptyset(&blocked);
	for (i = 0; i < CAUGHT; i++) {
		sigaction(caught[i], NULL, &child.actions[i]);
		if (child.actions[i].sa_handler == SIG_IGN && caught[i] != SIGCHLD)
			continue;
		sigaction(caught[i], &action, NULL);
		sigaddset(&blocked, caught[i]);
	}
	sigprocmask(SIG_BLOCK, &blocked, &child.before);
}

/* In the child: wait for the start, become the command. */
static void become(char **argv, int start)
{
	char byte;
	size_t i;

	for (i = 0; i < CAUGHT; i++)
		sigaction(caught[i], &child.actions[i], NULL);
	sigprocmask(SIG_SETMASK, &child.before, NULL);
	/* An end without a byte: the parent gave up, and said why. */
	if (TEMP_FAILURE_RETRY(read(start, &byte, 1)) != 1)
		_exit(STATUS_FAILED);
	execvp(argv[0], argv);
	*child.never_ran = true;
	say(0, "cannot run '%s': %s", argv[0], strerror(errno));
	_exit(errno == ENOENT ? STATUS_NO_COMMAND : STATUS_NOT_EXECUTABLE);
}

bool child_spawn(char **argv)
{
	int ends[2];
	pid_t pid;

	if (!child.never_ran)
		child.never_ran = mmap(NULL, sizeof(*child.never_ran), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (child.never_ran == MAP_FAILED) {
		child.never_ran = NULL;
		say(0, "cannot run '%s': mmap: %s", argv[0], strerror(errno));
		return false;
	}
	if (pipe2(ends, O_CLOEXEC)) {
		say(0, "cannot run '%s': pipe: %s", argv[0], strerror(errno));
		return false;
	}
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		say(0, "cannot run '%s': fork: %s", argv[0], strerror(errno));
		close(ends[0]);
		close(ends[1]);
		return false;
	}
	if (!pid) {
		close(ends[1]);
		become(argv, ends[0]);
	}
	close(ends[0]);
	child.start = ends[1];
	child.pid = pid;
	return true;
}

void child_start(void)
{
	/* A child that is gone already is told of by child_wait(). */
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

bool child_never_ran(void)
{
	return *child.never_ran;
}

bool child_stop_asked(void)
{
	return child.stop;
}

bool child_has_ended(void)
{
	siginfo_t info = { 0 };

	/* Leave the status to child_wait(). */
	return !waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

void child_sleep_until(uint64_t deadline_ns)
{
	struct timespec left;

	for (;;) {
		uint64_t now = now_ns();

		if (now >= deadline_ns || child.stop || (child.pid && child_has_ended()))
			return;
		left.tv_sec = (time_t)((deadline_ns - now) / 1000000000);
		left.tv_nsec = (long)((deadline_ns - now) % 1000000000);
		ppoll(NULL, 0, &left, &child.before);
	}
}

int child_wait(struct rusage *usage)
{
	int status = 0;

	while (!child_has_ended())
		ppoll(NULL, 0, NULL, &child.before);
	wait4(child.pid, &status, 0, usage);
	child.pid = 0;
	if (WIFSIGNALED(status))
		return STATUS_KILLED + WTERMSIG(status);
	return WEXITSTATUS(status);
}
