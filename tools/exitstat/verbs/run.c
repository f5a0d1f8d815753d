// SPDX-License-Identifier: MIT
/* exitstat -- CMD: the exits while a command ran, once or several times. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/clean.h"
#include "command/options.h"
#include "command/say.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "output/format.h"
#include "output/result.h"
#include "output/rows.h"
#include "output/units.h"
#include "output/detailed.h"
#include "target/child.h"
#include "target/scopes.h"
#include "target/target.h"
#include "target/vm.h"
#include "verbs/verbs.h"

struct run {
	size_t scopes_nr;
	struct scope *scopes;	/* with what happened in them */
	struct rusage usage;
	int status;
};

/* KVM's tables are gone once the VM has ended, so there is no second reading. */
static int say_lost(const struct target *target)
{
	char vm[VM_TEXT_SIZE];

	return say(STATUS_FAILED, "VM %s ended before the command did: its last counts are lost",
		   vm_text(vm, &target->vm));
}

static int read_before(struct target *target, struct run *run)
{
	int status = target_refresh(target) > 0 ? STATUS_OK : STATUS_FAILED;
	size_t i;

	for (i = 0; i < run->scopes_nr && !status; i++) {
		target->vcpu = run->scopes[i].cpu;
		status = target_take(target, &run->scopes[i].before);
	}
	return status;
}

static int read_after(struct target *target, struct run *run)
{
	int status = STATUS_OK;
	size_t i;

	for (i = 0; i < run->scopes_nr && !status; i++) {
		struct scope *scope = &run->scopes[i];
		struct exitstat_snapshot after;

		target->vcpu = scope->cpu;
		status = target_take(target, &after);
		if (!status)
			status = target_subtract(target, &after, &scope->before, &scope->between);
	}
	return status;
}

/* Run the command once between two readings.  Returns STATUS_OK or the exit status. */
static int measure(struct target *target, char **argv, struct run *run)
{
	int status;

	if (!child_spawn(argv))
		return STATUS_FAILED;
	status = read_before(target, run);
	if (status) {
		child_cancel();
		return status;
	}
	child_start();
	run->status = child_wait(&run->usage);
	switch (target_advance(target)) {
	case -1:
		return STATUS_FAILED;
	case 0:
		if (target->host)
			return say_lost(target);
		return say(STATUS_FAILED, "the recording %s ends before the command", target->path);
	}
	return read_after(target, run);
}

