// SPDX-License-Identifier: MIT
/* Parse the command line's words into steps, and print the steps' results. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exitstat/abi.h"
#include "steps.h"

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

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

static const char *const actions[] = {
#define ACTION(name) #name,
	VMM_ACTIONS
#undef ACTION
};

static const char *const spreads[] = {
#define SPREAD(name, first, stride) #name,
	VMM_SPREADS
#undef SPREAD
};

static const struct {
	const char *name;
	unsigned int leaf;
} leaves[] = {
	{ "signature", EXITSTAT_SIGNATURE },
	{ "features", EXITSTAT_FEATURES },
	{ "scope", EXITSTAT_SCOPE },
	{ "histogram", EXITSTAT_HISTOGRAM },
	{ "age", EXITSTAT_AGE },
	{ "sample-arm", EXITSTAT_SAMPLE_ARM },
	{ "sample-take", EXITSTAT_SAMPLE_TAKE },
	{ "sample-time", EXITSTAT_SAMPLE_TIME },
	{ "vmm-waiting", EXITSTAT_VMM_WAITING },
	{ "count-time", EXITSTAT_COUNT_TIME },
	{ "detail-time", EXITSTAT_DETAIL_TIME },
	{ "detail-count", EXITSTAT_DETAIL_COUNT },
	{ "detail", EXITSTAT_DETAIL },
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
	"      fuzz HOW N SEED      N reads of random leaves in the block and beside it; HOW: kernel,\n"
	"                           user, emulated or user-emulated (by KVM's emulator)\n"
	"      make KIND N          N times the exit KIND; N * (i + 1) times on vCPU i\n"
	"      cost KIND N          make KIND N, and what each of them cost in TSC cycles\n"
	"      query LEAF ECX N     N times read LEAF ECX, and what each of them cost\n"
	"      mix N SEED           N exits or few more, in bursts of random kinds, with an eye on\n"
	"                           counters that fall\n"
	"      snapshot             every counter of the vCPU, undisturbed by other exits\n"
	"      details SCOPE        every number and what its details add up to, and every detail;\n"
	"                           SCOPE: vcpu or vm\n"
	"      spread TO            a few exits to each of 300 targets; TO: port, msr, leaf or mmio\n"
	"      histograms           the counts of the vCPU and the sums of their buckets\n"
	"      tsc                  RDTSC\n"
	"      halt CYCLES          halt until a timer's interrupt\n"
	"      spin CYCLES          the same without halting\n"
	"      vmm ACTION N          sleep or spin for N ms, make N ioctls, kick and sleep N ms,\n"
	"                           immediate exit and sleep N ms; tally 0: what the VMM counted;\n"
	"                           stats 0: print what the host reads of the vCPU\n"
	"      barrier              wait until all vCPUs are here\n"
	"      wait                 wait for a line on standard input\n"
	"      arm ECX PERIOD       sample every so many-th exit of that number; 0: none\n"
	"      samples              what came of it since the last such step\n"
	"      timed                from here on, ask of NMIs how long exits took, not where they were\n"
	"      unheard              from here on, do not ask what an NMI is about\n"
	"LEAF: a number or a name of --list leaves, with vcpu- before it for one vCPU\n"
	"ECX:  a number, a name of --list kinds or numbers, or `all' for every number\n";

struct step steps[VMM_MAX_STEPS];
unsigned int step_count;

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
	struct step *s = &steps[step_count];

	if (++step_count == VMM_MAX_STEPS)
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

/* The bare guest of most tests has no NMI handler. */
static void add_random_read(enum op op, unsigned int leaf, unsigned int ecx)
{
	add_read(op, leaf, leaf == EXITSTAT_SAMPLE_ARM ? ecx & 0xffff : ecx);
}

