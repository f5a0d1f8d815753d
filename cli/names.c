// SPDX-License-Identifier: MIT
/* exitstat names: the exit numbers of a vendor and what they mean. */
#include <string.h>

#include "cli.h"

static const char help[] =
	"usage: exitstat names [intel|amd]\n"
	"\n"
	"Print number, name (as the kvm_exit tracepoint and perf kvm stat print it) and\n"
	"the manual's own words for every exit that the vendor defines; both vendors\n"
	"without an argument.\n";

static void print_names(uint32_t numbering)
{
	const struct exitstat_exit *exit;
	char number[TEXT_SIZE];
	size_t i;

	for (i = 0; (exit = exitstat_exit_at(numbering, i)); i++)
		printf("%-5s %5s %-25s %s\n", vendor_name(numbering),
		       text_number(number, numbering, exit->number), exit->name, exit->words);
}

static int names_run(struct options *opts, int argc, char **argv)
{
	(void)opts;
	if (argc > 2)
		return say(STATUS_USAGE, "names takes one vendor at most, not '%s' too", argv[2]);
	if (argc == 2 && strcmp(argv[1], "intel") && strcmp(argv[1], "amd"))
		return say(STATUS_USAGE, "a vendor is intel or amd, not '%s'", argv[1]);
	if (argc == 1 || !strcmp(argv[1], "intel"))
		print_names(EXITSTAT_NUMBERING_VMX);
	if (argc == 1 || !strcmp(argv[1], "amd"))
		print_names(EXITSTAT_NUMBERING_SVM);
	return STATUS_OK;
}

const struct verb verb_names = {
	.name = "names",
	.bit = FOR_NAMES,
	.run = names_run,
	.help = help,
};
