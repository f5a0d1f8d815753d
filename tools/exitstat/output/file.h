/* SPDX-License-Identifier: MIT */
/* A result that is a file: it is replaced when the new one is complete. */
#ifndef FILE_H
#define FILE_H

#include <stdio.h>

/*
 * Have print write the file, from what it is given; "-" is standard output.  STATUS_OK, or what to
 * exit with.
 */
int file_write(const char *path, void (*print)(FILE *out, void *what), void *what);

#endif /* FILE_H */