static void parse_arm(enum op op, char **words)
{
	unsigned long period;

	if (!parse_number(words[1], &period) || period > 0xffff)
		die(2, "arm %s wants a period of 0 to 65535, not '%s'", words[0], words[1]);
	add_read(op, EXITSTAT_SAMPLE_ARM, (parse_ecx(words[0]) & 0xffff) | period << 16);
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
	for (int i = 1; i < VMM_MAX_ROWS; i++)
		add_read(op, leaf, 0);
}

/* One in four in the block, and one in four with a small ECX. */
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
		add_random_read(op, leaf, random() % 4 ? ecx : ecx % 128);
	}
}

static const struct {
	const char *name;
	enum op op;
} hows[] = {
	{ "kernel", OP_READ },
	{ "user", OP_READ_USER },
	{ "emulated", OP_READ_EMULATED },
	{ "user-emulated", OP_READ_USER_EMULATED },
};

/* Mostly a leaf with a name, in either row. */
static unsigned int random_leaf(void)
{
	unsigned int any = random();

	switch (random() % 8) {
	case 0:
		return EXITSTAT_BASE | any % 0x100;
	case 1:
		return EXITSTAT_BASE - 0x100 + any % 0x300;
	default:
		return leaves[any % COUNT(leaves)].leaf - (any & 0x100 ? EXITSTAT_VCPU : 0);
	}
}

/* Mostly a number, or close to one, with and without a bucket. */
static unsigned int random_ecx(void)
{
	size_t count;
	const struct exit_number *row = numbers(&count);
	unsigned int number = row[random() % count].number;

	switch (random() % 8) {
	case 0:
		return random() << 1 ^ random();
	case 1:
		return random() % 0x500;
	case 2:
		return -1u - random() % 0x200;
	case 3:
		return number + 1 - random() % 3;
	case 4:
		return number | 1u << random() % 32;
	case 5:
		return number;
	default:
		return random() % (EXITSTAT_BUCKETS + 2) << 16 | (number & 0xffff);
	}
}

static void parse_fuzz(enum op op, char **words)
{
	unsigned long n, seed;
	size_t how = 0;

	while (how < COUNT(hows) && strcmp(hows[how].name, words[0]))
		how++;
	if (how == COUNT(hows))
		die(2, "fuzz is done by kernel, user, emulated or user-emulated, not '%s'",
		    words[0]);
	if (!parse_number(words[1], &n) || !parse_number(words[2], &seed))
		die(2, "fuzz wants two numbers, not '%s' and '%s'", words[1], words[2]);
	op = hows[how].op;
	srandom(seed);
	while (n--)
		add_random_read(op, random_leaf(), random_ecx());
}

