// SPDX-License-Identifier: MIT
/* A profile as a page: a template, d3-flame-graph and the stacks as a tree, all in one file. */
#define _GNU_SOURCE
#include <string.h>

#include "output/file.h"
#include "output/json.h"
#include "output/template.h"
#include "profile/profile.h"

/* From embed.S. */
extern const char embed_profile[], embed_selection[], embed_flamegraph[],
	embed_flamegraph_license[];

/* How much of both is the same, in whole frames: the length up to what is between the next two. */
static size_t common(const char *a, const char *b)
{
	size_t i, whole = 0;

	for (i = 0; a[i] == b[i] && a[i]; i++) {
		if (a[i] == PROFILE_BETWEEN)
			whole = i + 1;
	}
	if ((!a[i] && b[i] == PROFILE_BETWEEN) || (!b[i] && a[i] == PROFILE_BETWEEN))
		whole = i + 1;
	return whole;
}

static size_t frames_in(const char *path, size_t length)
{
	size_t i, nr = 0;

	for (i = 0; i < length; i++)
		nr += path[i] == PROFILE_BETWEEN || !path[i];
	return nr;
}

/*
 * Open the frames of a path from that place on.  Of a frame, there is what it made itself; what
 * its children made, the page adds.
 */
static size_t open_frames(struct json *json, const char *path, size_t from,
			  const struct stack *stack)
{
	const char *frame = path + from;
	size_t opened = 0;

	while (*frame) {
		const char *end = strchrnul(frame, PROFILE_BETWEEN);
		char name[128];

		snprintf(name, sizeof(name), "%.*s", (int)(end - frame), frame);
		json_begin(json, NULL, '{');
		json_text(json, "name", name);
		json_u64(json, "exits", *end ? 0 : stack->exits);
		json_u64(json, "time_ns", *end ? 0 : stack->time_ns);
		json_begin(json, "children", '[');
		opened++;
		frame = *end ? end + 1 : end;
	}
	return opened;
}

static size_t close_frames(struct json *json, size_t opened, size_t left)
{
	while (opened > left) {
		json_end(json, ']');
		json_end(json, '}');
		opened--;
	}
	return opened;
}

/* The paths are in order: what two neighbours share is one branch. */
static void print_tree(struct json *json, const struct profile *profile)
{
	const char *before = "";
	size_t opened = 0, i;

	for (i = 0; i < profile->nr; i++) {
		const char *path = profile_path(profile, &profile->stacks[i]);
		size_t same = common(before, path);

		opened = close_frames(json, opened, frames_in(before, same));
		opened += open_frames(json, path, same, &profile->stacks[i]);
		before = path;
	}
	close_frames(json, opened, 0);
}

static void print_data(FILE *out, const struct profile *profile)
{
	struct json json = { .out = out };

	json_begin(&json, NULL, '{');
	json_text(&json, "name", profile->several ? "exits" : profile->name);
	json_u64(&json, "samples", profile->samples);
	if (profile_has_times(profile))
		json_true(&json, "timed");
	if (profile->by_time)
		json_true(&json, "by_time");
	json_u64(&json, "exits", 0);
	json_u64(&json, "time_ns", 0);
	json_begin(&json, "children", '[');
	print_tree(&json, profile);
	json_end(&json, ']');
	json_end(&json, '}');
}

static void print(FILE *out, void *profile)
{
	const char *page = embed_profile;

	template_begin(out, "exitstat profile", embed_flamegraph_license);
	page = template_until(out, page, "@D3@");
	fputs(embed_selection, out);
	page = template_until(out, page, "@FLAMEGRAPH@");
	fputs(embed_flamegraph, out);
	page = template_until(out, page, "@DATA@");
	print_data(out, profile);
	fputs(page, out);
}

int profile_write_page(const char *path, const struct profile *profile)
{
	struct profile copy = *profile;

	return file_write(path, print, &copy);
}
