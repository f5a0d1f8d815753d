// SPDX-License-Identifier: MIT
/* Messages: what could not be done, with which value, why, and what to do next. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/say.h"
#include "exitstat.h"

void (*say_prepare)(void);

void streams_occupy(void)
{
	int fd;

	/*
	 * A directory, close-on-exec: reads and writes still fail, and a command finds them closed.
	 */
	do {
		fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Values may be untrusted, so clean the whole message. */
int say(int status, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text)
		exitstat_text_clean(text, strlen(text) + 1, text);
	if (say_prepare)
		say_prepare();
	fflush(stdout);
	fprintf(stderr, "exitstat: %s\n", text ? text : "out of memory");
	free(text);
	return status;
}
