/* SPDX-License-Identifier: MIT */
/* What is measured: this VM, one of a host's VMs, or a recording. */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>

#include "command/options.h"
#include "exitstat.h"
#include "target/devices.h"
#include "target/causes.h"
#include "target/reasons.h"

struct target {
	struct exitstat_source *src;
	struct exitstat_description desc;
	const char *path;	/* of the recording, or NULL */
	int vcpu;		/* a CPU, VCPU_NONE or VCPU_ALL */
	bool pinned;		/* the last reading could at least run on its CPU */
	bool host;		/* it is vm, read on its host */
	bool ended;		/* vm ended before a reading of its vCPU; a message was printed */
	struct exitstat_vm vm;
	struct reasons reasons;	/* which exits are shown */
	uint64_t read_ns;	/* the moment of the last reading, as its source counts, */
	int64_t wall_ns;	/* and since 1970, or -1: unknown */
	struct causes *causes;	/* the details, read with each snapshot; NULL: not wanted */
	struct devices *devices;	/* what they are about, or NULL */
};

/* Open what the options name, and read its description.  Returns STATUS_OK or the exit status. */
int target_open(struct target *target, const struct options *opts);

/* The two halves of that: open the source, then read its description. */
int target_open_source(struct target *target, const struct options *opts);
int target_describe(struct target *target);

/* From now on, read details too, as with --details.  Returns STATUS_OK or the exit status. */
int target_want_details(struct target *target);
void target_drop_details(struct target *target);

/* Whether they are there: the host counts them, and the recording holds them. */
bool target_has_details(const struct target *target);

/* The hypervisor's signature in leaf 0x40000000, cleaned. */
void target_hypervisor(struct target *target, char name[13]);

/* Go to the next moment: 1, 0 at the end, or -1 after an error message. */
int target_advance(struct target *target);

/* On a host, where each moment needs it, the same; otherwise just 1. */
int target_refresh(struct target *target);

/* This moment is that of the last reading. */
void target_note_time(struct target *target, uint64_t read_ns);

/* Print that the VM has ended.  Returns STATUS_OK, as that is not an error. */
int target_say_end(const struct target *target);

/* Go to the last moment of a recording; for the CPU, do nothing.  False after an error message. */
bool target_to_end(struct target *target);

/* What happened between the last two readings.  Returns STATUS_OK or the exit status. */
int target_subtract(struct target *target, const struct exitstat_snapshot *after,
		    const struct exitstat_snapshot *before, struct exitstat_snapshot *between);

/*
 * Take a snapshot of what the options name.  Returns STATUS_OK or the exit status.  Retaking one,
 * after before, may cause fewer exits.
 */
int target_take(struct target *target, struct exitstat_snapshot *snap);
int target_retake(struct target *target, const struct exitstat_snapshot *before,
		  struct exitstat_snapshot *snap);

/* Show all details of the last reading.  Returns STATUS_OK or the exit status. */
int target_sum(struct target *target, struct exitstat_snapshot *snap);

/* The same as target_retake() without an error message: 0 or -errno, which target_say() prints. */
int target_read(struct target *target, const struct exitstat_snapshot *before,
		struct exitstat_snapshot *snap);
int target_say(struct target *target, int err);

/* Does that error only mean that this CPU is not available, now or to this process? */
bool target_lacks_cpu(const struct target *target, int err);

/* The lowest CPU that the options name, of those from cpu on; -1: none. */
int target_next_cpu(const struct target *target, const struct options *opts, int cpu);

/* Print that there is none at all.  Returns STATUS_FAILED. */
int target_say_no_cpu(const struct target *target);

#define SINCE_SIZE	96

/* Since when the counters have counted, as of that snapshot: "since the VM started". */
const char *target_since(char text[SINCE_SIZE], const struct target *target,
			 const struct exitstat_snapshot *snap);

void target_close(struct target *target);

#endif /* TARGET_H */
