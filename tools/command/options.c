// SPDX-License-Identifier: MIT
/*
 * The options of all verbs: one table tells what each one means, which verbs take it, by which
 * letter, and what --help says.
 */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "command/numbers.h"
#include "command/options.h"
#include "command/say.h"
#include "exitstat.h"

#define REASONS	"names, numbers or classes of exits; exitstat names lists them"
#define VCPUS	"the number of a CPU, 0 to 16383, several as in '0-3,7', or 'all'"

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

/* "N" or "N-N" at text, which then is behind it. */
static bool parse_range(const char **text, uint32_t *first, uint32_t *last)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	*first = (uint32_t)strtoul(*text, &end, 10);
	*last = *first;
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		*last = (uint32_t)strtoul(end + 1, &end, 10);
	*text = end;
	return *last < VCPUS_MAX && *first <= *last;
}

static bool parse_vcpu(struct options *opts, const char *value)
{
	uint32_t first, last;
	unsigned int nr = 0;

	memset(opts->vcpus, 0, sizeof(opts->vcpus));
	if (!strcmp(value, "all")) {
		opts->vcpu = VCPU_ALL;
		return true;
	}
	do {
		if (!parse_range(&value, &first, &last))
			return false;
		for (; first <= last; first++, nr++)
			opts->vcpus[first / 64] |= 1ull << first % 64;
	} while (*value++ == ',');
	opts->vcpu = nr > 1 ? VCPU_LIST : (int)last;
	return !value[-1];
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

static bool parse_limit(struct options *opts, const char *value)
{
	return *value != '-' && parse_u32(value, &opts->limit) && opts->limit;
}

static bool parse_pid(struct options *opts, const char *value)
{
	return *value != '-' && parse_u32(value, &opts->pid) && opts->pid;
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
#define FOR_MEASURES	FOR_DEFAULT
#define FOR_TABLES	(FOR_MEASURES | FOR_WHY)
#define FOR_SOURCES	(FOR_TABLES | FOR_LEAF | FOR_CHECK | FOR_RECORD | FOR_TOP)
#define FOR_ROWS	(FOR_TABLES | FOR_GUESTS | FOR_DIFF)
#define FOR_PROGRAMS	(FOR_ROWS | FOR_CHECK | FOR_LEAF | FOR_NAMES | FOR_REPORT)

#define KEYS		"time, count, mean, vmm, waiting, name or number"

/*
 * A name or a letter may stand in several rows, for different verbs.  Of two rows of one verb, the
 * letters differ.
 */
static const struct {
	const char *name;
	char letter;		/* or 0 */
	unsigned int verbs;
	bool (*parse)(struct options *opts, const char *value);
	size_t field;		/* without parse: the bool to set, or the string */
	const char *value;	/* what --help calls its value; NULL if it takes none */
	const char *rule;	/* for the value */
	const char *help;
} table[] = {
#define FIELD(name) NULL, offsetof(struct options, name)
#define FLAG NULL, NULL
	{ "all", 'a', FOR_MEASURES, FIELD(all), FLAG, "include rows of zeros" },
	{ "all", 'a', FOR_WHY, FIELD(all), FLAG, "everything, however little time it took" },
	{ "by-reason", 'b', FOR_INTERVAL, FIELD(by_reason), FLAG,
	  "with INTERVAL, print tables instead of lines" },
	{ "csv", 'c', FOR_PROGRAMS, set_csv, 0, FLAG, "for programs: comma-separated values" },
	{ "csv", 0, FOR_PROFILE, set_csv, 0, FLAG, "for programs: comma-separated values" },
	{ "debugfs", 'D', FOR_HOST, FIELD(debugfs), "DIR", "the name of a directory of VMs",
	  "where the VMs are, if not in\n/sys/kernel/debug/kvm" },
	{ "details", 'd', FOR_MEASURES | FOR_TOP, FIELD(details), FLAG,
	  "under each reason, what the exits were about" },
	{ "details", 'd', FOR_RECORD, FIELD(details), FLAG,
	  "also what the exits were about; each reading takes\n"
	  "more exits then: three for each port, MSR, leaf and\npage" },
	{ "details", 'd', FOR_REPORT, FIELD(details), FLAG,
	  "under each reason, what the exits were about; JSON\n"
	  "and page have it anyway, if the recording does" },
	{ "exit", 'e', FOR_TABLES | FOR_TOP, FIELD(exit), "REASON,...", REASONS,
	  "only these: names, numbers or classes of exits" },
	{ "exit", 'e', FOR_PROFILE, FIELD(exit), "REASON,...", REASONS,
	  "these exits, at most four; without it, the most\nfrequent that can be sampled" },
	{ "folded", 'f', FOR_PROFILE, FIELD(folded), FLAG, "a line per stack, for other programs" },
	{ "html", 'H', FOR_REPORT, FIELD(html), "FILE", "the name of a file to write",
	  "write a page with charts, which needs only a browser" },
	{ "html", 'H', FOR_PROFILE, FIELD(html), "FILE", "the name of a file to write",
	  "write a page with a flame graph, which needs only a\nbrowser" },
	{ "interval", 'i', FOR_RECORD | FOR_TOP, take_interval, 0, "S",
	  "0.01 to 86400 seconds", "seconds from one reading to the next (1)" },
	{ "json", 'j', FOR_PROGRAMS | FOR_PROFILE, set_json, 0, FLAG,
	  "for programs: JSON, an object per line" },
	{ "limit", 'n', FOR_ROWS | FOR_REPORT, parse_limit, 0, "N", "a number of rows, 1 or more",
	  "only the first N rows" },
	{ "limit", 'n', FOR_PROFILE, parse_limit, 0, "N", "a number of rows, 1 or more",
	  "only the first N stacks and functions" },
	{ "no-header", 'H', FOR_ROWS | FOR_CHECK | FOR_LEAF | FOR_NAMES, FIELD(no_header), FLAG,
	  "only the rows" },
	{ "output", 'o', FOR_RUN, FIELD(output), "FILE", "the name of a file to write",
	  "write the result there; with CMD, not to stderr" },
	{ "output", 'o', FOR_RECORD, FIELD(output), "FILE", "the name of a file to write",
	  "where to (exitstat.rec); an existing recording\n"
	  "becomes FILE.old; '-' is standard output" },
	{ "period", 'c', FOR_PROFILE, parse_period, 0, "N", "a number of exits, 1 to 65535",
	  "sample every N-th exit" },
	{ "pid", 'p', FOR_HOST, parse_pid, 0, "PID", "the PID of a VM's process",
	  "the VM of that process" },
	{ "qmp", 'q', FOR_HOST, add_qmp, 0, "SOCKET",
	  "the name of a QMP socket, 64 times at most",
	  "ask that QEMU (7.1 or later) by its QMP socket" },
	{ "repeat", 'r', FOR_RUN, parse_repeat, 0, "N", "a number of runs, 1 to 1000000",
	  "run CMD N times; the mean, and its error" },
	{ "reverse", 'R', FOR_ROWS | FOR_TOP | FOR_REPORT, FIELD(reverse), FLAG,
	  "sort the other way round" },
	{ "sort", 's', FOR_TABLES | FOR_DIFF | FOR_REPORT | FOR_TOP, parse_sort, 0, "KEY", KEYS,
	  "by " KEYS },
	{ "sort", 's', FOR_GUESTS, parse_sort, 0, "KEY", KEYS,
	  "by count (the default), time, mean, vmm, waiting,\nname, or number, which is the pid" },
	{ "source", 'S', FOR_SOURCES, FIELD(source), "FILE", "the name of a recording",
	  "read a recording instead of the CPU" },
	{ "source", 'S', FOR_PROFILE, FIELD(source), "FILE", "the name of a recording",
	  "read what perf script -F trace:comm,tid,trace,ip,\n"
	  "sym,dso has printed of exitstat:exit" },
	{ "time", 't', FOR_PROFILE, FIELD(by_time), FLAG,
	  "by the time that the host took for the exits, not\nby their number" },
	{ "timestamp", 't', FOR_INTERVAL | FOR_GUESTS, FIELD(timestamp), FLAG,
	  "with INTERVAL, begin each line with the time" },
	{ "total", 'T', FOR_GUESTS, FIELD(total), FLAG,
	  "since the VMs started, instead of rates" },
	{ "vcpu", 'v', FOR_MEASURES, parse_vcpu, 0, "LIST", VCPUS,
	  "each vCPU that is one of these CPUs here: '0-3,7',\nor 'all'" },
	{ "vcpu", 'v', FOR_WHY, parse_vcpu, 0, "CPU", VCPUS,
	  "only those of the vCPU that is this CPU here" },
	{ "vendor", 'w', FOR_NAMES, parse_vendor, 0, "NAME", "intel or amd",
	  "only this vendor's: intel or amd" },
	{ "vm", 'm', FOR_HOST, FIELD(vm), "VM", "the PID, PID-FD or name of a VM",
	  "the VM with that PID, PID-FD, or name; without it, a\n"
	  "verb takes the only VM there is" },
	{ "version", 'V', FOR_ALL, FIELD(version), FLAG, "which version this is" },
	{ "help", 'h', FOR_ALL, FIELD(help), FLAG, "this" },

	/* exitstat export has its own help. */
	{ "debugfs", 'D', FOR_EXPORT, FIELD(debugfs), "DIR", "the name of a directory of VMs",
	  NULL },
	{ "details", 'd', FOR_EXPORT, FIELD(details), FLAG, NULL },
	{ "histograms", 'g', FOR_EXPORT, FIELD(histograms), FLAG, NULL },
	{ "interval", 'i', FOR_EXPORT, take_interval, 0, "S", "0.01 to 86400 seconds", NULL },
	{ "listen", 'l', FOR_EXPORT, FIELD(listen), "ADDRESS:PORT", "ADDRESS:PORT", NULL },
	{ "per-vcpu", 'p', FOR_EXPORT, FIELD(per_vcpu), FLAG, NULL },
	{ "qmp", 'q', FOR_EXPORT, add_qmp, 0, "SOCKET",
	  "the name of a QMP socket, 64 times at most", NULL },
	{ "textfile", 't', FOR_EXPORT, FIELD(textfile), "DIR", "the name of a directory", NULL },
#undef FLAG
#undef FIELD
};

static_assert(LENGTH(table) <= 64, "struct options has a bit for each row");

/* getopt returns a row's number plus this for a long option, else the letter. */
#define LONG	256

/* A table in getopt's format, in which the rows of some verbs come before the others. */
struct getopt_table {
	struct option longs[LENGTH(table) + 1];
	char shorts[2 * LENGTH(table) + 3];
	size_t row_of_letter[LONG];
	size_t rows[LENGTH(table)];	/* of longs */
	size_t nr;
};

static void add_row(struct getopt_table *getopt, size_t row)
{
	char *letters = getopt->shorts + strlen(getopt->shorts);
	bool known = false;
	size_t i;

	for (i = 0; i < getopt->nr; i++)
		known |= !strcmp(getopt->longs[i].name, table[row].name);
	if (!known)
		getopt->longs[getopt->nr++] = (struct option){
			.name = table[row].name,
			.has_arg = table[row].value ? required_argument : no_argument,
			.val = LONG + (int)row,
		};
	if (!table[row].letter || strchr(getopt->shorts, table[row].letter))
		return;
	getopt->row_of_letter[(int)table[row].letter] = row;
	*letters++ = table[row].letter;
	*letters = '\0';
	if (table[row].value)
		memcpy(letters, ":", sizeof(":"));
}

static void fill_getopt(struct getopt_table *getopt, unsigned int verbs)
{
	size_t i;

	*getopt = (struct getopt_table){ .shorts = "+:" };
	for (i = 0; i < LENGTH(table); i++) {
		if (table[i].verbs & verbs)
			add_row(getopt, i);
	}
	for (i = 0; i < LENGTH(table); i++)
		add_row(getopt, i);
}

#define WHOSE_SIZE	64

/* The words before --help, each with a blank: none, "host ", "names ", "host top ". */
static const char *whose(char text[WHOSE_SIZE], const struct options *opts, unsigned int verbs,
			 char **argv)
{
	const char *verb = opts->named ? argv[0] : verbs & FOR_EXPORT ? "export" : "";

	snprintf(text, WHOSE_SIZE, "%s%s%s", opts->host ? "host " : "", verb, *verb ? " " : "");
	return text;
}

/* Without a verb before it, a number with a sign was meant as an interval. */
static int say_unknown(const struct options *opts, unsigned int verbs, char **argv)
{
	char text[WHOSE_SIZE];

	if (!opts->named && optopt >= '0' && optopt <= '9')
		return say(-1, "INTERVAL is 0.01 to 86400 seconds, not '%s'", argv[optind - 1]);
	/* optopt is the letter only for a short option. */
	if (optopt && strncmp(argv[optind - 1], "--", 2))
		return say(-1, "there is no option '-%c'; see exitstat %s--help", optopt,
			   whose(text, opts, verbs, argv));
	return say(-1, "there is no option '%s'; see exitstat %s--help", argv[optind - 1],
		   whose(text, opts, verbs, argv));
}

static bool set_field(struct options *opts, size_t field, const char *value)
{
	if (!value)
		return *(bool *)((char *)opts + field) = true;
	*(const char **)((char *)opts + field) = value;
	return *value;
}

static int take_option(struct options *opts, size_t row, const char *value)
{
	opts->seen |= 1ull << row;
	if (table[row].parse ? table[row].parse(opts, value) :
			       set_field(opts, table[row].field, value))
		return 0;
	return say(-1, "--%s takes %s, not '%s'", table[row].name, table[row].rule, value);
}

int options_parse(int argc, char **argv, bool anywhere, unsigned int verbs, struct options *opts)
{
	struct getopt_table getopt;
	char text[WHOSE_SIZE];
	int option;

	fill_getopt(&getopt, opts->host ? verbs | FOR_HOST : verbs);
	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, getopt.shorts + anywhere, getopt.longs,
				     NULL)) != -1) {
		if (option == '?')
			return say_unknown(opts, verbs, argv);
		if (option == ':')
			return say(-1, "'%s' needs a value; see exitstat %s--help",
				   argv[optind - 1], whose(text, opts, verbs, argv));
		if (take_option(opts, option >= LONG ? (size_t)option - LONG :
				getopt.row_of_letter[option], optarg))
			return -1;
	}
	opts->dashes = optind > 1 && !strcmp(argv[optind - 1], "--");
	return optind;
}

