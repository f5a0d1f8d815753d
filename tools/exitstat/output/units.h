/* SPDX-License-Identifier: MIT */
/* Numbers that line up. */
#ifndef UNITS_H
#define UNITS_H

#include "command/vendor.h"
#include "exitstat.h"

/* 10 columns: "123.456 ms", in cycles if the frequency is not known. */
const char *text_time(char text[TEXT_SIZE], const struct exitstat_description *desc, double cycles);
const char *text_ns(char text[TEXT_SIZE], double ns);

/* The same within a sentence: no more than one blank. */
char *text_unpad(char text[TEXT_SIZE]);

/* 5 columns: " 99.9", or "-" of nothing. */
const char *text_share(char text[TEXT_SIZE], double part, double whole);

#endif /* UNITS_H */
