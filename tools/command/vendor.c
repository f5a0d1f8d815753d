// SPDX-License-Identifier: MIT
/* Names that depend on the CPU's vendor. */
#include <stdio.h>

#include "command/vendor.h"
#include "exitstat.h"

const char *vendor_name(uint32_t numbering)
{
	return numbering == EXITSTAT_NUMBERING_VMX ? "Intel" : "AMD";
}

const char *text_number(char text[TEXT_SIZE], uint32_t numbering, uint32_t number)
{
	if (number >= EXITSTAT_OTHER)
		snprintf(text, TEXT_SIZE, "%d", (int)number);
	else if (numbering == EXITSTAT_NUMBERING_SVM)
		snprintf(text, TEXT_SIZE, "0x%03x", number);
	else
		snprintf(text, TEXT_SIZE, "%u", number);
	return text;
}

const char *exit_name(char text[TEXT_SIZE], uint32_t numbering, uint32_t number)
{
	const struct exitstat_exit *exit = exitstat_exit_find(numbering, number);

	if (!exit)
		return text_number(text, numbering, number);
	snprintf(text, TEXT_SIZE, "%s", exit->name);
	return text;
}
