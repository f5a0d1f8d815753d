// SPDX-License-Identifier: MIT
/*
 * The exit tables in include/exitstat are consistent, and agree with the names in a
 * kernel's own uapi headers.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <asm/kvm.h>	/* the vectors that svm.h adds to */
#include <asm/svm.h>
#include <asm/vmx.h>

#include "exitstat/abi.h"

struct row {
	unsigned int number;
	const char *name;	/* NULL: not defined */
};

/* Newer kernels write AMD's exit codes with 64 bits. */
struct kernel_row {
	unsigned long long number;
	const char *name;
};

struct table {
	const char *vendor;
	const struct row *ours;
	const struct kernel_row *kernels;
	size_t count, kernels_count, defined;
};

#define EXITSTAT_EXIT(number, name, words)	{ number, name },
#define EXITSTAT_RESERVED(number, why)		{ number, NULL },
static const struct row vmx_rows[] = {
#include "exitstat/vmx_exits.h"
};

#define EXITSTAT_EXIT(number, name, words)	{ number, name },
#define EXITSTAT_RESERVED(number, why)		{ number, NULL },
static const struct row svm_rows[] = {
#include "exitstat/svm_exits.h"
};

static const struct kernel_row vmx_kernel[] = { VMX_EXIT_REASONS };
static const struct kernel_row svm_kernel[] = { SVM_EXIT_REASONS };

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* The defined ones: 167 codes from 0 to 0xa6, 0x400 to 0x403, and -4 to -1. */
static const struct table tables[] = {
	{ "Intel", vmx_rows, vmx_kernel, COUNT(vmx_rows), COUNT(vmx_kernel), 80 },
	{ "AMD", svm_rows, svm_kernel, COUNT(svm_rows), COUNT(svm_kernel), 0xa7 + 4 + 4 },
};

static const struct row *find(const struct table *t, unsigned int number)
{
	for (size_t i = 0; i < t->count; i++) {
		if (t->ours[i].number == number)
			return &t->ours[i];
	}
	return NULL;
}

static bool ascends(const struct table *t)
{
	for (size_t i = 1; i < t->count; i++) {
		if (t->ours[i].number <= t->ours[i - 1].number)
			return false;
	}
	return true;
}

static bool counts(const struct table *t)
{
	size_t defined = 0;

	for (size_t i = 0; i < t->count; i++)
		defined += !!t->ours[i].name;
	return defined == t->defined;
}

static bool names_are_unique(const struct table *t)
{
	for (size_t i = 0; i < t->count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (t->ours[i].name && t->ours[j].name &&
			    !strcmp(t->ours[i].name, t->ours[j].name))
				return false;
		}
	}
	return true;
}

/* Nothing to escape in CSV or JSON.  The kernel has a space in "AC excp", and "idle-halt". */
static bool names_are_plain(const struct table *t)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_- ";

	for (size_t i = 0; i < t->count; i++) {
		const char *name = t->ours[i].name;

		if (name && (!*name || name[strspn(name, allowed)]))
			return false;
	}
	return true;
}

/* The GHCB's software events have names in the kernel's list and no exit of their own. */
static bool kernel_agrees(const struct table *t)
{
	bool agrees = true;

	for (size_t i = 0; i < t->kernels_count; i++) {
		const struct kernel_row *k = &t->kernels[i];
		unsigned int number = k->number;
		const struct row *o = find(t, number);
		bool is_ghcb = number >> 28 == 8;

		if (o && (is_ghcb ? !o->name : o->name && !strcmp(o->name, k->name)))
			continue;
		printf("#   %#x is %s in the kernel, %s here\n", number, k->name,
		       !o ? "not listed" : o->name ?: "reserved");
		agrees = false;
	}
	return agrees;
}

static bool other_is_free(const struct table *t)
{
	return !find(t, EXITSTAT_OTHER);
}

/* EXITSTAT_BUCKET gives a number 16 bits, sign-extended: that has to be enough. */
static bool fits_bucket_input(const struct table *t)
{
	for (size_t i = 0; i < t->count; i++) {
		unsigned int number = t->ours[i].number;

		if (t->ours[i].name && (unsigned int)(short)number != number)
			return false;
	}
	return (unsigned int)(short)EXITSTAT_OTHER == EXITSTAT_OTHER;
}

static const struct {
	bool (*holds)(const struct table *t);
	const char *sentence;
} cases[] = {
	{ ascends, "the numbers ascend without duplicates" },
	{ counts, "as many numbers are defined as the manual defines" },
	{ names_are_unique, "no two numbers share a name" },
	{ names_are_plain, "every name is made of letters, digits, _, - and space" },
	{ kernel_agrees, "every name in the kernel's own list is ours" },
	{ other_is_free, "the pseudo-number for other exits is not in the table" },
	{ fits_bucket_input, "every number survives the 16 bits of the histogram leaf" },
};

/* The manual's set, said once more: the gaps are what a guest can tell by EDX. */
static bool vmx_gaps(void)
{
	static const unsigned int gaps[] = { 35, 38, 42, 71, 82, 83 };
	size_t gap = 0;

	for (unsigned int number = 0; number <= 85; number++) {
		const struct row *row = find(&tables[0], number);
		bool is_gap = gap < COUNT(gaps) && gaps[gap] == number;

		if (!row || is_gap != !row->name)
			return false;
		gap += is_gap;
	}
	return true;
}

static int report(bool holds, int number, const char *vendor, const char *sentence)
{
	printf("%s %d %s: %s\n", holds ? "ok" : "not ok", number, vendor, sentence);
	return !holds;
}

int main(void)
{
	int number = 0, failed = 0;

	printf("KTAP version 1\n1..%zu\n", COUNT(tables) * COUNT(cases) + 1);
	for (size_t t = 0; t < COUNT(tables); t++) {
		for (size_t c = 0; c < COUNT(cases); c++)
			failed += report(cases[c].holds(&tables[t]), ++number,
					 tables[t].vendor, cases[c].sentence);
	}
	failed += report(vmx_gaps(), ++number, "Intel",
			 "35, 38, 42, 71, 82 and 83 alone are missing up to 85");
	return failed != 0;
}
