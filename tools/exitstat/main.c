// SPDX-License-Identifier: MIT
/* The command exitstat: choose the verb. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/options.h"
#include "command/say.h"
#include "exitstat.h"
#include "output/columns.h"
#include "output/result.h"
#include "target/target.h"
#include "target/vm.h"
#include "verbs/verbs.h"

#define EXPORT_PROGRAM	"exitstat-export"

static const char help[] =
	"usage: exitstat [OPTION...]               exits since the VM started\n"
	"       exitstat [OPTION...] -- CMD...     exits of CMD, and its exit status\n"
	"       exitstat [OPTION...] INTERVAL [COUNT]\n"
	"                                         the rates every INTERVAL seconds\n"
	"       exitstat VERB [ARGUMENT...]\n"
	"\n"
	"verbs (exitstat VERB --help says more):\n";

static const char more[] =
	"\n"
	"exit status: 0 ok, 1 failed, 2 usage, 77 this machine does not report its exits;\n"
	"with CMD: CMD's own, 127 no such command, 128+N killed by signal N\n";

static const char examples[] =
	"  exitstat                          since the VM started\n"
	"  exitstat -- make -j4              while a command runs\n"
	"  exitstat -r 5 -e io,msr -- make   five times, and only these reasons\n"
	"  exitstat -t 1                     a line each second, with the time\n"
	"  exitstat -v 0-3,7 -n 5            five reasons of each of these CPUs\n"
	"  exitstat --json > before.json     for exitstat diff\n";

/* As the help lists them. */
static const struct {
	const struct verb *verb;	/* NULL: choose() knows it */
	const char *usage;
	const char *words;
} verbs[] = {
	{ &verb_check, "check", "whether this machine reports its exits, and if not, why" },
	{ &verb_diff, "diff FILE FILE", "compare two tables that --json saved" },
	{ NULL, "export", "the counters as metrics for Prometheus" },
	{ NULL, "help [VERB]", "this, or what VERB is for" },
	{ NULL, "host [VERB...]", "on a host: its VMs, or one of them with these verbs" },
	{ &verb_leaf, "leaf LEAF [ECX]", "the raw registers of one CPUID leaf" },
	{ &verb_names, "names", "all exit numbers, their names and meanings" },
	{ &verb_profile, "profile [-- CMD...]", "who makes exits: stacks, and a flame graph" },
	{ &verb_record, "record [-- CMD...]", "the counters over time, into a file" },
	{ &verb_report, "report FILE [FILE]",
	  "a summary of a recording; --html: a page with charts" },
	{ &verb_show, "show", "the table, as without a verb" },
	{ &verb_top, "top", "the rates on a full screen" },
	{ &verb_why, "why [REASON]", "which ports, MSRs, leaves, pages they were about" },
};

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (verbs[i].verb && !strcmp(verbs[i].verb->name, name))
			return verbs[i].verb;
	}
	return NULL;
}

static int print_version(void)
{
	printf("exitstat %s (ABI revision %d)\n", VERSION, EXITSTAT_ABI_REVISION);
	return STATUS_OK;
}

static void print_verbs(void)
{
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (!verbs[i].verb || !verbs[i].verb->left_out)
			printf("  %-21s %s\n", verbs[i].usage, verbs[i].words);
	}
}

/* What belongs to no verb, and a verb without a help of its own, have the first one. */
static int print_help(const struct verb *verb, bool host)
{
	static const struct verb none = {
		.bit = FOR_DEFAULT, .help = help, .more = more, .examples = examples,
	};

	if (!verb->help)
		verb = host ? &verb_guests : &none;
	fputs(verb->help, stdout);
	if (verb == &none)
		print_verbs();
	if (verb == &verb_guests) {
		fputs("\nwhich VM:\n", stdout);
		options_print(stdout, FOR_HOST);
	}
	fputs(verb == &verb_guests ? "\nof the list:\n" : "\noptions:\n", stdout);
	options_print(stdout, verb->bit);
	if (verb->more)
		fputs(verb->more, stdout);
	if (verb->examples)
		printf("\nexamples:\n%s", verb->examples);
	return STATUS_OK;
}

static int run_verb(const struct verb *verb, struct options *opts, int argc, char **argv)
{
	const char *name = verb == &verb_show && !opts->named ? "the table" :
			   verb->name ? verb->name :
			   verb == &verb_guests ? "the list of VMs" :
			   verb == &verb_run ? "a measured command" : "an interval";

	if (opts->help)
		return print_help(verb, opts->host);
	if (opts->version)
		return print_version();
	if (!options_fit(opts, verb->bit, name))
		return STATUS_USAGE;
	return verb->run(opts, argc, argv);
}

