/* SPDX-License-Identifier: MIT */
/*
 * The host's tables of exits, and a source of leaves that answers from them.
 *
 * Where tables come from is the business of struct tables_ops: debugfs.c here, QMP in the command.
 */
#ifndef EXITSTAT_TABLES_H
#define EXITSTAT_TABLES_H

#include "exitstat.h"

#define TABLE_OF_VM	(-1)

/* The most vCPU numbers that KVM has on x86. */
#define TABLE_VCPU_MAX	16383

/* What the host says of a VM or of one of its vCPUs. */
struct table {
	uint32_t numbering;
	uint32_t tsc_khz;
	uint32_t vcpus;			/* in the VM's table */
	uint32_t vcpu;			/* the index, in a vCPU's */
	uint64_t epoch;
	uint64_t guest_cycles;
	uint64_t age_cycles;		/* since counting began */
	int late;			/* after the VM's first entry */
	int approximate;		/* times are */
	int histograms;
	struct exitstat_entry *rows;	/* ascending */
	uint64_t (*buckets)[EXITSTAT_BUCKETS];	/* of each row */
	size_t rows_nr;
	size_t rows_room;
	const char *complaint;		/* after -EBADMSG: the rule, */
	unsigned long line;		/* and the line that broke it */
};

struct tables_ops {
	/*
	 * Fill the empty table of the VM (TABLE_OF_VM) or of a vCPU: 0 or -errno.  -ENODEV: the VM,
	 * or the vCPU, is not there.  The VM's begins a moment, to which those of its vCPUs belong.
	 */
	int (*read)(void *self, int vcpu, struct table *table);
	/* The lowest vCPU from that on, or -ENODEV. */
	int (*next_vcpu)(void *self, int vcpu);
	void (*close)(void *self);
};

/* The row of that number, which is new where there was none: -ENOMEM, or -EOVERFLOW. */
int exitstat_table_row(struct table *table, uint32_t number, size_t *row);

/* -EBADMSG, for a rule that the table's text breaks. */
int exitstat_table_complain(struct table *table, const char *rule);

void exitstat_table_free(struct table *table);

/* self is closed with the source.  -ENOMEM: it is still yours. */
int exitstat_tables_open(const struct tables_ops *ops, void *self, struct exitstat_source **src);

#endif /* EXITSTAT_TABLES_H */
