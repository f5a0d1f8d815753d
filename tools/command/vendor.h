/* SPDX-License-Identifier: MIT */
/* Names that depend on the CPU's vendor. */
#ifndef VENDOR_H
#define VENDOR_H

#include <stdint.h>

/* For a name, or a number with its unit. */
#define TEXT_SIZE	32

const char *vendor_name(uint32_t numbering);

/* "0x07b" on AMD, "30" on Intel; the highest numbers as negative, such as "-1". */
const char *text_number(char text[TEXT_SIZE], uint32_t numbering, uint32_t number);

/* The exit's name or, if a newer kernel has an exit that is not known here, its number. */
const char *exit_name(char text[TEXT_SIZE], uint32_t numbering, uint32_t number);

#endif /* VENDOR_H */