/* argv[0] is the verb; its own options may come before its operands. */
static int run_named(const struct verb *verb, struct options *opts, int argc, char **argv)
{
	int first;

	opts->named = true;
	/* Options may come last only where no command or negative number may follow. */
	first = options_parse(argc, argv, verb == &verb_report || verb == &verb_why ||
			      verb == &verb_diff, verb->bit, opts);
	if (first < 0)
		return STATUS_USAGE;
	/* Put the verb right before its operands, perhaps in place of '--'. */
	argv[first - 1] = argv[0];
	return run_verb(verb, opts, argc - first + 1, argv + first - 1);
}

/* A separate program, so that a guest with exitstat does not need a server's libraries. */
static int run_export(char **argv)
{
	char path[PATH_MAX + sizeof(EXPORT_PROGRAM)];
	ssize_t size = readlink("/proc/self/exe", path, PATH_MAX);

	while (size > 0 && path[size - 1] != '/')
		size--;
	argv[0] = EXPORT_PROGRAM;
	/* Without /proc, this program's directory is not known. */
	if (size > 0) {
		memcpy(path + size, EXPORT_PROGRAM, sizeof(EXPORT_PROGRAM));
		execv(path, argv);
	}
	execvp(EXPORT_PROGRAM, argv);
	if (errno == ENOENT)
		return say(STATUS_FAILED,
			   "export is in a separate package, %s, which 'make deb' builds",
			   EXPORT_PROGRAM);
	return say(STATUS_FAILED, "cannot execute " EXPORT_PROGRAM ": %s", strerror(errno));
}

/* help [VERB]: as VERB --help. */
static int show_help(const struct options *opts, int argc, char **argv)
{
	char option[] = "--help";
	char *arguments[3] = { [1] = option };
	const struct verb *verb;

	if (argc > 2)
		return say(STATUS_USAGE, "help takes one verb, not '%s' too", argv[2]);
	if (argc < 2)
		return print_help(&verb_show, opts->host);
	if (!strcmp(argv[1], "host"))
		return print_help(&verb_guests, true);
	if (!strcmp(argv[1], "export"))
		return run_export(arguments);
	verb = find_verb(argv[1]);
	if (!verb)
		return say(STATUS_USAGE, "there is no verb '%s'; see exitstat --help", argv[1]);
	return print_help(verb, opts->host);
}

static int choose(struct options *opts, int argc, char **argv)
{
	unsigned int without = opts->host ? FOR_DEFAULT | FOR_GUESTS : FOR_DEFAULT;
	int first = options_parse(argc, argv, false, without, opts);
	const struct verb *verb;

	if (first < 0)
		return STATUS_USAGE;
	argc -= first;
	argv += first;
	if (opts->dashes && argc)
		return run_verb(&verb_run, opts, argc, argv);
	if (opts->dashes)
		return say(STATUS_USAGE, "'--' must be followed by the command to measure");
	if (!argc)
		return run_verb(vm_is_list(opts) ? &verb_guests : &verb_show, opts, argc, argv);
	if (*argv[0] && strchr("0123456789.", *argv[0]))
		return run_verb(vm_is_list(opts) ? &verb_guests : &verb_interval, opts, argc, argv);
	if (!strcmp(argv[0], "host") && !opts->host) {
		opts->host = true;
		return choose(opts, argc, argv);
	}
	if (!strcmp(argv[0], "export") && !opts->host) {
		/* The options before the verb are its options, too. */
		memmove(argv - first + 2, argv - first + 1, ((size_t)first - 1) * sizeof(*argv));
		return run_export(argv - first + 1);
	}
	if (!strcmp(argv[0], "help"))
		return show_help(opts, argc, argv);
	verb = find_verb(argv[0]);
	if (verb)
		return run_named(verb, opts, argc, argv);
	return say(STATUS_USAGE, "there is no verb '%s'; to measure a command: exitstat %s-- %s",
		   argv[0], opts->host ? "host " : "", argv[0]);
}

int main(int argc, char **argv)
{
	struct options opts = OPTIONS_DEFAULT;
	struct output out = { .file = stdout };

	streams_occupy();
	columns_begin();
	return output_close(&out, choose(&opts, argc, argv));
}
