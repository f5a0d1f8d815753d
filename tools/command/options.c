// SPDX-License-Identifier: MIT
/* The options of all verbs: one table tells what each one means and which verbs take it. */
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "command/numbers.h"
#include "command/options.h"
#include "command/say.h"
#include "exitstat.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static bool parse_sort(struct options *opts, const char *value)
{
	static const char * const keys[] = {
		[SORT_TIME] = "time", [SORT_COUNT] = "count", [SORT_MEAN] = "mean",
		[SORT_VMM] = "vmm", [SORT_WAITING] = "waiting", [SORT_NAME] = "name",
		[SORT_NUMBER] = "number",
	};
	size_t i;

	for (i = 0; i < LENGTH(keys); i++) {
		if (!strcmp(value, keys[i])) {
			opts->sort = (enum sort_key)i;
			return opts->sorted = true;
		}
	}
	return false;
}

static bool parse_vcpu(struct options *opts, const char *value)
{
	uint32_t cpu;

	if (!strcmp(value, "all")) {
		opts->vcpu = VCPU_ALL;
		return true;
	}
	if (*value == '-' || !parse_u32(value, &cpu) || cpu > 16383)
		return false;
	opts->vcpu = (int)cpu;
	return true;
}

static bool parse_repeat(struct options *opts, const char *value)
{
	uint32_t repeat;

	if (*value == '-' || !parse_u32(value, &repeat) || !repeat || repeat > 1000000)
		return false;
	opts->repeat = repeat;
	return true;
}

static bool parse_period(struct options *opts, const char *value)
{
	uint32_t period;

	if (*value == '-' || !parse_u32(value, &period) || !period || period > UINT16_MAX)
		return false;
	opts->period = period;
	return true;
}

static bool take_interval(struct options *opts, const char *value)
{
	return parse_interval(value, &opts->interval_ns);
}

static bool parse_vendor(struct options *opts, const char *value)
{
	if (!strcmp(value, "intel"))
		opts->numbering = EXITSTAT_NUMBERING_VMX;
	else if (!strcmp(value, "amd"))
		opts->numbering = EXITSTAT_NUMBERING_SVM;
	return opts->numbering;
}

static bool set_json(struct options *opts, const char *value)
{
	(void)value;
	opts->format = FORMAT_JSON;
	return true;
}

static bool set_csv(struct options *opts, const char *value)
{
	(void)value;
	opts->format = FORMAT_CSV;
	return true;
}

static bool add_qmp(struct options *opts, const char *value)
{
	if (opts->qmps_nr == QMPS_MAX)
		return false;
	opts->qmps[opts->qmps_nr++] = value;
	return *value;
}

#define FOR_ALL		(~0u)
#define FOR_MEASURES	(FOR_SHOW | FOR_RUN | FOR_INTERVAL)
#define FOR_TABLES	(FOR_MEASURES | FOR_WHY)
#define FOR_SOURCES	(FOR_TABLES | FOR_LEAF | FOR_CHECK | FOR_RECORD | FOR_TOP | FOR_PROFILE)

static const struct {
	const char *name;
	char letter;
	unsigned int verbs;
	bool (*parse)(struct options *opts, const char *value);
	size_t field;		/* without parse: the bool to set, or the string */
	const char *rule;	/* for its value; NULL if it takes none */
} table[] = {
#define FIELD(name) NULL, offsetof(struct options, name)
	{ "all", 'a', FOR_TABLES, FIELD(all), NULL },
	{ "by-reason", 'b', FOR_INTERVAL, FIELD(by_reason), NULL },
	{ "csv", 'c', FOR_TABLES | FOR_GUESTS, set_csv, 0, NULL },
	{ "debugfs", 'D', FOR_HOST | FOR_EXPORT, FIELD(debugfs), "the name of a directory of VMs" },
	{ "details", 'd', FOR_MEASURES | FOR_RECORD | FOR_REPORT | FOR_TOP | FOR_EXPORT,
	  FIELD(details), NULL },
	{ "exit", 'e', FOR_PROFILE, FIELD(exit), "the name of an exit; exitstat names lists them" },
	{ "folded", 'f', FOR_PROFILE, FIELD(folded), NULL },
	{ "help", 'h', FOR_ALL, FIELD(help), NULL },
	{ "histograms", 'g', FOR_EXPORT, FIELD(histograms), NULL },
	{ "html", 'H', FOR_REPORT | FOR_PROFILE, FIELD(html), "the name of a file to write" },
	{ "interval", 'i', FOR_RECORD | FOR_TOP | FOR_EXPORT, take_interval, 0,
	  "0.01 to 86400 seconds" },
	{ "json", 'j', FOR_TABLES | FOR_REPORT | FOR_GUESTS, set_json, 0, NULL },
	{ "listen", 'l', FOR_EXPORT, FIELD(listen), "ADDRESS:PORT" },
	{ "no-header", 'n', FOR_TABLES | FOR_GUESTS, FIELD(no_header), NULL },
	{ "output", 'o', FOR_RUN | FOR_RECORD, FIELD(output), "the name of a file to write" },
	{ "per-vcpu", 'p', FOR_EXPORT, FIELD(per_vcpu), NULL },
	{ "period", 'P', FOR_PROFILE, parse_period, 0, "a number of exits, 1 to 65535" },
	{ "qmp", 'q', FOR_HOST | FOR_EXPORT, add_qmp, 0,
	  "the name of a QMP socket, 64 times at most" },
	{ "repeat", 'r', FOR_RUN, parse_repeat, 0, "a number of runs, 1 to 1000000" },
	{ "sort", 's', FOR_TABLES | FOR_REPORT | FOR_TOP | FOR_GUESTS, parse_sort, 0,
	  "time, count, mean, vmm, waiting, name or number" },
	{ "source", 'S', FOR_SOURCES, FIELD(source), "the name of a recording" },
	{ "textfile", 't', FOR_EXPORT, FIELD(textfile), "the name of a directory" },
	{ "total", 'T', FOR_GUESTS, FIELD(total), NULL },
	{ "vcpu", 'v', FOR_TABLES, parse_vcpu, 0, "the number of a CPU, 0 to 16383, or 'all'" },
	{ "vendor", 'w', FOR_NAMES, parse_vendor, 0, "intel or amd" },
	{ "version", 'V', FOR_ALL, FIELD(version), NULL },
	{ "vm", 'm', FOR_HOST, FIELD(vm), "the PID, PID-FD or name of a VM" },
#undef FIELD
};

