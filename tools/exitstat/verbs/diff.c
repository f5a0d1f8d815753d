// SPDX-License-Identifier: MIT
/* exitstat diff: compare two tables that exitstat --json saved. */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "command/clean.h"
#include "command/options.h"
#include "command/say.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "output/format.h"
#include "output/units.h"
#include "target/reasons.h"
#include "verbs/verbs.h"

static const char help[] =
	"usage: exitstat diff FILE FILE\n"
	"\n"
	"Compare two tables, A and B, each saved with --json: of a command, of an\n"
	"interval, or since the VM started. A file with several, as of --repeat, counts\n"
	"as their mean. Rows are sorted by how much they differ.\n";

static const char examples[] =
	"  exitstat -r 5 -j -o a.json -- make\n"
	"  exitstat -r 5 -j -o b.json -- make -j4\n"
	"  exitstat diff a.json b.json\n"
	"  exitstat diff -s count -n 5 a.json b.json\n"
	"                                    the five whose counts differ most\n";

/* The means of a file's tables; times are in ns, as the two may be of different machines. */
struct row {
	uint32_t number;
	double count;
	double time_ns;
};

struct saved {
	const char *path;
	unsigned int nr;		/* of tables */
	uint32_t numbering;
	char *scope;			/* which VM and CPU */
	bool times;
	bool selected;			/* saved with --exit */
	double duration_ns;
	struct row total;
	size_t rows_nr;
	struct row rows[EXITSTAT_ENTRIES_MAX];
};

static int say_unusable(const struct saved *saved, const char *why)
{
	return say(STATUS_FAILED, "cannot compare %s: %s", saved->path, why);
}

static struct row *row_of(struct saved *saved, uint32_t number)
{
	size_t i;

	for (i = 0; i < saved->rows_nr && saved->rows[i].number != number; i++)
		;
	if (i == EXITSTAT_ENTRIES_MAX)
		return NULL;
	if (i == saved->rows_nr)
		saved->rows[saved->rows_nr++] = (struct row){ .number = number };
	return &saved->rows[i];
}

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return "";
	return json_object_get_string(value);
}

static double real_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		return 0;
	/* A counter may be above 2^63. */
	return json_object_is_type(value, json_type_int) ?
	       (double)json_object_get_uint64(value) : json_object_get_double(value);
}

/* A number that is none counts with those that are not known. */
static uint32_t number_of(struct json_object *exit)
{
	double number = real_of(exit, "number");

	return number >= 0 && number <= UINT32_MAX ? (uint32_t)number : EXITSTAT_OTHER;
}

static void add_to(struct row *row, struct json_object *object, double tsc_khz)
{
	row->count += real_of(object, "count");
	if (tsc_khz > 0)
		row->time_ns += real_of(object, "cycles") * 1e6 / tsc_khz;
}

static int check_kind(const struct saved *saved, struct json_object *table)
{
	static const char * const kinds[] = { "total", "interval", "command", "recording" };
	const char *kind = text_of(table, "kind");
	char why[128];
	size_t i;

	if (real_of(table, "schema") != SCHEMA) {
		snprintf(why, sizeof(why), "it has schema %.0f, and this exitstat reads %d: save it again",
			 real_of(table, "schema"), SCHEMA);
		return say_unusable(saved, why);
	}
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (!strcmp(kind, kinds[i]))
			return STATUS_OK;
	}
	return say_unusable(saved, "it is no table of exits");
}

/* The mean of several VMs or CPUs would say nothing. */
static int check_scope(struct saved *saved, struct json_object *table)
{
	const uint32_t numbering = !strcmp(text_of(table, "vendor"), "Intel") ?
				   EXITSTAT_NUMBERING_VMX : EXITSTAT_NUMBERING_SVM;
	struct json_object *vm = NULL;
	char *scope;
	int same;

	json_object_object_get_ex(table, "vm", &vm);
	if (asprintf(&scope, "%s %.0f %s", vm ? json_object_to_json_string(vm) : "",
		     json_object_object_get_ex(table, "cpu", NULL) ? real_of(table, "cpu") : -1,
		     text_of(table, "kind")) < 0)
		return say_unusable(saved, "not enough memory");
	same = !saved->scope || !strcmp(saved->scope, scope);
	free(saved->scope);
	saved->scope = scope;
	if (!same || (saved->nr && saved->numbering != numbering))
		return say_unusable(saved, "it holds tables of several VMs, CPUs or kinds");
	saved->numbering = numbering;
	return STATUS_OK;
}

