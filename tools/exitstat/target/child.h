/* SPDX-License-Identifier: MIT */
/* The measured command: one child at a time. */
#ifndef CHILD_H
#define CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

/*
 * Catch signals; call this once.  SIGHUP, SIGTERM, SIGUSR1 and SIGUSR2 are passed on to the child.
 * The child gets SIGINT and SIGQUIT from the terminal, and this process survives them.  SIGINT, or
 * any of these if there is no child, asks to stop.
 */
void child_catch_signals(void);

/*
 * Fork the child, which becomes the command only after child_start(): so the measurement covers the
 * command from its exec to its end, but not the fork.  False after an error message.
 */
bool child_spawn(char **argv);
void child_start(void);

/* After child_start(), wait for the exec.  False if it failed; the child has printed why. */
bool child_became(void);

/* Instead of child_start(): end the child. */
void child_cancel(void);

/*
 * Advance *deadline_ns, a time of CLOCK_MONOTONIC, by one interval, and sleep until then, or until
 * the child ends or a signal asks to stop.  Returns how many whole intervals were missed because
 * this process was stopped meanwhile; the next one then begins now.
 */
uint64_t child_sleep_interval(uint64_t *deadline_ns, uint64_t interval_ns);

/* Has a signal asked to stop? */
bool child_stop_asked(void);

/* The last signal received, for this process or the child, or 0: do not start another child. */
int child_signal(void);

/* Wait for the child.  Returns its exit status, or 128 + the signal that killed it. */
int child_wait(struct rusage *usage);

/* After child_wait(): did the exec fail?  The child has printed why. */
bool child_never_ran(void);

/* Has the child ended, so that child_wait() would not wait? */
bool child_has_ended(void);

#endif /* CHILD_H */
