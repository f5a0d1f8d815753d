// SPDX-License-Identifier: MIT
/* Write JSON piece by piece, on one line. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/clean.h"
#include "output/json.h"

/* Clean text has no control characters.  Escape '<', so that an HTML page can contain this. */
static void put_text(FILE *out, const char *text)
{
	char *clean = clean_copy(text);
	const char *at;

	fputc('"', out);
	for (at = clean ? clean : "?"; *at; at++) {
		if (*at == '<') {
			fputs("\\u003c", out);
			continue;
		}
		if (*at == '"' || *at == '\\')
			fputc('\\', out);
		fputc(*at, out);
	}
	fputc('"', out);
	free(clean);
}

static void put_key(struct json *json, const char *key)
{
	if (json->more)
		fputc(',', json->out);
	json->more = true;
	if (!key)
		return;
	put_text(json->out, key);
	fputc(':', json->out);
}

void json_begin(struct json *json, const char *key, char bracket)
{
	put_key(json, key);
	fputc(bracket, json->out);
	json->more = false;
}

void json_end(struct json *json, char bracket)
{
	fputc(bracket, json->out);
	json->more = true;
}

void json_u64(struct json *json, const char *key, uint64_t value)
{
	put_key(json, key);
	fprintf(json->out, "%llu", (unsigned long long)value);
}

void json_int(struct json *json, const char *key, int value)
{
	put_key(json, key);
	fprintf(json->out, "%d", value);
}

void json_real(struct json *json, const char *key, double value)
{
	put_key(json, key);
	/* JSON has no NaN and no infinity. */
	if (isfinite(value))
		fprintf(json->out, "%.17g", value);
	else
		fputs("null", json->out);
}

void json_null(struct json *json, const char *key)
{
	put_key(json, key);
	fputs("null", json->out);
}

void json_true(struct json *json, const char *key)
{
	put_key(json, key);
	fputs("true", json->out);
}

void json_text(struct json *json, const char *key, const char *text)
{
	put_key(json, key);
	put_text(json->out, text);
}
