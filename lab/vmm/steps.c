// SPDX-License-Identifier: MIT
/* Make steps of the command line's words, and lines of the steps' results. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exitstat/abi.h"
#include "steps.h"

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))
#define MAX_NEXT	48	/* more numbers than a bare guest can have counts for */

struct exit_number {
	unsigned int number;
	const char *name;
};

#define EXITSTAT_EXIT(number, name, words)	{ number, name },
static const struct exit_number vmx_numbers[] = {
#include "exitstat/vmx_exits.h"
};

#define EXITSTAT_EXIT(number, name, words)	{ number, name },
static const struct exit_number svm_numbers[] = {
#include "exitstat/svm_exits.h"
};

static const struct {
	const char *name, *vmx, *svm;
} kinds[] = {
#define KIND(name, vmx, svm) { #name, vmx, svm },
	VMM_KINDS
#undef KIND
};

static const struct {
	const char *name;
	unsigned int leaf;
} leaves[] = {
	{ "signature", EXITSTAT_SIGNATURE },
	{ "features", EXITSTAT_FEATURES },
	{ "scope", EXITSTAT_SCOPE },
	{ "histogram", EXITSTAT_HISTOGRAM },
	{ "time-guest", EXITSTAT_TIME_GUEST },
	{ "next", EXITSTAT_NEXT },
	{ "bucket", EXITSTAT_BUCKET },
	{ "time-waiting", EXITSTAT_TIME_WAITING },
	{ "time-vmm", EXITSTAT_TIME_VMM },
	{ "total-count", EXITSTAT_TOTAL_COUNT },
	{ "total-time", EXITSTAT_TOTAL_TIME },
	{ "count", EXITSTAT_COUNT },
	{ "time", EXITSTAT_TIME },
};

const char steps_help[] =
	"STEP: read LEAF ECX        CPUID, with every register poisoned before\n"
	"      user read LEAF ECX   the same at CPL 3\n"
	"      next LEAF            read LEAF 0, and again from the number after each answer\n"
	"      sample N SEED        N reads of random leaves in 0x40000000-0x4fffffff\n"
	"      make KIND N          N times the exit KIND; N * (i + 1) times on vCPU i\n"
	"      cost KIND N          make KIND N, and what each of them cost in TSC cycles\n"
	"      query LEAF ECX N     N times read LEAF ECX, and what each of them cost\n"
	"      tsc                  RDTSC\n"
	"      barrier              wait until all vCPUs are here\n"
	"      wait                 wait for a line on standard input\n"
	"LEAF: a number or a name of --list leaves, with vcpu- before it for one vCPU\n"
	"ECX:  a number, a name of --list kinds or numbers, or `all' for every number\n";

struct step steps[VMM_MAX_STEPS];
unsigned int step_count = 1;

bool cpu_is_amd(void)
{
	unsigned int a = 0, b, c, d;

	asm("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	return b == 0x68747541 || b == 0x6f677948;	/* "Auth"enticAMD, "Hygo"nGenuine */
}

static const struct exit_number *numbers(size_t *count)
{
	if (cpu_is_amd()) {
		*count = COUNT(svm_numbers);
		return svm_numbers;
	}
	*count = COUNT(vmx_numbers);
	return vmx_numbers;
}

bool parse_number(const char *text, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 0);
	return *text && !*end && !errno;
}

static int find_kind(const char *name)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (!strcmp(kinds[i].name, name))
			return i;
	}
	return -1;
}

static unsigned int exit_number(const char *name)
{
	size_t count;
	const struct exit_number *row = numbers(&count);

	for (size_t i = 0; i < count; i++) {
		if (!strcmp(row[i].name, name))
			return row[i].number;
	}
	die(2, "'%s' is no number, kind or name of an exit; see vmm --list numbers", name);
}

static unsigned int kind_number(int kind)
{
	return exit_number(cpu_is_amd() ? kinds[kind].svm : kinds[kind].vmx);
}

