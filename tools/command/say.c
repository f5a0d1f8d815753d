// SPDX-License-Identifier: MIT
/* Messages: what could not be done, with which value, why, what next. */
#include <stdarg.h>

#include "cli.h"

void (*say_prepare)(void);

int say(int status, const char *format, ...)
{
	va_list args;

	if (say_prepare)
		say_prepare();
	fflush(stdout);
	fputs("exitstat: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}
