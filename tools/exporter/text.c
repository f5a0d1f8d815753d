// SPDX-License-Identifier: MIT
/* Text that grows.  A failure is remembered, so that it is enough to check at the end. */
#include <stdlib.h>
#include <string.h>

#include "command/clean.h"
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

void text_print_value(struct text *text, const char *value)
{
	char *clean = clean_copy(value);
	const char *at;

	text->failed |= !clean;
	for (at = clean; at && *at; at++) {
		if (*at == '"' || *at == '\\')
			text_append(text, "\\", 1);
		text_append(text, at, 1);
	}
	free(clean);
}
