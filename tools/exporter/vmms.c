// SPDX-License-Identifier: MIT
/*
 * The VMs behind QMP sockets, read in parallel.
 *
 * A VMM may never answer, or answer too much (host/qmp.h), and there may be thousands.  So a few
 * threads read one socket after another, and vmms_read() waits for all sockets until a deadline.
 * Those that answered last time come first, and others never occupy all threads.  Who fails again
 * and again is asked ever more rarely.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "clock.h"
#include "exporter.h"
#include "host/qmp.h"

#define DEADLINE_SECONDS	2
#define STACK_BYTES		(512 << 10)
#define THREADS_MAX		16
#define DOUBTFUL_MAX		(THREADS_MAX / 2)	/* for sockets that did not answer */
#define RETRY_SECONDS_MAX	300

struct vmm {
	struct vmm *next;
	struct vmms *all;
	char *path;
	bool found;	/* in a directory, so it may be left over from a dead VM */
	bool listed;	/* in this reading */
	bool queued;	/* to be read */
	bool busy;	/* being read */
	bool fresh;	/* it was read for this reading */
	bool good;	/* it answered last time */
	unsigned int failures;	/* one after another */
	uint64_t retry_ns;	/* not before that */
	int err;
	int said_err;
	struct exitstat_vm vm;
	struct reading reading;
	struct identity *identity;
};

struct vmms {
	pthread_mutex_t lock;
	pthread_cond_t done;
	const struct options *opts;
	unsigned int detail;
	unsigned int threads;
	unsigned int doubtful;	/* threads that read sockets that were not good */
	struct vmm *first;
};

static int read_socket(const char *path, unsigned int detail, struct exitstat_vm *vm,
		       struct reading *reading)
{
	const struct sink wanted = { .detail = detail };
	struct exitstat_source *src;
	int ret = qmp_open_within(path, DEADLINE_SECONDS * 1000000000ULL, vm, &src);

	if (ret)
		return ret;
	ret = exitstat_source_advance(src);
	if (ret > 0)
		ret = reading_take(reading, src, &wanted);
	else if (!ret)
		ret = -ENODEV;
	exitstat_source_close(src);
	return ret;
}

/* With the lock held. */
static void take_result(struct vmm *vmm, int err, const struct exitstat_vm *vm,
			const struct reading *reading)
{
	/* Once may be by chance, and these take no time. */
	bool wait = vmm->failures && err && err != -ECONNREFUSED && err != -ENOENT;
	uint64_t wait_s = !wait ? 0 :
			  vmm->failures > 7 ? RETRY_SECONDS_MAX : 2ULL << vmm->failures;

	reading_free(&vmm->reading);
	vmm->reading = *reading;
	vmm->vm = *vm;
	vmm->err = err;
	vmm->fresh = true;
	vmm->good = !err;
	vmm->failures = err ? vmm->failures + 1 : 0;
	vmm->retry_ns = now_ns() + wait_s * 1000000000;
}

/* Of the doubtful ones, that which has waited longest. */
static struct vmm *next_queued(const struct vmms *all)
{
	struct vmm *vmm, *doubtful = NULL;

	for (vmm = all->first; vmm; vmm = vmm->next) {
		if (vmm->queued && vmm->good)
			return vmm;
		if (vmm->queued && (!doubtful || vmm->retry_ns < doubtful->retry_ns))
			doubtful = vmm;
	}
	return all->doubtful < DOUBTFUL_MAX ? doubtful : NULL;
}

/* A thread: read until nothing is left to be read. */
static void *read_queued(void *opaque)
{
	struct vmms *all = opaque;
	struct vmm *vmm;

	pthread_mutex_lock(&all->lock);
	while ((vmm = next_queued(all))) {
		struct reading reading = { 0 };
		struct exitstat_vm vm = { 0 };
		bool doubtful = !vmm->good;
		int err;

		vmm->queued = false;
		vmm->busy = true;
		all->doubtful += doubtful;
		pthread_mutex_unlock(&all->lock);
		err = read_socket(vmm->path, all->detail, &vm, &reading);
		pthread_mutex_lock(&all->lock);
		all->doubtful -= doubtful;
		vmm->busy = false;
		take_result(vmm, err, &vm, &reading);
		pthread_cond_broadcast(&all->done);
	}
	all->threads--;
	pthread_cond_broadcast(&all->done);
	pthread_mutex_unlock(&all->lock);
	return NULL;
}

static void start_thread(struct vmms *all)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	if (!pthread_create(&thread, &attributes, read_queued, all))
		all->threads++;
	pthread_attr_destroy(&attributes);
}

