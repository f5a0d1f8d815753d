/* SPDX-License-Identifier: MIT */
/* Numbers as people type them. */
#ifndef NUMBERS_H
#define NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

/* An unsigned number of at most 32 bits in C's notation, or the 32 bits of a negative one. */
bool parse_u32(const char *text, uint32_t *value);

/* 0.01 to 86400 seconds. */
bool parse_interval(const char *text, uint64_t *interval_ns);

#endif /* NUMBERS_H */
