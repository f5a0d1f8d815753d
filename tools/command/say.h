/* SPDX-License-Identifier: MIT */
/* Messages: one line on stderr that begins with the program's name. */
#ifndef SAY_H
#define SAY_H

#define STATUS_OK		0
#define STATUS_FAILED		1
#define STATUS_USAGE		2
#define STATUS_NOT_HERE		77

#ifndef __printf
#define __printf(a, b) __attribute__((__format__(printf, a, b)))
#endif

/* What top must do with its full screen before a line can be printed, or NULL. */
extern void (*say_prepare)(void);

__printf(2, 3) int say(int status, const char *format, ...);

/* Call this first, so that no file gets the number of a standard stream that is closed. */
void streams_occupy(void);

#endif /* SAY_H */
