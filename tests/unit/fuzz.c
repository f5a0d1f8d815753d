// SPDX-License-Identifier: MIT
/* Fuzz the recording's parser: read a file to its end, and ask what a tool would ask. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../lib/exitstat.h"

/* The name is libFuzzer's. */
int fuzz_one(const uint8_t *data, size_t size) __asm__("LLVMFuzzerTestOneInput");

static void use_moment(struct exitstat_source *src, struct exitstat_snapshot *before)
{
	static struct exitstat_snapshot after, between;
	static struct exitstat_histogram histogram;
	struct exitstat_description desc;
	int cpu = exitstat_source_next_cpu(src, 0);
	uint64_t low, high;

	if (exitstat_description_read(src, &desc))
		return;
	if (exitstat_snapshot_take(src, &desc, EXITSTAT_SCOPE_VM, EXITSTAT_TAKE_TIMES |
				   EXITSTAT_TAKE_SPLIT | EXITSTAT_TAKE_EPOCH, &after))
		return;
	if (!exitstat_snapshot_subtract(&after, before, &between) &&
	    (between.own.count && !between.own.number))
		abort();
	*before = after;
	if (!exitstat_histogram_read(src, &desc, EXITSTAT_SCOPE_VM, 10, &histogram))
		exitstat_histogram_quantile(&histogram, 0.5, &low, &high);
	if (cpu >= 0 && !exitstat_source_pin(src, cpu))
		exitstat_snapshot_take(src, &desc, EXITSTAT_SCOPE_VCPU, 0, &after);
	exitstat_source_unpin(src);
}

int fuzz_one(const uint8_t *data, size_t size)
{
	static struct exitstat_snapshot before;
	static int fd = -1;
	struct exitstat_source *src;
	unsigned long line;
	char path[32];

	if (fd < 0)
		fd = memfd_create("recording", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (exitstat_source_open_recording(path, &src))
		abort();
	before = (struct exitstat_snapshot){ 0 };
	while (exitstat_source_advance(src) == 1)
		use_moment(src, &before);
	exitstat_source_complaint(src, &line);
	exitstat_source_note(src, "command");
	exitstat_source_close(src);
	return 0;
}
