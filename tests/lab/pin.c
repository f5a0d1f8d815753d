// SPDX-License-Identifier: MIT
/*
 * Hold kvm.ko as a tracer does, until killed: with a perf event on kvm:kvm_exit, whose number
 * is the argument.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/perf_event.h>

int main(int argc, char **argv)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = argc > 1 ? strtoull(argv[1], NULL, 10) : 0,
	};

	if (syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0) < 0) {
		fprintf(stderr, "pin: cannot make a perf event: %s\n", strerror(errno));
		return 1;
	}
	return pause();
}
