/* SPDX-License-Identifier: MIT */
/*
 * The host's tables of exits, and a source of leaves that answers from them.
 *
 * struct tables_ops tells where tables come from: debugfs.c or qmp.c.
 */
#ifndef EXITSTAT_TABLES_H
#define EXITSTAT_TABLES_H

#include "exitstat.h"

#define TABLE_OF_VM	(-1)

/* The highest vCPU number that KVM allows on x86. */
#define TABLE_VCPU_MAX	16383

/* What the host reports about a VM or one of its vCPUs. */
struct table {
	uint32_t numbering;
	uint32_t tsc_khz;
	uint32_t vcpus;			/* in the VM's table */
	uint32_t vcpu;			/* the index, in a vCPU's */
	uint64_t epoch;
	uint64_t guest_cycles;
	uint64_t age_cycles;		/* since counting began */
	int late;			/* counting began after the VM's first entry */
	int approximate;		/* the times */
	int histograms;
	struct exitstat_entry *rows;	/* ascending */
	uint64_t (*buckets)[EXITSTAT_BUCKETS];	/* of each row */
	size_t rows_nr;
	size_t rows_room;
	struct exitstat_detail *details;	/* ascending by place; in a table of details */
	size_t details_nr;
	size_t details_room;
	const char *complaint;		/* after -EBADMSG: the rule, */
	unsigned long line;		/* and the line that violates it */
};

struct tables_ops {
	/*
	 * Fill the empty table for the VM (TABLE_OF_VM) or a vCPU: 0 or -errno.  -ENODEV: no such
	 * VM or vCPU.  Reading the VM's table begins a moment, to which its vCPUs' tables belong.
	 */
	int (*read)(void *self, int vcpu, struct table *table);
	/* Whether the VM has details; NULL: never. */
	int (*has_details)(void *self);
	/* The same as read() for the details, which make a table of their own. */
	int (*read_details)(void *self, int vcpu, struct table *table);
	/* The lowest existing vCPU that is at least that, or -ENODEV. */
	int (*next_vcpu)(void *self, int vcpu);
	void (*close)(void *self);
};

/* The index of that number's row, which is created if there is none: 0, -ENOMEM, or -EOVERFLOW. */
int exitstat_table_row(struct table *table, uint32_t number, size_t *row);

/* Note the rule that the table's text violates, and return -EBADMSG. */
int exitstat_table_complain(struct table *table, const char *rule);

void exitstat_table_free(struct table *table);

/* Closing the source closes self.  After -ENOMEM, the caller still owns self. */
int exitstat_tables_open(const struct tables_ops *ops, void *self, struct exitstat_source **src);

#endif /* EXITSTAT_TABLES_H */
