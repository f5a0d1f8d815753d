/* SPDX-License-Identifier: MIT */
/*
 * Write JSON piece by piece, on one line.  This is our own code because the static exitstat can
 * only use libraries that exist for every C library and word size.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	bool more;		/* the next value needs a comma before it */
};

/* An object or list begins with '{' or '[', and ends with '}' or ']'. */
void json_begin(struct json *json, const char *key, char bracket);
void json_end(struct json *json, char bracket);

/* One value.  The key is NULL in a list.  Text is cleaned, and '<' is escaped. */
void json_u64(struct json *json, const char *key, uint64_t value);
void json_int(struct json *json, const char *key, int value);
void json_real(struct json *json, const char *key, double value);
void json_null(struct json *json, const char *key);
void json_true(struct json *json, const char *key);
void json_text(struct json *json, const char *key, const char *text);

#endif /* JSON_H */
