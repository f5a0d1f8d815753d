// SPDX-License-Identifier: MIT
/*
 * Ask exitstat_pmu.ko as a program does, with perf_event_open(), beside the bare CPUID:
 *
 *	events open CONFIG	the error of opening it for this task, or 0
 *	events cpu OUTS		exits of port I/O on CPU 0 while it makes so many: by an event of
 *				the CPU, and by the leaf
 *	events switch N		sleep N times with no event open, one, and four: how often this
 *				task was switched out, and what that cost in CPUIDs
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <exitstat/abi.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define COUNT	(EXITSTAT_COUNT - EXITSTAT_VCPU)

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static unsigned int type(void)
{
	FILE *file = fopen("/sys/bus/event_source/devices/exitstat/type", "r");
	unsigned int n;

	if (!file || fscanf(file, "%u", &n) != 1)
		die("events: no PMU exitstat");
	fclose(file);
	return n;
}

static int open_event(unsigned long long config, int pid, int cpu)
{
	struct perf_event_attr attr = { .type = type(), .size = sizeof(attr), .config = config };

	return syscall(SYS_perf_event_open, &attr, pid, cpu, -1, 0);
}

static unsigned long long config_of(unsigned int number)
{
	return (COUNT & 0xffull) << 32 | number;
}

static uint64_t ask(unsigned int number)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid_count(COUNT, number, eax, ebx, ecx, edx);
	return (uint64_t)ebx << 32 | eax;
}

static int is_amd(void)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid(EXITSTAT_FEATURES, eax, ebx, ecx, edx);
	return ebx == EXITSTAT_NUMBERING_SVM;
}

static uint64_t value_of(int fd)
{
	uint64_t value;

	if (read(fd, &value, sizeof(value)) != sizeof(value))
		die("events: read");
	return value;
}

static void stay_on_cpu0(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("events: sched_setaffinity");
}

static void count_on_cpu(long outs)
{
	unsigned int io = is_amd() ? 0x7b : 30;
	int port = open("/dev/port", O_WRONLY);
	uint64_t event, leaf;
	int fd;

	stay_on_cpu0();
	fd = open_event(config_of(io), -1, 0);
	if (fd < 0 || port < 0)
		die("events: open");
	event = value_of(fd);
	leaf = ask(io);
	while (outs-- > 0) {
		if (pwrite(port, "", 1, 0xed) != 1)
			die("events: /dev/port");
	}
	leaf = ask(io) - leaf;
	event = value_of(fd) - event;
	printf("%llu %llu\n", (unsigned long long)event, (unsigned long long)leaf);
}

static long switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw + usage.ru_nivcsw;
}

/*
 * How often this task was switched out, and in *asked the count of exits of that number at the same
 * moment.  Returns how many questions that took.
 */
static int read_both(unsigned int number, long *switched, uint64_t *asked)
{
	int questions = 0;

	do {
		*switched = switches();
		*asked = ask(number);
		questions++;
	} while (switches() != *switched);
	return questions;
}

static void sleep_with(long times, int events)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	unsigned int cpuid = is_amd() ? 0x72 : 10;
	uint64_t asked_before, asked;
	long switched_before, switched;
	int fds[4], i;

	for (i = 0; i < events; i++) {
		fds[i] = open_event(config_of(is_amd() ? 0x7b : 30), 0, -1);
		if (fds[i] < 0)
			die("events: open");
	}
	read_both(cpuid, &switched_before, &asked_before);
	while (times-- > 0)
		nanosleep(&moment, NULL);
	i = read_both(cpuid, &switched, &asked);
	printf("%d %ld %llu\n", events, switched - switched_before,
	       (unsigned long long)(asked - asked_before - i));
	for (i = 0; i < events; i++)
		close(fds[i]);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "open")) {
		errno = 0;
		open_event(strtoull(argv[2], NULL, 0), 0, -1);
		puts(strerrorname_np(errno));
	} else if (argc == 3 && !strcmp(argv[1], "cpu")) {
		count_on_cpu(atol(argv[2]));
	} else if (argc == 3 && !strcmp(argv[1], "switch")) {
		stay_on_cpu0();
		sleep_with(atol(argv[2]), 0);
		sleep_with(atol(argv[2]), 1);
		sleep_with(atol(argv[2]), 4);
	} else {
		fprintf(stderr, "usage: events open CONFIG | cpu OUTS | switch N\n");
		return 2;
	}
	return 0;
}
