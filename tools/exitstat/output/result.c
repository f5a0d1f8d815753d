// SPDX-License-Identifier: MIT
/* Where a result goes: a stream, or a file that keeps its old contents until there is a result. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/say.h"
#include "output/result.h"

int output_open(struct output *out, const char *path, FILE *stream)
{
	int fd;

	*out = (struct output){ .file = stream };
	if (!path)
		return STATUS_OK;
	if (!strcmp(path, "-")) {
		out->file = stdout;
		return STATUS_OK;
	}
	out->path = path;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	out->created = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	out->file = fd < 0 ? NULL : fdopen(fd, "w");
	return out->file ? STATUS_OK :
	       say(STATUS_FAILED, "cannot write %s: %s", path, strerror(errno));
}

FILE *output_begin(struct output *out)
{
	struct stat stat;

	if (out->path && !out->begun && !fstat(fileno(out->file), &stat) && S_ISREG(stat.st_mode) &&
	    stat.st_size && ftruncate(fileno(out->file), 0))
		say(0, "cannot write %s: %s", out->path, strerror(errno));
	out->begun = 1;
	return out->file;
}

int output_close(struct output *out, int status)
{
	int failed, err;

	if (!out->file)
		return status;
	failed = fflush(out->file) || ferror(out->file);
	err = errno;
	if (out->path && fclose(out->file)) {
		failed = 1;
		err = errno;
	}
	if (out->created && !out->begun)
		unlink(out->path);
	if (!failed)
		return status;
	return say(STATUS_FAILED, "cannot write %s: %s", out->path ? out->path : "the result",
		   strerror(err));
}
