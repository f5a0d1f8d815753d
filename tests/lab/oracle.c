// SPDX-License-Identifier: MIT
/*
 * Know from the ABI's headers alone what a query may be answered, and check the
 * answers to random queries: lines of vmm on standard input, of one VM.
 *
 * usage: oracle VCPUS.  Say each fault, then how many answers were checked.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exitstat/abi.h"

#define MAX_FAULTS	20
#define MAX_NUMBERS	512
#define MAX_VCPUS	8
#define MAX_ROWS	1024	/* of a vCPU's details, and more than there are */
#define MAX_VALUE	(1ul << 48)	/* more than a day of cycles */
#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

struct answer {
	unsigned int vcpu, leaf, ecx;
	uint64_t rax, rbx, rcx, rdx;
};

#define EXITSTAT_EXIT(number, name, words)	number,
static const unsigned int vmx_numbers[] = {
#include "exitstat/vmx_exits.h"
};

#define EXITSTAT_EXIT(number, name, words)	number,
static const unsigned int svm_numbers[] = {
#include "exitstat/svm_exits.h"
};

static const unsigned int *numbers;
static unsigned int nr_numbers;
static unsigned int numbering;
static unsigned int nr_vcpus;
static unsigned long checked, faults;
static uint64_t epoch;
static const char *line;

/* The last answers to each vCPU, of the VM and of itself: of a leaf, about a number or in all. */
static uint64_t last[2 * MAX_VCPUS][16][MAX_NUMBERS];
static uint64_t last_bucket[2 * MAX_VCPUS][EXITSTAT_BUCKETS][MAX_NUMBERS];

/* What each vCPU knows, in each scope, of the vCPUs' details, by row: rows never change. */
static struct detail {
	uint64_t number, detail;
	bool known;
	uint64_t count, time;
} details[2 * MAX_VCPUS][MAX_VCPUS][MAX_ROWS];

static void __attribute__((format(printf, 1, 2))) fault(const char *format, ...)
{
	va_list args;

	if (faults++ >= MAX_FAULTS)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(": %s", line);
}

/* The row of a number, or -1. */
static int find(unsigned int number)
{
	if (number == EXITSTAT_OTHER)
		return nr_numbers;
	for (unsigned int i = 0; i < nr_numbers; i++) {
		if (numbers[i] == number)
			return i;
	}
	return -1;
}

static void is(const struct answer *a, uint64_t rax, uint64_t rbx, uint64_t rcx, uint64_t rdx)
{
	if (a->rax != rax || a->rbx != rbx || a->rcx != rcx || a->rdx != rdx)
		fault("not %#lx %#lx %#lx %#lx", rax, rbx, rcx, rdx);
}

static void is_undefined(const struct answer *a)
{
	is(a, 0, 0, 0, EXITSTAT_UNDEFINED);
}

/* Values never fall, and none is one that only a mistake could produce. */
static void grows(uint64_t *before, uint64_t now)
{
	if (now < *before)
		fault("less than %lu before", *before);
	if (now > MAX_VALUE)
		fault("impossibly much");
	*before = now;
}

static void is_count(const struct answer *a, uint64_t *before)
{
	if (a->rcx || a->rdx)
		fault("a count is in EAX and EBX");
	grows(before, a->rbx << 32 | a->rax);
}

static void is_time(const struct answer *a, uint64_t *before)
{
	if (a->rax || a->rdx)
		fault("a time is in EBX and ECX");
	grows(before, a->rbx << 32 | a->rcx);
}

static unsigned int scope_of(const struct answer *a)
{
	return 2 * a->vcpu + !!(a->leaf & EXITSTAT_VCPU);
}

static uint64_t *last_of(const struct answer *a, int row)
{
	return &last[scope_of(a)][a->leaf & 0xf][row];
}

static void check_bucket(const struct answer *a)
{
	unsigned int bucket = a->ecx >> 16;
	int row = find((int16_t)a->ecx);

	if (bucket >= EXITSTAT_BUCKETS || row < 0)
		is_undefined(a);
	else
		is_count(a, &last_bucket[scope_of(a)][bucket][row]);
}

/* No number from the input on, below the answer, may have been seen with a count. */
static void check_skipped(const struct answer *a, uint64_t end)
{
	const uint64_t *counts = last[scope_of(a)][EXITSTAT_COUNT & 0xf];

	for (unsigned int i = 0; i <= nr_numbers; i++) {
		unsigned int number = i < nr_numbers ? numbers[i] : EXITSTAT_OTHER;

		if (number >= a->ecx && number < end && counts[i])
			fault("%#x has a count, too", number);
	}
}

