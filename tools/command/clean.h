/* SPDX-License-Identifier: MIT */
/* Untrusted text, cleaned by exitstat_text_clean(). */
#ifndef CLEAN_H
#define CLEAN_H

#include <stdio.h>

/* A copy, which the caller frees, or NULL. */
char *clean_copy(const char *text);
void clean_print(FILE *out, const char *text);

#endif /* CLEAN_H */
