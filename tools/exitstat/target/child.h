/* SPDX-License-Identifier: MIT */
/* The command that is measured: one child at a time. */
#ifndef CHILD_H
#define CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

/*
 * Catch the signals, once.  SIGHUP, SIGTERM, SIGUSR1 and SIGUSR2 go on to the child; SIGINT and
 * SIGQUIT it gets from the terminal, and this process outlives them.  Without a child, SIGINT,
 * SIGTERM and SIGHUP ask to stop.
 */
void child_catch_signals(void);

/*
 * Fork the child; it waits to become the command until child_start().  So what is measured holds
 * the command from its exec to its end, and not the fork.  False after an error that was said.
 */
bool child_spawn(char **argv);
void child_start(void);

/* After its start: wait until it is the command.  False: it could not become that, and said why. */
bool child_became(void);

/* Give it up before it started. */
void child_cancel(void);

/*
 * Sleep until one interval after *deadline_ns, a moment of CLOCK_MONOTONIC, which becomes that one;
 * or until the child's end, or a signal that asks to stop.  Returns how many whole intervals were
 * missed because this process was stopped meanwhile; the next one then begins now.
 */
uint64_t child_sleep_interval(uint64_t *deadline_ns, uint64_t interval_ns);

/* A signal asked to stop. */
bool child_stop_asked(void);

/* The last signal that came, to this process or for the child, or 0: do not start another child. */
int child_signal(void);

/* Wait for its end: its exit status, or 128 + the signal that killed it. */
int child_wait(struct rusage *usage);

/* After its end: it could not become the command, and said why. */
bool child_never_ran(void);

/* Whether child_wait() would not wait. */
bool child_has_ended(void);

#endif /* CHILD_H */
