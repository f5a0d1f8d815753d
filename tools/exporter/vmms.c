// SPDX-License-Identifier: MIT
/*
 * The VMs behind QMP sockets, read in parallel.
 *
 * A VMM may never answer.  So each socket is read by its own thread, and vmms_read() waits for all
 * of them until a deadline; a socket whose thread is still waiting is not read again.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "exporter.h"
#include "host/qmp.h"

#define DEADLINE_SECONDS	2
#define STACK_BYTES		(512 << 10)

struct vmm {
	struct vmm *next;
	struct vmms *all;
	char *path;
	bool found;	/* in a directory, so it may be left over from a dead VM */
	bool listed;	/* in this reading */
	bool busy;	/* its thread is reading */
	int pid;	/* of the VMM, 0 if that is in another namespace */
	int err;
	int said_err;
	struct page page;
};

struct vmms {
	pthread_mutex_t lock;
	pthread_cond_t done;
	const struct options *opts;
	unsigned int detail;
	struct vmm *first;
};

static int add_vm(struct page *page, struct exitstat_source *src, const struct exitstat_vm *vm,
		  const char *path, unsigned int detail)
{
	const char *slash = strrchr(path, '/');
	char pid[TEXT_SIZE];
	const struct vm_name name = {
		.vm = *vm->name ? vm->name : slash ? slash + 1 : path,
		.id = vm->pid ? pid : path,
	};

	snprintf(pid, sizeof(pid), "%d", vm->pid);
	return page_add_vm(page, src, &name, detail);
}

static int read_socket(const char *path, unsigned int detail, struct page *page, int *pid)
{
	struct exitstat_vm vm = { 0 };
	struct exitstat_source *src;
	int ret = qmp_open(path, &vm, &src);

	if (ret)
		return ret;
	ret = exitstat_source_advance(src);
	if (ret > 0)
		ret = add_vm(page, src, &vm, path, detail);
	else if (!ret)
		ret = -ENODEV;
	*pid = vm.pid;
	exitstat_source_close(src);
	return ret;
}

static void *read_vmm(void *opaque)
{
	struct vmm *vmm = opaque;
	struct vmms *all = vmm->all;
	struct page page = { 0 };
	int pid = 0;
	int err = read_socket(vmm->path, all->detail, &page, &pid);

	pthread_mutex_lock(&all->lock);
	page_clear(&vmm->page);
	vmm->page = page;
	vmm->pid = pid;
	vmm->err = err;
	vmm->busy = false;
	pthread_cond_broadcast(&all->done);
	pthread_mutex_unlock(&all->lock);
	return NULL;
}

static void start(struct vmm *vmm)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	vmm->err = -pthread_create(&thread, &attributes, read_vmm, vmm);
	vmm->busy = !vmm->err;
	pthread_attr_destroy(&attributes);
}

/*
 * Which sockets there are.
 */

static void list_socket(struct vmms *all, const char *path, bool found)
{
	struct vmm *vmm;

	for (vmm = all->first; vmm; vmm = vmm->next) {
		if (!strcmp(vmm->path, path)) {
			vmm->listed = true;
			return;
		}
	}
	vmm = calloc(1, sizeof(*vmm));
	if (!vmm)
		return;
	vmm->path = strdup(path);
	if (!vmm->path) {
		free(vmm);
		return;
	}
	vmm->all = all;
	vmm->found = found;
	vmm->listed = true;
	vmm->next = all->first;
	all->first = vmm;
}

static void list_directory(struct vmms *all, const char *path, DIR *dir)
{
	struct dirent *entry;
	struct stat status;

	while ((entry = readdir(dir))) {
		char *socket;

		if (fstatat(dirfd(dir), entry->d_name, &status, 0) || !S_ISSOCK(status.st_mode))
			continue;
		if (asprintf(&socket, "%s/%s", path, entry->d_name) < 0)
			return;
		list_socket(all, socket, true);
		free(socket);
	}
}

