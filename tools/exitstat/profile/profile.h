/* SPDX-License-Identifier: MIT */
/* Who makes exits: stacks, from what perf script prints of the tracepoint exitstat:exit. */
#ifndef PROFILE_H
#define PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What is between two frames of a stack: nothing sorts lower, and no clean text has it. */
#define PROFILE_BETWEEN	'\1'

/* From the outside in: the exit's name, the command's, and the frames down to who made the exit. */
struct stack {
	char *path;
	uint64_t exits;
	uint64_t time_ns;	/* processing them */
};

struct profile {
	struct stack *stacks;	/* each path once, in order of the paths */
	size_t nr;
	size_t room;
	uint64_t exits;
	uint64_t time_ns;
	uint64_t samples;
	uint64_t timed;		/* samples whose time is known */
	bool by_time;		/* what is asked for: time, and not exits */
	bool several;		/* exits have different names */
	char name[64];		/* of the first one */
};

/* The fields to print, for perf script -F. */
#define PROFILE_FIELDS	"trace:comm,tid,trace,ip,sym,dso"

/* Read until the end: 0 or -errno. */
int profile_read(struct profile *profile, FILE *in);
void profile_free(struct profile *profile);

/* Is the time of all exits known? */
static inline bool profile_has_times(const struct profile *profile)
{
	return profile->samples && profile->timed == profile->samples;
}

/* What is asked for: exits or ns. */
static inline uint64_t profile_weight(const struct profile *profile, const struct stack *stack)
{
	return profile->by_time ? stack->time_ns : stack->exits;
}

/* The path without the exit's name, where all have the same. */
const char *profile_path(const struct profile *profile, const struct stack *stack);

/* The stacks that make most exits, and the functions: so many of each, or as fit a screen if 0. */
int profile_print(FILE *out, const struct profile *profile, size_t limit);
/* All stacks, for programs. */
void profile_print_json(FILE *out, const struct profile *profile);
void profile_print_csv(FILE *out, const struct profile *profile);
/* A line for each stack: frames from the outside in with ';' between them, and its weight. */
void profile_print_folded(FILE *out, const struct profile *profile);
/* A page with a flame graph: STATUS_OK, or what to exit with. */
int profile_write_page(const char *path, const struct profile *profile);

#endif /* PROFILE_H */