/* The table in getopt's format. */
static void fill_getopt(struct option longs[LENGTH(table) + 1], char shorts[2 * LENGTH(table) + 3])
{
	size_t i;

	*shorts++ = '+';
	*shorts++ = ':';
	for (i = 0; i < LENGTH(table); i++) {
		longs[i].name = table[i].name;
		longs[i].has_arg = table[i].rule ? required_argument : no_argument;
		longs[i].val = table[i].letter;
		*shorts++ = table[i].letter;
		if (table[i].rule)
			*shorts++ = ':';
	}
	*shorts = '\0';
}

/* Without a verb before it, a number with a sign was meant as an interval. */
static int say_unknown(const struct options *opts, char **argv)
{
	if (!opts->named && optopt >= '0' && optopt <= '9')
		return say(-1, "INTERVAL is 0.01 to 86400 seconds, not '%s'", argv[optind - 1]);
	/* optopt is the letter only for a short option. */
	if (optopt && strncmp(argv[optind - 1], "--", 2))
		return say(-1, "there is no option '-%c'; see exitstat --help", optopt);
	return say(-1, "there is no option '%s'; see exitstat --help", argv[optind - 1]);
}

static bool set_field(struct options *opts, size_t field, const char *value)
{
	if (!value)
		return *(bool *)((char *)opts + field) = true;
	*(const char **)((char *)opts + field) = value;
	return *value;
}

static int take_option(struct options *opts, int letter, const char *value)
{
	size_t i;

	for (i = 0; table[i].letter != letter; i++)
		;
	opts->seen |= 1u << i;
	if (table[i].parse ? table[i].parse(opts, value) : set_field(opts, table[i].field, value))
		return 0;
	return say(-1, "--%s takes %s, not '%s'", table[i].name, table[i].rule, value);
}

int options_parse(int argc, char **argv, bool anywhere, struct options *opts)
{
	struct option longs[LENGTH(table) + 1] = { { 0 } };
	char shorts[2 * LENGTH(table) + 3];
	int letter;

	fill_getopt(longs, shorts);
	opterr = 0;
	optind = 0;
	while ((letter = getopt_long(argc, argv, shorts + anywhere, longs, NULL)) != -1) {
		if (letter == '?')
			return say_unknown(opts, argv);
		if (letter == ':')
			return say(-1, "'%s' needs a value; see exitstat --help", argv[optind - 1]);
		if (take_option(opts, letter, optarg))
			return -1;
	}
	opts->dashes = optind > 1 && !strcmp(argv[optind - 1], "--");
	return optind;
}

bool options_fit(const struct options *opts, unsigned int verb, const char *name)
{
	size_t i;

	if (opts->host)
		verb |= FOR_HOST;
	for (i = 0; i < LENGTH(table); i++) {
		if (!(opts->seen & 1u << i) || table[i].verbs & verb)
			continue;
		if (table[i].verbs & FOR_HOST)
			say(0, "--%s is for 'exitstat host'; see exitstat host --help",
			    table[i].name);
		else
			say(0, "%s takes no --%s; see exitstat %s--help", name, table[i].name,
			    verb & FOR_GUESTS ? "host " :
			    verb & (FOR_SHOW | FOR_RUN | FOR_INTERVAL) ? "" : "VERB ");
		return false;
	}
	return true;
}
