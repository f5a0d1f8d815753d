/* SPDX-License-Identifier: MIT */
/* Where the result goes to. */
#ifndef RESULT_H
#define RESULT_H

#include <stdio.h>

#include "command/options.h"

/* Open the file of --output, or take that stream: NULL after an error that was said. */
FILE *output_open(const struct options *opts, FILE *stream);

/* Close it and say what could not be written: status, or STATUS_FAILED. */
int output_close(FILE *out, const struct options *opts, int status);

#endif /* RESULT_H */
