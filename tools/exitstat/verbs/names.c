// SPDX-License-Identifier: MIT
/* exitstat names: a vendor's exit numbers and their meanings. */
#include <stdio.h>

#include "command/options.h"
#include "command/say.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "verbs/verbs.h"

static const char help[] =
	"usage: exitstat names [--vendor intel|amd]\n"
	"\n"
	"Print number, name (as the kvm_exit tracepoint and perf kvm stat print it) and\n"
	"the manual's own words for every exit that the vendor defines; without --vendor,\n"
	"for both.\n"
	"\n"
	"  -w, --vendor intel|amd   only this vendor's\n";

static void print_names(uint32_t numbering)
{
	const struct exitstat_exit *exit;
	char number[TEXT_SIZE];
	size_t i;

	for (i = 0; (exit = exitstat_exit_at(numbering, i)); i++)
		printf("%-5s %5s %-25s %s\n", vendor_name(numbering),
		       text_number(number, numbering, exit->number), exit->name, exit->words);
}

static int do_names(struct options *opts, int argc, char **argv)
{
	if (argc > 1)
		return say(STATUS_USAGE, "names takes no operand, not '%s'; see --vendor", argv[1]);
	if (opts->numbering != EXITSTAT_NUMBERING_SVM)
		print_names(EXITSTAT_NUMBERING_VMX);
	if (opts->numbering != EXITSTAT_NUMBERING_VMX)
		print_names(EXITSTAT_NUMBERING_SVM);
	return STATUS_OK;
}

const struct verb verb_names = {
	.name = "names",
	.bit = FOR_NAMES,
	.run = do_names,
	.help = help,
};
