// SPDX-License-Identifier: MIT
/* The exits that are asked for, in the words of either vendor or of none. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "command/numbers.h"
#include "command/say.h"
#include "command/vendor.h"
#include "target/reasons.h"

bool reasons_have(const struct reasons *reasons, uint32_t number)
{
	uint32_t i;

	for (i = 0; i < reasons->nr && reasons->numbers[i] != number; i++)
		;
	return !reasons->text || i < reasons->nr;
}

static void add(struct reasons *reasons, uint32_t number)
{
	if (!reasons_have(reasons, number) && reasons->nr < EXITSTAT_ENTRIES_MAX)
		reasons->numbers[reasons->nr++] = number;
}

/* In any case, and as perf has it, with underscores for blanks. */
static bool same(const char *word, const char *name)
{
	for (; *word && *name; word++, name++) {
		if (tolower((unsigned char)*word) != tolower((unsigned char)*name) &&
		    !(*word == '_' && *name == ' '))
			return false;
	}
	return *word == *name;
}

/* AMD's hardware does not tell MMIO from other memory, so there is no class of it. */
static bool is_called(const struct exitstat_exit *exit, uint32_t numbering, const char *word)
{
	const char *class = exitstat_exit_class(numbering, exit->number);

	return same(word, exit->name) || same(word, class) ||
	       (same(word, "mmio") && !strcmp(class, "memory"));
}

/* How many are called so. */
static uint32_t add_word(struct reasons *reasons, uint32_t numbering, const char *word)
{
	const struct exitstat_exit *exit;
	uint32_t number, found = 0;
	size_t i;

	if (parse_u32(word, &number)) {
		if (!exitstat_exit_find(numbering, number))
			return 0;
		add(reasons, number);
		return 1;
	}
	for (i = 0; (exit = exitstat_exit_at(numbering, i)); i++) {
		if (!is_called(exit, numbering, word))
			continue;
		add(reasons, exit->number);
		found++;
	}
	if (same(word, "other")) {
		add(reasons, EXITSTAT_OTHER);
		found++;
	}
	return found;
}

int reasons_parse(struct reasons *reasons, uint32_t numbering, const char *text)
{
	const char *at = text;

	*reasons = (struct reasons){ .text = text };
	for (;;) {
		size_t length = strcspn(at, ",");
		char word[64];

		snprintf(word, sizeof(word), "%.*s", (int)length, at);
		if (!add_word(reasons, numbering, word))
			return say(STATUS_USAGE,
				   "%s has no exit reason '%.*s'; see exitstat names --vendor %s",
				   vendor_name(numbering), (int)length, at,
				   numbering == EXITSTAT_NUMBERING_VMX ? "intel" : "amd");
		if (!at[length])
			return STATUS_OK;
		at += length + 1;
	}
}

const char *reasons_total(bool selected)
{
	return selected ? "all exits" : "total";
}
