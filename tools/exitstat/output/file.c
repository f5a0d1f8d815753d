// SPDX-License-Identifier: MIT
/* A result that is a file. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/say.h"
#include "output/file.h"

/* Only a regular file can be replaced; a device or a link is written to. */
static bool may_replace(const char *path, mode_t *mode)
{
	struct stat stat;

	*mode = umask(0);
	umask(*mode);
	*mode = 0666 & ~*mode;
	if (lstat(path, &stat))
		return errno == ENOENT;
	*mode = stat.st_mode & 0777;
	return S_ISREG(stat.st_mode);
}

/* 0, or -errno. */
static int print_to(int fd, void (*print)(FILE *out, void *what), void *what)
{
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	int err;

	if (!out)
		return -errno;
	print(out, what);
	err = fflush(out) || ferror(out) ? -errno : 0;
	if (fclose(out) && !err)
		err = -errno;
	return err;
}

/* Keep the old file until the new one is complete. */
static int replace(const char *path, mode_t mode, void (*print)(FILE *out, void *what), void *what)
{
	char *new;
	int fd, err;

	if (asprintf(&new, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(new, O_CLOEXEC);
	if (fd >= 0)
		fchmod(fd, mode);
	err = print_to(fd, print, what);
	if (!err && rename(new, path))
		err = -errno;
	if (err && fd >= 0)
		unlink(new);
	free(new);
	return err;
}

int file_write(const char *path, void (*print)(FILE *out, void *what), void *what)
{
	mode_t mode;
	int err;

	if (!strcmp(path, "-")) {
		print(stdout, what);
		return STATUS_OK;
	}
	if (may_replace(path, &mode))
		err = replace(path, mode, print, what);
	else
		err = print_to(open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), print, what);
	if (!err)
		return STATUS_OK;
	return say(STATUS_FAILED, "cannot write %s: %s", path, strerror(-err));
}
