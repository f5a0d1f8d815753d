// SPDX-License-Identifier: MIT
/* exitstat names: a vendor's exit numbers and their meanings. */
#include <stdio.h>

#include "command/options.h"
#include "command/say.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "output/format.h"
#include "verbs/verbs.h"

static const char help[] =
	"usage: exitstat names [--vendor intel|amd]\n"
	"\n"
	"Print number, name (as the kvm_exit tracepoint and perf kvm stat print it),\n"
	"class (one word for both vendors) and the manual's own words for every exit that\n"
	"the vendor defines; without --vendor, for both.\n";

static const char examples[] =
	"  exitstat names -w amd             what AMD's processors have\n"
	"  exitstat names --csv | grep ,io,  what the class io is on either vendor's\n";

static void print_text(uint32_t numbering, const struct exitstat_exit *exit)
{
	char number[TEXT_SIZE];

	printf("%-5s %5s %-25s %-12s %s\n", vendor_name(numbering),
	       text_number(number, numbering, exit->number), exit->name,
	       exitstat_exit_class(numbering, exit->number), exit->words);
}

static void print_csv(uint32_t numbering, const struct exitstat_exit *exit)
{
	printf("%s,%u,%s,%s,", vendor_name(numbering), exit->number, exit->name,
	       exitstat_exit_class(numbering, exit->number));
	csv_text(stdout, exit->words);
	putchar('\n');
}

/* An object for each. */
static void print_json(uint32_t numbering, const struct exitstat_exit *exit)
{
	struct json json = { .out = stdout };

	json_begin(&json, NULL, '{');
	head_json(&json, "name");
	json_text(&json, "vendor", vendor_name(numbering));
	json_u64(&json, "number", exit->number);
	json_text(&json, "name", exit->name);
	json_text(&json, "class", exitstat_exit_class(numbering, exit->number));
	json_text(&json, "words", exit->words);
	json_end(&json, '}');
	putchar('\n');
}

static void print_names(const struct options *opts, uint32_t numbering)
{
	const struct exitstat_exit *exit;
	size_t i;

	for (i = 0; (exit = exitstat_exit_at(numbering, i)); i++) {
		if (opts->format == FORMAT_JSON)
			print_json(numbering, exit);
		else if (opts->format == FORMAT_CSV)
			print_csv(numbering, exit);
		else
			print_text(numbering, exit);
	}
}

static int do_names(struct options *opts, int argc, char **argv)
{
	if (argc > 1)
		return say(STATUS_USAGE, "names takes no operand, not '%s'; see --vendor", argv[1]);
	if (opts->format == FORMAT_CSV && !opts->no_header)
		puts("vendor,number,name,class,words");
	if (opts->numbering != EXITSTAT_NUMBERING_SVM)
		print_names(opts, EXITSTAT_NUMBERING_VMX);
	if (opts->numbering != EXITSTAT_NUMBERING_VMX)
		print_names(opts, EXITSTAT_NUMBERING_SVM);
	return STATUS_OK;
}

const struct verb verb_names = {
	.name = "names",
	.bit = FOR_NAMES,
	.run = do_names,
	.help = help,
	.examples = examples,
};
