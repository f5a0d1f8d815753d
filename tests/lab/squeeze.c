// SPDX-License-Identifier: MIT
/*
 * Create vCPUs with too little memory: squeeze ROUNDS DIR, with DIR a cgroup of
 * version 1 that has the memory controller.  In each round give one page more from
 * one attempt to the next, until there is a vCPU: so each of KVM's allocations for
 * it is in turn the first that fails.  Say how often.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/kvm.h>

#define PAGE_BYTES	4096
#define MAX_PAGES	1024

static int usage, limit;	/* files of the cgroup; opening one takes of its memory */

static long checked(long result, const char *what)
{
	if (result >= 0)
		return result;
	fprintf(stderr, "squeeze: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_file(const char *path)
{
	return checked(open(path, O_RDWR), path);
}

static long write_number(int fd, long n)
{
	char text[24];

	return pwrite(fd, text, sprintf(text, "%ld", n), 0);
}

static long read_number(int fd)
{
	char text[24] = "";

	checked(pread(fd, text, sizeof(text) - 1, 0), "reading the cgroup's memory");
	return strtol(text, NULL, 10);
}

static void set_limit(long bytes)
{
	checked(write_number(limit, bytes), "limiting the cgroup's memory");
}

/* A cgroup holds up to 64 pages in advance.  An impossible limit makes it give them back. */
static void give_back(void)
{
	if (write_number(limit, 0) >= 0 || errno != EBUSY)
		checked(-1, "limiting the cgroup's memory to nothing");
}

/* In a new VM: KVM may keep what belongs to all vCPUs, and not take it a second time. */
static bool create_within(int kvm, long bytes)
{
	int vm = checked(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM"), vcpu;

	checked(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	give_back();
	set_limit(read_number(usage) + bytes);
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	set_limit(-1);
	if (vcpu >= 0)
		close(vcpu);
	close(vm);
	return vcpu >= 0;
}

/* Return how many attempts failed. */
static unsigned int squeeze(int kvm)
{
	unsigned int pages = 0;

	while (!create_within(kvm, pages * PAGE_BYTES)) {
		if (++pages == MAX_PAGES)
			checked(-1, "a vCPU, with more than enough memory");
	}
	return pages;
}

int main(int argc, char **argv)
{
	unsigned long rounds, failed = 0;
	int kvm;

	if (argc != 3)
		return 2;
	rounds = strtoul(argv[1], NULL, 0);
	kvm = open_file("/dev/kvm");
	checked(chdir(argv[2]), argv[2]);
	/* Nothing is killed.  But a page fault under the limit would wait forever. */
	checked(write_number(open_file("memory.oom_control"), 1), "memory.oom_control");
	checked(mlockall(MCL_CURRENT | MCL_FUTURE), "mlockall");
	checked(write_number(open_file("cgroup.procs"), 0), "entering the cgroup");
	usage = checked(open("memory.usage_in_bytes", O_RDONLY), "memory.usage_in_bytes");
	limit = open_file("memory.limit_in_bytes");
	while (rounds--)
		failed += squeeze(kvm);
	printf("failed=%lu\n", failed);
	return 0;
}
