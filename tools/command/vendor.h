/* SPDX-License-Identifier: MIT */
/* Names that depend on whose CPU it is. */
#ifndef VENDOR_H
#define VENDOR_H

#include <stdint.h>

/* Of a name, a number with its unit. */
#define TEXT_SIZE	32

const char *vendor_name(uint32_t numbering);

/* "0x07b" on AMD, "30" on Intel, "-1" for the last few. */
const char *text_number(char text[TEXT_SIZE], uint32_t numbering, uint32_t number);

/* The exit's name or, where a newer kernel knows more exits, its number. */
const char *exit_name(char text[TEXT_SIZE], uint32_t numbering, uint32_t number);

#endif /* VENDOR_H */
