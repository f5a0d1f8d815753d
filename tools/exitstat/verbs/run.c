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
#include "target/target.h"
#include "target/vm.h"
#include "verbs/verbs.h"

struct run {
	struct exitstat_snapshot between;
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

/* Run the command once between two snapshots.  Returns STATUS_OK or the exit status. */
static int measure(struct target *target, char **argv, struct run *run)
{
	struct exitstat_snapshot before, after;
	int status;

	if (!child_spawn(argv))
		return STATUS_FAILED;
	status = target_refresh(target) > 0 ? target_take(target, &before) : STATUS_FAILED;
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
	status = target_take(target, &after);
	return status ? status : target_subtract(target, &after, &before, &run->between);
}

static double seconds(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static void print_table(FILE *out, const struct options *opts, const struct target *target,
			const struct run *run, char **argv)
{
	if (!opts->no_header) {
		title_print(out, target, &run->between, "while this ran:");
		for (; *argv; argv++) {
			fputc(' ', out);
			clean_print(out, *argv);
		}
		fprintf(out, "\n\n");
	}
	table_print(out, opts, target, &run->between);
	if (opts->no_header)
		return;
	states_print(out, &target->desc, &run->between);
	fprintf(out, "elapsed %.6f s, user %.6f s, sys %.6f s\n",
		(double)run->between.time_ns / 1e9, seconds(&run->usage.ru_utime),
		seconds(&run->usage.ru_stime));
	since_print(out, &run->between);
}

static void print_json(FILE *out, const struct target *target, const struct run *run, char **argv)
{
	struct json json = { .out = out };

	json_begin(&json, NULL, '{');
	snapshot_json(&json, target, &run->between);
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

static void print_run(FILE *out, const struct options *opts, const struct target *target,
		      const struct run *run, char **argv)
{
	csv_header_print(out, opts, target);
	if (opts->format == FORMAT_JSON)
		print_json(out, target, run, argv);
	else if (opts->format == FORMAT_CSV)
		csv_print(out, target, &run->between);
	else
		print_table(out, opts, target, run, argv);
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

static double deviation(const struct mean *mean, unsigned int runs)
{
	return runs > 1 ? sqrt(mean->squares / (runs - 1)) : 0;
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
	const struct exitstat_snapshot *between = &run->between;
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

static int compare_reasons(const void *left, const void *right)
{
	const struct reason *a = left;
	const struct reason *b = right;

	if (a->cycles.mean != b->cycles.mean)
		return a->cycles.mean > b->cycles.mean ? -1 : 1;
	if (a->count.mean != b->count.mean)
		return a->count.mean > b->count.mean ? -1 : 1;
	return a->number < b->number ? -1 : 1;
}

static void print_reason(FILE *out, const struct target *target, const char *number,
			 const char *name, const struct reason *reason, unsigned int runs)
{
	char time[TEXT_SIZE], time_off[TEXT_SIZE];

	fprintf(out, "%5s %-25s %12.1f %9.1f", number, name, reason->count.mean,
		deviation(&reason->count, runs));
	if (target->desc.features & EXITSTAT_FEATURE_TIMES)
		fprintf(out, " %10s %10s", text_time(time, &target->desc, reason->cycles.mean),
			text_time(time_off, &target->desc, deviation(&reason->cycles, runs)));
	fputc('\n', out);
}

static void print_time(FILE *out, const char *name, const struct mean *ns, unsigned int runs)
{
	char time[TEXT_SIZE], time_off[TEXT_SIZE];

	fprintf(out, "%-7s %s +- %s\n", name, text_ns(time, ns->mean),
		text_ns(time_off, deviation(ns, runs)));
}

static void print_repeats(FILE *out, const struct options *opts, const struct target *target,
			  struct repeats *all)
{
	uint32_t numbering = target->desc.numbering;
	char number[TEXT_SIZE], name[TEXT_SIZE];
	size_t i;

	qsort(all->reasons, all->reasons_nr, sizeof(*all->reasons), compare_reasons);
	if (!opts->no_header) {
		fprintf(out, "%u runs, mean and standard deviation of one\n\n", all->runs);
		fprintf(out, "%5s %-25s %12s %9s", numbering == EXITSTAT_NUMBERING_SVM ? "code" :
			"no.", "exit", "count", "+- sd");
		if (target->desc.features & EXITSTAT_FEATURE_TIMES)
			fprintf(out, " %10s %10s", "time", "+- sd");
		fputc('\n', out);
	}
	for (i = 0; i < all->reasons_nr; i++) {
		text_number(number, numbering, all->reasons[i].number);
		print_reason(out, target, number,
			     exit_name(name, numbering, all->reasons[i].number),
			     &all->reasons[i], all->runs);
	}
	if (opts->no_header)
		return;
	print_reason(out, target, "", "total", &all->total, all->runs);
	if (all->reader.count.mean > 0)
		print_reason(out, target, "", "exitstat itself", &all->reader, all->runs);
	print_time(out, "elapsed", &all->elapsed_ns, all->runs);
	print_time(out, "user", &all->user_ns, all->runs);
	print_time(out, "sys", &all->sys_ns, all->runs);
}

/* A run that a signal cut short is left out of the means, unless it is the only one. */
static int say_stopped(unsigned int runs, unsigned int repeat, int status)
{
	int signal = child_signal();

	say(0, "signal %d (%s) ended this after %u of %u runs", signal, strsignal(signal), runs,
	    repeat);
	return status ? status : 128 + signal;
}

static int run_all(struct output *out, struct options *opts, struct target *target, char **argv)
{
	struct repeats all = { 0 };
	struct run run;
	unsigned int repeat = opts->repeat ? opts->repeat : 1;
	int first = STATUS_OK;

	/* JSON and CSV are for programs, which get every run and can do their own statistics. */
	while (all.runs < repeat && !child_signal()) {
		int status = measure(target, argv, &run);

		if (status)
			return status;
		if (child_never_ran())
			return run.status;
		if (!all.runs || !child_signal())
			repeats_add(&all, &run);
		if (!first)
			first = run.status;
		if (repeat == 1 || opts->format != FORMAT_TABLE)
			print_run(output_begin(out), opts, target, &run, argv);
	}
	if (all.runs && repeat > 1 && opts->format == FORMAT_TABLE)
		print_repeats(output_begin(out), opts, target, &all);
	return all.runs < repeat ? say_stopped(all.runs, repeat, first) : first;
}

static int do_run(struct options *opts, int argc, char **argv)
{
	struct target target;
	struct output out;
	int status;

	(void)argc;
	if (opts->vcpu == VCPU_ALL)
		return say(STATUS_USAGE,
			   "with a command, --vcpu takes the number of one CPU, not 'all'");
	status = target_open(&target, opts);
	if (status)
		return status;
	status = output_open(&out, opts->output, stderr);
	if (!status) {
		child_catch_signals();
		status = output_close(&out, run_all(&out, opts, &target, argv));
	}
	target_close(&target);
	return status;
}

const struct verb verb_run = { .bit = FOR_RUN, .run = do_run };
