/* SPDX-License-Identifier: MIT */
/*
 * Text in the columns of a terminal.  Names are not ASCII, so strlen() and printf()'s widths are no
 * measure of them.
 */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <stddef.h>
#include <stdio.h>

/* Before anything is measured. */
void columns_begin(void);

/* How many bytes of the text have room in so many columns, and how many of these they take. */
size_t columns_fit(const char *text, int columns, int *used);

int columns_of(const char *text);

/* Exactly so many columns: the text and blanks, or its beginning and an ellipsis. */
void columns_print(FILE *out, const char *text, int columns);

/* Of standard output; 0: it is no terminal. */
int columns_of_terminal(void);

#endif /* COLUMNS_H */
