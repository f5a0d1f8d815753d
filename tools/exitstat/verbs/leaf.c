// SPDX-License-Identifier: MIT
/* exitstat leaf: the raw registers of one CPUID leaf, without any checks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/numbers.h"
#include "command/options.h"
#include "command/say.h"
#include "exitstat.h"
#include "target/target.h"
#include "verbs/verbs.h"

static const char help[] =
	"usage: exitstat leaf LEAF [ECX]\n"
	"\n"
	"Execute CPUID with EAX = LEAF and ECX = ECX (default 0) and print the four\n"
	"registers. Numbers in C's notation: 10, 0x72, -1.\n"
	"\n"
	"  -S, --source FILE   read the first frame of a recording, not the CPU\n";

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
		printf("leaf=0x%08x ecx=0x%08x: eax=0x%08x ebx=0x%08x ecx=0x%08x edx=0x%08x\n",
		       number, ecx, regs.eax, regs.ebx, regs.ecx, regs.edx);
	target_close(&target);
	return status;
}

const struct verb verb_leaf = {
	.name = "leaf",
	.bit = FOR_LEAF,
	.run = do_leaf,
	.help = help,
};
