// SPDX-License-Identifier: MIT
/* The VMs of a host: find the one that is named, open it, print errors. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/options.h"
#include "command/say.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "host/qmp.h"
#include "target/vm.h"

/* How many candidates a message can list. */
#define NAMED_MAX	6

const char *vm_host_dir(const struct options *opts)
{
	return opts->debugfs ? opts->debugfs : EXITSTAT_KVM_DIR;
}

bool vm_is_list(const struct options *opts)
{
	return opts->host && !opts->vm && !opts->pid && !opts->qmps_nr;
}

const char *vm_text(char text[VM_TEXT_SIZE], const struct exitstat_vm *vm)
{
	bool named = *vm->name;

	if (vm->fd >= 0)
		snprintf(text, VM_TEXT_SIZE, "%s%s%d-%d%s", vm->name, named ? " (" : "", vm->pid,
			 vm->fd, named ? ")" : "");
	else
		snprintf(text, VM_TEXT_SIZE, "%s%s%d%s", vm->name, named ? " (" : "", vm->pid,
			 named ? ")" : "");
	return text;
}

/* Only root can read debugfs, and not even root if the kernel is locked down. */
static int say_access(const char *path, int err)
{
	if (err == -EACCES)
		return say(STATUS_FAILED,
			   "cannot read %s: only root can (try sudo); --qmp SOCKET needs no root",
			   path);
	return say(STATUS_FAILED,
		   "cannot read %s: the kernel is locked down, which closes debugfs; try --qmp SOCKET",
		   path);
}

int vm_list(const struct options *opts, struct exitstat_vms **vms)
{
	const char *dir = vm_host_dir(opts);
	int err = exitstat_vms_open(dir, vms);

	switch (err) {
	case 0:
		return STATUS_OK;
	case -ENOENT:
		return say(STATUS_NOT_HERE,
			   "this is not a VM host: there is no %s, so KVM is not loaded or debugfs is not mounted (mount -t debugfs none /sys/kernel/debug)",
			   dir);
	case -EACCES:
	case -EPERM:
		return say_access(dir, err);
	}
	return say(STATUS_FAILED, "cannot list the VMs in %s: %s", dir, strerror(-err));
}

static int say_qmp(const char *socket, int err, const char *rule)
{
	switch (err) {
	case -ETIMEDOUT:
		return say(STATUS_FAILED,
			   "the QMP socket %s does not answer: QEMU serves one client at a time, and another one may hold it",
			   socket);
	case -EOPNOTSUPP:
		return say(STATUS_NOT_HERE, "not reported: behind %s, %s", socket, rule);
	case -EBADMSG:
		return say(STATUS_FAILED, "cannot read from the QMP socket %s: %s", socket, rule);
	case -ENODEV:
		return say(STATUS_FAILED, "the QMP socket %s was closed before it answered",
			   socket);
	}
	return say(STATUS_FAILED, "cannot use the QMP socket %s: %s", socket, strerror(-err));
}

int vm_say(const struct exitstat_vm *vm, struct exitstat_source *src, int err)
{
	const char *dir = vm->dir;
	unsigned long line;
	const char *rule = exitstat_source_complaint(src, &line);

	if (vm->fd < 0)
		return say_qmp(dir, err, rule);
	switch (err) {
	case -ENODEV:
		return say(STATUS_FAILED, "VM %s no longer exists", dir);
	case -EOPNOTSUPP:
		return say(STATUS_NOT_HERE,
			   "not reported: there is no %s/exit_stats, so this host's KVM has no exit statistics; type: exitstat-kvm attach",
			   dir);
	case -EACCES:
	case -EPERM:
		return say_access(dir, err);
	case -EBADMSG:
		return say(STATUS_FAILED, "cannot read the tables in %s: line %lu: %s", dir, line,
			   rule);
	}
	return say(STATUS_FAILED, "cannot read the tables in %s: %s", dir, strerror(-err));
}

