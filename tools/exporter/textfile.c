// SPDX-License-Identifier: MIT
/* Write the metrics to a file for node_exporter's textfile collector, atomically. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "exporter.h"
#include "write.h"

#define KEPT		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

/* FNV-1a. */
static uint32_t hash(uint32_t sum, const char *text)
{
	for (; *text; text++)
		sum = (sum ^ (unsigned char)*text) * 16777619;
	return sum;
}

static uint32_t hash_path(uint32_t sum, const char *path)
{
	char *real = realpath(path, NULL);

	sum = hash(hash(sum, real ? real : path), "/");
	free(real);
	return sum;
}

/* The last component of the first path, for people, and a hash of all paths. */
const char *textfile_name(char name[TEXTFILE_NAME_SIZE], const struct options *opts)
{
	const char *path = opts->qmps_nr ? opts->qmps[0] : opts->debugfs;
	uint32_t sum = 2166136261;
	const char *slash;
	char last[49];
	size_t i;

	snprintf(name, TEXTFILE_NAME_SIZE, "exitstat.prom");
	if (!path)
		return name;
	if (opts->debugfs)
		sum = hash_path(sum, path);
	for (i = 0; i < opts->qmps_nr; i++)
		sum = hash_path(sum, opts->qmps[i]);
	slash = strrchr(path, '/');
	snprintf(last, sizeof(last), "%s", slash ? slash + 1 : path);
	for (i = 0; last[i]; i++) {
		if (!strchr(KEPT, last[i]))
			last[i] = '_';
	}
	snprintf(name, TEXTFILE_NAME_SIZE, "exitstat-%s-%08x.prom", last, sum);
	return name;
}

/* A full disk may be reported only by fsync(). */
static int write_page(int fd, const struct page *page)
{
	struct piece pieces[PAGE_PIECES_MAX];
	size_t i, nr = page_pieces(page, PAGE_PROMETHEUS, pieces);
	int err = 0;

	for (i = 0; !err && i < nr; i++)
		err = write_all(fd, pieces[i].at, pieces[i].size);
	if (!err && fsync(fd))
		err = -errno;
	return err;
}

/* A random name, because of other writers and attackers, that node_exporter ignores. */
static int make_name(char name[32])
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	snprintf(name, 32, ".exitstat-%016llx", (unsigned long long)number);
	return 0;
}

/*
 * If possible, a file without a name, which a kill does not leave behind; else, one with that name.
 */
static int open_new(int directory, const char *name, bool *named)
{
	int fd = openat(directory, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	*named = fd < 0;
	if (*named)
		fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static int give_name(int fd, int directory, const char *name)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

/* A link, a FIFO or a device of that name is not ours to replace. */
static bool may_replace(int directory, const char *name)
{
	struct stat status;

	return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) || S_ISREG(status.st_mode);
}

static int replace(int directory, const char *name, const struct page *page)
{
	char new[32];
	bool named;
	int fd, err = make_name(new);

	if (err)
		return err;
	fd = open_new(directory, new, &named);
	if (fd < 0)
		return fd;
	/* node_exporter runs as another user, so do not depend on the umask. */
	err = fchmod(fd, 0644) ? -errno : write_page(fd, page);
	if (!err && !named) {
		err = give_name(fd, directory, new);
		named = !err;
	}
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(directory, new, directory, name))
		err = -errno;
	if (err && named)
		unlinkat(directory, new, 0);
	return err;
}

static int write_file(struct scraper *scraper, int directory, const char *path, const char *name)
{
	struct page page = { 0 };
	int err;

	if (!may_replace(directory, name))
		return say(STATUS_FAILED, "cannot write %s/%s: it exists and is not a regular file",
			   path, name);
	scraper_read(scraper, &page);
	err = page_failed(&page) ? -ENOMEM : replace(directory, name, &page);
	page_clear(&page);
	if (!err)
		return STATUS_OK;
	return say(STATUS_FAILED, "cannot write %s/%s: %s%s", path, name, strerror(-err),
		   faccessat(directory, name, F_OK, 0) ? "" : "; the old file is unchanged");
}

/* Remove the file at the end, or node_exporter would go on reading old values. */
static int write_until_signal(struct scraper *scraper, int directory, const struct options *opts,
			      const char *name, const sigset_t *signals)
{
	const struct timespec interval = {
		.tv_sec = (time_t)(opts->interval_ns / 1000000000),
		.tv_nsec = (long)(opts->interval_ns % 1000000000),
	};

	do {
		write_file(scraper, directory, opts->textfile, name);
	} while (sigtimedwait(signals, NULL, &interval) < 0);
	if (may_replace(directory, name))
		unlinkat(directory, name, 0);
	return STATUS_OK;
}

int textfile(struct scraper *scraper, const struct options *opts, const sigset_t *signals)
{
	int directory = open(opts->textfile, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[TEXTFILE_NAME_SIZE];
	int status;

	if (directory < 0)
		return say(STATUS_FAILED, "cannot write to the directory %s: %s", opts->textfile,
			   strerror(errno));
	textfile_name(name, opts);
	status = opts->interval_ns ?
		 write_until_signal(scraper, directory, opts, name, signals) :
		 write_file(scraper, directory, opts->textfile, name);
	close(directory);
	return status;
}
