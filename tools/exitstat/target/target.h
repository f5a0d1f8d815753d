/* SPDX-License-Identifier: MIT */
/* What is measured: a VM from inside, or one of a host, or a recording. */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>

#include "command/options.h"
#include "exitstat.h"

struct target {
	struct exitstat_source *src;
	struct exitstat_description desc;
	const char *path;	/* of the recording, or NULL */
	int vcpu;		/* a CPU, VCPU_NONE or VCPU_ALL */
	bool pinned;		/* the last reading got as far as to run on its CPU */
	bool host;		/* it is vm, seen from its host, */
	bool ended;		/* which ended before a reading of its vCPU, and that was said */
	struct exitstat_vm vm;
};

/* Open what the options name, and find out what it offers: STATUS_OK, or what to exit with. */
int target_open(struct target *target, const struct options *opts);

/* The two halves of it: the source, not believed; and the description. */
int target_open_source(struct target *target, const struct options *opts);
int target_describe(struct target *target);

/* The twelve bytes with which hypervisors introduce themselves, if they are printable. */
void target_hypervisor(struct target *target, char name[13]);

/* Go to the next moment: 1, 0 at the end, or -1 after an error that was said. */
int target_advance(struct target *target);

/* The same if now is another moment, as it is on a host, and 1 if it is not. */
int target_refresh(struct target *target);

/* A VM is over: say so.  STATUS_OK: that is no error. */
int target_say_end(const struct target *target);

/* Go to the last moment of a recording; the CPU is there already.  False after an error, said. */
bool target_to_end(struct target *target);

/* What happened from before to after: STATUS_OK, or what to exit with. */
int target_subtract(struct target *target, const struct exitstat_snapshot *after,
		    const struct exitstat_snapshot *before, struct exitstat_snapshot *between);

/*
 * Take a snapshot of what the options name: STATUS_OK, or what to exit with.  Once more, after
 * before, it may cost less.
 */
int target_take(struct target *target, struct exitstat_snapshot *snap);
int target_retake(struct target *target, const struct exitstat_snapshot *before,
		  struct exitstat_snapshot *snap);

/* The same without a word: 0 or -errno, which target_say() says. */
int target_read(struct target *target, const struct exitstat_snapshot *before,
		struct exitstat_snapshot *snap);
int target_say(struct target *target, int err);

/* That error means only that this CPU cannot be had, for now or for this process. */
bool target_lacks_cpu(const struct target *target, int err);

#define SINCE_SIZE	96

/* Since when the counters count, as of that snapshot: "since the VM started". */
const char *target_since(char text[SINCE_SIZE], const struct target *target,
			 const struct exitstat_snapshot *snap);

void target_close(struct target *target);

#endif /* TARGET_H */
