// SPDX-License-Identifier: MIT
/* exitstat INTERVAL [COUNT]: the rates, one line per interval. */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command/numbers.h"
#include "command/options.h"
#include "command/say.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "output/format.h"
#include "output/detailed.h"
#include "output/rows.h"
#include "target/child.h"
#include "target/scopes.h"
#include "target/target.h"
#include "verbs/verbs.h"

/* The header scrolls away, so repeat it on a terminal. */
#define LINES_PER_HEADER	20

#define LINE_WIDTH	80

/* "21:00:00" of the day, or without a calendar the seconds since the recording began. */
static int print_time(const struct target *target)
{
	time_t seconds = (time_t)(target->wall_ns / 1000000000);
	char text[16];
	struct tm tm;

	if (target->wall_ns < 0)
		return printf("%8.1f ", (double)target->read_ns / 1e9);
	strftime(text, sizeof(text), "%H:%M:%S", localtime_r(&seconds, &tm));
	return printf("%s ", text);
}

static void print_header(const struct options *opts, const struct exitstat_snapshot *between)
{
	if (opts->timestamp)
		printf("%8s ", "time");
	if (opts->vcpu < VCPU_NONE)
		printf("%4s ", "CPU");
	printf("%10s", "exits/s");
	if (between->taken & EXITSTAT_TAKE_SPLIT)
		printf(" %5s %5s %5s %5s", "%gst", "%kvm", "%vmm", "%wait");
	printf("  busiest exits per second\n");
}

/* Print it if it fits: false if not. */
static bool print_rate(const char *name, uint64_t count, double seconds, int *room)
{
	char text[64];
	int length = snprintf(text, sizeof(text), "  %s %.0f", name, (double)count / seconds);

	if (!count || length > *room)
		return false;
	fputs(text, stdout);
	*room -= length;
	return true;
}

/* As many as fit on the line. */
static void print_busiest(const struct options *opts, const struct reasons *reasons,
			  const struct exitstat_snapshot *between, double seconds, int room)
{
	struct options by_count = { .sort = SORT_COUNT, .limit = opts->limit };
	struct exitstat_entry entries[EXITSTAT_ENTRIES_MAX];
	uint32_t nr = rows_sort(&by_count, reasons, between, entries);
	char name[TEXT_SIZE];
	uint32_t i;

	for (i = 0; i < nr && (!opts->limit || i < opts->limit); i++) {
		exit_name(name, between->numbering, entries[i].number);
		if (!print_rate(name, entries[i].count, seconds, &room))
			break;
	}
}

static int compare_counts(const void *left, const void *right)
{
	const struct exitstat_detail *a = left;
	const struct exitstat_detail *b = right;

	return a->count > b->count ? -1 : a->count < b->count;
}

/* The same of details, and of the reasons that have none. */
static void print_busiest_details(const struct options *opts, const struct target *target,
				  const struct exitstat_snapshot *between, double seconds, int room)
{
	const struct causes *causes = target->causes;
	uint32_t nr = causes->shown.nr, of_nr, shown = 0, i;
	struct exitstat_detail *all = calloc(nr + EXITSTAT_ENTRIES_MAX, sizeof(*all));

	if (!all)
		return;
	if (nr)
		memcpy(all, causes->shown.list, nr * sizeof(*all));
	for (i = 0; i < between->entries_nr; i++) {
		const struct exitstat_entry *entry = &between->entries[i];

		if (!causes_of(causes, entry->number, &of_nr))
			all[nr++] = (struct exitstat_detail){ .number = entry->number,
							      .place = UINT32_MAX,
							      .count = entry->count };
	}
	qsort(all, nr, sizeof(*all), compare_counts);
	for (i = 0; i < nr && (!opts->limit || shown < opts->limit); i++) {
		char name[EXITSTAT_DETAIL_NAME_SIZE];

		if (!reasons_have(&target->reasons, all[i].number))
			continue;
		shown++;
		if (all[i].place)
			exit_name(name, between->numbering, all[i].number);
		else
			exitstat_detail_name(between->numbering, all[i].number, all[i].detail,
					     name, sizeof(name));
		if (!print_rate(name, all[i].count, seconds, &room))
			break;
	}
	free(all);
}

/* The missed intervals are part of this one: its rates are means over all of them. */
static void print_missed(uint64_t missed)
{
	if (missed)
		printf(" (%llu interval%s missed)", (unsigned long long)missed,
		       missed == 1 ? "" : "s");
}

static void print_line(const struct options *opts, const struct target *target,
		       const struct exitstat_snapshot *between, uint64_t missed)
{
	double seconds = (double)between->time_ns / 1e9;
	struct states states;
	int width = opts->timestamp ? print_time(target) : 0;

	if (opts->vcpu < VCPU_NONE)
		width += printf("%4d ", target->vcpu);
	width += printf("%10.0f", (double)between->total.count / seconds);
	if (states_of(between, &states))
		width += printf(" %5.1f %5.1f %5.1f %5.1f", 100 * states.guest, 100 * states.kernel,
				100 * states.vmm, 100 * states.waiting);
	if (target->causes)
		print_busiest_details(opts, target, between, seconds, LINE_WIDTH - width);
	else
		print_busiest(opts, &target->reasons, between, seconds, LINE_WIDTH - width);
	if (between->since & EXITSTAT_SINCE_RESTART)
		fputs(" (restarted)", stdout);
	print_missed(missed);
	putchar('\n');
}

