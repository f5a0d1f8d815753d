/* SPDX-License-Identifier: MIT */
/* What is measured: a VM from inside, or one of a host, or a recording. */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>

#include "command/options.h"
#include "exitstat.h"

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

/*
 * Take a snapshot of what the options name: STATUS_OK, or what to exit with.  Once more, after before,
 * it may cost less.
 */
int meter_take(struct meter *meter, struct exitstat_snapshot *snap);
int meter_retake(struct meter *meter, const struct exitstat_snapshot *before,
		 struct exitstat_snapshot *snap);

#define SINCE_SIZE	96

/* Since when the counters count, as of that snapshot: "since the VM started". */
const char *meter_since(char text[SINCE_SIZE], const struct meter *meter,
			const struct exitstat_snapshot *snap);

void meter_close(struct meter *meter);

/*
 * The VMs of a host, in vm.c.
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

#endif /* TARGET_H */
