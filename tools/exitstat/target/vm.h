/* SPDX-License-Identifier: MIT */
/* The VMs of a host: find the one that is named. */
#ifndef VM_H
#define VM_H

#include <stdbool.h>

#include "command/options.h"
#include "exitstat.h"

/* Open the VM that the options name, at its first moment.  Returns STATUS_OK or the exit status. */
int vm_open(const struct options *opts, struct exitstat_vm *vm, struct exitstat_source **src);

/* Print why the VM cannot be read. */
int vm_say(const struct exitstat_vm *vm, struct exitstat_source *src, int err);

/* KVM's directory in debugfs. */
const char *vm_host_dir(const struct options *opts);

/* On a host, without the name of a VM: show the list of all. */
bool vm_is_list(const struct options *opts);

/* List the VMs.  Returns STATUS_OK or the exit status. */
int vm_list(const struct options *opts, struct exitstat_vms **vms);

#define VM_TEXT_SIZE	(EXITSTAT_VM_NAME_SIZE + 32)

/* "web1 (1234-11)" */
const char *vm_text(char text[VM_TEXT_SIZE], const struct exitstat_vm *vm);

#endif /* VM_H */