static int add_table(struct saved *saved, struct json_object *table)
{
	double tsc_khz = real_of(table, "tsc_khz");
	struct json_object *exits, *total;
	int status = check_kind(saved, table);
	size_t i;

	if (!status)
		status = check_scope(saved, table);
	if (status)
		return status;
	if (!json_object_object_get_ex(table, "exits", &exits) ||
	    !json_object_is_type(exits, json_type_array) ||
	    !json_object_object_get_ex(table, "total", &total))
		return say_unusable(saved, "it is no table of exits");
	saved->nr++;
	saved->times = tsc_khz > 0 && json_object_object_get_ex(total, "cycles", NULL);
	saved->selected |= json_object_object_get_ex(table, "selection", NULL);
	saved->duration_ns += real_of(table, "duration_ns");
	add_to(&saved->total, total, tsc_khz);
	for (i = 0; i < json_object_array_length(exits); i++) {
		struct json_object *exit = json_object_array_get_idx(exits, i);
		struct row *row = row_of(saved, number_of(exit));

		if (row)
			add_to(row, exit, tsc_khz);
	}
	return STATUS_OK;
}

static void divide(struct saved *saved)
{
	size_t i;

	saved->duration_ns /= saved->nr;
	saved->total.count /= saved->nr;
	saved->total.time_ns /= saved->nr;
	for (i = 0; i < saved->rows_nr; i++) {
		saved->rows[i].count /= saved->nr;
		saved->rows[i].time_ns /= saved->nr;
	}
}

static int add_line(struct saved *saved, const char *line)
{
	struct json_object *table = json_tokener_parse(line);
	int status = json_object_is_type(table, json_type_object) ? add_table(saved, table) :
		     say_unusable(saved, "it is not what exitstat --json prints");

	json_object_put(table);
	return status;
}

static int read_saved(struct saved *saved, const char *path)
{
	FILE *in = strcmp(path, "-") ? fopen(path, "re") : stdin;
	int status = STATUS_OK;
	char *line = NULL;
	size_t size = 0;

	saved->path = path;
	if (!in)
		return say(STATUS_FAILED, "cannot read %s: %s", path, strerror(errno));
	while (!status && getline(&line, &size, in) > 0)
		status = add_line(saved, line);
	if (!status && ferror(in))
		status = say(STATUS_FAILED, "cannot read %s: %s", path, strerror(errno));
	free(line);
	if (in != stdin)
		fclose(in);
	if (!status && !saved->nr)
		status = say_unusable(saved, "it is empty");
	if (!status)
		divide(saved);
	return status;
}

/* An exit in both. */
struct pair {
	struct row a;
	struct row b;
	char name[TEXT_SIZE];
	double key;
	bool by_name;
	bool reverse;
};

static double mean_of(const struct row *row)
{
	return row->count > 0 ? row->time_ns / row->count : 0;
}

static double key_of(enum sort_key sort, const struct pair *pair)
{
	switch (sort) {
	case SORT_COUNT:
		return fabs(pair->b.count - pair->a.count);
	case SORT_MEAN:
		return fabs(mean_of(&pair->b) - mean_of(&pair->a));
	case SORT_NAME:
	case SORT_NUMBER:
		return 0;
	default:
		return fabs(pair->b.time_ns - pair->a.time_ns);
	}
}

static int compare_forward(const struct pair *a, const struct pair *b)
{
	double counts = fabs(b->b.count - b->a.count) - fabs(a->b.count - a->a.count);

	if (a->by_name)
		return strcmp(a->name, b->name);
	if (a->key != b->key)
		return a->key > b->key ? -1 : 1;
	if (a->key > 0 && counts != 0)
		return counts > 0 ? 1 : -1;
	return a->a.number < b->a.number ? -1 : a->a.number > b->a.number;
}

