// SPDX-License-Identifier: MIT
/* exitstat leaf: the raw registers of one CPUID leaf, without any checks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/numbers.h"
#include "command/options.h"
#include "command/say.h"
#include "exitstat.h"
#include "output/format.h"
#include "target/target.h"
#include "verbs/verbs.h"

static const char help[] =
	"usage: exitstat leaf LEAF [ECX]\n"
	"\n"
	"Execute CPUID with EAX = LEAF and ECX = ECX (default 0) and print the four\n"
	"registers. Numbers in C's notation: 10, 0x72, -1. Of a recording, it is the\n"
	"first frame that answers.\n";

static const char examples[] =
	"  exitstat leaf 0x4fffff00          the signature\n"
	"  exitstat leaf 0x4ffffffe 10       how many exits by CPUID, on Intel\n";

static void print(const struct options *opts, uint32_t leaf, uint32_t ecx,
		  const struct exitstat_regs *regs)
{
	struct json json = { .out = stdout };

	if (opts->format == FORMAT_JSON) {
		json_begin(&json, NULL, '{');
		head_json(&json, "leaf");
		json_u64(&json, "leaf", leaf);
		json_u64(&json, "subleaf", ecx);
		json_u64(&json, "eax", regs->eax);
		json_u64(&json, "ebx", regs->ebx);
		json_u64(&json, "ecx", regs->ecx);
		json_u64(&json, "edx", regs->edx);
		json_end(&json, '}');
		putchar('\n');
	} else if (opts->format == FORMAT_CSV) {
		if (!opts->no_header)
			puts("leaf,subleaf,eax,ebx,ecx,edx");
		printf("%u,%u,%u,%u,%u,%u\n", leaf, ecx, regs->eax, regs->ebx, regs->ecx,
		       regs->edx);
	} else {
		printf("leaf=0x%08x ecx=0x%08x: eax=0x%08x ebx=0x%08x ecx=0x%08x edx=0x%08x\n",
		       leaf, ecx, regs->eax, regs->ebx, regs->ecx, regs->edx);
	}
}

static int do_leaf(struct options *opts, int argc, char **argv)
{
	struct exitstat_regs regs;
	uint32_t number, ecx = 0;
	struct target target;
	int status;
	int err;

	if (argc < 2 || argc > 3)
		return say(STATUS_USAGE,
			   "leaf takes LEAF and at most ECX; see exitstat leaf --help");
	if (!parse_u32(argv[1], &number))
		return say(STATUS_USAGE, "LEAF is a number of 32 bits, not '%s'", argv[1]);
	if (argc == 3 && !parse_u32(argv[2], &ecx))
		return say(STATUS_USAGE, "ECX is a number of 32 bits, not '%s'", argv[2]);

	status = target_open_source(&target, opts);
	if (status)
		return status;
	err = exitstat_source_ask(target.src, number, ecx, &regs);
	if (err)
		status = say(STATUS_FAILED,
			     "the recording %s does not hold leaf 0x%x with ECX 0x%x", target.path,
			     number, ecx);
	else
		print(opts, number, ecx, &regs);
	target_close(&target);
	return status;
}

const struct verb verb_leaf = {
	.name = "leaf",
	.bit = FOR_LEAF,
	.run = do_leaf,
	.help = help,
	.examples = examples,
};
