// SPDX-License-Identifier: MIT
/*
 * Turn the TSC of CPU 0 back: turn_back TIMES CYCLES, through the driver msr, at most some
 * 20 ms from one time to the next.  Say how far in all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <x86intrin.h>

#define MSR	"/dev/cpu/0/msr"
#define MSR_TSC	0x10
#define REST_US	20000

int main(int argc, char **argv)
{
	unsigned long times = argc == 3 ? strtoul(argv[1], NULL, 0) : 0;
	long cycles = argc == 3 ? strtol(argv[2], NULL, 0) : 0, back = 0;
	int msr = open(MSR, O_RDWR);

	while (times--) {
		unsigned long before = __rdtsc(), wanted = before - cycles;

		if (pwrite(msr, &wanted, sizeof(wanted), MSR_TSC) != sizeof(wanted)) {
			fprintf(stderr, "turn_back: writing to " MSR ": %s\n", strerror(errno));
			return 1;
		}
		back += before - __rdtsc();
		usleep(1 + random() % REST_US);
	}
	printf("turned-back cycles=%ld\n", back);
	return 0;
}
