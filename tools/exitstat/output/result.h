/* SPDX-License-Identifier: MIT */
/* Where a result goes: a stream, or a file that keeps what it holds until there is a result. */
#ifndef RESULT_H
#define RESULT_H

#include <stdio.h>

struct output {
	FILE *file;
	const char *path;	/* NULL: a stream */
	int created;		/* by output_open(): remove it if nothing is written */
	int begun;
};

/* Open the file of that name, "-" for standard output, or take that stream: STATUS_*. */
int output_open(struct output *out, const char *path, FILE *stream);

/* There is something to write: the old contents go. */
FILE *output_begin(struct output *out);

/* Close it and say what could not be written: status, or STATUS_FAILED. */
int output_close(struct output *out, int status);

#endif /* RESULT_H */
