// SPDX-License-Identifier: MIT
/* The metrics as a file for node_exporter's textfile collector: whole, or as it was before. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "exporter.h"
#include "write.h"

#define NAME		"exitstat.prom"
#define NAME_NEW	NAME ".new"	/* node_exporter reads what ends in .prom */

/* What a disk has no room for, it may say only at the end. */
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

static int replace(int directory, const struct page *page)
{
	int fd = openat(directory, NAME_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			0644);
	int err;

	if (fd < 0)
		return -errno;
	/* node_exporter is another user, whatever the umask is. */
	err = fchmod(fd, 0644) ? -errno : write_page(fd, page);
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(directory, NAME_NEW, directory, NAME))
		err = -errno;
	if (err)
		unlinkat(directory, NAME_NEW, 0);
	return err;
}

static int write_file(struct scraper *scraper, int directory, const char *path)
{
	struct page page = { 0 };
	int err;

	scraper_read(scraper, &page);
	err = page_failed(&page) ? -ENOMEM : replace(directory, &page);
	page_clear(&page);
	if (!err)
		return STATUS_OK;
	return say(STATUS_FAILED, "cannot write %s/" NAME ": %s%s", path, strerror(-err),
		   faccessat(directory, NAME, F_OK, 0) ? "" : "; it is as it was");
}

/* A file that nobody writes any more would be read for ever. */
static int write_until_signal(struct scraper *scraper, int directory, const char *path,
			      uint64_t interval_ns, const sigset_t *signals)
{
	const struct timespec interval = {
		.tv_sec = (time_t)(interval_ns / 1000000000),
		.tv_nsec = (long)(interval_ns % 1000000000),
	};

	do {
		write_file(scraper, directory, path);
	} while (sigtimedwait(signals, NULL, &interval) < 0);
	unlinkat(directory, NAME, 0);
	return STATUS_OK;
}

int textfile(struct scraper *scraper, const char *path, uint64_t interval_ns,
	     const sigset_t *signals)
{
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int status;

	if (directory < 0)
		return say(STATUS_FAILED, "cannot write to the directory %s: %s", path,
			   strerror(errno));
	status = interval_ns ? write_until_signal(scraper, directory, path, interval_ns, signals) :
		 write_file(scraper, directory, path);
	close(directory);
	return status;
}