static unsigned int parse_leaf(const char *text)
{
	static const char prefix[] = "vcpu-";
	bool is_vcpu = !strncmp(text, prefix, strlen(prefix));
	const char *name = text + (is_vcpu ? strlen(prefix) : 0);
	unsigned long value;

	if (parse_number(text, &value))
		return value;
	for (size_t i = 0; i < COUNT(leaves); i++) {
		if (!strcmp(leaves[i].name, name))
			return leaves[i].leaf - (is_vcpu ? EXITSTAT_VCPU : 0);
	}
	die(2, "there is no leaf '%s'; see vmm --list leaves", text);
}

static unsigned int parse_ecx(const char *text)
{
	unsigned long value;
	int kind = find_kind(text);

	if (parse_number(text, &value))
		return value;
	return kind >= 0 ? kind_number(kind) : exit_number(text);
}

static struct step *add_step(enum op op)
{
	struct step *s = &steps[step_count - 1];

	if (++step_count > VMM_MAX_STEPS)
		die(2, "there are too many steps; give less than %u", VMM_MAX_STEPS);
	s->op = op;
	s->n = 1;
	return s;
}

static void add_read(enum op op, unsigned int leaf, unsigned int ecx)
{
	struct step *s = add_step(op);

	s->leaf = leaf;
	s->ecx = ecx;
}

static void parse_read(enum op op, char **words)
{
	unsigned int leaf = parse_leaf(words[0]);
	size_t count;
	const struct exit_number *row = numbers(&count);

	if (strcmp(words[1], "all")) {
		add_read(op, leaf, parse_ecx(words[1]));
		return;
	}
	for (size_t i = 0; i < count; i++)
		add_read(op, leaf, row[i].number);
}

static void parse_user(enum op op, char **words)
{
	if (strcmp(words[0], "read"))
		die(2, "only 'read' can be done by a user, not '%s'", words[0]);
	parse_read(op, words + 1);
}

static void parse_next(enum op op, char **words)
{
	unsigned int leaf = parse_leaf(words[0]);

	add_read(OP_READ, leaf, 0);
	for (int i = 1; i < MAX_NEXT; i++)
		add_read(op, leaf, 0);
}

/* One in four within the block, and one in four with a small ECX. */
static void parse_sample(enum op op, char **words)
{
	unsigned long n, seed;

	if (!parse_number(words[0], &n) || !parse_number(words[1], &seed))
		die(2, "sample wants two numbers, not '%s' and '%s'", words[0], words[1]);
	srandom(seed);
	while (n--) {
		unsigned int leaf = 0x40000000u | random() % 0x10000000;
		unsigned int ecx = random() << 1 ^ random();

		if (random() % 4 == 0)
			leaf |= EXITSTAT_BASE;
		add_read(op, leaf, random() % 4 ? ecx : ecx % 128);
	}
}

static void parse_make(enum op op, char **words)
{
	struct step *s = add_step(op);
	int kind = find_kind(words[0]);

	if (kind < 0)
		die(2, "there is no kind '%s'; see vmm --list kinds", words[0]);
	if (!parse_number(words[1], &s->n) || (op == OP_COST && !s->n))
		die(2, "%s %s wants a number, not '%s'", op == OP_COST ? "cost" : "make", words[0],
		    words[1]);
	s->kind = kind;
}

static void parse_query(enum op op, char **words)
{
	struct step *s = add_step(op);

	s->leaf = parse_leaf(words[0]);
	s->ecx = parse_ecx(words[1]);
	if (!parse_number(words[2], &s->n) || !s->n)
		die(2, "query %s %s wants a number, not '%s'", words[0], words[1], words[2]);
}

static void parse_plain(enum op op, char **words)
{
	(void)words;
	add_step(op);
}

