// SPDX-License-Identifier: MIT
/* What people call a vendor and its exits. */
#include "cli.h"

const char *vendor_name(uint32_t numbering)
{
	return numbering == EXITSTAT_NUMBERING_VMX ? "Intel" : "AMD";
}

const char *exit_name(uint32_t numbering, uint32_t number)
{
	const struct exitstat_exit *exit = exitstat_exit_find(numbering, number);

	return exit ? exit->name : "?";
}
