/* SPDX-License-Identifier: MIT */
/* Messages: one line to stderr that begins with the program's name. */
#ifndef SAY_H
#define SAY_H

#define STATUS_OK		0
#define STATUS_FAILED		1
#define STATUS_USAGE		2
#define STATUS_NOT_HERE		77

#ifndef __printf
#define __printf(a, b) __attribute__((__format__(printf, a, b)))
#endif

/* What a full screen must do before a line can be printed, or NULL. */
extern void (*say_prepare)(void);

__printf(2, 3) int say(int status, const char *format, ...);

/* Call it first: a file must not get the number of a standard stream that was closed. */
void streams_occupy(void);

#endif /* SAY_H */
