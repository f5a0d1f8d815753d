/* SPDX-License-Identifier: MIT */
/* Options: one table for all verbs. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

struct options {
	unsigned int seen;	/* which options were given, as in its table */
	bool named;		/* a verb stands before them */
	bool help;
	bool version;
	bool all;
	bool no_header;
	bool dashes;		/* '--' ended the options: a command follows */
	int vcpu;
	enum sort_key sort;
	enum format format;
	bool by_reason;
	bool host;		/* the verb is one of 'exitstat host' */
	bool total;
	bool sorted;		/* sort was given */
	unsigned int repeat;	/* 0: not given */
	uint32_t numbering;	/* 0: not given */
	uint64_t interval_ns;	/* 0: not given */
	const char *source;
	const char *output;
	const char *html;
	const char *debugfs;	/* KVM's directory; NULL: where it is */
	const char *vm;		/* PID, PID-FD or name; NULL: not given */
	const char *qmps[QMPS_MAX];	/* a verb of one VM takes the last */
	size_t qmps_nr;
	const char *listen;
	const char *textfile;
	bool per_vcpu;
	bool histograms;
};

/* Verbs an option is for. */
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
#define FOR_HOST	0x800u	/* each of them, behind 'host' */

#define OPTIONS_DEFAULT	{ .vcpu = VCPU_NONE }

/*
 * Parse up to the first operand, or, if the options may stand anywhere, all of them: the index of
 * the first operand, or -1 after an error that was said.
 */
int options_parse(int argc, char **argv, bool anywhere, struct options *opts);

/* Whether all options that were given are for that verb; says it if not. */
bool options_fit(const struct options *opts, unsigned int verb, const char *name);

#endif /* OPTIONS_H */
