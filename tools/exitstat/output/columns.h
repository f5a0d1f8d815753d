/* SPDX-License-Identifier: MIT */
/*
 * Text in the columns of a terminal.  Names need not be ASCII, so strlen() and printf()'s widths do
 * not work.
 */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <stddef.h>
#include <stdio.h>

/* Call this before anything is measured. */
void columns_begin(void);

/* How many bytes of the text fit into that many columns; *used is how many columns they take. */
size_t columns_fit(const char *text, int columns, int *used);

int columns_of(const char *text);

/* Exactly that many columns: the text and blanks, or its beginning and an ellipsis. */
void columns_print(FILE *out, const char *text, int columns);

/* The width of standard output, or 0 if it is not a terminal. */
int columns_of_terminal(void);

#endif /* COLUMNS_H */
