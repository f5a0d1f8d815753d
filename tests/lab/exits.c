// SPDX-License-Identifier: MIT
/*
 * Make a known number of exits in a Linux guest: exits CPUIDS OUTS.
 *
 * The OUTs go to port 0xed, where nothing is: port 0x80 is no exit under kvm-amd.  And they go
 * through /dev/port: under QEMU's TCG an OUT of a guest's user faults in spite of iopl().
 */
#include <cpuid.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned int eax, ebx, ecx, edx;
	long cpuids, outs;
	int port;

	if (argc != 3) {
		fprintf(stderr, "usage: exits CPUIDS OUTS\n");
		return 2;
	}
	cpuids = strtol(argv[1], NULL, 10);
	outs = strtol(argv[2], NULL, 10);
	port = open("/dev/port", O_WRONLY);
	if (port < 0) {
		perror("exits: /dev/port");
		return 1;
	}
	while (cpuids-- > 0)
		__cpuid(0, eax, ebx, ecx, edx);
	while (outs-- > 0) {
		if (pwrite(port, "", 1, 0xed) != 1)
			return 1;
	}
	return 0;
}
