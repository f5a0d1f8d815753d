/* SPDX-License-Identifier: MIT */
/* A VM's UUID, as its VMM gives it. */
#ifndef EXITSTAT_UUID_H
#define EXITSTAT_UUID_H

#include <ctype.h>
#include <string.h>

#include "exitstat.h"

/* What is no UUID, and QEMU's default, which is all zeros, become "". */
static inline void exitstat_uuid_take(char uuid[EXITSTAT_VM_UUID_SIZE], const char *text)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i;

	*uuid = '\0';
	if (strlen(text) != sizeof(form) - 1 || strspn(text, "0-") == sizeof(form) - 1)
		return;
	for (i = 0; form[i]; i++) {
		if (form[i] == '-' ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return;
	}
	for (i = 0; i < sizeof(form); i++)
		uuid[i] = (char)tolower((unsigned char)text[i]);
}

#endif /* EXITSTAT_UUID_H */
