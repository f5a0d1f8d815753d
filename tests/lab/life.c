// SPDX-License-Identifier: MIT
/*
 * Fail to create vCPUs, many times: life N.  With an id that is taken, or no file
 * descriptor left, KVM finds out only after it has made the vCPU, and takes all of
 * it back.  With an id out of range it finds out at once.  And let the host read
 * of a VM that has no vCPU.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <linux/kvm.h>

static int checked(int result, const char *what)
{
	if (result >= 0)
		return result;
	fprintf(stderr, "life: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Leave no descriptor, or as many as there were before. */
static void limit_files(bool none)
{
	static struct rlimit before;
	struct rlimit now;

	if (!before.rlim_cur)
		checked(getrlimit(RLIMIT_NOFILE, &before), "RLIMIT_NOFILE");
	now = before;
	if (none)
		now.rlim_cur = 3;
	checked(setrlimit(RLIMIT_NOFILE, &now), "RLIMIT_NOFILE");
}

static void fail(int vm, unsigned int id, int wanted)
{
	int result = ioctl(vm, KVM_CREATE_VCPU, id);

	if (result >= 0 || errno != wanted) {
		fprintf(stderr, "life: vCPU %u: %s in place of %s\n", id,
			result < 0 ? strerror(errno) : "no error", strerror(wanted));
		exit(1);
	}
}

/* What the host reads of the VM, whatever vCPUs it has. */
static void read_table(int vm)
{
	char path[64], text[4096];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/exit_stats", getpid(), vm);
	fd = checked(open(path, O_RDONLY), path);
	while (checked(read(fd, text, sizeof(text)), path))
		;
	close(fd);
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
	int kvm = checked(open("/dev/kvm", O_RDWR), "/dev/kvm");
	int vm = checked(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");

	read_table(vm);
	checked(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	checked(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	while (n--) {
		fail(vm, 0, EEXIST);
		fail(vm, 1u << 20, EINVAL);
		limit_files(true);
		fail(vm, 1, EMFILE);
		limit_files(false);
	}
	return 0;
}
