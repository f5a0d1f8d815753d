// SPDX-License-Identifier: MIT
/* Text that grows.  What fails is remembered, so that only the end has to ask. */
#include <stdlib.h>
#include <string.h>

#include "exporter.h"

static bool text_reserve(struct text *text, size_t more)
{
	size_t room = text->room ? text->room : 256;
	char *at;

	if (text->failed)
		return false;
	if (text->room - text->size > more)
		return true;
	while (room - text->size <= more)
		room *= 2;
	at = realloc(text->at, room);
	if (!at) {
		text->failed = true;
		return false;
	}
	text->at = at;
	text->room = room;
	return true;
}

void text_append(struct text *text, const char *at, size_t size)
{
	if (!size || !text_reserve(text, size))
		return;
	memcpy(text->at + text->size, at, size);
	text->size += size;
}

void text_print(struct text *text, const char *format, ...)
{
	size_t room = 128;

	while (text_reserve(text, room)) {
		va_list args;
		int length;

		va_start(args, format);
		length = vsnprintf(text->at + text->size, text->room - text->size, format, args);
		va_end(args);
		if (length >= 0 && (size_t)length < text->room - text->size) {
			text->size += (size_t)length;
			return;
		}
		text->failed |= length < 0;
		room = (size_t)length;
	}
}

void text_free(struct text *text)
{
	free(text->at);
	*text = (struct text){ 0 };
}

/* How many bytes of UTF-8 the character takes that begins here; 0: it is none. */
static size_t utf8_length(const unsigned char *at)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t length;
	} kinds[] = {
		{ 0x01, 0x7f, 0x00, 0xff, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	size_t kind, i;

	for (kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++) {
		if (at[0] >= kinds[kind].first && at[0] <= kinds[kind].last)
			break;
	}
	if (kind == sizeof(kinds) / sizeof(*kinds))
		return 0;
	if (kinds[kind].length > 1 && (at[1] < kinds[kind].low || at[1] > kinds[kind].high))
		return 0;
	for (i = 2; i < kinds[kind].length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	return kinds[kind].length;
}

void text_print_value(struct text *text, const char *value)
{
	while (*value) {
		size_t length = utf8_length((const unsigned char *)value);

		if (!length)
			text_append(text, "\xef\xbf\xbd", 3);
		else if (*value == '\n')
			text_append(text, "\\n", 2);
		else if (*value == '"' || *value == '\\')
			text_print(text, "\\%c", *value);
		else
			text_append(text, value, length);
		value += length ? length : 1;
	}
}
