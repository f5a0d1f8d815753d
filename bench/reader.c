// SPDX-License-Identifier: MIT
/*
 * Measure what it costs a guest to read its own exits (`reader') or to run a command
 * (`reader CMD...').  Each line is: what, CPUID exits, TSC cycles.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exitstat.h"

#define ROUNDS 21

struct cost {
	unsigned long exits, cycles;
};

static struct exitstat_source *src;
static struct exitstat_description desc;
static char **command;

static void die(const char *what)
{
	fprintf(stderr, "reader: %s\n", what);
	exit(1);
}

static unsigned long rdtsc(void)
{
	unsigned int low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return low | (unsigned long)high << 32;
}

static struct exitstat_regs ask(unsigned int leaf, unsigned int ecx)
{
	struct exitstat_regs regs;

	if (exitstat_source_ask(src, leaf, ecx, &regs))
		die("the CPU does not answer");
	return regs;
}

/* The answer includes the exit that asks. */
static unsigned long cpuid_exits(void)
{
	struct exitstat_regs regs = ask(EXITSTAT_COUNT, exitstat_exit_cpuid(desc.numbering));

	return regs.eax | (unsigned long)regs.ebx << 32;
}

static void take(unsigned int what)
{
	struct exitstat_snapshot snap;

	if (exitstat_snapshot_take(src, &desc, EXITSTAT_SCOPE_VM, what, &snap))
		die("no snapshot");
}

static void counts(void)
{
	take(0);
}

static void counts_and_times(void)
{
	take(EXITSTAT_TAKE_TIMES);
}

static void everything(void)
{
	take(EXITSTAT_TAKE_TIMES | EXITSTAT_TAKE_SPLIT | EXITSTAT_TAKE_EPOCH);
}

/* As if EXITSTAT_NEXT did not exist: count and time of every defined number. */
static void each_number(void)
{
	const struct exitstat_exit *e;

	for (size_t i = 0; (e = exitstat_exit_at(desc.numbering, i)); i++) {
		ask(EXITSTAT_COUNT, e->number);
		ask(EXITSTAT_TIME, e->number);
	}
}

static void run(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
			_exit(126);
		execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		die("the command failed");
}

static int compare(const void *a, const void *b)
{
	const struct cost *x = a, *y = b;

	return (x->cycles > y->cycles) - (x->cycles < y->cycles);
}

/* The first round is a warm-up. */
static void print_cost(const char *name, void (*action)(void))
{
	struct cost costs[ROUNDS + 1];

	for (int i = 0; i <= ROUNDS; i++) {
		unsigned long exits = cpuid_exits(), start = rdtsc();

		action();
		costs[i].cycles = rdtsc() - start;
		costs[i].exits = cpuid_exits() - exits - 1;
	}
	qsort(costs + 1, ROUNDS, sizeof(*costs), compare);
	printf("%s\t%lu\t%lu\n", name, costs[1 + ROUNDS / 2].exits, costs[1 + ROUNDS / 2].cycles);
}

int main(int argc, char **argv)
{
	if (exitstat_source_open_cpu(&src) || exitstat_description_read(src, &desc))
		die("this is no guest that may read its exits; try: exitstat check");
	command = argv + 1;
	if (argc > 1) {
		print_cost("command", run);
		return 0;
	}
	print_cost("counts", counts);
	print_cost("counts and times", counts_and_times);
	print_cost("everything", everything);
	print_cost("a question per number", each_number);
	return 0;
}
