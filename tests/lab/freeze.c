// SPDX-License-Identifier: MIT
/*
 * In a guest with one vCPU: read the count of every exit number and, with the
 * last CPUID, freeze the host's own count of the same exits.
 *
 * The last query is one that the host's trigger on kvm_cpuid waits for (freeze.sh):
 * TOTAL_COUNT, which ignores ECX, with EXITSTAT_FREEZE there.  Printed are
 * `NUMBER COUNT` as of that exit and, of it all, `total COUNT`.
 *
 * An interrupt may exit just before the last query.  Then the rows are read once
 * more: if one number alone has moved, it was that one.
 */
#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>

#include "exitstat/abi.h"

#define EXITSTAT_FREEZE	0xf2ee2eu
#define MAX_NUMBERS	128
#define MAX_DETAILS	1024
#define MAX_ATTEMPTS	1000
#define MAX_QUERIES	1000

struct row {
	unsigned int number;
	unsigned long count;
	unsigned int asked;	/* queries up to and with this one */
};

struct rows {
	unsigned int nr;
	struct row row[MAX_NUMBERS];
};

static unsigned int asked;

static void __attribute__((noreturn)) die(const char *message)
{
	fprintf(stderr, "freeze: %s\n", message);
	exit(1);
}

static unsigned long ask(unsigned int leaf, unsigned int input, unsigned int *number)
{
	unsigned int a, b, c, d;

	__cpuid_count(leaf, input, a, b, c, d);
	asked++;
	if (leaf == EXITSTAT_TOTAL_COUNT)
		return (unsigned long)b << 32 | a;
	*number = a;
	return d == EXITSTAT_UNDEFINED ? 0 : (unsigned long)b << 32 | c;
}

static void read_rows(struct rows *rows)
{
	unsigned int number = 0;
	unsigned long count;

	for (rows->nr = 0; rows->nr < MAX_NUMBERS; rows->nr++) {
		count = ask(EXITSTAT_NEXT, number, &number);
		if (!count)
			return;
		rows->row[rows->nr] = (struct row){ number, count, asked };
		if (!++number)
			return;
	}
	die("more numbers have a count than there is room for");
}

/* Details of one number, to be told with the rest. */
static struct detail {
	unsigned int place;
	unsigned long detail, count;
} details[MAX_DETAILS];
static unsigned int nr_details;

static void find_details(unsigned int number)
{
	unsigned int a, b, c, place = 0;

	for (;;) {
		__cpuid_count(EXITSTAT_DETAIL, place, a, b, c, place);
		if (place == EXITSTAT_UNDEFINED)
			return;
		if (nr_details == MAX_DETAILS)
			die("more details than there is room for");
		if (a == number)
			details[nr_details++] = (struct detail){
				.place = place, .detail = (unsigned long)b << 32 | c,
			};
		place++;
	}
}

static unsigned long count_details(void)
{
	unsigned int a, b, c, d;
	unsigned long sum = 0;

	for (unsigned int i = 0; i < nr_details; i++) {
		__cpuid_count(EXITSTAT_DETAIL_COUNT, details[i].place, a, b, c, d);
		details[i].count = (unsigned long)b << 32 | a;
		sum += details[i].count;
	}
	return sum;
}

static unsigned long count_of(const struct rows *rows, unsigned int number)
{
	for (unsigned int i = 0; i < rows->nr; i++) {
		if (rows->row[i].number == number)
			return rows->row[i].count;
	}
	return 0;
}

/* Most interrupts come at intervals: begin just after one, as far from the next as can be. */
static void wait_for_exit(void)
{
	unsigned long before, now = ask(EXITSTAT_TOTAL_COUNT, 0, NULL);

	for (int i = 0; i < MAX_QUERIES; i++) {
		before = now;
		now = ask(EXITSTAT_TOTAL_COUNT, 0, NULL);
		if (now != before + 1)
			return;
	}
}

/* Only our own queries may come between the first row and the last. */
static void read_undisturbed(struct rows *rows)
{
	unsigned long before;

	for (int i = 0; i < MAX_ATTEMPTS; i++) {
		wait_for_exit();
		before = ask(EXITSTAT_TOTAL_COUNT, 0, NULL);
		asked = 0;
		read_rows(rows);
		if (ask(EXITSTAT_TOTAL_COUNT, 0, NULL) == before + asked)
			return;
	}
	die("other exits come between all the time");
}

/*
 * Exits came between the rows and the last query: give them to the numbers that moved since, if
 * those moved by as many, or if it is one number.  Else, and if its details have been told, it is
 * unknown which were before: freeze.sh starts over.
 */
static void add_missing(struct rows *rows, unsigned int own, unsigned int detailed,
			unsigned long missing)
{
	static struct rows now;
	unsigned long moved = 0;
	struct row *last = NULL;
	unsigned int numbers = 0;

	read_rows(&now);
	if (now.nr != rows->nr)
		die("exits of a new number came before the last query; try again");
	for (unsigned int i = 0; i < now.nr; i++) {
		if (now.row[i].number == own || now.row[i].count == rows->row[i].count)
			continue;
		if (nr_details && now.row[i].number == detailed)
			die("exits that have details came before the last query; try again");
		moved += now.row[i].count - rows->row[i].count;
		last = &rows->row[i];
		numbers++;
	}
	if (!numbers)
		die("the total is not the sum of the counts");
	if (numbers == 1) {
		last->count += missing;
		return;
	}
	if (moved != missing)
		die("exits of several numbers came before the last query; try again");
	for (unsigned int i = 0; i < now.nr; i++) {
		if (now.row[i].number != own)
			rows->row[i].count = now.row[i].count;
	}
}

int main(int argc, char **argv)
{
	static struct rows rows;
	unsigned int own, detailed, attempts = 0;
	unsigned long total, sum = 0, details_sum;

	if (argc != 2 && argc != 3)
		die("give the number of CPUID exits, and perhaps one whose details to tell");
	own = strtoul(argv[1], NULL, 0);
	detailed = argc == 3 ? strtoul(argv[2], NULL, 0) : own;
	if (argc == 3)
		find_details(detailed);

	do {
		details_sum = count_details();
		read_undisturbed(&rows);
	} while (argc == 3 && details_sum != count_of(&rows, detailed) &&
		 attempts++ < MAX_ATTEMPTS);
	total = ask(EXITSTAT_TOTAL_COUNT, EXITSTAT_FREEZE, NULL);
	for (unsigned int i = 0; i < rows.nr; i++) {
		if (rows.row[i].number == own)
			rows.row[i].count += asked - rows.row[i].asked;
		sum += rows.row[i].count;
	}
	if (sum != total)
		add_missing(&rows, own, detailed, total - sum);
	for (unsigned int i = 0; i < rows.nr; i++)
		printf("%u %lu\n", rows.row[i].number, rows.row[i].count);
	printf("total %lu\n", total);
	for (unsigned int i = 0; i < nr_details; i++)
		printf("detail %#lx %lu\n", details[i].detail, details[i].count);
	return 0;
}