static void check_next(const struct answer *a)
{
	int row = find(a->rax);

	if (a->rdx == EXITSTAT_UNDEFINED) {
		is_undefined(a);
		check_skipped(a, 1ul << 32);
		return;
	}
	if (row < 0 || a->rax < a->ecx || a->rdx || !(a->rbx << 32 | a->rcx))
		fault("not the next number that has a count");
	else
		grows(&last[scope_of(a)][EXITSTAT_COUNT & 0xf][row], a->rbx << 32 | a->rcx);
	check_skipped(a, a->rax);
}

static void check_two(const struct answer *a, unsigned int low_leaf, unsigned int high_leaf)
{
	int row = find(a->ecx);

	if (row < 0) {
		is_undefined(a);
		return;
	}
	grows(&last[scope_of(a)][low_leaf & 0xf][row], a->rbx << 32 | a->rax);
	grows(&last[scope_of(a)][high_leaf & 0xf][row], a->rdx << 32 | a->rcx);
}

static void check_number(const struct answer *a)
{
	int row = find(a->ecx);

	if (row < 0)
		is_undefined(a);
	else if ((a->leaf | EXITSTAT_VCPU) == EXITSTAT_COUNT)
		is_count(a, last_of(a, row));
	else
		is_time(a, last_of(a, row));
}

/* The detail at a place, or NULL if this vCPU may not see it in this scope, or it is no place. */
static struct detail *detail_at(const struct answer *a, uint64_t place)
{
	unsigned int vcpu = place >> 16, row = place & 0xffff;

	if (vcpu >= nr_vcpus || row >= MAX_ROWS || (!(a->leaf & EXITSTAT_VCPU) && vcpu != a->vcpu))
		return NULL;
	return &details[scope_of(a)][vcpu][row];
}

/* No detail from the input on, below the answer, may be known. */
static void check_skipped_details(const struct answer *a)
{
	for (uint64_t i = 0; i < (uint64_t)nr_vcpus * MAX_ROWS; i++) {
		uint64_t place = i / MAX_ROWS << 16 | i % MAX_ROWS;
		const struct detail *d = detail_at(a, place);

		if (place >= a->ecx && place < a->rdx && d && d->known)
			fault("there is a detail at %#lx", place);
	}
}

static void check_detail(const struct answer *a)
{
	uint64_t value = a->rbx << 32 | a->rcx;
	struct detail *d;

	check_skipped_details(a);
	if (a->rdx == EXITSTAT_UNDEFINED) {
		is_undefined(a);
		return;
	}
	d = detail_at(a, a->rdx);
	if (!d || a->rdx < a->ecx || find(a->rax) < 0)
		fault("not the next detail");
	else if (d->known && (d->number != a->rax || d->detail != value))
		fault("there was %#lx of %#lx before", d->detail, d->number);
	else
		*d = (struct detail){ a->rax, value, true, d->count, d->time };
}

static void check_detail_value(const struct answer *a)
{
	struct detail *d = detail_at(a, a->ecx);

	if (a->rdx == EXITSTAT_UNDEFINED) {
		is_undefined(a);
		if (d && d->known)
			fault("there is a detail");
	} else if (!d) {
		fault("no place");
	} else if ((a->leaf | EXITSTAT_VCPU) == EXITSTAT_DETAIL_COUNT) {
		is_count(a, &d->count);
	} else {
		is_time(a, &d->time);
	}
}

/* The times of the attached module are approximate, and it says so. */
static void check_features(const struct answer *a)
{
	const unsigned int always = EXITSTAT_FEATURE_TIMES | EXITSTAT_FEATURE_SPLIT |
		EXITSTAT_FEATURE_SAMPLES |
		(access("/sys/module/exitstat_attach", F_OK) ? 0 : EXITSTAT_FEATURE_APPROXIMATE);

	if (a->rax != EXITSTAT_ABI_REVISION || a->rbx != numbering ||
	    (a->rcx & ~(EXITSTAT_FEATURE_HISTOGRAMS | EXITSTAT_FEATURE_DETAILS)) != always)
		fault("not this revision, this vendor, the features that there are");
}

static void check_scope(const struct answer *a)
{
	uint64_t now = a->rdx << 32 | a->rcx;

	if (a->rax != nr_vcpus || a->rbx != a->vcpu)
		fault("not this vCPU of %u", nr_vcpus);
	if (!now || (epoch && now != epoch))
		fault("not the epoch %#lx", epoch);
	epoch = now;
}