/* Do the options name that VM, by PID, PID-FD or name?  Without any of these, they name all. */
static bool is_called(const struct exitstat_vm *vm, const struct options *opts)
{
	char pid[32], id[32], name[EXITSTAT_VM_NAME_SIZE];
	const char *text = opts->vm;

	if (opts->pid && (int)opts->pid != vm->pid)
		return false;
	if (!text)
		return true;
	exitstat_text_clean(name, sizeof(name), text);
	snprintf(pid, sizeof(pid), "%d", vm->pid);
	snprintf(id, sizeof(id), "%d-%d", vm->pid, vm->fd);
	return !strcmp(text, pid) || !strcmp(text, id) || !strcmp(name, vm->name);
}

/* Returns how many VMs match; found is the first one, and names lists the first few. */
static size_t find(struct exitstat_vms *vms, const struct options *opts, struct exitstat_vm *found,
		   char *names, size_t names_size)
{
	struct exitstat_vm vm;
	size_t length = 0, nr = 0;

	*names = '\0';
	while (exitstat_vms_next(vms, &vm)) {
		char name[VM_TEXT_SIZE];

		if (!is_called(&vm, opts))
			continue;
		if (!nr)
			*found = vm;
		if (nr < NAMED_MAX)
			length += (size_t)snprintf(names + length, names_size - length, "%s%s",
						   nr ? ", " : "", vm_text(name, &vm));
		else if (nr == NAMED_MAX)
			snprintf(names + length, names_size - length, ", ...");
		nr++;
	}
	return nr;
}

static int choose(const struct options *opts, struct exitstat_vm *vm)
{
	char names[NAMED_MAX * (VM_TEXT_SIZE + 2) + 8];
	struct exitstat_vms *vms;
	int status = vm_list(opts, &vms);
	size_t nr;

	if (status)
		return status;
	nr = find(vms, opts, vm, names, sizeof(names));
	exitstat_vms_close(vms);
	if (nr == 1)
		return STATUS_OK;
	if (nr && opts->vm)
		return say(STATUS_FAILED, "%zu VMs are called '%s': %s; take one of these PID-FD",
			   nr, opts->vm, names);
	if (nr && opts->pid)
		return say(STATUS_FAILED, "process %u has %zu VMs: %s; choose one with --vm PID-FD",
			   opts->pid, nr, names);
	if (nr)
		return say(STATUS_USAGE, "there are %zu VMs; choose one with --vm VM: %s", nr,
			   names);
	if (opts->vm)
		return say(STATUS_FAILED, "there is no VM '%s' in %s; exitstat host lists them",
			   opts->vm, vm_host_dir(opts));
	if (opts->pid)
		return say(STATUS_FAILED, "there is no VM of process %u in %s; exitstat host lists them",
			   opts->pid, vm_host_dir(opts));
	return say(STATUS_FAILED, "no VM is running here: %s has none", vm_host_dir(opts));
}

int vm_open(const struct options *opts, struct exitstat_vm *vm, struct exitstat_source **src)
{
	const char *qmp = opts->qmps_nr ? opts->qmps[opts->qmps_nr - 1] : NULL;
	int status = STATUS_OK;
	int err;

	if (opts->source)
		return say(STATUS_USAGE,
			   "a recording is not a host: leave out --source, or the word 'host'");
	if (qmp && (opts->vm || opts->pid || opts->debugfs))
		return say(STATUS_USAGE, "--qmp reads one VM: it takes no --%s",
			   opts->vm ? "vm" : opts->pid ? "pid" : "debugfs");
	if (!qmp)
		status = choose(opts, vm);
	if (status)
		return status;
	err = qmp ? qmp_open(qmp, vm, src) :
	      exitstat_source_open_debugfs(vm->dir, src);
	if (err)
		return say(STATUS_FAILED, "cannot open %s: %s", vm->dir, strerror(-err));
	err = exitstat_source_advance(*src);
	if (err == 1)
		return STATUS_OK;
	status = vm_say(vm, *src, err);
	exitstat_source_close(*src);
	*src = NULL;
	return status;
}
