// SPDX-License-Identifier: MIT
/* The table of exits: one row per exit number, within 80 columns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/options.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "output/rows.h"
#include "output/units.h"
#include "target/target.h"
#include "target/vm.h"

struct row {
	struct exitstat_entry entry;
	char name[TEXT_SIZE];
	uint64_t key;
	enum sort_key sort;
	bool reverse;
};

/* The defined exits, the pseudo-number, and what a later KVM may add. */
#define ROWS_MAX	(2 * EXITSTAT_ENTRIES_MAX)

uint64_t rows_key(enum sort_key sort, const struct exitstat_entry *entry)
{
	switch (sort) {
	case SORT_TIME:
		return entry->cycles;
	case SORT_COUNT:
		return entry->count;
	case SORT_MEAN:
		return entry->count ? entry->cycles / entry->count : 0;
	case SORT_VMM:
		return entry->vmm_cycles;
	case SORT_WAITING:
		return entry->waiting_cycles;
	case SORT_NAME:
	case SORT_NUMBER:
		break;
	}
	return 0;
}

const char *busiest_name(char name[TEXT_SIZE], const struct exitstat_snapshot *snap)
{
	const struct exitstat_entry *most = NULL;
	uint32_t i;

	for (i = 0; i < snap->entries_nr; i++) {
		if (!most || snap->entries[i].count > most->count)
			most = &snap->entries[i];
	}
	*name = '\0';
	return most && most->count ? exit_name(name, snap->numbering, most->number) : name;
}

/* Descending by the key, then by count, then ascending by number. */
static int compare_forward(const struct row *a, const struct row *b)
{
	int order = a->sort == SORT_NAME ? strcmp(a->name, b->name) : 0;

	if (order)
		return order;
	if (a->key != b->key)
		return a->key > b->key ? -1 : 1;
	if (a->sort != SORT_NUMBER && a->entry.count != b->entry.count)
		return a->entry.count > b->entry.count ? -1 : 1;
	return a->entry.number < b->entry.number ? -1 : 1;
}

static int compare_rows(const void *left, const void *right)
{
	const struct row *a = left;
	int order = compare_forward(a, right);

	return a->reverse ? -order : order;
}

static void add_row(struct row *rows, size_t *rows_nr, const struct options *opts,
		    uint32_t numbering, const struct exitstat_entry *entry)
{
	struct row *row = &rows[(*rows_nr)++];

	row->entry = *entry;
	row->key = rows_key(opts->sort, entry);
	row->sort = opts->sort;
	row->reverse = opts->reverse;
	exit_name(row->name, numbering, entry->number);
}

static size_t collect_rows(struct row rows[ROWS_MAX], const struct options *opts,
			   const struct reasons *reasons, const struct exitstat_snapshot *snap)
{
	const struct exitstat_exit *exit;
	size_t rows_nr = 0;
	size_t i;

	for (i = 0; i < snap->entries_nr; i++) {
		if (reasons_have(reasons, snap->entries[i].number))
			add_row(rows, &rows_nr, opts, snap->numbering, &snap->entries[i]);
	}
	for (i = 0; opts->all && (exit = exitstat_exit_at(snap->numbering, i)); i++) {
		struct exitstat_entry none = { .number = exit->number };

		if (!exitstat_snapshot_find(snap, exit->number) && rows_nr < ROWS_MAX &&
		    reasons_have(reasons, exit->number))
			add_row(rows, &rows_nr, opts, snap->numbering, &none);
	}
	qsort(rows, rows_nr, sizeof(*rows), compare_rows);
	return rows_nr;
}

uint32_t rows_sort(const struct options *opts, const struct reasons *reasons,
		   const struct exitstat_snapshot *snap,
		   struct exitstat_entry entries[EXITSTAT_ENTRIES_MAX])
{
	struct options without_zeros = *opts;
	struct row rows[ROWS_MAX];
	size_t rows_nr, i;

	without_zeros.all = false;
	rows_nr = collect_rows(rows, &without_zeros, reasons, snap);
	for (i = 0; i < rows_nr && i < EXITSTAT_ENTRIES_MAX; i++)
		entries[i] = rows[i].entry;
	return (uint32_t)i;
}

