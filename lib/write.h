/* SPDX-License-Identifier: MIT */
/* Write a whole buffer. */
#ifndef WRITE_H
#define WRITE_H

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

/* 0, or -errno: then an unknown part of it has been written. */
static inline int write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t put = write(fd, text, size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		text += put;
		size -= (size_t)put;
	}
	return 0;
}

#endif /* WRITE_H */
