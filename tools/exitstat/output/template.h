/* SPDX-License-Identifier: MIT */
/* A page that needs only a browser: a template with marks, which the data and programs replace. */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include <stdio.h>

/* The beginning of each page, up to its own styles.  licences are those of the programs in it. */
void template_begin(FILE *out, const char *title, const char *licences);

/* Print the template up to the mark, and return what comes after it. */
const char *template_until(FILE *out, const char *page, const char *mark);

/* STATUS_OK, or a message that this exitstat makes no pages, and what to do instead. */
int template_check(const char *instead);

#endif /* TEMPLATE_H */