static int compare_numbers(const void *left, const void *right)
{
	const struct exitstat_entry *a = left;
	const struct exitstat_entry *b = right;

	return a->number < b->number ? -1 : a->number > b->number;
}

void rows_keep(const struct options *opts, const struct reasons *reasons,
	       struct exitstat_snapshot *snap)
{
	struct exitstat_entry entries[EXITSTAT_ENTRIES_MAX];
	uint32_t nr = rows_sort(opts, reasons, snap, entries);

	if (opts->limit && nr > opts->limit)
		nr = opts->limit;
	qsort(entries, nr, sizeof(*entries), compare_numbers);
	memcpy(snap->entries, entries, nr * sizeof(*entries));
	snap->entries_nr = nr;
}

/* The table's columns. */
struct layout {
	const struct exitstat_snapshot *snap;
	int name;
	struct unit time;
	struct unit mean;
};

static double mean_of(const struct exitstat_entry *entry)
{
	return entry->count ? (double)entry->cycles / (double)entry->count : -1;
}

static void print_row(FILE *out, const struct layout *layout, const char *number, const char *name,
		      const struct exitstat_entry *entry)
{
	const struct exitstat_entry *total = &layout->snap->total;
	char share[TEXT_SIZE], time_share[TEXT_SIZE], time[TEXT_SIZE], mean[TEXT_SIZE];

	fprintf(out, "%5s %-*s %12llu %s", number, layout->name, name,
		(unsigned long long)entry->count,
		text_share(share, (double)entry->count, (double)total->count));
	if (layout->snap->taken & EXITSTAT_TAKE_TIMES)
		fprintf(out, " %s %s %s", text_in(time, &layout->time, (double)entry->cycles),
			text_share(time_share, (double)entry->cycles, (double)total->cycles),
			text_in(mean, &layout->mean, mean_of(entry)));
	fputc('\n', out);
}

static void print_header(FILE *out, const struct layout *layout)
{
	char time[TEXT_SIZE], mean[TEXT_SIZE];

	fprintf(out, "%5s %-*s %12s %6s",
		layout->snap->numbering == EXITSTAT_NUMBERING_SVM ? "code" : "no.", layout->name,
		"exit", "count", "%exits");
	if (layout->snap->taken & EXITSTAT_TAKE_TIMES)
		fprintf(out, " %s %6s %s", text_head(time, "time", &layout->time), "%time",
			text_head(mean, "mean", &layout->mean));
	fputc('\n', out);
}

static struct layout lay_out(const struct exitstat_description *desc,
			     const struct exitstat_snapshot *snap, const struct row *rows,
			     size_t rows_nr)
{
	struct layout layout = { .snap = snap, .name = (int)strlen("exitstat itself") };
	double longest = mean_of(&snap->total);
	size_t i;

	for (i = 0; i < rows_nr; i++) {
		if (mean_of(&rows[i].entry) > longest)
			longest = mean_of(&rows[i].entry);
		if ((int)strlen(rows[i].name) > layout.name)
			layout.name = (int)strlen(rows[i].name);
	}
	layout.time = unit_for(desc, (double)(snap->total.cycles > snap->reader.cycles ?
					      snap->total.cycles : snap->reader.cycles));
	layout.mean = unit_for(desc, longest);
	return layout;
}

/* The reader's own exits are not part of the total, so they have no share. */
static void print_own(FILE *out, const struct layout *layout)
{
	const struct exitstat_entry *own = &layout->snap->reader;
	char time[TEXT_SIZE];

	if (!own->count)
		return;
	fprintf(out, "%5s %-*s %12llu %6s", "", layout->name, "exitstat itself",
		(unsigned long long)own->count, "");
	if (layout->snap->taken & EXITSTAT_TAKE_TIMES)
		fprintf(out, " %s", text_in(time, &layout->time, (double)own->cycles));
	fputc('\n', out);
}

