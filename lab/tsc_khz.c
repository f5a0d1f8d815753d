// SPDX-License-Identifier: MIT
/* Measure this machine's TSC for a tenth of a second, and print its frequency in kHz. */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define TRIES	32

struct moment {
	uint64_t ns, tsc;
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* Both clocks at the same moment: of some tries, the one that took least time. */
static struct moment look(void)
{
	struct moment best = { 0 };
	uint64_t shortest = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = now();
		uint64_t tsc = __rdtsc();
		uint64_t took = now() - before;

		if (took < shortest) {
			shortest = took;
			best = (struct moment){ before + took / 2, tsc };
		}
	}
	return best;
}

int main(void)
{
	struct moment begin = look(), end;

	nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	end = look();
	printf("%llu\n", (end.tsc - begin.tsc) * 1000000ull / (end.ns - begin.ns));
	return 0;
}