static int compare_pairs(const void *left, const void *right)
{
	const struct pair *a = left;
	int order = compare_forward(a, right);

	return a->reverse ? -order : order;
}

static size_t pair_up(const struct options *opts, struct saved both[2], struct pair *pairs)
{
	size_t nr = 0, i;

	for (i = 0; i < both[0].rows_nr; i++)
		row_of(&both[1], both[0].rows[i].number);
	for (i = 0; i < both[1].rows_nr; i++) {
		const struct row *a = row_of(&both[0], both[1].rows[i].number);
		struct pair *pair = &pairs[nr++];

		*pair = (struct pair){
			.a = a ? *a : (struct row){ .number = both[1].rows[i].number },
			.b = both[1].rows[i],
			.by_name = opts->sort == SORT_NAME,
			.reverse = opts->reverse,
		};
		exit_name(pair->name, both[1].numbering, pair->b.number);
		pair->key = key_of(opts->sort, pair);
	}
	qsort(pairs, nr, sizeof(*pairs), compare_pairs);
	return opts->limit && opts->limit < nr ? opts->limit : nr;
}

static const char *text_ratio(char text[TEXT_SIZE], double a, double b)
{
	if (a > 0)
		snprintf(text, TEXT_SIZE, "%6.2f", b / a);
	else
		snprintf(text, TEXT_SIZE, "%6s", b > 0 ? "new" : "-");
	return text;
}

struct layout {
	const struct saved *both;
	int name;
	bool times;
	struct unit unit;	/* of ns */
};

static void print_pair(const struct layout *layout, const char *name, const struct row *a,
		       const struct row *b)
{
	char ratio[TEXT_SIZE], time_ratio[TEXT_SIZE], time_a[TEXT_SIZE], time_b[TEXT_SIZE];

	printf("%-*s %9.*f %9.*f %s", layout->name, name, layout->both[0].nr > 1, a->count,
	       layout->both[1].nr > 1, b->count, text_ratio(ratio, a->count, b->count));
	if (layout->times)
		printf(" %s %s %s", text_in(time_a, &layout->unit, a->time_ns),
		       text_in(time_b, &layout->unit, b->time_ns),
		       text_ratio(time_ratio, a->time_ns, b->time_ns));
	putchar('\n');
}

static void print_source(const char *which, const struct saved *saved)
{
	char text[TEXT_SIZE];

	printf("%s is ", which);
	clean_print(stdout, saved->path);
	if (saved->nr > 1)
		printf(", the mean of %u", saved->nr);
	if (saved->duration_ns > 0) {
		text_ns(text, saved->duration_ns);
		printf(", %s", text_unpad(text));
	}
	putchar('\n');
}

static void print_table(const struct options *opts, const struct saved both[2],
			const struct pair *pairs, size_t nr)
{
	/* A "cycle" of this unit is a nanosecond. */
	const struct exitstat_description ns = { .tsc_khz = 1000000 };
	const char *total = reasons_total(both[0].selected || both[1].selected);
	struct layout layout = {
		.both = both, .name = (int)strlen(total),
		.times = both[0].times && both[1].times,
		.unit = unit_for(&ns, fmax(both[0].total.time_ns, both[1].total.time_ns)),
	};
	char a[TEXT_SIZE], b[TEXT_SIZE];
	size_t i;

	for (i = 0; i < nr; i++) {
		if ((int)strlen(pairs[i].name) > layout.name)
			layout.name = (int)strlen(pairs[i].name);
	}
	if (!opts->no_header) {
		print_source("A", &both[0]);
		print_source("B", &both[1]);
		printf("\n%-*s %9s %9s %6s", layout.name, "exit", "A", "B", "B/A");
		if (layout.times)
			printf(" %s %s %6s", text_head(a, "A", &layout.unit),
			       text_head(b, "B", &layout.unit), "B/A");
		putchar('\n');
	}
	for (i = 0; i < nr; i++)
		print_pair(&layout, pairs[i].name, &pairs[i].a, &pairs[i].b);
	if (!opts->no_header)
		print_pair(&layout, total, &both[0].total, &both[1].total);
}

