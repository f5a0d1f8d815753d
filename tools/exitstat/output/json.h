/* SPDX-License-Identifier: MIT */
/*
 * Write JSON as it comes, on one line.  Of our own, as counters have 64 bits without a sign, and as
 * the static exitstat takes no library that is not there for every C library and word size.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	bool more;		/* a comma comes before the next value */
};

/* An object or list begins with '{' or '[', and ends with '}' or ']'. */
void json_begin(struct json *json, const char *key, char bracket);
void json_end(struct json *json, char bracket);

/* One value.  The key is NULL within a list.  Text is cleaned, and holds no '<'. */
void json_u64(struct json *json, const char *key, uint64_t value);
void json_int(struct json *json, const char *key, int value);
void json_real(struct json *json, const char *key, double value);
void json_true(struct json *json, const char *key);
void json_text(struct json *json, const char *key, const char *text);

#endif /* JSON_H */
