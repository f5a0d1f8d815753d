// SPDX-License-Identifier: MIT
/*
 * Make untrusted text (names, arguments, paths, notes) safe: one line of UTF-8 that does not
 * control a terminal or change how the text around it is displayed.
 */
#include <string.h>

#include "exitstat.h"

/* Invisible characters with an effect on others.  U+200C and U+200D are fine: words need them. */
static const struct {
	uint32_t first;
	uint32_t last;
} unsafe[] = {
	{ 0x0000, 0x001f },	/* C0, including newlines */
	{ 0x007f, 0x009f },	/* DEL, C1 */
	{ 0x00ad, 0x00ad },	/* soft hyphen: its width depends on the terminal */
	{ 0x061c, 0x061c },	/* Arabic letter mark */
	{ 0x180e, 0x180e },	/* Mongolian vowel separator */
	{ 0x200b, 0x200b },	/* zero width space */
	{ 0x200e, 0x200f },	/* left-to-right and right-to-left marks */
	{ 0x2028, 0x202e },	/* line and paragraph separators; embeddings and overrides */
	{ 0x2060, 0x206f },	/* word joiner, invisible operators, isolates */
	{ 0xfeff, 0xfeff },	/* byte order mark */
	{ 0xfff9, 0xfffb },	/* interlinear annotations */
	{ 0xe0000, 0xe007f },	/* tags */
};

/* The length in bytes of the character that begins there; 0 if it is not UTF-8. */
static size_t decode(const unsigned char *at, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 : at[0] >> 4 == 14 ? 3 :
			at[0] >> 3 == 30 ? 4 : 0;
	size_t i;

	*code = length > 1 ? at[0] & (0x7fu >> length) : at[0];
	for (i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (at[i] & 0x3fu);
	}
	if (*code < least[length] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return length;
}

static int is_unsafe(uint32_t code)
{
	size_t i;

	for (i = 0; i < sizeof(unsafe) / sizeof(*unsafe); i++) {
		if (code >= unsafe[i].first && code <= unsafe[i].last)
			return 1;
	}
	return 0;
}

size_t exitstat_text_clean(char *to, size_t size, const char *text)
{
	size_t length = 0;

	while (*text) {
		uint32_t code;
		size_t taken = decode((const unsigned char *)text, &code);
		int safe = taken && !is_unsafe(code);
		size_t put = safe ? taken : 1;

		if (length + put >= size)
			break;
		if (safe)
			memmove(to + length, text, put);
		else
			to[length] = '?';
		length += put;
		text += taken ? taken : 1;
	}
	to[length] = '\0';
	return length;
}