static void print_csv(const struct options *opts, const struct saved both[2],
		      const struct pair *pairs, size_t nr)
{
	size_t i;

	if (!opts->no_header)
		puts("number,name,class,count_a,count_b,time_ns_a,time_ns_b");
	for (i = 0; i < nr; i++) {
		const struct pair *pair = &pairs[i];

		printf("%u,%s,%s,%.17g,%.17g,", pair->b.number, pair->name,
		       exitstat_exit_class(both[1].numbering, pair->b.number), pair->a.count,
		       pair->b.count);
		if (both[0].times && both[1].times)
			printf("%.0f,%.0f\n", pair->a.time_ns, pair->b.time_ns);
		else
			puts(",");
	}
}

static void put_side(struct json *json, const char *key, const struct saved *saved,
		     const struct row *row)
{
	json_begin(json, key, '{');
	json_real(json, "count", row->count);
	if (saved->times)
		json_real(json, "time_ns", row->time_ns);
	json_end(json, '}');
}

static void put_source(struct json *json, const char *key, const struct saved *saved)
{
	json_begin(json, key, '{');
	json_text(json, "file", saved->path);
	json_u64(json, "tables", saved->nr);
	json_real(json, "duration_ns", saved->duration_ns);
	json_real(json, "count", saved->total.count);
	if (saved->times)
		json_real(json, "time_ns", saved->total.time_ns);
	json_end(json, '}');
}

static void print_json(const struct saved both[2], const struct pair *pairs, size_t nr)
{
	struct json json = { .out = stdout };
	size_t i;

	json_begin(&json, NULL, '{');
	head_json(&json, "diff");
	json_text(&json, "vendor", vendor_name(both[1].numbering));
	put_source(&json, "a", &both[0]);
	put_source(&json, "b", &both[1]);
	json_begin(&json, "exits", '[');
	for (i = 0; i < nr; i++) {
		json_begin(&json, NULL, '{');
		json_u64(&json, "number", pairs[i].b.number);
		json_text(&json, "name", pairs[i].name);
		json_text(&json, "class",
			  exitstat_exit_class(both[1].numbering, pairs[i].b.number));
		put_side(&json, "a", &both[0], &pairs[i].a);
		put_side(&json, "b", &both[1], &pairs[i].b);
		json_end(&json, '}');
	}
	json_end(&json, ']');
	json_end(&json, '}');
	putchar('\n');
}

static int compare(const struct options *opts, struct saved both[2])
{
	struct pair *pairs = calloc(EXITSTAT_ENTRIES_MAX, sizeof(*pairs));
	size_t nr;

	if (!pairs)
		return say(STATUS_FAILED, "cannot compare: not enough memory");
	nr = pair_up(opts, both, pairs);
	if (opts->format == FORMAT_JSON)
		print_json(both, pairs, nr);
	else if (opts->format == FORMAT_CSV)
		print_csv(opts, both, pairs, nr);
	else
		print_table(opts, both, pairs, nr);
	free(pairs);
	return STATUS_OK;
}

static int do_diff(struct options *opts, int argc, char **argv)
{
	struct saved *both;
	int status;

	if (argc != 3)
		return say(STATUS_USAGE, "diff takes two files; see exitstat diff --help");
	both = calloc(2, sizeof(*both));
	if (!both)
		return say(STATUS_FAILED, "cannot compare: not enough memory");
	status = read_saved(&both[0], argv[1]);
	if (!status)
		status = read_saved(&both[1], argv[2]);
	if (!status && both[0].numbering != both[1].numbering)
		status = say(STATUS_FAILED,
			     "%s is from %s and %s from %s: their exits cannot be compared",
			     argv[1], vendor_name(both[0].numbering), argv[2],
			     vendor_name(both[1].numbering));
	if (!status)
		status = compare(opts, both);
	free(both[0].scope);
	free(both[1].scope);
	free(both);
	return status;
}

const struct verb verb_diff = {
	.name = "diff",
	.bit = FOR_DIFF,
	.run = do_diff,
	.help = help,
	.examples = examples,
};