static void parse_make(enum op op, char **words)
{
	struct step *s = add_step(op);
	int kind = find_kind(words[0]);

	if (kind < 0)
		die(2, "there is no kind '%s'; see vmm --list kinds", words[0]);
	if (!parse_number(words[1], &s->n) || (op == OP_COST && !s->n))
		die(2, "make and cost %s want a number, not '%s'", words[0], words[1]);
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

static void parse_mix(enum op op, char **words)
{
	struct step *s = add_step(op);

	if (!parse_number(words[0], &s->n) || !parse_number(words[1], &s->rcx))
		die(2, "mix wants two numbers, not '%s' and '%s'", words[0], words[1]);
}

static void parse_details(enum op op, char **words)
{
	struct step *head = add_step(op);

	if (strcmp(words[0], "vcpu") && strcmp(words[0], "vm"))
		die(2, "details wants vcpu or vm, not '%s'", words[0]);
	head->ecx = kind_number(KIND_cpuid);
	head->n = !strcmp(words[0], "vm");
	for (int i = 0; i < VMM_MAX_ROWS; i++)
		add_step(OP_DETAIL_SUMS)->n = 0;
	for (int i = 0; i < VMM_MAX_DETAILS; i++)
		add_step(OP_DETAIL)->n = 0;
}

static void parse_spread(enum op op, char **words)
{
	struct step *s = add_step(op);

	for (s->kind = 0; s->kind < SPREAD_COUNT; s->kind++) {
		if (!strcmp(words[0], spreads[s->kind]))
			return;
	}
	die(2, "exits cannot be spread over '%s'; see vmm --help", words[0]);
}

static void add_rows(enum op op, enum op row)
{
	add_read(op, 0, kind_number(KIND_cpuid));
	for (int i = 0; i < VMM_MAX_ROWS; i++)
		add_step(row)->n = 0;
}

static void parse_snapshot(enum op op, char **words)
{
	(void)words;
	add_rows(op, OP_ROW);
}

static void parse_histograms(enum op op, char **words)
{
	(void)words;
	add_rows(op, OP_SUMS);
}

static void parse_cycles(enum op op, char **words)
{
	struct step *s = add_step(op);

	if (!parse_number(words[0], &s->n))
		die(2, "halt and spin want a number of cycles, not '%s'", words[0]);
}

static void parse_action(enum op op, char **words)
{
	struct step *s = add_step(op);

	if (!parse_number(words[1], &s->n))
		die(2, "vmm %s wants a number, not '%s'", words[0], words[1]);
	for (s->kind = 0; s->kind < ACTION_COUNT; s->kind++) {
		if (!strcmp(words[0], actions[s->kind]))
			return;
	}
	die(2, "the VMM cannot '%s'; see vmm --help", words[0]);
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
	{ "fuzz", 3, OP_READ, parse_fuzz },
	{ "make", 2, OP_MAKE, parse_make },
	{ "cost", 2, OP_COST, parse_make },
	{ "query", 3, OP_QUERY, parse_query },
	{ "mix", 2, OP_MIX, parse_mix },
	{ "snapshot", 0, OP_SNAPSHOT, parse_snapshot },
	{ "histograms", 0, OP_HISTOGRAMS, parse_histograms },
	{ "details", 1, OP_DETAILS, parse_details },
	{ "spread", 1, OP_SPREAD, parse_spread },
	{ "tsc", 0, OP_TSC, parse_plain },
	{ "halt", 1, OP_HALT, parse_cycles },
	{ "spin", 1, OP_SPIN, parse_cycles },
	{ "vmm", 2, OP_DO, parse_action },
	{ "barrier", 0, OP_BARRIER, parse_plain },
	{ "wait", 0, OP_WAIT, parse_plain },
	{ "arm", 2, OP_READ, parse_arm },
	{ "samples", 0, OP_SAMPLES, parse_plain },
	{ "timed", 0, OP_TIMED, parse_plain },
	{ "unheard", 0, OP_UNHEARD, parse_plain },
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

static const char *how_of(const struct step *s)
{
	switch (s->op) {
	case OP_READ_USER:
		return "user";
	case OP_READ_EMULATED:
		return "emulated";
	case OP_READ_USER_EMULATED:
		return "user-emulated";
	default:
		return "read";
	}
}

static void print_read(unsigned long vcpu, const struct step *s)
{
	printf("vcpu=%lu %s leaf=%#x ecx=%#x rax=%#lx rbx=%#lx rcx=%#lx rdx=%#lx\n", vcpu,
	       how_of(s), s->leaf, s->ecx, s->rax, s->rbx, s->rcx, s->rdx);
}

static void print_samples(unsigned long vcpu, const struct step *s)
{
	printf("vcpu=%lu samples nmis=%lu exits=%lu ahead=%lu number=%#lx", vcpu, s->rax, s->rbx,
	       s->rcx, s->rdx);
	printf(" cycles=%lu\n", s->n);
}

static void print_action(unsigned long vcpu, const struct step *s)
{
	printf("vcpu=%lu vmm action=%s n=%lu cycles=%lu", vcpu, actions[s->kind], s->n, s->rax);
	if (s->kind == ACTION_tally)
		printf(" signal-cycles=%lu returns=%lu signals=%lu", s->rbx, s->rcx, s->rdx);
	putchar('\n');
}

static void print_mix(unsigned long vcpu, const struct step *s)
{
	printf("vcpu=%lu mix n=%lu watched=%lu fallen=%lu", vcpu, s->n, s->watched, s->fallen);
	if (s->fallen)
		printf(" leaf=%#x ecx=%#x from=%lu to=%lu rdx=%#lx", s->leaf, s->ecx, s->rax,
		       s->rbx, s->rdx);
	putchar('\n');
}

static void print_row(unsigned long vcpu, const struct step *s)
{
	if (s->n)
		printf("vcpu=%lu row number=%#x count=%lu time=%lu vmm=%lu waiting=%lu\n", vcpu,
		       s->ecx, s->rax, s->rbx, s->rcx, s->rdx);
}

static void print_sums(unsigned long vcpu, const struct step *s)
{
	if (s->n)
		printf("vcpu=%lu histogram number=%#x before=%lu buckets=%lu after=%lu\n", vcpu,
		       s->ecx, s->rax, s->rbx, s->rcx);
}

static void print_detail_sums(unsigned long vcpu, const struct step *s)
{
	if (s->n)
		printf("vcpu=%lu details number=%#x before=%lu sum=%lu after=%lu time-before=%lu time-sum=%lu time-after=%lu\n",
		       vcpu, s->ecx, s->rax, s->rbx, s->rcx, s->rdx, s->watched, s->fallen);
}

static void print_detail(unsigned long vcpu, const struct step *s)
{
	if (s->n)
		printf("vcpu=%lu detail place=%#x number=%#x detail=%#lx count=%lu time=%lu\n",
		       vcpu, s->leaf, s->ecx, s->rcx, s->rax, s->rbx);
}

static int compare(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return (x > y) - (x < y);
}

/* Sorts the samples. */
static void print_cost(unsigned long vcpu, const struct step *s, unsigned int *samples)
{
	unsigned long sum = 0;

	qsort(samples, s->n, sizeof(*samples), compare);
	for (unsigned long i = 0; i < s->n; i++)
		sum += samples[i];
	if (s->op == OP_COST)
		printf("vcpu=%lu cost kind=%s", vcpu, kinds[s->kind].name);
	else
		printf("vcpu=%lu query leaf=%#x ecx=%#x", vcpu, s->leaf, s->ecx);
	printf(" n=%lu min=%u median=%u mean=%.2f max=%u\n", s->n, samples[0], samples[s->n / 2],
	       (double)sum / s->n, samples[s->n - 1]);
}

void print_step(unsigned long vcpu, const struct step *s, char *memory)
{
	switch (s->op) {
	case OP_READ:
	case OP_READ_USER:
	case OP_READ_EMULATED:
	case OP_READ_USER_EMULATED:
		print_read(vcpu, s);
		break;
	case OP_READ_NEXT:
		if (s->n)
			print_read(vcpu, s);
		break;
	case OP_SAMPLES:
		print_samples(vcpu, s);
		break;
	case OP_MAKE:
		printf("vcpu=%lu make kind=%s number=%#x n=%lu\n", vcpu, kinds[s->kind].name,
		       kind_number(s->kind), s->n);
		break;
	case OP_COST:
	case OP_QUERY:
		print_cost(vcpu, s, (unsigned int *)(memory + s->rax));
		break;
	case OP_TSC:
		printf("vcpu=%lu tsc rax=%#lx\n", vcpu, s->rax);
		break;
	case OP_DO:
		print_action(vcpu, s);
		break;
	case OP_MIX:
		print_mix(vcpu, s);
		break;
	case OP_SNAPSHOT:
		printf("vcpu=%lu snapshot count=%lu guest=%lu time-before=%lu time=%lu tsc=%lu slack=%lu\n",
		       vcpu, s->rax, s->rbx, s->n, s->rcx, s->rdx, s->watched);
		break;
	case OP_ROW:
		print_row(vcpu, s);
		break;
	case OP_SUMS:
		print_sums(vcpu, s);
		break;
	case OP_DETAIL_SUMS:
		print_detail_sums(vcpu, s);
		break;
	case OP_DETAIL:
		print_detail(vcpu, s);
		break;
	}
}
