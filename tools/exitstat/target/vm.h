/* SPDX-License-Identifier: MIT */
/* The VMs of a host: find the one that is named. */
#ifndef VM_H
#define VM_H

#include <stdbool.h>

#include "command/options.h"
#include "exitstat.h"

/* Open the VM that the options name, at its first moment: STATUS_OK, or what to exit with. */
int vm_open(const struct options *opts, struct exitstat_vm *vm, struct exitstat_source **src);

/* Say why it cannot be read. */
int vm_say(const struct exitstat_vm *vm, struct exitstat_source *src, int err);

/* KVM's directory in debugfs. */
const char *vm_host_dir(const struct options *opts);

/* Without a VM to look at, a host shows all of them. */
bool vm_is_list(const struct options *opts);

/* List the VMs there: STATUS_OK, or what to exit with. */
int vm_list(const struct options *opts, struct exitstat_vms **vms);

#define VM_TEXT_SIZE	(EXITSTAT_VM_NAME_SIZE + 32)

/* "web1 (1234-11)" */
const char *vm_text(char text[VM_TEXT_SIZE], const struct exitstat_vm *vm);

#endif /* VM_H */
