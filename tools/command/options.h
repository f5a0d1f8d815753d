/* SPDX-License-Identifier: MIT */
/* Options: one table, in which each verb has its own letters. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum sort_key {
	SORT_TIME,
	SORT_COUNT,
	SORT_MEAN,
	SORT_VMM,
	SORT_WAITING,
	SORT_NAME,
	SORT_NUMBER,
};

enum format {
	FORMAT_TABLE,
	FORMAT_JSON,
	FORMAT_CSV,
};

#define QMPS_MAX	64

#define VCPU_NONE	(-1)	/* the whole VM */
#define VCPU_ALL	(-2)
#define VCPU_LIST	(-3)	/* those in a list of several */

/* More than KVM's last vCPU has. */
#define VCPUS_MAX	16384

struct options {
	uint64_t seen;		/* the options that were given, one bit for each row of the table */
	bool named;		/* they come after a verb */
	bool help;
	bool version;
	bool all;
	bool no_header;
	bool dashes;		/* '--' ended the options: a command follows */
	int vcpu;		/* a CPU, or VCPU_* */
	uint64_t vcpus[VCPUS_MAX / 64];	/* with VCPU_LIST: which */
	enum sort_key sort;
	enum format format;
	bool by_reason;
	bool host;		/* the verb is one of 'exitstat host' */
	bool total;
	bool sorted;		/* sort was given */
	bool reverse;
	bool timestamp;
	uint32_t limit;		/* of rows; 0: none */
	unsigned int repeat;	/* 0 if not given */
	uint32_t numbering;	/* 0 if not given */
	uint64_t interval_ns;	/* 0 if not given */
	const char *source;
	const char *output;
	const char *html;
	const char *debugfs;	/* KVM's directory; NULL for the default */
	const char *vm;		/* PID, PID-FD or name; NULL if not given */
	uint32_t pid;		/* of a VM's process; 0 if not given */
	const char *qmps[QMPS_MAX];	/* a verb for one VM takes the last one */
	size_t qmps_nr;
	const char *listen;
	const char *textfile;
	bool per_vcpu;
	bool histograms;
	bool details;
	const char *exit;	/* REASON[,...]: names, numbers or classes of exits, or NULL */
	unsigned int period;	/* 0: not given */
	bool folded;
	bool by_time;
};

/* The verbs that take an option. */
#define FOR_SHOW	0x001u
#define FOR_INTERVAL	0x002u
#define FOR_RUN		0x004u
#define FOR_LEAF	0x008u
#define FOR_NAMES	0x010u
#define FOR_CHECK	0x020u
#define FOR_RECORD	0x040u
#define FOR_REPORT	0x080u
#define FOR_TOP		0x100u
#define FOR_EXPORT	0x200u
#define FOR_GUESTS	0x400u
#define FOR_HOST	0x800u	/* any of them, after 'host' */
#define FOR_WHY		0x1000u
#define FOR_PROFILE	0x2000u
#define FOR_DIFF	0x4000u
#define FOR_DEFAULT	(FOR_SHOW | FOR_INTERVAL | FOR_RUN)	/* without a verb */

#define OPTIONS_DEFAULT	{ .vcpu = VCPU_NONE }

/*
 * Parse the options up to the first operand or, with anywhere, all of them, by the letters of those
 * verbs.  Returns the index of the first operand, or -1 after an error message.
 */
int options_parse(int argc, char **argv, bool anywhere, unsigned int verbs, struct options *opts);

/* Does that verb take all options that were given?  If not, prints an error message. */
bool options_fit(const struct options *opts, unsigned int verb, const char *name);

/* Print what --help says of the options of those verbs. */
void options_print(FILE *out, unsigned int verbs);

/* The lowest CPU of the list that is at least cpu, or -1. */
int options_next_vcpu(const struct options *opts, int cpu);

#endif /* OPTIONS_H */
