/* SPDX-License-Identifier: MIT */
/* What the verbs of the command exitstat share. */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "exitstat.h"

#define STATUS_OK		0
#define STATUS_FAILED		1
#define STATUS_USAGE		2
#define STATUS_NOT_HERE		77

/*
 * Options: one table for all verbs, in options.c.
 */

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
	unsigned int seen;	/* which options were given, as in options.c */
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
#define FOR_LIST	0x400u
#define FOR_HOST	0x800u	/* each of them, behind 'host' */

#define OPTIONS_DEFAULT	{ .vcpu = VCPU_NONE }

/*
 * Parse up to the first operand, or, if the options may stand anywhere, all of them: the index of
 * the first operand, or -1 after an error that was said.
 */
int options_parse(int argc, char **argv, bool anywhere, struct options *opts);

/* Whether all options that were given are for that verb; says it if not. */
bool options_fit(const struct options *opts, unsigned int verb, const char *name);

/*
 * Verbs.  argv[0] is the verb, or the first operand if there is no verb.
 */

struct verb {
	const char *name;	/* NULL: chosen by what the operands are */
	unsigned int bit;
	int (*run)(struct options *opts, int argc, char **argv);
	const char *help;
};

extern const struct verb verb_list;
extern const struct verb verb_show;
extern const struct verb verb_interval;
extern const struct verb verb_run;
extern const struct verb verb_leaf;
extern const struct verb verb_names;
extern const struct verb verb_check;
extern const struct verb verb_record;
extern const struct verb verb_report;
extern const struct verb verb_top;

/*
 * Messages, in say.c: one line to stderr that begins with the program's name.
 */

#ifndef __printf
#define __printf(a, b) __attribute__((__format__(printf, a, b)))
#endif

/* What a full screen must do before a line can be printed, or NULL. */
extern void (*say_prepare)(void);

__printf(2, 3) int say(int status, const char *format, ...);

/*
 * What is measured, in meter.c.
 */

struct meter {
	struct exitstat_source *src;
	struct exitstat_description desc;
	const char *path;	/* of the recording, or NULL */
	int vcpu;		/* a CPU, VCPU_NONE or VCPU_ALL */
	bool host;		/* it is about vm, from outside, */
	bool ended;		/* which ended before a reading of its vCPU, and that was said */
	struct exitstat_vm vm;
};

/* Open the source without believing it: STATUS_OK, or what to exit with. */
int meter_open(struct meter *meter, const struct options *opts);

/* Find out what it offers: STATUS_OK, or what to exit with. */
int meter_describe(struct meter *meter);

/* The twelve bytes with which hypervisors introduce themselves, if they are printable. */
void hypervisor_name(struct meter *meter, char name[13]);

/* Go to the next moment: 1, 0 at the end, or -1 after an error that was said. */
int meter_advance(struct meter *meter);

/* The same if now is another moment, as it is on a host, and 1 if it is not. */
int meter_refresh(struct meter *meter);

/* A VM is over: say so.  STATUS_OK: that is no error. */
int meter_say_end(const struct meter *meter);

/* Go to the last moment of a recording; the CPU is there already.  False after an error, said. */
bool meter_to_end(struct meter *meter);

/* What happened from before to after: STATUS_OK, or what to exit with. */
int meter_subtract(struct meter *meter, const struct exitstat_snapshot *after,
		   const struct exitstat_snapshot *before, struct exitstat_snapshot *between);

/* Take a snapshot of what the options name: STATUS_OK, or what to exit with. */
int meter_take(struct meter *meter, struct exitstat_snapshot *snap);

void meter_close(struct meter *meter);

/* Open the file of --output, or take that stream: NULL after an error that was said. */
FILE *output_open(const struct options *opts, FILE *stream);

/* Close it and say what could not be written: status, or STATUS_FAILED. */
int output_close(FILE *out, const struct options *opts, int status);

/*
 * The VMs of a host, in host.c, and what their VMMs say of them, in qmp.c.
 */

/* Open the VM that the options name: STATUS_OK, or what to exit with. */
int host_open(struct meter *meter, const struct options *opts);

/* Say why its tables cannot be read. */
int host_say(const struct meter *meter, int err);

/* KVM's directory in debugfs. */
const char *host_dir(const struct options *opts);

