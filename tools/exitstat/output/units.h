/* SPDX-License-Identifier: MIT */
/* Numbers for people, in columns of fixed width. */
#ifndef UNITS_H
#define UNITS_H

#include "command/vendor.h"
#include "exitstat.h"

/* 10 columns: "123.456 ms", or in cycles if the frequency is unknown. */
const char *text_time(char text[TEXT_SIZE], const struct exitstat_description *desc, double cycles);
const char *text_ns(char text[TEXT_SIZE], double ns);

/* The same for use in a sentence: without padding. */
char *text_unpad(char text[TEXT_SIZE]);

/* 5 columns: " 99.9", or "-" if whole is 0. */
const char *text_share(char text[TEXT_SIZE], double part, double whole);

#endif /* UNITS_H */
