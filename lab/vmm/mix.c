// SPDX-License-Identifier: MIT
/*
 * The payload's long run: random exits of all kinds while the counters are watched,
 * and snapshots of the counters that no other exit disturbs.
 */
#include <assert.h>
#include "exitstat/abi.h"
#include "payload.h"

#define WATCH_EVERY	8	/* bursts */
#define MAX_BURST	32
#define MAX_ATTEMPTS	10000
#define MAX_MOVED	100

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

static const unsigned int number_leaves[] = {
	EXITSTAT_COUNT, EXITSTAT_TIME, EXITSTAT_TIME_VMM, EXITSTAT_TIME_WAITING,
};

static const unsigned int total_leaves[] = {
	EXITSTAT_TOTAL_COUNT, EXITSTAT_TOTAL_TIME, EXITSTAT_TIME_GUEST,
};

/* The last values of one number's counters, for the VM and for the vCPU. */
struct seen {
	unsigned int number;
	unsigned long value[2][COUNT(number_leaves)];
};

struct watch {
	unsigned int cursor;		/* the number to look at next */
	unsigned int nr_seen;
	struct seen seen[VMM_MAX_ROWS];
	unsigned long total[2][COUNT(total_leaves)];
};

static_assert(VMM_WATCHES + VMM_MAX_VCPUS * sizeof(struct watch) <= VMM_STEPS, "no room");

static unsigned long value_of(unsigned int leaf, const struct answer *a)
{
	switch (leaf | EXITSTAT_VCPU) {
	case EXITSTAT_COUNT:
	case EXITSTAT_TOTAL_COUNT:
	case EXITSTAT_BUCKET:
		return (unsigned long)a->ebx << 32 | a->eax;
	default:
		return (unsigned long)a->ebx << 32 | a->ecx;
	}
}

static unsigned long read(unsigned int leaf, unsigned int input)
{
	struct answer a = ask(leaf, input);

	return value_of(leaf, &a);
}

static unsigned long read_vcpu(unsigned int leaf, unsigned int input)
{
	return read(leaf - EXITSTAT_VCPU, input);
}

/* 0 in all registers means that the host has been told not to answer. */
static void compare(struct step *s, unsigned int leaf, unsigned int input, unsigned long *last)
{
	struct answer a = ask(leaf, input);
	unsigned long now = value_of(leaf, &a);

	if (!(a.eax | a.ebx | a.ecx | a.edx))
		return;
	s->watched++;
	if (a.edx || now < *last) {
		if (!s->fallen++) {
			s->leaf = leaf;
			s->ecx = input;
			s->rax = *last;
			s->rbx = now;
			s->rdx = a.edx;
		}
	}
	*last = now;
}

static struct seen *find_seen(struct watch *w, unsigned int number)
{
	struct seen *seen = w->seen;

	while (seen < &w->seen[w->nr_seen] && seen->number != number)
		seen++;
	if (seen == &w->seen[w->nr_seen] && w->nr_seen < VMM_MAX_ROWS) {
		w->nr_seen++;
		seen->number = number;
	}
	return seen;
}

static void watch_number(struct step *s, struct watch *w, unsigned int number)
{
	struct seen *seen = find_seen(w, number);

	for (unsigned int i = 0; i < COUNT(number_leaves); i++) {
		compare(s, number_leaves[i], number, &seen->value[0][i]);
		compare(s, number_leaves[i] - EXITSTAT_VCPU, number, &seen->value[1][i]);
	}
	w->cursor = number + 1;
}

/* Check one number of the VM while the other vCPUs go on, and after the last number the totals. */
static void watch(struct step *s, struct watch *w)
{
	struct answer a = ask(EXITSTAT_NEXT, w->cursor);

	if (!(a.eax | a.ebx | a.ecx | a.edx))
		return;
	if (a.edx != EXITSTAT_UNDEFINED) {
		watch_number(s, w, a.eax);
		return;
	}
	w->cursor = 0;
	for (unsigned int i = 0; i < COUNT(total_leaves); i++) {
		compare(s, total_leaves[i], 0, &w->total[0][i]);
		compare(s, total_leaves[i] - EXITSTAT_VCPU, 0, &w->total[1][i]);
	}
}

static unsigned long next_random(unsigned long *state)
{
	*state = *state * 6364136223846793005ul + 1442695040888963407ul;
	return *state >> 33;
}

static void make_any(struct vcpu *v, unsigned int kind)
{
	if (v->fresh == v->fresh_end) {
		out(VMM_PORT_FRESH, 0);
		v->fresh = v->fresh_start;
	}
	make[kind](v);
}

/*
 * Cycle through the kinds that KVM handles by itself at once, so that many exits take little time.
 */
