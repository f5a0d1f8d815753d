// SPDX-License-Identifier: MIT
/*
 * Text that grows.  A failure is remembered, so that it is enough to check at the end.
 *
 * A page of a thousand VMs has 60 000 numbers, so they are not printed by printf().
 */
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

void text_put(struct text *text, struct piece piece)
{
	text_append(text, piece.at, piece.size);
}

struct piece text_piece(const struct text *text)
{
	return (struct piece){ text->at, text->size };
}

#define DIGITS_MAX	20

/* The digits of a number, up to end, with zeros in front to make it that wide. */
static char *put_digits(char *end, uint64_t number, unsigned int width)
{
	char *at = end;

	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number || end - at < width);
	return at;
}

void text_put_number(struct text *text, uint64_t number)
{
	char digits[DIGITS_MAX];
	char *end = digits + sizeof(digits);
	char *at = put_digits(end, number, 1);

	text_append(text, at, (size_t)(end - at));
}

void text_put_seconds(struct text *text, uint64_t ns)
{
	char digits[DIGITS_MAX + 1];
	char *end = digits + sizeof(digits);
	char *at = put_digits(end, ns % 1000000000, 9);

	*--at = '.';
	at = put_digits(at, ns / 1000000000, 1);
	text_append(text, at, (size_t)(end - at));
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

void text_put_value(struct text *text, const char *value)
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
