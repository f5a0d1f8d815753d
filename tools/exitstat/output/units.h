/* SPDX-License-Identifier: MIT */
/* Numbers for people, in columns of fixed width. */
#ifndef UNITS_H
#define UNITS_H

#include "command/vendor.h"
#include "exitstat.h"

/* The one unit of a column: of time, or of cycles if the frequency is unknown. */
struct unit {
	const char *name;
	double cycles;
};

/* The one in which the largest value of the column has at most five digits before the point. */
struct unit unit_for(const struct exitstat_description *desc, double largest_cycles);

/* 10 columns: "597.436", or "-" if it is negative. */
const char *text_in(char text[TEXT_SIZE], const struct unit *unit, double cycles);

/* 10 columns: "time(ms)". */
const char *text_head(char text[TEXT_SIZE], const char *what, const struct unit *unit);

/* 10 columns: "123.456 ms", or in cycles if the frequency is unknown. */
const char *text_time(char text[TEXT_SIZE], const struct exitstat_description *desc, double cycles);
const char *text_ns(char text[TEXT_SIZE], double ns);

/* The same for use in a sentence: without padding. */
char *text_unpad(char text[TEXT_SIZE]);

/* 6 columns: "  99.9", or "-" if whole is 0. */
const char *text_share(char text[TEXT_SIZE], double part, double whole);

#endif /* UNITS_H */