static unsigned long burst_length(unsigned int kind, unsigned long random)
{
	switch (kind) {
	case KIND_pio_vmm:
	case KIND_mmio:
	case KIND_mmio_split:
	case KIND_npf:
	case KIND_hlt_timer:
		return 1;
	default:
		return 1 + random % MAX_BURST;
	}
}

void mix(struct step *s, struct vcpu *v)
{
	struct watch *w = (struct watch *)VMM_WATCHES + v->index;
	unsigned long state = s->n * 2654435761ul + s->rcx * VMM_MAX_VCPUS + v->index;
	unsigned long made = 0, end;
	unsigned int kind;

	s->rax = 0;
	s->rbx = 0;
	s->rdx = 0;
	out(VMM_PORT_STIR, 0);
	while (made < s->n) {
		if (next_random(&state) % WATCH_EVERY == 0)
			watch(s, w);
		kind = next_random(&state) % KIND_COUNT;
		end = made + burst_length(kind, next_random(&state));
		for (; made < end; made++)
			make_any(v, kind);
	}
	out(VMM_PORT_CALM, 0);
}

/*
 * Each row's number, its counts and times. Rows that move, because exits come by themselves,
 * are read again in read_moment().
 */
static unsigned int read_all_rows(struct step *head)
{
	struct step *row = head + 1;
	unsigned int number = 0;
	struct answer a;

	head->n = read_vcpu(EXITSTAT_TOTAL_TIME, 0);
	for (; row <= head + VMM_MAX_ROWS; row++) {
		a = ask(EXITSTAT_NEXT - EXITSTAT_VCPU, number);
		if (a.edx == EXITSTAT_UNDEFINED)
			break;
		row->n = 1;
		row->ecx = a.eax;
		row->rax = value_of(EXITSTAT_NEXT, &a);
		row->rdx = read_vcpu(EXITSTAT_TIME_WAITING, a.eax);
		row->rcx = read_vcpu(EXITSTAT_TIME_VMM, a.eax);
		row->rbx = read_vcpu(EXITSTAT_TIME, a.eax);
		number = a.eax + 1;
	}
	return row - head - 1;
}

/* The row of the exits that asking causes. */
static struct step *own_row(struct step *head, unsigned int rows)
{
	struct step *row = head + 1;

	while (row < head + rows && row->ecx != head->ecx)
		row++;
	return row;
}

/*
 * The three times that add up, with the waiting, to the TSC: the total of processing
 * lacks just the exit that asks for it, so it ends where the TSC was read, but for the time in
 * guest mode since the entry before: that is at most what head->watched says.
 * Return false if the host took the CPU away meanwhile.
 */
static int read_sum(struct step *head, struct step *own)
{
	own->rdx = read_vcpu(EXITSTAT_TIME_WAITING, head->ecx);
	head->rbx = read_vcpu(EXITSTAT_TIME_GUEST, 0);
	head->rdx = rdtsc();
	head->rcx = read_vcpu(EXITSTAT_TOTAL_TIME, 0);
	head->watched = read_vcpu(EXITSTAT_TIME_GUEST, 0) - head->rbx;
	return own->rdx == read_vcpu(EXITSTAT_TIME_WAITING, head->ecx);
}

/*
 * What moves, and the sum: as few questions as can be, because on a slow machine the host's next
 * interrupt is soon. Return true if nothing else happened meanwhile.
 */
static int read_moment(struct step *head, unsigned int rows)
{
	unsigned long before = read_vcpu(EXITSTAT_TOTAL_COUNT, 0);
	struct step *own = own_row(head, rows);
	unsigned int asked = 7;

	for (struct step *row = head + 1; row <= head + rows; row++) {
		if (!row->watched)
			continue;
		row->rax = read_vcpu(EXITSTAT_COUNT, row->ecx);
		row->rdx = read_vcpu(EXITSTAT_TIME_WAITING, row->ecx);
		asked += 2;
	}
	if (!read_sum(head, own))
		return 0;
	own->rax = read_vcpu(EXITSTAT_COUNT, head->ecx) + 1;
	head->rax = read_vcpu(EXITSTAT_TOTAL_COUNT, 0);
	return head->rax == before + asked;
}

/* Return true if no other row has moved since read_all_rows(); remember those that have. */
static int still_same(struct step *head, unsigned int rows)
{
	struct step *own = own_row(head, rows);
	unsigned int from = 0, asked = 0;
	int same = 1;

	for (struct step *row = head + 1; row <= head + rows; row++) {
		struct answer a = ask(EXITSTAT_NEXT - EXITSTAT_VCPU, from);

		asked++;
		if (a.edx == EXITSTAT_UNDEFINED || a.eax != row->ecx)
			return 0;
		if (row != own && !row->watched && value_of(EXITSTAT_NEXT, &a) != row->rax) {
			row->watched = 1;
			same = 0;
		}
		from = row->ecx + 1;
	}
	/* Nor may there be a new one behind the last, which may be the last of all numbers. */
	if (from) {
		asked++;
		if (ask(EXITSTAT_NEXT - EXITSTAT_VCPU, from).edx != EXITSTAT_UNDEFINED)
			return 0;
	}
	/* These questions belong to the moment, too. */
	own->rax += asked;
	head->rax += asked;
	return same;
}