static void start(struct vmms *all)
{
	unsigned int queued = 0;
	uint64_t now = now_ns();
	struct vmm *vmm;

	for (vmm = all->first; vmm; vmm = vmm->next) {
		vmm->fresh = false;
		vmm->queued |= vmm->listed && !vmm->busy && vmm->retry_ns <= now;
		queued += vmm->queued;
	}
	while (queued-- && all->threads < THREADS_MAX)
		start_thread(all);
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
		vmm->queued &= vmm->listed;
		if (vmm->listed || vmm->busy) {
			link = &vmm->next;
			continue;
		}
		*link = vmm->next;
		reading_free(&vmm->reading);
		free(vmm->path);
		free(vmm);
	}
}

/*
 * All of them.
 */

static bool any_left(const struct vmms *all)
{
	const struct vmm *vmm;

	for (vmm = all->first; vmm; vmm = vmm->next) {
		if (vmm->listed && (vmm->queued || vmm->busy))
			return true;
	}
	return false;
}

static void wait_for_all(struct vmms *all)
{
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += DEADLINE_SECONDS;
	while (any_left(all)) {
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
	return vmm->listed && vmm->fresh && !vmm->err;
}

static uint64_t epoch_of(const struct vmm *vmm)
{
	return vmm->reading.desc.epoch;
}

/* A VMM may have several sockets, and the first one that was found counts. */
static bool is_again(const struct vmms *all, const struct vmm *vmm)
{
	const struct vmm *other;

	for (other = all->first; other != vmm; other = other->next) {
		if (is_read(other) && other->vm.pid == vmm->vm.pid &&
		    (vmm->vm.pid || epoch_of(other) == epoch_of(vmm)))
			return true;
	}
	return false;
}

static void add_up(struct vmm *vmm, struct sink *sink)
{
	int err = vmm->fresh || vmm->err ? vmm->err : -ETIMEDOUT;

	if (err && err != vmm->said_err)
		say(0, "cannot read the QMP socket %s: %s", vmm->path, strerror(-err));
	vmm->said_err = err;
	sink->up(sink, vmm->path, !err);
}

static void identify(struct vmm *vmm, struct identities *identities)
{
	const struct exitstat_vm *vm = &vmm->vm;
	const char *slash = strrchr(vmm->path, '/');
	struct identity *identity = identities_see(identities, vm->pid, -1, epoch_of(vmm));

	vmm->identity = identity;
	if (!identity || identity->known)
		return;
	identity->known = true;
	identity->named = vm->named;
	identity->started = vm->started;
	snprintf(identity->name, sizeof(identity->name), "%s",
		 *vm->name ? vm->name : slash ? slash + 1 : vmm->path);
	memcpy(identity->uuid, vm->uuid, sizeof(vm->uuid));
	if (vm->pid)
		snprintf(identity->id, sizeof(identity->id), "%d", vm->pid);
	else
		snprintf(identity->id, sizeof(identity->id), "%s", vmm->path);
}

static void take_all(struct vmms *all, struct identities *identities, struct sink *sink)
{
	struct vmm *vmm;

	identities_begin(identities);
	for (vmm = all->first; vmm; vmm = vmm->next) {
		vmm->identity = NULL;
		if (is_read(vmm) && !is_again(all, vmm))
			identify(vmm, identities);
	}
	identities_end(identities);
	for (vmm = all->first; vmm; vmm = vmm->next) {
		if (vmm->identity)
			sink->vm(sink, &vmm->reading, vmm->identity);
	}
}

void vmms_read(struct vmms *all, struct identities *identities, struct sink *sink)
{
	struct vmm *vmm;

	pthread_mutex_lock(&all->lock);
	list(all);
	forget_unlisted(all);
	start(all);
	wait_for_all(all);
	for (vmm = all->first; vmm; vmm = vmm->next) {
		if (vmm->listed && !is_gone(vmm))
			add_up(vmm, sink);
	}
	take_all(all, identities, sink);
	pthread_mutex_unlock(&all->lock);
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

/* A thread that still reads keeps its data; the process is about to end anyway. */
void vmms_close(struct vmms *vmms)
{
	struct vmm *vmm;

	if (!vmms)
		return;
	pthread_mutex_lock(&vmms->lock);
	for (vmm = vmms->first; vmm; vmm = vmm->next)
		vmm->queued = false;
	wait_for_all(vmms);
	for (vmm = vmms->first; vmm; vmm = vmm->next)
		vmm->listed = false;
	forget_unlisted(vmms);
	pthread_mutex_unlock(&vmms->lock);
	if (!vmms->first && !vmms->threads)
		free(vmms);
}
