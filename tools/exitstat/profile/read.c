// SPDX-License-Identifier: MIT
/* From the text of perf script to stacks. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exitstat.h"
#include "grow.h"
#include "profile/profile.h"

#define FRAMES_MAX	256
#define FRAME_SIZE	128

/* The sample that is being read. */
struct sample {
	char name[FRAME_SIZE];
	char comm[FRAME_SIZE];
	uint64_t exits;			/* 0: there is none */
	uint64_t time_ns;
	bool timed;
	size_t nr;
	char frames[FRAMES_MAX][FRAME_SIZE];	/* from the inside out */
};

static const char *last_of(const char *line, const char *word)
{
	const char *found = NULL, *next = line;

	while ((next = strstr(next, word)))
		found = next++;
	return found;
}

static void clean_part(char to[FRAME_SIZE], const char *from, size_t length)
{
	char part[FRAME_SIZE];
	char *c;

	if (length >= sizeof(part))
		length = sizeof(part) - 1;
	memcpy(part, from, length);
	part[length] = '\0';
	exitstat_text_clean(to, FRAME_SIZE, part);
	/* What separates frames in files of stacks. */
	for (c = to; *c; c++) {
		if (*c == ';')
			*c = ':';
	}
}

/* "true    38 number=0x72 name=cpuid rip=0x401000 time_ns=1234 weight=1" */
static void read_head(struct sample *sample, const char *line)
{
	const char *trace = last_of(line, "number=0x");
	const char *name = trace ? strstr(trace, " name=") : NULL;
	const char *weight = trace ? strstr(trace, " weight=") : NULL;
	const char *time = trace ? strstr(trace, " time_ns=") : NULL;
	size_t length;

	sample->nr = 0;
	sample->exits = weight ? strtoull(weight + strlen(" weight="), NULL, 10) : 0;
	if (!weight || !name)
		return;
	time = time ? time + strlen(" time_ns=") : "-1";
	sample->timed = *time != '-';
	sample->time_ns = sample->timed ? strtoull(time, NULL, 10) : 0;
	name += strlen(" name=");
	clean_part(sample->name, name, strcspn(name, " \t\n"));
	/* The command may have blanks in its name; the number behind it has none. */
	length = (size_t)(trace - line);
	while (length && isspace((unsigned char)line[length - 1]))
		length--;
	while (length && isdigit((unsigned char)line[length - 1]))
		length--;
	while (length && isspace((unsigned char)line[length - 1]))
		length--;
	clean_part(sample->comm, line, length);
	if (!*sample->comm)
		snprintf(sample->comm, sizeof(sample->comm), "?");
}

/* "	ffffffff8156c0f7 io_serial_out+0x17 ([kernel.kallsyms])" */
static void read_frame(struct sample *sample, const char *line)
{
	const char *symbol = line + strspn(line, " \t");
	const char *dso = last_of(symbol, " (");
	size_t length;
	char *frame;

	symbol += strcspn(symbol, " ");
	symbol += strspn(symbol, " ");
	if (!sample->exits || sample->nr == FRAMES_MAX || !*symbol)
		return;
	frame = sample->frames[sample->nr++];
	length = dso && dso > symbol ? (size_t)(dso - symbol) : strcspn(symbol, "\n");
	clean_part(frame, symbol, length);
	if (strcmp(frame, "[unknown]") || !dso)
		return;
	/* Where the function is not known, the file is. */
	dso += strlen(" (");
	if (*dso != '[' && memrchr(dso, '/', strlen(dso)))
		dso = (const char *)memrchr(dso, '/', strlen(dso)) + 1;
	length = strcspn(dso, ")\n");
	clean_part(frame, dso, length);
	if (*frame != '[') {
		memmove(frame + 1, frame, FRAME_SIZE - 3);
		frame[0] = '[';
		frame[FRAME_SIZE - 3] = '\0';
		strcat(frame, "]");
	}
}

/* The frames that the sampling itself is made of are on top: the NMI, and what it calls. */
static size_t first_frame(const struct sample *sample)
{
	static const char * const entries[] = { "asm_exc_nmi", "end_repeat_nmi", "nmi" };
	size_t i, j, first = 0;

	for (i = 0; i < sample->nr && i < 32; i++) {
		for (j = 0; j < sizeof(entries) / sizeof(*entries); j++) {
			if (!strcmp(sample->frames[i], entries[j]))
				first = i + 1;
		}
		if (first && first <= i)
			break;
	}
	return first;
}

static int add_stack(struct profile *profile, char *path, const struct sample *sample)
{
	struct stack *stacks = grow(profile->stacks, profile->nr, &profile->room, sizeof(*stacks));

	if (!stacks)
		return -ENOMEM;
	profile->stacks = stacks;
	stacks[profile->nr++] = (struct stack){ path, sample->exits, sample->time_ns };
	return 0;
}

static char *add_frame(char *end, const char *frame)
{
	*end++ = PROFILE_BETWEEN;
	return stpcpy(end, frame);
}

/* A sample is complete: take it. */
static int take(struct profile *profile, struct sample *sample)
{
	size_t first = first_frame(sample), i;
	char *path, *shorter, *end;
	int err;

	if (!sample->exits)
		return 0;
	path = malloc((sample->nr + 2) * (FRAME_SIZE + 1));
	if (!path)
		return -ENOMEM;
	end = stpcpy(path, sample->name);
	end = add_frame(end, sample->comm);
	for (i = sample->nr; i-- > first;)
		end = add_frame(end, sample->frames[i]);
	shorter = realloc(path, (size_t)(end - path) + 1);
	if (shorter)
		path = shorter;
	err = add_stack(profile, path, sample);
	if (err) {
		free(path);
		return err;
	}
	if (!profile->samples)
		snprintf(profile->name, sizeof(profile->name), "%.63s", sample->name);
	profile->several |= strncmp(profile->name, sample->name, sizeof(profile->name) - 1) != 0;
	profile->samples++;
	profile->exits += sample->exits;
	profile->timed += sample->timed;
	profile->time_ns += sample->time_ns;
	sample->exits = 0;
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct stack *)a)->path, ((const struct stack *)b)->path);
}

static void merge(struct profile *profile)
{
	size_t i, n = 0;

	if (!profile->nr)
		return;
	qsort(profile->stacks, profile->nr, sizeof(*profile->stacks), by_path);
	for (i = 1; i < profile->nr; i++) {
		if (strcmp(profile->stacks[n].path, profile->stacks[i].path)) {
			profile->stacks[++n] = profile->stacks[i];
			continue;
		}
		profile->stacks[n].exits += profile->stacks[i].exits;
		profile->stacks[n].time_ns += profile->stacks[i].time_ns;
		free(profile->stacks[i].path);
	}
	profile->nr = n + 1;
}

int profile_read(struct profile *profile, FILE *in)
{
	struct sample *sample = calloc(1, sizeof(*sample));
	char *line = NULL;
	size_t size = 0;
	int err = sample ? 0 : -ENOMEM;

	while (!err && getline(&line, &size, in) >= 0) {
		if (*line == '\t' || *line == ' ') {
			read_frame(sample, line);
			continue;
		}
		err = take(profile, sample);
		if (!err && *line != '\n' && *line != '#')
			read_head(sample, line);
	}
	if (!err && ferror(in))
		err = -EIO;
	if (!err)
		err = take(profile, sample);
	merge(profile);
	free(line);
	free(sample);
	return err;
}

void profile_free(struct profile *profile)
{
	while (profile->nr)
		free(profile->stacks[--profile->nr].path);
	free(profile->stacks);
}
