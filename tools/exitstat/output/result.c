// SPDX-License-Identifier: MIT
/* Where the result goes to: a file that was named, or a stream. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/options.h"
#include "command/say.h"
#include "output/result.h"

FILE *output_open(const struct options *opts, FILE *stream)
{
	FILE *out;

	if (!opts->output)
		return stream;
	out = fopen(opts->output, "we");
	if (!out)
		say(0, "cannot write %s: %s", opts->output, strerror(errno));
	return out;
}

int output_close(FILE *out, const struct options *opts, int status)
{
	int failed = fflush(out) || ferror(out);
	int err = errno;

	if (opts->output)
		failed |= fclose(out);
	if (!failed)
		return status;
	return say(STATUS_FAILED, "cannot write %s: %s",
		   opts->output ? opts->output : "the result", strerror(err));
}