static double seconds(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static void print_table(FILE *out, const struct options *opts, const struct target *target,
			const struct exitstat_snapshot *between, char **argv)
{
	if (!opts->no_header) {
		title_print(out, target, between, "while this ran:");
		for (; *argv; argv++) {
			fputc(' ', out);
			clean_print(out, *argv);
		}
		fprintf(out, "\n\n");
	}
	table_print(out, opts, target, between);
	if (!opts->no_header)
		states_print(out, &target->desc, between);
}

/* Below the tables. */
static void print_usage(FILE *out, const struct run *run)
{
	const struct exitstat_snapshot *between = &run->scopes[0].between;

	fprintf(out, "elapsed %.6f s, user %.6f s, sys %.6f s\n",
		(double)between->time_ns / 1e9, seconds(&run->usage.ru_utime),
		seconds(&run->usage.ru_stime));
	since_print(out, between);
}

static void print_json(FILE *out, const struct options *opts, const struct reading *reading,
		       const struct run *run, char **argv)
{
	struct json json = { .out = out };

	json_begin(&json, NULL, '{');
	snapshot_json(&json, opts, reading);
	json_begin(&json, "command", '[');
	for (; *argv; argv++)
		json_text(&json, NULL, *argv);
	json_end(&json, ']');
	json_int(&json, "status", run->status);
	json_real(&json, "user_s", seconds(&run->usage.ru_utime));
	json_real(&json, "sys_s", seconds(&run->usage.ru_stime));
	json_end(&json, '}');
	fputc('\n', out);
}

/* number counts from 1. */
static void print_run(FILE *out, const struct options *opts, struct target *target,
		      const struct run *run, unsigned int number, char **argv)
{
	size_t i;

	if (number == 1)
		csv_header_print(out, opts, target);
	for (i = 0; i < run->scopes_nr; i++) {
		const struct reading reading = {
			.kind = "command", .run = opts->repeat ? number : 0, .target = target,
			.snap = &run->scopes[i].between,
		};

		target->vcpu = run->scopes[i].cpu;
		if (opts->format == FORMAT_JSON)
			print_json(out, opts, &reading, run, argv);
		else if (opts->format == FORMAT_CSV)
			csv_print(out, opts, &reading);
		else
			print_table(out, opts, target, reading.snap, argv);
	}
	if (opts->format == FORMAT_TABLE && !opts->no_header)
		print_usage(out, run);
}

/*
 * Running mean and standard deviation (Welford's method).
 */

struct mean {
	double mean;
	double squares;
};

static void mean_add(struct mean *mean, double value, unsigned int runs)
{
	double off = value - mean->mean;

	mean->mean += off / runs;
	mean->squares += off * (value - mean->mean);
}

/* The standard deviation of the mean, in per cent of it: what perf stat prints. */
static double error_of(const struct mean *mean, unsigned int runs)
{
	if (runs < 2 || !(mean->mean > 0))
		return 0;
	return 100 * sqrt(mean->squares / (runs - 1) / runs) / mean->mean;
}

struct reason {
	uint32_t number;
	unsigned int runs;	/* added so far */
	struct mean count;
	struct mean cycles;
};

struct repeats {
	unsigned int runs;
	struct mean elapsed_ns;
	struct mean user_ns;
	struct mean sys_ns;
	struct reason total;
	struct reason reader;
	size_t reasons_nr;
	struct reason reasons[EXITSTAT_ENTRIES_MAX];
};

static void reason_add(struct reason *reason, const struct exitstat_entry *entry,
		       unsigned int runs)
{
	/* It did not happen in the runs before. */
	while (reason->runs < runs - 1) {
		reason->runs++;
		mean_add(&reason->count, 0, reason->runs);
		mean_add(&reason->cycles, 0, reason->runs);
	}
	reason->runs = runs;
	mean_add(&reason->count, entry->count, runs);
	mean_add(&reason->cycles, entry->cycles, runs);
}

static struct reason *reason_of(struct repeats *all, uint32_t number)
{
	size_t i;

	for (i = 0; i < all->reasons_nr; i++) {
		if (all->reasons[i].number == number)
			return &all->reasons[i];
	}
	if (all->reasons_nr == EXITSTAT_ENTRIES_MAX)
		return NULL;
	all->reasons[all->reasons_nr] = (struct reason){ .number = number };
	return &all->reasons[all->reasons_nr++];
}

static void repeats_add(struct repeats *all, const struct run *run)
{
	const struct exitstat_snapshot *between = &run->scopes[0].between;
	struct exitstat_entry none = { 0 };
	uint32_t i;

	all->runs++;
	mean_add(&all->elapsed_ns, between->time_ns, all->runs);
	mean_add(&all->user_ns, 1e9 * seconds(&run->usage.ru_utime), all->runs);
	mean_add(&all->sys_ns, 1e9 * seconds(&run->usage.ru_stime), all->runs);
	reason_add(&all->total, &between->total, all->runs);
	reason_add(&all->reader, &between->reader, all->runs);
	for (i = 0; i < between->entries_nr; i++) {
		struct reason *reason = reason_of(all, between->entries[i].number);

		if (reason)
			reason_add(reason, &between->entries[i], all->runs);
	}
	for (i = 0; i < all->reasons_nr; i++) {
		if (all->reasons[i].runs < all->runs)
			reason_add(&all->reasons[i], &none, all->runs);
	}
}

static void entry_of(struct exitstat_entry *entry, const struct reason *reason)
{
	*entry = (struct exitstat_entry){
		.number = reason->number,
		.count = (uint64_t)(reason->count.mean + 0.5),
		.cycles = (uint64_t)(reason->cycles.mean + 0.5),
	};
}

/* As a snapshot of the means, which the rows' order and choice are for. */
static void means_of(struct exitstat_snapshot *means, const struct target *target,
		     const struct repeats *all)
{
	size_t i;

	*means = (struct exitstat_snapshot){ .numbering = target->desc.numbering };
	for (i = 0; i < all->reasons_nr; i++)
		entry_of(&means->entries[i], &all->reasons[i]);
	means->entries_nr = (uint32_t)all->reasons_nr;
}

#define ERROR_SIZE	16

/* As perf prints it. */
static const char *text_error(char text[ERROR_SIZE], const struct mean *mean, unsigned int runs)
{
	snprintf(text, ERROR_SIZE, "( +-%6.2f%% )", error_of(mean, runs));
	return text;
}

struct layout {
	FILE *out;
	const struct target *target;
	unsigned int runs;
	int name;
	struct unit time;
};

static void print_reason(const struct layout *layout, const char *number, const char *name,
			 const struct reason *reason)
{
	char time[TEXT_SIZE], error[ERROR_SIZE], time_error[ERROR_SIZE];

	fprintf(layout->out, "%5s %-*s %12.1f  %s", number, layout->name, name, reason->count.mean,
		text_error(error, &reason->count, layout->runs));
	if (layout->target->desc.features & EXITSTAT_FEATURE_TIMES)
		fprintf(layout->out, " %s  %s", text_in(time, &layout->time, reason->cycles.mean),
			text_error(time_error, &reason->cycles, layout->runs));
	fputc('\n', layout->out);
}

static void print_time(const struct layout *layout, const char *name, const struct mean *ns)
{
	char error[ERROR_SIZE];

	fprintf(layout->out, "%-7s %13.6f s  %s\n", name, ns->mean / 1e9,
		text_error(error, ns, layout->runs));
}

static void print_repeats_header(const struct layout *layout)
{
	char time[TEXT_SIZE];

	fprintf(layout->out, "%u runs: the mean, and its standard error\n\n", layout->runs);
	fprintf(layout->out, "%5s %-*s %12s  %13s",
		layout->target->desc.numbering == EXITSTAT_NUMBERING_SVM ? "code" : "no.",
		layout->name, "exit", "count", "");
	if (layout->target->desc.features & EXITSTAT_FEATURE_TIMES)
		fprintf(layout->out, " %s", text_head(time, "time", &layout->time));
	fputc('\n', layout->out);
}

static int name_width(uint32_t numbering, const struct repeats *all)
{
	size_t width = strlen("exitstat itself");
	char name[TEXT_SIZE];
	size_t i;

	for (i = 0; i < all->reasons_nr; i++) {
		exit_name(name, numbering, all->reasons[i].number);
		width = strlen(name) > width ? strlen(name) : width;
	}
	return (int)width;
}

static void print_repeats(FILE *out, const struct options *opts, const struct target *target,
			  struct repeats *all)
{
	uint32_t numbering = target->desc.numbering;
	const struct layout layout = {
		.out = out, .target = target, .runs = all->runs,
		.name = name_width(numbering, all),
		.time = unit_for(&target->desc, fmax(all->total.cycles.mean,
						     all->reader.cycles.mean)),
	};
	struct exitstat_entry entries[EXITSTAT_ENTRIES_MAX];
	char number[TEXT_SIZE], name[TEXT_SIZE];
	struct exitstat_snapshot means;
	uint32_t i, nr;

	means_of(&means, target, all);
	nr = rows_sort(opts, &target->reasons, &means, entries);
	if (!opts->no_header)
		print_repeats_header(&layout);
	for (i = 0; i < nr && (!opts->limit || i < opts->limit); i++)
		print_reason(&layout, text_number(number, numbering, entries[i].number),
			     exit_name(name, numbering, entries[i].number),
			     reason_of(all, entries[i].number));
	if (opts->no_header)
		return;
	print_reason(&layout, "", reasons_total(target->reasons.nr), &all->total);
	if (all->reader.count.mean > 0)
		print_reason(&layout, "", "exitstat itself", &all->reader);
	print_time(&layout, "elapsed", &all->elapsed_ns);
	print_time(&layout, "user", &all->user_ns);
	print_time(&layout, "sys", &all->sys_ns);
}

/* A run that a signal cut short is left out of the means, unless it is the only one. */
static int say_stopped(unsigned int runs, unsigned int repeat, int status)
{
	int signal = child_signal();

	say(0, "signal %d (%s) ended this after %u of %u runs", signal, strsignal(signal), runs,
	    repeat);
	return status ? status : 128 + signal;
}

static int run_all(struct output *out, struct options *opts, struct target *target,
		   struct run *run, char **argv)
{
	struct repeats all = { 0 };
	unsigned int repeat = opts->repeat ? opts->repeat : 1;
	unsigned int printed = 0;
	int first = STATUS_OK;

	/* JSON and CSV are for programs, which get every run and can do their own statistics. */
	while (all.runs < repeat && !child_signal()) {
		int status = measure(target, argv, run);

		if (status)
			return status;
		if (child_never_ran())
			return run->status;
		if (!all.runs || !child_signal())
			repeats_add(&all, run);
		if (!first)
			first = run->status;
		if (repeat == 1 || opts->format != FORMAT_TABLE)
			print_run(output_begin(out), opts, target, run, ++printed, argv);
	}
	if (all.runs && repeat > 1 && opts->format == FORMAT_TABLE)
		print_repeats(output_begin(out), opts, target, &all);
	return all.runs < repeat ? say_stopped(all.runs, repeat, first) : first;
}

static int do_run(struct options *opts, int argc, char **argv)
{
	struct target target;
	struct output out;
	struct run run;
	int status;

	(void)argc;
	if (opts->vcpu < VCPU_NONE && (opts->details || opts->repeat))
		return say(STATUS_USAGE,
			   "with a command, --%s takes the number of one CPU with --vcpu, not several",
			   opts->details ? "details" : "repeat");
	status = target_open(&target, opts);
	if (status)
		return status;
	run.scopes = scopes_find(opts, &target, &run.scopes_nr);
	status = run.scopes ? output_open(&out, opts->output, stderr) : STATUS_FAILED;
	if (!status) {
		child_catch_signals();
		status = output_close(&out, run_all(&out, opts, &target, &run, argv));
	}
	free(run.scopes);
	target_close(&target);
	return status;
}

const struct verb verb_run = { .bit = FOR_RUN, .run = do_run };