/*
 * The random queries only switch off, which at CPL 0 tells whether the number could be sampled; and
 * of what was sampled, there is nothing to tell.
 */
static void check_sampling(const struct answer *a)
{
	if (a->rdx == EXITSTAT_UNDEFINED)
		is_undefined(a);
	else
		is(a, 0, 0, 0, 0);
}

static void check_leaf(const struct answer *a)
{
	switch (a->leaf) {
	case EXITSTAT_SIGNATURE:
		is(a, EXITSTAT_MAX_LEAF, EXITSTAT_SIGNATURE_EBX, EXITSTAT_SIGNATURE_ECX,
		   EXITSTAT_SIGNATURE_EDX);
		return;
	case EXITSTAT_FEATURES:
		check_features(a);
		return;
	case EXITSTAT_SCOPE:
		check_scope(a);
		return;
	case EXITSTAT_AGE:
		is_time(a, last_of(a, 0));
		return;
	case EXITSTAT_SAMPLE_ARM:
	case EXITSTAT_SAMPLE_TIME:
		check_sampling(a);
		return;
	case EXITSTAT_HISTOGRAM:
		is(a, EXITSTAT_BUCKETS, EXITSTAT_BUCKET0_LOG2, 0, 0);
		return;
	}
	switch (a->leaf < EXITSTAT_VMM_WAITING - EXITSTAT_VCPU ? 0 : a->leaf | EXITSTAT_VCPU) {
	case EXITSTAT_TOTAL_COUNT:
		is_count(a, last_of(a, 0));
		break;
	case EXITSTAT_TOTAL_TIME:
	case EXITSTAT_TIME_GUEST:
		is_time(a, last_of(a, 0));
		break;
	case EXITSTAT_COUNT:
	case EXITSTAT_TIME:
	case EXITSTAT_TIME_VMM:
	case EXITSTAT_TIME_WAITING:
		check_number(a);
		break;
	case EXITSTAT_COUNT_TIME:
		check_two(a, EXITSTAT_COUNT, EXITSTAT_TIME);
		break;
	case EXITSTAT_VMM_WAITING:
		check_two(a, EXITSTAT_TIME_VMM, EXITSTAT_TIME_WAITING);
		break;
	case EXITSTAT_DETAIL:
		check_detail(a);
		break;
	case EXITSTAT_DETAIL_COUNT:
	case EXITSTAT_DETAIL_TIME:
		check_detail_value(a);
		break;
	case EXITSTAT_BUCKET:
		check_bucket(a);
		break;
	case EXITSTAT_NEXT:
		check_next(a);
		break;
	default:
		is(a, 0, 0, 0, 0);
	}
}

static void check(const struct answer *a)
{
	if ((a->rax | a->rbx | a->rcx | a->rdx) >> 32)
		fault("an upper half that is not 0");
	if ((a->leaf & EXITSTAT_BASE_MASK) == EXITSTAT_BASE)
		check_leaf(a);
	else if (numbering == EXITSTAT_NUMBERING_SVM)
		is(a, 0, 0, 0, 0);	/* what AMD says of leaves beside the block */
	else if (a->rbx == EXITSTAT_SIGNATURE_EBX && a->rcx == EXITSTAT_SIGNATURE_ECX)
		fault("the signature beside the block");
	checked++;
}

static void choose_vendor(void)
{
	unsigned int a = 0, b, c, d;

	asm("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	if (b == 0x68747541 || b == 0x6f677948) {	/* "Auth"enticAMD, "Hygo"nGenuine */
		numbering = EXITSTAT_NUMBERING_SVM;
		numbers = svm_numbers;
		nr_numbers = COUNT(svm_numbers);
	} else {
		numbering = EXITSTAT_NUMBERING_VMX;
		numbers = vmx_numbers;
		nr_numbers = COUNT(vmx_numbers);
	}
}

static bool parse(const char *text, struct answer *a)
{
	return sscanf(text, "vcpu=%u %*s leaf=%x ecx=%x rax=%lx rbx=%lx rcx=%lx rdx=%lx", &a->vcpu,
		      &a->leaf, &a->ecx, &a->rax, &a->rbx, &a->rcx, &a->rdx) == 7;
}

int main(int argc, char **argv)
{
	static char text[256];
	struct answer a;

	choose_vendor();
	nr_vcpus = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	line = text;
	while (fgets(text, sizeof(text), stdin)) {
		if (!parse(text, &a) || a.vcpu >= MAX_VCPUS)
			fault("no answer");
		else
			check(&a);
	}
	printf("oracle faults=%lu checked=%lu\n", faults, checked);
	return faults || !checked;
}
