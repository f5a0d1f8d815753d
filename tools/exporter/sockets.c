// SPDX-License-Identifier: MIT
/*
 * The VMs behind QMP sockets, read side by side.
 *
 * A VMM may never answer.  So each socket is read by a thread of its own, and who reads them all
 * waits until a deadline; a socket whose thread is still at it is not asked again meanwhile.
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

struct monitor {
	struct monitor *next;
	struct monitors *all;
	char *path;
	bool found;	/* in its directory, so that it may be what a dead VM left there */
	bool listed;	/* by this reading */
	bool busy;
	int pid;	/* of the VMM, 0 if that is in another namespace */
	int err;
	int said_err;
	struct page page;
};

struct monitors {
	pthread_mutex_t lock;
	pthread_cond_t done;
	const struct options *opts;
	unsigned int detail;
	struct monitor *first;
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

static void *read_monitor(void *opaque)
{
	struct monitor *monitor = opaque;
	struct monitors *all = monitor->all;
	struct page page = { 0 };
	int pid = 0;
	int err = read_socket(monitor->path, all->detail, &page, &pid);

	pthread_mutex_lock(&all->lock);
	page_clear(&monitor->page);
	monitor->page = page;
	monitor->pid = pid;
	monitor->err = err;
	monitor->busy = false;
	pthread_cond_broadcast(&all->done);
	pthread_mutex_unlock(&all->lock);
	return NULL;
}

static void start(struct monitor *monitor)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	monitor->err = -pthread_create(&thread, &attributes, read_monitor, monitor);
	monitor->busy = !monitor->err;
	pthread_attr_destroy(&attributes);
}

/*
 * Which there are.
 */

static void list_socket(struct monitors *all, const char *path, bool found)
{
	struct monitor *monitor;

	for (monitor = all->first; monitor; monitor = monitor->next) {
		if (!strcmp(monitor->path, path)) {
			monitor->listed = true;
			return;
		}
	}
	monitor = calloc(1, sizeof(*monitor));
	if (!monitor)
		return;
	monitor->path = strdup(path);
	if (!monitor->path) {
		free(monitor);
		return;
	}
	monitor->all = all;
	monitor->found = found;
	monitor->listed = true;
	monitor->next = all->first;
	all->first = monitor;
}

static void list_directory(struct monitors *all, const char *path, DIR *dir)
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

static void list(struct monitors *all)
{
	struct monitor *monitor;
	size_t i;

	for (monitor = all->first; monitor; monitor = monitor->next)
		monitor->listed = false;
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

static void forget_unlisted(struct monitors *all)
{
	struct monitor **link = &all->first;
	struct monitor *monitor;

	while ((monitor = *link)) {
		if (monitor->listed || monitor->busy) {
			link = &monitor->next;
			continue;
		}
		*link = monitor->next;
		page_clear(&monitor->page);
		free(monitor->path);
		free(monitor);
	}
}

/*
 * All of them.
 */

static bool any_busy(const struct monitors *all)
{
	const struct monitor *monitor;

	for (monitor = all->first; monitor; monitor = monitor->next) {
		if (monitor->listed && monitor->busy)
			return true;
	}
	return false;
}

static void wait_for_all(struct monitors *all)
{
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += DEADLINE_SECONDS;
	while (any_busy(all)) {
		if (pthread_cond_timedwait(&all->done, &all->lock, &deadline))
			return;
	}
}

/* What is left of a VM that was killed is a socket where nobody listens. */
static bool is_gone(const struct monitor *monitor)
{
	return monitor->found && !monitor->busy &&
	       (monitor->err == -ECONNREFUSED || monitor->err == -ENOENT);
}

static bool is_read(const struct monitor *monitor)
{
	return monitor->listed && !monitor->busy && !monitor->err;
}

/* A VMM may have several sockets. */
static bool is_again(const struct monitors *all, const struct monitor *monitor)
{
	const struct monitor *other;

	for (other = all->first; other != monitor; other = other->next) {
		if (is_read(other) && other->pid && other->pid == monitor->pid)
			return true;
	}
	return false;
}

/* Whether there is one more VM. */
static bool take(struct monitor *monitor, struct page *page)
{
	int err = monitor->busy ? -ETIMEDOUT : monitor->err;

	if (err && err != monitor->said_err)
		say(0, "cannot read the QMP socket %s: %s", monitor->path, strerror(-err));
	monitor->said_err = err;
	page_add_up(page, monitor->path, !err);
	if (err || is_again(monitor->all, monitor))
		return false;
	page_append(page, &monitor->page);
	return true;
}

unsigned int monitors_read(struct monitors *all, struct page *page)
{
	struct monitor *monitor;
	unsigned int vms = 0;

	pthread_mutex_lock(&all->lock);
	list(all);
	for (monitor = all->first; monitor; monitor = monitor->next) {
		if (monitor->listed && !monitor->busy)
			start(monitor);
	}
	wait_for_all(all);
	for (monitor = all->first; monitor; monitor = monitor->next) {
		if (monitor->listed && !is_gone(monitor))
			vms += take(monitor, page);
	}
	forget_unlisted(all);
	pthread_mutex_unlock(&all->lock);
	return vms;
}

int monitors_open(struct monitors **monitors, const struct options *opts, unsigned int detail)
{
	struct monitors *new = calloc(1, sizeof(*new));
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
	*monitors = new;
	return 0;
}

/* A thread that waits for its VMM keeps what it uses; the process is about to end. */
void monitors_close(struct monitors *monitors)
{
	struct monitor *monitor;

	if (!monitors)
		return;
	pthread_mutex_lock(&monitors->lock);
	wait_for_all(monitors);
	for (monitor = monitors->first; monitor; monitor = monitor->next)
		monitor->listed = false;
	forget_unlisted(monitors);
	pthread_mutex_unlock(&monitors->lock);
	if (!monitors->first)
		free(monitors);
}