static void print_table(const struct options *opts, const struct target *target,
			const struct exitstat_snapshot *between, unsigned long line,
			uint64_t missed)
{
	if (line)
		putchar('\n');
	if (!opts->no_header) {
		if (opts->timestamp)
			print_time(target);
		if (opts->vcpu < VCPU_NONE)
			printf("CPU %d: ", target->vcpu);
		printf("%.3f s", (double)between->time_ns / 1e9);
		print_missed(missed);
		putchar('\n');
	}
	table_print(stdout, opts, target, between);
	if (!opts->no_header)
		states_print(stdout, &target->desc, between);
}

static void print_object(const struct options *opts, const struct reading *reading,
			 uint64_t missed)
{
	struct json json = { .out = stdout };

	json_begin(&json, NULL, '{');
	snapshot_json(&json, opts, reading);
	if (missed)
		json_u64(&json, "missed", missed);
	json_end(&json, '}');
	putchar('\n');
}

static void print_interval(const struct options *opts, const struct target *target,
			   const struct exitstat_snapshot *between, unsigned long line,
			   uint64_t missed)
{
	const struct reading reading = { .kind = "interval", .target = target, .snap = between };
	unsigned long page = isatty(STDOUT_FILENO) ? LINES_PER_HEADER : ULONG_MAX;

	if (opts->format == FORMAT_JSON) {
		print_object(opts, &reading, missed);
	} else if (opts->format == FORMAT_CSV) {
		if (!line)
			csv_header_print(stdout, opts, target);
		csv_print(stdout, opts, &reading);
	} else if (opts->by_reason) {
		print_table(opts, target, between, line, missed);
	} else {
		if (!opts->no_header && !(line % page))
			print_header(opts, between);
		print_line(opts, target, between, missed);
	}
	fflush(stdout);
}

/* The next moment: 1, 0 at the end of a recording or VM, or -1 after an error message. */
static int next_moment(struct target *target, uint64_t *deadline_ns, uint64_t interval_ns,
		       uint64_t *missed)
{
	int more;

	*missed = target->path ? 0 : child_sleep_interval(deadline_ns, interval_ns);
	if (child_stop_asked())
		return 0;
	more = target_advance(target);
	if (!more && target->host)
		target_say_end(target);
	return more;
}

/* A CPU that is offline may come back, and its interval ends then.  Prints one message. */
static int wait_for_cpu(const struct target *target, bool *said)
{
	if (!*said)
		say(0, "CPU %d is no longer available; output resumes when it is",
		    target->vcpu);
	*said = true;
	return STATUS_OK;
}

static int read_scope(const struct options *opts, struct target *target, struct scope *scope,
		      unsigned long *line, uint64_t missed)
{
	struct exitstat_snapshot after;
	int status, err;

	target->vcpu = scope->cpu;
	err = target_read(target, &scope->before, &after);
	if (target_lacks_cpu(target, err))
		return wait_for_cpu(target, &scope->said);
	status = err ? target_say(target, err) : STATUS_OK;
	scope->said = false;
	if (!status)
		status = target_subtract(target, &after, &scope->before, &scope->between);
	if (!status && scope->between.time_ns)
		print_interval(opts, target, &scope->between, (*line)++, missed);
	scope->before = after;
	return status;
}

static int measure(const struct options *opts, struct target *target, struct scope *scopes,
		   size_t scopes_nr, uint64_t interval_ns, unsigned long intervals)
{
	uint64_t deadline_ns, missed;
	unsigned long line = 0;
	int status = STATUS_OK;
	size_t i;

	for (i = 0; i < scopes_nr && !status; i++) {
		target->vcpu = scopes[i].cpu;
		status = target_take(target, &scopes[i].before);
	}
	deadline_ns = scopes[0].before.time_ns;
	for (; !status && intervals && !ferror(stdout); intervals--) {
		int more = next_moment(target, &deadline_ns, interval_ns, &missed);

		if (more <= 0)
			return more ? STATUS_FAILED : STATUS_OK;
		for (i = 0; i < scopes_nr && !status; i++)
			status = read_scope(opts, target, &scopes[i], &line, missed);
	}
	return target->ended ? STATUS_OK : status;
}

int interval_operands(int argc, char **argv, uint64_t *interval_ns, uint32_t *lines)
{
	*lines = UINT32_MAX;
	if (!parse_interval(argv[0], interval_ns))
		return say(STATUS_USAGE, "INTERVAL is 0.01 to 86400 seconds, not '%s'", argv[0]);
	if (argc > 1 && *argv[1] == '-' && !strchr("0123456789.", argv[1][1]))
		return say(STATUS_USAGE, "options come before INTERVAL, not '%s' behind it",
			   argv[1]);
	if (argc > 1 && (*argv[1] == '-' || !parse_u32(argv[1], lines) || !*lines))
		return say(STATUS_USAGE, "COUNT is a whole number of 1 or more, not '%s'", argv[1]);
	if (argc > 2)
		return say(STATUS_USAGE, "nothing may follow INTERVAL and COUNT, but there is '%s'",
			   argv[2]);
	return STATUS_OK;
}

static int do_interval(struct options *opts, int argc, char **argv)
{
	uint64_t interval_ns;
	uint32_t lines;
	struct target target;
	struct scope *scopes;
	size_t scopes_nr;
	int status = interval_operands(argc, argv, &interval_ns, &lines);

	if (status)
		return status;
	if (opts->vcpu < VCPU_NONE && opts->details)
		return say(STATUS_USAGE,
			   "with an interval, --details takes the number of one CPU with --vcpu, not several");
	status = target_open(&target, opts);
	if (status)
		return status;
	child_catch_signals();
	scopes = scopes_find(opts, &target, &scopes_nr);
	status = scopes ? measure(opts, &target, scopes, scopes_nr, interval_ns, lines) :
			  STATUS_FAILED;
	free(scopes);
	target_close(&target);
	return status;
}

const struct verb verb_interval = { .bit = FOR_INTERVAL, .run = do_interval };
