/* SPDX-License-Identifier: MIT */
/* Another one's text, by exitstat_text_clean(). */
#ifndef CLEAN_H
#define CLEAN_H

#include <stdio.h>

/* A copy, yours to free, or NULL. */
char *clean_copy(const char *text);
void clean_print(FILE *out, const char *text);

#endif /* CLEAN_H */
