// SPDX-License-Identifier: MIT
/* Text that others chose, of any length, by the library's rule. */
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
