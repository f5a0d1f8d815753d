// SPDX-License-Identifier: MIT
/*
 * Fuzz the parsers: read a recording to its end, or a host's table, and ask what a tool would ask.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/exitstat.h"

/* libFuzzer defines the name. */
int fuzz_one(const uint8_t *data, size_t size) __asm__("LLVMFuzzerTestOneInput");

static void use_moment(struct exitstat_source *src, struct exitstat_snapshot *before)
{
	struct exitstat_snapshot after, between;
	struct exitstat_histogram histogram;
	struct exitstat_description desc;
	int cpu = exitstat_source_next_cpu(src, 0);
	uint64_t low, high;

	if (exitstat_description_read(src, &desc))
		return;
	if (exitstat_snapshot_take(src, &desc, EXITSTAT_SCOPE_VM, EXITSTAT_TAKE_TIMES |
				   EXITSTAT_TAKE_SPLIT | EXITSTAT_TAKE_EPOCH, &after))
		return;
	if (!exitstat_snapshot_subtract(&after, before, &between) &&
	    (between.reader.count && !between.reader.number))
		abort();
	*before = after;
	if (!exitstat_histogram_read(src, &desc, EXITSTAT_SCOPE_VM, 10, &histogram))
		exitstat_histogram_quantile(&histogram, 0.5, &low, &high);
	if (cpu >= 0 && !exitstat_source_pin(src, cpu))
		exitstat_snapshot_take(src, &desc, EXITSTAT_SCOPE_VCPU, 0, &after);
	exitstat_source_unpin(src);
}

/* A VM's directory, where both tables are that file. */
static const char *make_vm(const char *path)
{
	char *dir = mkdtemp(strdup("vm.XXXXXX"));
	char file[64];

	if (!dir)
		abort();
	snprintf(file, sizeof(file), "%s/exit_stats", dir);
	if (symlink(path, file))
		abort();
	snprintf(file, sizeof(file), "%s/vcpu0", dir);
	if (mkdir(file, 0700))
		abort();
	strcat(file, "/exit_stats");
	if (symlink(path, file))
		abort();
	return dir;
}

static void use_recording(struct exitstat_source *src)
{
	struct exitstat_snapshot before = { 0 };
	unsigned long line;

	while (exitstat_source_advance(src) == 1)
		use_moment(src, &before);
	exitstat_source_complaint(src, &line);
	exitstat_source_note(src, "command");
}

static void use_table(struct exitstat_source *src)
{
	struct exitstat_snapshot before = { 0 };
	unsigned long line;

	if (exitstat_source_advance(src) == 1)
		use_moment(src, &before);
	if (exitstat_source_asked(src))
		abort();
	exitstat_source_complaint(src, &line);
}

int fuzz_one(const uint8_t *data, size_t size)
{
	static const char table[] = "exit_stats ";
	bool is_table = size > strlen(table) && !memcmp(data, table, strlen(table));
	static const char *vm_dir;
	static char path[32];
	static int fd = -1;
	struct exitstat_source *src;

	if (fd < 0) {
		fd = memfd_create("input", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		vm_dir = make_vm(path);
	}
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (is_table ? exitstat_source_open_debugfs(vm_dir, &src) :
		       exitstat_source_open_recording(path, &src))
		abort();
	if (is_table)
		use_table(src);
	else
		use_recording(src);
	exitstat_source_close(src);
	return 0;
}
