// SPDX-License-Identifier: MIT
/* Untrusted text of any length, cleaned by exitstat_text_clean(). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/clean.h"
#include "exitstat.h"

char *clean_copy(const char *text)
{
	size_t size = strlen(text) + 1;
	char *clean = malloc(size);

	if (clean)
		exitstat_text_clean(clean, size, text);
	return clean;
}

void clean_print(FILE *out, const char *text)
{
	char *clean = clean_copy(text);

	fputs(clean ? clean : "?", out);
	free(clean);
}