/* head->ecx is the number of the exits that asking causes. */
void snapshot(struct step *head)
{
	for (int i = 0; i < MAX_ATTEMPTS; i++) {
		unsigned int rows = read_all_rows(head);

		if (read_moment(head, rows) && still_same(head, rows))
			return;
	}
	head->rax = 0;
}

static void sum_histogram(struct step *row, unsigned int number, unsigned int own)
{
	unsigned int attempts = 0;

	row->n = 1;
	row->ecx = number;
	do {
		row->rax = read_vcpu(EXITSTAT_COUNT, number);
		row->rbx = 0;
		for (unsigned int i = 0; i < EXITSTAT_BUCKETS; i++)
			row->rbx += read_vcpu(EXITSTAT_BUCKET, i << 16 | (number & 0xffff));
		row->rcx = read_vcpu(EXITSTAT_COUNT, number);
	} while (row->rax != row->rcx && number != own && ++attempts < MAX_MOVED);
}

/*
 * For each number: read the count, the sum of its buckets, and the count again. On a slow machine
 * the host's interrupts may never let the two be equal.
 */
void sum_histograms(struct step *head)
{
	unsigned int number = 0;
	struct answer a;

	for (struct step *row = head + 1; row <= head + VMM_MAX_ROWS; row++) {
		a = ask(EXITSTAT_NEXT - EXITSTAT_VCPU, number);
		if (a.edx == EXITSTAT_UNDEFINED)
			return;
		sum_histogram(row, a.eax, head->ecx);
		number = a.eax + 1;
	}
}

/*
 * Our own questions are exits, too: they are taken off their number's count and their detail's.
 * Each vCPU counts its own, in head->watched.
 */
static struct answer ask_in(struct step *head, unsigned int leaf, unsigned int input)
{
	head->watched++;
	return ask(head->n ? leaf : leaf - EXITSTAT_VCPU, input);
}

static unsigned long own_questions(const struct step *head, unsigned int number)
{
	return number == head->ecx ? head->watched : 0;
}

/* The count and the time of each number: into rax and rdx, later into rcx and fallen. */
static void read_numbers(struct step *head, int again)
{
	unsigned int number = 0;
	struct answer a;

	for (struct step *s = head + 1; s <= head + VMM_MAX_ROWS; s++) {
		if (again) {
			if (!s->n)
				return;
			number = s->ecx;
		} else {
			a = ask_in(head, EXITSTAT_NEXT, number);
			if (a.edx == EXITSTAT_UNDEFINED)
				return;
			s->n = 1;
			s->ecx = a.eax;
			number = a.eax;
		}
		a = ask_in(head, EXITSTAT_COUNT_TIME, number);
		*(again ? &s->rcx : &s->rax) = value_of(EXITSTAT_COUNT, &a) -
					       own_questions(head, number);
		*(again ? &s->fallen : &s->rdx) = (unsigned long)a.edx << 32 | a.ecx;
		number++;
	}
}

static void read_rows(struct step *head)
{
	struct step *row = head + VMM_MAX_ROWS + 1;
	unsigned int place = 0;
	struct answer a;

	for (; row <= head + VMM_MAX_ROWS + VMM_MAX_DETAILS; row++) {
		a = ask_in(head, EXITSTAT_DETAIL, place);
		if (a.edx == EXITSTAT_UNDEFINED)
			return;
		row->n = 1;
		row->leaf = a.edx;
		row->ecx = a.eax;
		row->rcx = (unsigned long)a.ebx << 32 | a.ecx;
		a = ask_in(head, EXITSTAT_DETAIL_COUNT, row->leaf);
		row->rax = value_of(EXITSTAT_COUNT, &a);
		if (row->rcx == EXITSTAT_DETAIL_OWN)
			row->rax -= own_questions(head, row->ecx);
		a = ask_in(head, EXITSTAT_DETAIL_TIME, row->leaf);
		row->rbx = value_of(EXITSTAT_TIME, &a);
		place = row->leaf + 1;
	}
}

/* Of each number: count and time, what its details add up to, count and time again. */
void read_details(struct step *head)
{
	struct step *rows = head + VMM_MAX_ROWS + 1;

	head->watched = 0;
	read_numbers(head, 0);
	read_rows(head);
	read_numbers(head, 1);
	for (struct step *s = head + 1; s < rows && s->n; s++) {
		for (struct step *row = rows; row < rows + VMM_MAX_DETAILS && row->n; row++) {
			if (row->ecx != s->ecx)
				continue;
			s->rbx += row->rax;
			s->watched += row->rbx;
		}
	}
}