/* The verbs of all rows with that name. */
static unsigned int verbs_of(const char *name)
{
	unsigned int verbs = 0;
	size_t i;

	for (i = 0; i < LENGTH(table); i++) {
		if (!strcmp(table[i].name, name))
			verbs |= table[i].verbs;
	}
	return verbs;
}

bool options_fit(const struct options *opts, unsigned int verb, const char *name)
{
	const char *where = verb & FOR_GUESTS ? "host" : verb & FOR_DEFAULT ? "" : name;
	size_t i;

	if (opts->host)
		verb |= FOR_HOST;
	for (i = 0; i < LENGTH(table); i++) {
		unsigned int verbs = verbs_of(table[i].name);

		if (!(opts->seen & 1ull << i) || verbs & verb)
			continue;
		if (verbs & FOR_HOST)
			say(0, "--%s is for 'exitstat host'; see exitstat host --help",
			    table[i].name);
		else
			say(0, "%s takes no --%s; see exitstat %s%s--help", name, table[i].name,
			    where, *where ? " " : "");
		return false;
	}
	return true;
}

#define HELP_COLUMN	25

/* "  -n, --limit N          only the first N rows" */
static void print_row(FILE *out, size_t row)
{
	const char *text = table[row].help ? table[row].help : "";
	int column;

	column = table[row].letter ? fprintf(out, "  -%c, ", table[row].letter) :
		 fprintf(out, "      ");
	column += fprintf(out, "--%s%s%s", table[row].name, table[row].value ? " " : "",
			  table[row].value ? table[row].value : "");
	while (*text) {
		int length = (int)strcspn(text, "\n");

		fprintf(out, "%*s%.*s\n", column < HELP_COLUMN ? HELP_COLUMN - column : 1, "",
			length, text);
		text += length + (text[length] == '\n');
		column = 0;
	}
	if (column)
		fputc('\n', out);
}

void options_print(FILE *out, unsigned int verbs)
{
	size_t i;

	for (i = 0; i < LENGTH(table); i++) {
		if (table[i].verbs & verbs && (table[i].verbs != FOR_ALL || verbs != FOR_HOST))
			print_row(out, i);
	}
}

int options_next_vcpu(const struct options *opts, int cpu)
{
	for (; cpu < VCPUS_MAX; cpu++) {
		if (opts->vcpus[cpu / 64] & 1ull << cpu % 64)
			return cpu;
	}
	return -1;
}
