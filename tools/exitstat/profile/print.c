// SPDX-License-Identifier: MIT
/* A profile as text. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "command/say.h"
#include "grow.h"
#include "output/format.h"
#include "profile/profile.h"

#define STACKS_SHOWN	10
#define FUNCTIONS_SHOWN	20

struct function {
	const char *name;	/* in a path */
	size_t length;
	uint64_t inclusive;	/* exits with it in the stack, or their time */
	uint64_t own;		/* of those that it made itself */
};

struct functions {
	struct function *list;
	size_t nr;
	size_t room;
};

const char *profile_path(const struct profile *profile, const struct stack *stack)
{
	if (profile->several)
		return stack->path;
	return strchrnul(stack->path, PROFILE_BETWEEN) + 1;
}

static const char *end_of(const char *frame)
{
	return strchrnul(frame, PROFILE_BETWEEN);
}

/* The frames of a stack, behind the names of the exit and of the command; NULL: none. */
static const char *first_function(const struct stack *stack)
{
	const char *comm = strchr(stack->path, PROFILE_BETWEEN);
	const char *first = comm ? strchr(comm + 1, PROFILE_BETWEEN) : NULL;

	return first ? first + 1 : NULL;
}

static const char *next_function(const char *frame)
{
	const char *end = end_of(frame);

	return *end ? end + 1 : NULL;
}

/* A function that calls itself has an exit once. */
static bool came_before(const struct stack *stack, const char *frame, size_t length)
{
	const char *before;

	for (before = first_function(stack); before != frame; before = next_function(before)) {
		if ((size_t)(end_of(before) - before) == length && !memcmp(before, frame, length))
			return true;
	}
	return false;
}

static bool add_functions(struct functions *functions, const struct stack *stack, uint64_t weight)
{
	const char *frame;

	for (frame = first_function(stack); frame; frame = next_function(frame)) {
		struct function *list = grow(functions->list, functions->nr, &functions->room,
					     sizeof(*list));
		size_t length = (size_t)(end_of(frame) - frame);

		if (!list)
			return false;
		functions->list = list;
		list[functions->nr++] = (struct function){
			.name = frame,
			.length = length,
			.inclusive = came_before(stack, frame, length) ? 0 : weight,
			.own = next_function(frame) ? 0 : weight,
		};
	}
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct function *left = a, *right = b;
	size_t shorter = left->length < right->length ? left->length : right->length;
	int differ = memcmp(left->name, right->name, shorter);

	return differ ? differ : (left->length > right->length) - (left->length < right->length);
}

/* Those that made exits themselves come first. */
static int by_own(const void *a, const void *b)
{
	const struct function *left = a, *right = b;

	if (left->own != right->own)
		return left->own < right->own ? 1 : -1;
	if (left->inclusive != right->inclusive)
		return left->inclusive < right->inclusive ? 1 : -1;
	return by_name(a, b);
}

static void merge(struct functions *functions)
{
	struct function *list = functions->list;
	size_t i, n = 0;

	if (!functions->nr)
		return;
	qsort(list, functions->nr, sizeof(*list), by_name);
	for (i = 1; i < functions->nr; i++) {
		if (by_name(&list[n], &list[i])) {
			list[++n] = list[i];
			continue;
		}
		list[n].inclusive += list[i].inclusive;
		list[n].own += list[i].own;
	}
	functions->nr = n + 1;
	qsort(list, functions->nr, sizeof(*list), by_own);
}

/* Nothing, however short, is 0 %. */
static double per_cent(const struct profile *profile, uint64_t weight)
{
	uint64_t all = profile->by_time ? profile->time_ns : profile->exits;

	return all ? 100.0 * (double)weight / (double)all : 0;
}

static void print_weight(FILE *out, const struct profile *profile, uint64_t weight)
{
	if (profile->by_time)
		fprintf(out, "%9.3f", (double)weight / 1e6);
	else
		fprintf(out, "%9llu", (unsigned long long)weight);
	fprintf(out, " %6.1f ", per_cent(profile, weight));
}

static void print_functions(FILE *out, const struct profile *profile,
			    const struct functions *functions, size_t limit)
{
	const char *share = profile->by_time ? "%time" : "%exits";
	size_t i;

	fprintf(out, "\n%9s %6s %9s %6s  %s\n", profile->by_time ? "own(ms)" : "own", share,
		profile->by_time ? "incl.(ms)" : "inclusive", share, "function");
	for (i = 0; i < functions->nr && i < (limit ? limit : FUNCTIONS_SHOWN); i++) {
		const struct function *f = &functions->list[i];

		print_weight(out, profile, f->own);
		print_weight(out, profile, f->inclusive);
		fprintf(out, " %.*s\n", (int)f->length, f->name);
	}
	if (i < functions->nr)
		fprintf(out, "%35s and %zu more\n", "", functions->nr - i);
}

/* From the inside out: who made the exit comes first. */
static void print_stack(FILE *out, const struct profile *profile, const struct stack *stack)
{
	const char *path = profile_path(profile, stack);
	const char *end = path + strlen(path);
	const char *frame = end;

	print_weight(out, profile, profile_weight(profile, stack));
	for (;;) {
		while (frame > path && frame[-1] != PROFILE_BETWEEN)
			frame--;
		fprintf(out, " %.*s\n", (int)(end - frame), frame);
		if (frame == path)
			return;
		end = --frame;
		fprintf(out, "%16s  ", "");
	}
}