/* What the limit leaves out, in one row. */
static void print_others(FILE *out, const struct layout *layout, const struct row *rows,
			 size_t rows_nr)
{
	struct exitstat_entry sum = { .number = 0 };
	char name[TEXT_SIZE];
	size_t i;

	for (i = 0; i < rows_nr; i++) {
		sum.count += rows[i].entry.count;
		sum.cycles += rows[i].entry.cycles;
	}
	snprintf(name, sizeof(name), "%zu other%s", rows_nr, rows_nr == 1 ? "" : "s");
	if (rows_nr)
		print_row(out, layout, "", name, &sum);
}

void rows_print(FILE *out, const struct options *opts, const struct target *target,
		const struct exitstat_snapshot *snap)
{
	struct row rows[ROWS_MAX];
	size_t rows_nr = collect_rows(rows, opts, &target->reasons, snap);
	size_t shown = opts->limit && opts->limit < rows_nr ? opts->limit : rows_nr;
	struct layout layout = lay_out(&target->desc, snap, rows, rows_nr);
	size_t i;

	if (!opts->no_header)
		print_header(out, &layout);
	for (i = 0; i < shown; i++) {
		char number[TEXT_SIZE];

		text_number(number, snap->numbering, rows[i].entry.number);
		print_row(out, &layout, number, rows[i].name, &rows[i].entry);
	}
	if (opts->no_header)
		return;
	print_others(out, &layout, &rows[shown], rows_nr - shown);
	print_row(out, &layout, "", reasons_total(target->reasons.nr), &snap->total);
	print_own(out, &layout);
}

void title_print(FILE *out, const struct target *target, const struct exitstat_snapshot *snap,
		 const char *when)
{
	char vm[VM_TEXT_SIZE];

	if (target->host)
		fprintf(out, "%s, ", vm_text(vm, &target->vm));
	fprintf(out, "%s, %u vCPU%s: exits ", vendor_name(snap->numbering), snap->vcpus,
		snap->vcpus == 1 ? "" : "s");
	if (target->vcpu >= 0 && target->host)
		fprintf(out, "of vCPU %d ", target->vcpu);
	else if (target->vcpu >= 0)
		fprintf(out, "of CPU %d (vCPU %u) ", target->vcpu, snap->vcpu);
	fputs(when, out);
}

void since_print(FILE *out, const struct exitstat_snapshot *between)
{
	if (between->since & EXITSTAT_SINCE_RESTART)
		fprintf(out, "The counters started again from zero meanwhile: all of this is since then.\n");
	if (between->since & EXITSTAT_SINCE_BACKWARD)
		fprintf(out, "A counter went backwards: it is counted from zero.\n");
	if (between->since & EXITSTAT_SINCE_VCPUS)
		fprintf(out, "The number of vCPUs changed meanwhile.\n");
}

bool states_of(const struct exitstat_snapshot *snap, struct states *states)
{
	double processing = (double)(snap->total.cycles + snap->reader.cycles);
	double vmm = (double)(snap->total.vmm_cycles + snap->reader.vmm_cycles);
	double waiting = (double)(snap->total.waiting_cycles + snap->reader.waiting_cycles);
	double all = (double)snap->guest_cycles + processing + waiting;

	if (!(snap->taken & EXITSTAT_TAKE_SPLIT) || !(all > 0))
		return false;
	states->all_cycles = all;
	states->guest = (double)snap->guest_cycles / all;
	/* The two are not read at the same moment: the VMM's part may be a little ahead. */
	states->kernel = processing > vmm ? (processing - vmm) / all : 0;
	states->vmm = vmm / all;
	states->waiting = waiting / all;
	return true;
}

void states_print(FILE *out, const struct exitstat_description *desc,
		  const struct exitstat_snapshot *snap)
{
	struct states states;
	char time[TEXT_SIZE];

	if (states_of(snap, &states)) {
		text_time(time, desc, states.all_cycles);
		fprintf(out, "vCPU time %s: guest %.1f %%, KVM %.1f %%, VMM %.1f %%, waiting %.1f %%\n",
			text_unpad(time), 100 * states.guest, 100 * states.kernel,
			100 * states.vmm, 100 * states.waiting);
	}
	if (desc->features & EXITSTAT_FEATURE_APPROXIMATE)
		fputs("Approximate: what KVM does close to an entry or exit is guest time here.\n",
		      out);
}
