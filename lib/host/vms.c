// SPDX-License-Identifier: MIT
/* The VMs of a host, as KVM's debugfs directory lists them, and what /proc tells of their VMMs. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exitstat.h"
#include "grow.h"
#include "proc.h"
#include "uuid.h"

/* More than libvirt's longest; whose process has more arguments has its name within these. */
#define CMDLINE_MAX_BYTES	(256 << 10)

struct id {
	int pid;
	int fd;
	uint64_t serial;
};

struct exitstat_vms {
	struct id *ids;		/* ascending */
	size_t nr;
	size_t room;
	size_t next;
	char dir[];
};

static int compare_ids(const void *left, const void *right)
{
	const struct id *a = left;
	const struct id *b = right;

	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return (a->fd > b->fd) - (a->fd < b->fd);
}

/* <pid>-<fd>, as printf() writes it. */
static int parse_id(const char *name, struct id *id)
{
	char again[32];

	if (sscanf(name, "%9d-%9d", &id->pid, &id->fd) != 2 || id->pid <= 0 || id->fd < 0)
		return 0;
	snprintf(again, sizeof(again), "%d-%d", id->pid, id->fd);
	return !strcmp(again, name);
}

static int add_id(struct exitstat_vms *vms, const struct id *id)
{
	struct id *ids = grow(vms->ids, vms->nr, &vms->room, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	vms->ids = ids;
	vms->ids[vms->nr++] = *id;
	return 0;
}

static int read_ids(struct exitstat_vms *vms)
{
	DIR *dir = opendir(vms->dir);
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return -errno;
	while (!err && (errno = 0, entry = readdir(dir))) {
		struct id id;

		id.serial = entry->d_ino;
		if (parse_id(entry->d_name, &id))
			err = add_id(vms, &id);
	}
	if (!err)
		err = -errno;
	closedir(dir);
	if (vms->nr)
		qsort(vms->ids, vms->nr, sizeof(*vms->ids), compare_ids);
	return err;
}

int exitstat_vms_open(const char *kvm_dir, struct exitstat_vms **vms)
{
	size_t size = strlen(kvm_dir) + 1;
	struct exitstat_vms *new;
	int err;

	if (size > EXITSTAT_VM_DIR_SIZE - sizeof("/2147483647-2147483647"))
		return -ENAMETOOLONG;
	new = calloc(1, sizeof(*new) + size);
	if (!new)
		return -ENOMEM;
	memcpy(new->dir, kvm_dir, size);
	err = read_ids(new);
	if (err)
		exitstat_vms_close(new);
	else
		*vms = new;
	return err;
}

/* QEMU's -name [guest=]NAME[,...], where ",," stands for a comma. */
static void take_option(char name[EXITSTAT_VM_NAME_SIZE], char *option)
{
	char *guest = strncmp(option, "guest=", 6) ? strstr(option, ",guest=") : option - 1;
	char *from = guest ? guest + 7 : option;
	char *to = from;
	char *start = from;

	for (; *from && !(from[0] == ',' && from[1] != ','); from++) {
		*to++ = *from;
		from += *from == ',';
	}
	*to = '\0';
	exitstat_text_clean(name, EXITSTAT_VM_NAME_SIZE, start);
}

static FILE *open_proc(int pid, const char *what)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	return fopen(path, "re");
}

static int is_option(const char *argument, const char *option)
{
	if (*argument++ != '-')
		return 0;
	return !strcmp(argument + (*argument == '-'), option);
}

/* QEMU takes the last one of several -uuid, and of -name what was given last. */
static void read_cmdline(struct exitstat_vm *vm)
{
	FILE *file = open_proc(vm->pid, "cmdline");
	int is_name = 0, is_uuid = 0;
	char *argument = NULL;
	size_t room = 0;
	ssize_t size, left = CMDLINE_MAX_BYTES;

	while (file && left > 0 && (size = getdelim(&argument, &room, '\0', file)) > 0) {
		left -= size;
		if (is_name)
			take_option(vm->name, argument);
		if (is_uuid)
			exitstat_uuid_take(vm->uuid, argument);
		is_name = is_option(argument, "name");
		is_uuid = is_option(argument, "uuid");
	}
	vm->named = *vm->name != '\0';
	free(argument);
	if (file)
		fclose(file);
}

/* /proc/<pid>/stat: pid (name) state and 18 numbers before it, where the name may hold anything. */
#define STARTED_FORMAT	" %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu"

uint64_t exitstat_process_read(int pid, char name[EXITSTAT_VM_NAME_SIZE])
{
	FILE *file = open_proc(pid, "stat");
	unsigned long long started = 0;
	char line[1024], *begin, *end;
	size_t size;

	if (!file)
		return 0;
	size = fread(line, 1, sizeof(line) - 1, file);
	fclose(file);
	line[size] = '\0';
	begin = strchr(line, '(');
	end = strrchr(line, ')');
	if (!begin || !end)
		return 0;
	*end = '\0';
	exitstat_text_clean(name, EXITSTAT_VM_NAME_SIZE, begin + 1);
	return sscanf(end + 1, STARTED_FORMAT, &started) == 1 ? started : 0;
}

/* Are the PIDs in our /proc those of the initial PID namespace, which KVM uses? */
static int same_pids(void)
{
	static const char initial[] = "pid:[4026531836]";
	char link[32];

	return readlink("/proc/self/ns/pid", link, sizeof(link)) == sizeof(initial) - 1 &&
	       !memcmp(link, initial, sizeof(initial) - 1);
}

/*
 * Does that process have the VM?  In a container's PID namespace, or if the VMM passed its
 * descriptor on and ended, the PID is another process's.  Without permission to check, trust the
 * PID.
 */
static int has_vm(const struct exitstat_vm *vm)
{
	static const char wanted[] = "anon_inode:kvm-vm";
	char path[48], link[512];
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", vm->pid, vm->fd);
	size = readlink(path, link, sizeof(link));
	if (size < 0)
		return errno == EACCES && same_pids();
	return size >= (ssize_t)sizeof(wanted) - 1 &&
	       !memcmp(link + size - (sizeof(wanted) - 1), wanted, sizeof(wanted) - 1);
}

int exitstat_vms_next_dir(struct exitstat_vms *vms, struct exitstat_vm *vm)
{
	const struct id *id = &vms->ids[vms->next];

	if (vms->next == vms->nr)
		return 0;
	vms->next++;
	*vm = (struct exitstat_vm){ .pid = id->pid, .fd = id->fd, .serial = id->serial };
	snprintf(vm->dir, sizeof(vm->dir), "%s/%d-%d", vms->dir, id->pid, id->fd);
	return 1;
}

void exitstat_vm_identify(struct exitstat_vm *vm)
{
	char unused[EXITSTAT_VM_NAME_SIZE];

	*vm->name = '\0';
	*vm->uuid = '\0';
	vm->named = 0;
	vm->started = 0;
	if (!has_vm(vm))
		return;
	read_cmdline(vm);
	vm->started = exitstat_process_read(vm->pid, vm->named ? unused : vm->name);
}

int exitstat_vms_next(struct exitstat_vms *vms, struct exitstat_vm *vm)
{
	int ret = exitstat_vms_next_dir(vms, vm);

	if (ret > 0)
		exitstat_vm_identify(vm);
	return ret;
}

void exitstat_vms_close(struct exitstat_vms *vms)
{
	if (!vms)
		return;
	free(vms->ids);
	free(vms);
}
