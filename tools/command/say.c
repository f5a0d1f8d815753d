// SPDX-License-Identifier: MIT
/* Messages: what could not be done, with which value, why, what next. */
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

	/* What is closed stays so for a command, and reading and writing it fail as before. */
	do {
		fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Values come from anywhere, so that all of a message is cleaned. */
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