static void list(struct vmms *all)
{
	struct vmm *vmm;
	size_t i;

	for (vmm = all->first; vmm; vmm = vmm->next)
		vmm->listed = false;
	for (i = 0; i < all->opts->qmps_nr; i++) {
		DIR *dir = opendir(all->opts->qmps[i]);

		if (!dir) {
			list_socket(all, all->opts->qmps[i], false);
			continue;
		}
		list_directory(all, all->opts->qmps[i], dir);
		closedir(dir);
	}
}

static void forget_unlisted(struct vmms *all)
{
	struct vmm **link = &all->first;
	struct vmm *vmm;

	while ((vmm = *link)) {
		if (vmm->listed || vmm->busy) {
			link = &vmm->next;
			continue;
		}
		*link = vmm->next;
		page_clear(&vmm->page);
		free(vmm->path);
		free(vmm);
	}
}

/*
 * All of them.
 */

static bool any_busy(const struct vmms *all)
{
	const struct vmm *vmm;

	for (vmm = all->first; vmm; vmm = vmm->next) {
		if (vmm->listed && vmm->busy)
			return true;
	}
	return false;
}

static void wait_for_all(struct vmms *all)
{
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += DEADLINE_SECONDS;
	while (any_busy(all)) {
		if (pthread_cond_timedwait(&all->done, &all->lock, &deadline))
			return;
	}
}

/* A VM that was killed leaves a socket on which no process listens. */
static bool is_gone(const struct vmm *vmm)
{
	return vmm->found && !vmm->busy &&
	       (vmm->err == -ECONNREFUSED || vmm->err == -ENOENT);
}

static bool is_read(const struct vmm *vmm)
{
	return vmm->listed && !vmm->busy && !vmm->err;
}

/* A VMM may have several sockets. */
static bool is_again(const struct vmms *all, const struct vmm *vmm)
{
	const struct vmm *other;

	for (other = all->first; other != vmm; other = other->next) {
		if (is_read(other) && other->pid && other->pid == vmm->pid)
			return true;
	}
	return false;
}

/* Returns true if this adds a VM to the page. */
static bool take(struct vmm *vmm, struct page *page)
{
	int err = vmm->busy ? -ETIMEDOUT : vmm->err;

	if (err && err != vmm->said_err)
		say(0, "cannot read the QMP socket %s: %s", vmm->path, strerror(-err));
	vmm->said_err = err;
	page_add_up(page, vmm->path, !err);
	if (err || is_again(vmm->all, vmm))
		return false;
	page_append(page, &vmm->page);
	return true;
}

unsigned int vmms_read(struct vmms *all, struct page *page)
{
	struct vmm *vmm;
	unsigned int vms = 0;

	pthread_mutex_lock(&all->lock);
	list(all);
	for (vmm = all->first; vmm; vmm = vmm->next) {
		if (vmm->listed && !vmm->busy)
			start(vmm);
	}
	wait_for_all(all);
	for (vmm = all->first; vmm; vmm = vmm->next) {
		if (vmm->listed && !is_gone(vmm))
			vms += take(vmm, page);
	}
	forget_unlisted(all);
	pthread_mutex_unlock(&all->lock);
	return vms;
}

int vmms_open(struct vmms **vmms, const struct options *opts, unsigned int detail)
{
	struct vmms *new = calloc(1, sizeof(*new));
	pthread_condattr_t attributes;

	if (!new)
		return -ENOMEM;
	new->opts = opts;
	new->detail = detail;
	pthread_mutex_init(&new->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&new->done, &attributes);
	pthread_condattr_destroy(&attributes);
	*vmms = new;
	return 0;
}

/* A thread that still waits keeps its data; the process is about to end anyway. */
void vmms_close(struct vmms *vmms)
{
	struct vmm *vmm;

	if (!vmms)
		return;
	pthread_mutex_lock(&vmms->lock);
	wait_for_all(vmms);
	for (vmm = vmms->first; vmm; vmm = vmm->next)
		vmm->listed = false;
	forget_unlisted(vmms);
	pthread_mutex_unlock(&vmms->lock);
	if (!vmms->first)
		free(vmms);
}