static int by_exits(const void *a, const void *b)
{
	const struct stack *left = *(const struct stack * const *)a;
	const struct stack *right = *(const struct stack * const *)b;

	if (left->exits != right->exits)
		return left->exits < right->exits ? 1 : -1;
	return strcmp(left->path, right->path);
}

static int by_time(const void *a, const void *b)
{
	const struct stack *left = *(const struct stack * const *)a;
	const struct stack *right = *(const struct stack * const *)b;

	if (left->time_ns != right->time_ns)
		return left->time_ns < right->time_ns ? 1 : -1;
	return by_exits(a, b);
}

static void print_stacks(FILE *out, const struct profile *profile, const struct stack **order,
			 size_t limit)
{
	size_t i;

	for (i = 0; i < profile->nr; i++)
		order[i] = &profile->stacks[i];
	qsort(order, profile->nr, sizeof(*order), profile->by_time ? by_time : by_exits);
	fprintf(out, "\n%9s %6s  %s\n", profile->by_time ? "time(ms)" : "exits",
		profile->by_time ? "%time" : "%exits", "stack");
	for (i = 0; i < profile->nr && i < (limit ? limit : STACKS_SHOWN); i++)
		print_stack(out, profile, order[i]);
	if (i < profile->nr)
		fprintf(out, "%16s  and %zu more\n", "", profile->nr - i);
}

int profile_print(FILE *out, const struct profile *profile, size_t limit)
{
	const struct stack **order = calloc(profile->nr + 1, sizeof(*order));
	struct functions functions = { NULL, 0, 0 };
	bool complete = order;
	size_t i;

	for (i = 0; i < profile->nr && complete; i++)
		complete = add_functions(&functions, &profile->stacks[i],
					 profile_weight(profile, &profile->stacks[i]));
	if (complete) {
		fprintf(out, "%llu exits by %s", (unsigned long long)profile->exits,
			profile->several ? "several reasons" : profile->name);
		if (profile_has_times(profile))
			fprintf(out, ", %.3f ms", (double)profile->time_ns / 1e6);
		fprintf(out, ", in %llu samples, from %zu places\n",
			(unsigned long long)profile->samples, profile->nr);
		print_stacks(out, profile, order, limit);
		merge(&functions);
		print_functions(out, profile, &functions, limit);
	}
	free(functions.list);
	free(order);
	return complete ? STATUS_OK : say(STATUS_FAILED, "cannot print the profile: not enough memory");
}

/* The frames of a path as a list of strings. */
static void put_frames(struct json *json, const char *path)
{
	char frame[256];

	json_begin(json, "frames", '[');
	for (; *path; path = end_of(path) + !!*end_of(path)) {
		snprintf(frame, sizeof(frame), "%.*s", (int)(end_of(path) - path), path);
		json_text(json, NULL, frame);
	}
	json_end(json, ']');
}

void profile_print_json(FILE *out, const struct profile *profile)
{
	struct json json = { .out = out };
	size_t i;

	json_begin(&json, NULL, '{');
	head_json(&json, "profile");
	json_text(&json, "exit", profile->several ? "" : profile->name);
	json_u64(&json, "exits", profile->exits);
	if (profile_has_times(profile))
		json_u64(&json, "time_ns", profile->time_ns);
	json_u64(&json, "samples", profile->samples);
	json_begin(&json, "stacks", '[');
	for (i = 0; i < profile->nr; i++) {
		json_begin(&json, NULL, '{');
		json_u64(&json, "exits", profile->stacks[i].exits);
		if (profile_has_times(profile))
			json_u64(&json, "time_ns", profile->stacks[i].time_ns);
		put_frames(&json, profile_path(profile, &profile->stacks[i]));
		json_end(&json, '}');
	}
	json_end(&json, ']');
	json_end(&json, '}');
	fputc('\n', out);
}

static char *folded(const char *path)
{
	char *copy = strdup(path), *c;

	for (c = copy; c && *c; c++) {
		if (*c == PROFILE_BETWEEN)
			*c = ';';
	}
	return copy;
}

void profile_print_csv(FILE *out, const struct profile *profile)
{
	size_t i;

	fputs("exits,time_ns,stack\n", out);
	for (i = 0; i < profile->nr; i++) {
		char *path = folded(profile_path(profile, &profile->stacks[i]));

		fprintf(out, "%llu,", (unsigned long long)profile->stacks[i].exits);
		if (profile_has_times(profile))
			fprintf(out, "%llu", (unsigned long long)profile->stacks[i].time_ns);
		fputc(',', out);
		csv_text(out, path ? path : "");
		fputc('\n', out);
		free(path);
	}
}

void profile_print_folded(FILE *out, const struct profile *profile)
{
	size_t i;

	for (i = 0; i < profile->nr; i++) {
		char *path = folded(profile_path(profile, &profile->stacks[i]));

		fprintf(out, "%s %llu\n", path ? path : "",
			(unsigned long long)profile_weight(profile, &profile->stacks[i]));
		free(path);
	}
}
