/* SPDX-License-Identifier: MIT */
/* Where a result goes: a stream, or a file that keeps its old contents until there is a result. */
#ifndef RESULT_H
#define RESULT_H

#include <stdio.h>

struct output {
	FILE *file;
	const char *path;	/* NULL for a stream */
	int created;		/* by output_open(), so remove it if nothing is written */
	int begun;
};

/* Open the file path ("-" for standard output) or, without path, use the stream: STATUS_*. */
int output_open(struct output *out, const char *path, FILE *stream);

/* There is something to write: remove the old contents. */
FILE *output_begin(struct output *out);

/* Close it.  Returns status, or STATUS_FAILED after a message if something could not be written. */
int output_close(struct output *out, int status);

#endif /* RESULT_H */
