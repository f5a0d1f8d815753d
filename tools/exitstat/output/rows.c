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

/* Descending by the key, then by count, then ascending by number. */
static int compare_rows(const void *left, const void *right)
{
	const struct row *a = left;
	const struct row *b = right;
	int order = a->sort == SORT_NAME ? strcmp(a->name, b->name) : 0;

	if (order)
		return order;
	if (a->key != b->key)
		return a->key > b->key ? -1 : 1;
	if (a->sort != SORT_NUMBER && a->entry.count != b->entry.count)
		return a->entry.count > b->entry.count ? -1 : 1;
	return a->entry.number < b->entry.number ? -1 : 1;
}

static void add_row(struct row *rows, size_t *rows_nr, const struct options *opts,
		    uint32_t numbering, const struct exitstat_entry *entry)
{
	struct row *row = &rows[(*rows_nr)++];

	row->entry = *entry;
	row->key = rows_key(opts->sort, entry);
	row->sort = opts->sort;
	exit_name(row->name, numbering, entry->number);
}

static size_t collect_rows(struct row rows[ROWS_MAX], const struct options *opts,
			   const struct exitstat_snapshot *snap)
{
	const struct exitstat_exit *exit;
	size_t rows_nr = 0;
	size_t i;

	for (i = 0; i < snap->entries_nr; i++)
		add_row(rows, &rows_nr, opts, snap->numbering, &snap->entries[i]);
	for (i = 0; opts->all && (exit = exitstat_exit_at(snap->numbering, i)); i++) {
		struct exitstat_entry none = { .number = exit->number };

		if (!exitstat_snapshot_find(snap, exit->number) && rows_nr < ROWS_MAX)
			add_row(rows, &rows_nr, opts, snap->numbering, &none);
	}
	qsort(rows, rows_nr, sizeof(*rows), compare_rows);
	return rows_nr;
}

void rows_sort(enum sort_key sort, const struct exitstat_snapshot *snap,
	       struct exitstat_entry entries[EXITSTAT_ENTRIES_MAX])
{
	const struct options opts = { .sort = sort };
	struct row rows[ROWS_MAX];
	size_t rows_nr = collect_rows(rows, &opts, snap);
	size_t i;

	for (i = 0; i < rows_nr && i < EXITSTAT_ENTRIES_MAX; i++)
		entries[i] = rows[i].entry;
}

static void print_row(FILE *out, const struct exitstat_description *desc,
		      const struct exitstat_snapshot *snap, const char *number, const char *name,
		      int width, const struct exitstat_entry *entry)
{
	char count_share[TEXT_SIZE], time[TEXT_SIZE], time_share[TEXT_SIZE], each[TEXT_SIZE];

	fprintf(out, "%5s %-*s %12llu %5s", number, width, name, (unsigned long long)entry->count,
		text_share(count_share, entry->count, snap->total.count));
	if (!(snap->taken & EXITSTAT_TAKE_TIMES)) {
		fputc('\n', out);
		return;
	}
	fprintf(out, " %10s %5s", text_time(time, desc, entry->cycles),
		text_share(time_share, entry->cycles, snap->total.cycles));
	if (entry->count)
		text_time(each, desc, (double)entry->cycles / entry->count);
	fprintf(out, " %10s\n", entry->count ? each : "-");
}

static void print_header(FILE *out, const struct exitstat_snapshot *snap, int width)
{
	fprintf(out, "%5s %-*s %12s %5s",
		snap->numbering == EXITSTAT_NUMBERING_SVM ? "code" : "no.", width, "exit",
		"count", "%");
	if (snap->taken & EXITSTAT_TAKE_TIMES)
		fprintf(out, " %10s %5s %10s", "time", "%", "mean");
	fputc('\n', out);
}

static int name_width(const struct row *rows, size_t rows_nr)
{
	size_t width = strlen("exitstat itself");
	size_t i;

	for (i = 0; i < rows_nr; i++) {
		if (strlen(rows[i].name) > width)
			width = strlen(rows[i].name);
	}
	return (int)width;
}

/* The reader's own exits are not part of the total, so they have no share. */
static void print_own(FILE *out, const struct exitstat_description *desc,
		      const struct exitstat_snapshot *snap, int width)
{
	char time[TEXT_SIZE];

	if (!snap->reader.count)
		return;
	fprintf(out, "%5s %-*s %12llu %5s", "", width, "exitstat itself",
		(unsigned long long)snap->reader.count, "");
	if (snap->taken & EXITSTAT_TAKE_TIMES)
		fprintf(out, " %10s", text_time(time, desc, snap->reader.cycles));
	fputc('\n', out);
}

void rows_print(FILE *out, const struct options *opts, const struct exitstat_description *desc,
		const struct exitstat_snapshot *snap)
{
	struct row rows[ROWS_MAX];
	size_t rows_nr = collect_rows(rows, opts, snap);
	int width = name_width(rows, rows_nr);
	size_t i;

	if (!opts->no_header)
		print_header(out, snap, width);
	for (i = 0; i < rows_nr; i++) {
		char number[TEXT_SIZE];

		text_number(number, snap->numbering, rows[i].entry.number);
		print_row(out, desc, snap, number, rows[i].name, width, &rows[i].entry);
	}
	if (opts->no_header)
		return;
	print_row(out, desc, snap, "", "total", width, &snap->total);
	print_own(out, desc, snap, width);
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