static const struct {
	const char *name;
	unsigned int words;	/* after the name */
	enum op op;
	void (*parse)(enum op op, char **words);
} verbs[] = {
	{ "read", 2, OP_READ, parse_read },
	{ "user", 3, OP_READ_USER, parse_user },
	{ "next", 1, OP_READ_NEXT, parse_next },
	{ "sample", 2, OP_READ, parse_sample },
	{ "make", 2, OP_MAKE, parse_make },
	{ "cost", 2, OP_COST, parse_make },
	{ "query", 3, OP_QUERY, parse_query },
	{ "tsc", 0, OP_TSC, parse_plain },
	{ "barrier", 0, OP_BARRIER, parse_plain },
	{ "wait", 0, OP_WAIT, parse_plain },
};

/* Return how many words the step took. */
static unsigned int parse_step(char **words)
{
	for (size_t i = 0; i < COUNT(verbs); i++) {
		if (strcmp(words[0], verbs[i].name))
			continue;
		for (unsigned int w = 1; w <= verbs[i].words; w++) {
			if (!words[w])
				die(2, "'%s' wants %u more words; see vmm --help", words[0],
				    verbs[i].words - w + 1);
		}
		verbs[i].parse(verbs[i].op, words + 1);
		return 1 + verbs[i].words;
	}
	die(2, "there is no step '%s'; see vmm --help", words[0]);
}

void parse_steps(char **words)
{
	while (*words)
		words += parse_step(words);
}

static void list_kinds(void)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		printf("%s %#x\n", kinds[i].name, kind_number(i));
}

static void list_numbers(void)
{
	size_t count;
	const struct exit_number *row = numbers(&count);

	for (size_t i = 0; i < count; i++)
		printf("%#x %s\n", row[i].number, row[i].name);
}

static void list_leaves(void)
{
	for (size_t i = 0; i < COUNT(leaves); i++)
		printf("%s %#x\n", leaves[i].name, leaves[i].leaf);
}

bool print_list(const char *what)
{
	if (!strcmp(what, "kinds"))
		list_kinds();
	else if (!strcmp(what, "numbers"))
		list_numbers();
	else if (!strcmp(what, "leaves"))
		list_leaves();
	else
		return false;
	return true;
}

static void print_read(unsigned long vcpu, const struct step *s)
{
	printf("vcpu=%lu %s leaf=%#x ecx=%#x rax=%#lx rbx=%#lx rcx=%#lx rdx=%#lx\n", vcpu,
	       s->op == OP_READ_USER ? "user" : "read", s->leaf, s->ecx, s->rax, s->rbx, s->rcx,
	       s->rdx);
}

static int compare(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return (x > y) - (x < y);
}

/* Sorts them. */
static void print_cost(unsigned long n, unsigned int *samples)
{
	unsigned long sum = 0;

	qsort(samples, n, sizeof(*samples), compare);
	for (unsigned long i = 0; i < n; i++)
		sum += samples[i];
	printf("n=%lu min=%u median=%u mean=%.2f max=%u\n", n, samples[0], samples[n / 2],
	       (double)sum / n, samples[n - 1]);
}

void print_step(unsigned long vcpu, const struct step *s, unsigned int *samples)
{
	switch (s->op) {
	case OP_READ:
	case OP_READ_USER:
		print_read(vcpu, s);
		break;
	case OP_READ_NEXT:
		if (s->n)
			print_read(vcpu, s);
		break;
	case OP_MAKE:
		printf("vcpu=%lu make kind=%s number=%#x n=%lu\n", vcpu, kinds[s->kind].name,
		       kind_number(s->kind), s->n);
		break;
	case OP_COST:
		printf("vcpu=%lu cost kind=%s ", vcpu, kinds[s->kind].name);
		print_cost(s->n, samples);
		break;
	case OP_QUERY:
		printf("vcpu=%lu query leaf=%#x ecx=%#x ", vcpu, s->leaf, s->ecx);
		print_cost(s->n, samples);
		break;
	case OP_TSC:
		printf("vcpu=%lu tsc rax=%#lx\n", vcpu, s->rax);
		break;
	}
}
