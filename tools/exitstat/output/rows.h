/* SPDX-License-Identifier: MIT */
/* The table of exits, and where the time went. */
#ifndef ROWS_H
#define ROWS_H

#include <stdbool.h>
#include <stdio.h>

#include "command/options.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "target/target.h"

void rows_print(FILE *out, const struct options *opts, const struct target *target,
		const struct exitstat_snapshot *snap);

/* The value to sort by; 0 for name and number. */
uint64_t rows_key(enum sort_key sort, const struct exitstat_entry *entry);

/* The entries that were asked for, in the order of the rows; returns how many. */
uint32_t rows_sort(const struct options *opts, const struct reasons *reasons,
		   const struct exitstat_snapshot *snap,
		   struct exitstat_entry entries[EXITSTAT_ENTRIES_MAX]);

/* Keep in the snapshot only what was asked for, and within the limit of rows. */
void rows_keep(const struct options *opts, const struct reasons *reasons,
	       struct exitstat_snapshot *snap);

/* "AMD, 2 vCPUs: exits WHEN", on a host after the VM's name, without a newline. */
void title_print(FILE *out, const struct target *target, const struct exitstat_snapshot *snap,
		 const char *when);

/* What subtracting found, one line each. */
void since_print(FILE *out, const struct exitstat_snapshot *between);

/* The name of the most frequent exit, or nothing if there was none. */
const char *busiest_name(char name[TEXT_SIZE], const struct exitstat_snapshot *snap);

/* Where the vCPUs' time went, as fractions of all_cycles. */
struct states {
	double all_cycles;
	double guest;
	double kernel;
	double vmm;
	double waiting;
};

/* False if there is no split. */
bool states_of(const struct exitstat_snapshot *snap, struct states *states);

/* One line with the shares of guest, KVM, VMM and waiting, or nothing if there is no split. */
void states_print(FILE *out, const struct exitstat_description *desc,
		  const struct exitstat_snapshot *snap);

#endif /* ROWS_H */
