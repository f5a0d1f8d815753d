/* SPDX-License-Identifier: MIT */
/* The exits, and under each reason the ports, MSRs, leaves and pages that they were about. */
#ifndef DETAILED_H
#define DETAILED_H

#include <stdint.h>
#include <stdio.h>

#include "command/options.h"
#include "exitstat.h"
#include "target/target.h"

/* What the table holds of the reasons. */
enum why_rows {
	WHY_ALL,		/* each of them */
	WHY_DETAILED,		/* those without details are one line */
	WHY_THESE		/* those that were asked for, and no total */
};

void details_print(FILE *out, const struct options *opts, const struct target *target,
		   const struct exitstat_snapshot *snap, enum why_rows rows);

/* The rows, with or without details, as the target has them. */
void table_print(FILE *out, const struct options *opts, const struct target *target,
		 const struct exitstat_snapshot *snap);

#define DETAIL_TEXT_SIZE	(EXITSTAT_DETAIL_NAME_SIZE + DEVICE_NAME_SIZE + 4)

/* "out 0x3f8  serial" */
const char *detail_text(char text[DETAIL_TEXT_SIZE], const struct target *target,
			uint32_t number, uint64_t detail);

/* What it is about, without the number: "serial", or NULL. */
const char *detail_about(char text[DEVICE_NAME_SIZE], const struct target *target,
			 uint32_t number, uint64_t detail);

/*
 * Sort by the key, and return how many of the first ones make up 95 % of it, or nr for all, within
 * the limit of rows.
 */
uint32_t details_sort(const struct options *opts, bool times, struct exitstat_detail *details,
		      uint32_t nr);

#endif /* DETAILED_H */
