// SPDX-License-Identifier: MIT
/*
 * Read the statistics of a vCPU: statsfd.  Say how often the kernel allocates for a hundred
 * readings, by its own tracepoints, and whether pieces are what the whole is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/kvm.h>

#define TRACING	"/sys/kernel/tracing/"
#define TIMES	100
#define ATTEMPTS	5

static char whole[1 << 17], again[sizeof(whole)], piece[sizeof(whole)];

static int checked(int result, const char *what)
{
	if (result >= 0)
		return result;
	fprintf(stderr, "statsfd: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put(const char *file, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), TRACING "%s", file);
	fd = checked(open(path, O_WRONLY | O_TRUNC), path);
	checked(write(fd, text, strlen(text)), path);
	close(fd);
}

static void trace_allocations(const char *on)
{
	static const char *const events[] = {
		"kmalloc", "kmalloc_node", "kmem_cache_alloc", "mm_page_alloc"
	};
	char path[128];

	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
		snprintf(path, sizeof(path), TRACING "events/kmem/%s/enable", events[i]);
		if (!access(path, F_OK))	/* kmalloc_node is gone from newer kernels */
			put(path + strlen(TRACING), on);
	}
}

static unsigned long traced(void)
{
	FILE *trace = fopen(TRACING "trace", "r");
	unsigned long lines = 0;
	char line[512];

	while (trace && fgets(line, sizeof(line), trace))
		lines += line[0] != '#';
	return lines;
}

/* It includes what the tracing itself allocates. */
static unsigned long allocations(int fd, int times)
{
	put("trace", "");
	trace_allocations("1");
	for (int i = 0; i < times; i++)
		checked(pread(fd, again, sizeof(again), 0), "the whole, again");
	trace_allocations("0");
	return traced();
}

/* An interrupt may allocate meanwhile, in our name; but not each time. */
static long allocations_of_reading(int fd)
{
	unsigned long none;
	long got = 0;

	for (int i = 0; i < ATTEMPTS; i++) {
		none = allocations(fd, 0);
		got = allocations(fd, TIMES) - none;
		if (!got)
			break;
	}
	return got;
}

static int is_same(size_t i)
{
	size_t word = i & ~7ul;

	return memcmp(whole + word, again + word, 8) || piece[i] == whole[i];
}

int main(void)
{
	int kvm = checked(open("/dev/kvm", O_RDWR), "/dev/kvm");
	int vm = checked(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	int vcpu = checked(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	int fd = checked(ioctl(vcpu, KVM_GET_STATS_FD, NULL), "KVM_GET_STATS_FD");
	struct kvm_stats_header *header = (void *)whole;
	size_t size, different = 0;
	char pid[16];

	size = checked(pread(fd, whole, sizeof(whole), 0), "the whole");
	snprintf(pid, sizeof(pid), "%d", getpid());
	put("set_event_pid", pid);
	allocations(fd, 1);
	printf("allocations %ld\n", allocations_of_reading(fd));

	for (size_t at = 0, n = 1; at < size; at += n, n = n * 7 % 509 + 1)
		checked(pread(fd, piece + at, n, at), "a piece");
	for (size_t i = 0; i < size; i++)
		different += !is_same(i);
	printf("descriptors %u, bytes %zu, different %zu\n", header->num_desc, size, different);
	printf("behind the end %d %d\n", (int)pread(fd, piece, 8, size),
	       (int)pread(fd, piece, 8, size + 1000));
	printf("at the end %d\n", (int)pread(fd, piece, 16, size - 8));
	return 0;
}