/* Without a VM to look at, a host shows all of them. */
bool host_lists(const struct options *opts);

/* List the VMs there: STATUS_OK, or what to exit with. */
int host_list(const struct options *opts, struct exitstat_vms **vms);

#define VM_TEXT_SIZE	(EXITSTAT_VM_NAME_SIZE + 32)

/* "web1 (1234-11)" */
const char *vm_text(char text[VM_TEXT_SIZE], const struct exitstat_vm *vm);

/*
 * All of them, each with what happened between the last two readings, in list.c.
 */

struct list;

/* NULL: out of memory.  A quiet one does not say which VMs ended. */
struct list *list_new(const struct options *opts, bool quiet);
void list_free(struct list *list);

/* Find the VMs, and take a reading of each: STATUS_OK, or what to exit with. */
int list_update(struct list *list);

size_t list_length(const struct list *list);

/* A line for each, below a header. */
void list_print(FILE *out, struct list *list, enum sort_key sort);

/*
 * Numbers that line up, in units.c.
 */

#define TEXT_SIZE	32

/* 10 columns: "123.456 ms", in cycles if the frequency is not known. */
const char *text_time(char text[TEXT_SIZE], const struct exitstat_description *desc, double cycles);
const char *text_ns(char text[TEXT_SIZE], double ns);

/* The same within a sentence: no more than one blank. */
char *text_unpad(char text[TEXT_SIZE]);

/* 5 columns: " 99.9", or "-" of nothing. */
const char *text_share(char text[TEXT_SIZE], double part, double whole);

/* "0x07b" on AMD, "30" on Intel, "-1" for the last few. */
const char *text_number(char text[TEXT_SIZE], uint32_t numbering, uint32_t number);

const char *vendor_name(uint32_t numbering);

/* The exit's name or, where a newer kernel knows more exits, its number. */
const char *exit_name(char text[TEXT_SIZE], uint32_t numbering, uint32_t number);

/* Another one's text, by exitstat_text_clean(): a copy, yours to free, or NULL; and printed. */
char *clean_copy(const char *text);
void clean_print(FILE *out, const char *text);

/* An unsigned number of at most 32 bits in C's notation, or the 32 bits of a negative one. */
bool parse_u32(const char *text, uint32_t *value);

/* 0.01 to 86400 seconds. */
bool parse_interval(const char *text, uint64_t *interval_ns);

/* INTERVAL [COUNT], in interval.c: STATUS_OK, or what to exit with.  lines is endless without. */
int interval_operands(int argc, char **argv, uint64_t *interval_ns, uint32_t *lines);

/*
 * The table, in table.c.
 */

void table_print(FILE *out, const struct options *opts, const struct exitstat_description *desc,
		 const struct exitstat_snapshot *snap);

/* The entries of the snapshot, in the order of its rows. */
void table_sort(enum sort_key sort, const struct exitstat_snapshot *snap,
		struct exitstat_entry entries[EXITSTAT_ENTRIES_MAX]);

/* "AMD, 2 vCPUs: exits WHEN", behind the VM's name on a host, without the end of the line. */
void title_print(FILE *out, const struct meter *meter, const struct exitstat_snapshot *snap,
		 const char *when);

/* What subtracting found, if anything: a line each. */
void since_print(FILE *out, const struct exitstat_snapshot *between);

/* Where the vCPUs' time went, as parts of all_cycles. */
struct states {
	double all_cycles;
	double guest;
	double kernel;
	double vmm;
	double waiting;
};

/* False if there is no split. */
bool states_of(const struct exitstat_snapshot *snap, struct states *states);

/* One line: the share of guest, KVM, VMM and waiting; nothing if there is no split. */
void states_print(FILE *out, const struct exitstat_description *desc,
		  const struct exitstat_snapshot *snap);

/*
 * For programs, in format.c.
 */

json_t *json_of_snapshot(const struct meter *meter, const struct exitstat_snapshot *snap);
json_t *json_of_text(const char *text);

/* Print it as a line, and drop it: 0, or -1. */
int json_print(FILE *out, json_t *json);

void csv_header_print(FILE *out, const struct meter *meter);
void csv_print(FILE *out, const struct meter *meter, const struct exitstat_snapshot *snap);

#endif /* CLI_H */
