// SPDX-License-Identifier: MIT
/* The table of details: numbers in columns, and behind them, at any length, what it was. */
#include <stdlib.h>
#include <string.h>

#include "command/vendor.h"
#include "output/columns.h"
#include "output/rows.h"
#include "output/units.h"
#include "output/detailed.h"

/* Of a reason, the details that are shown: these per cent of it. */
#define SHOWN_PERCENT	95

const char *detail_about(char text[DEVICE_NAME_SIZE], const struct target *target,
			 uint32_t number, uint64_t detail)
{
	uint32_t numbering = target->desc.numbering;
	enum exitstat_kind kind = exitstat_detail_kind(numbering, number);
	const char *term = exitstat_detail_term(numbering, number, detail);
	bool port = kind == EXITSTAT_KIND_PORT;
	bool mmio = kind == EXITSTAT_KIND_MEMORY && detail & EXITSTAT_DETAIL_MMIO && !term;

	if (detail == EXITSTAT_DETAIL_REST)
		return "found no row in the host's table";
	/* The manuals know the registers of a local APIC, the machine only where it is. */
	if (target->devices && (port || mmio) &&
	    devices_name(target->devices, port, exitstat_detail_value(numbering, number, detail),
			 text))
		return text;
	return term;
}

const char *detail_text(char text[DETAIL_TEXT_SIZE], const struct target *target,
			uint32_t number, uint64_t detail)
{
	char about[DEVICE_NAME_SIZE];
	const char *what = detail_about(about, target, number, detail);
	size_t length = exitstat_detail_name(target->desc.numbering, number, detail, text,
					     EXITSTAT_DETAIL_NAME_SIZE);

	if (what)
		snprintf(text + length, DETAIL_TEXT_SIZE - length, "  %s", what);
	return text;
}

struct sorted {
	struct exitstat_detail detail;
	uint64_t key;
	bool reverse;
};

/* The rest, of which it is not known what it was, comes last. */
static int compare(const void *left, const void *right)
{
	const struct sorted *a = left;
	const struct sorted *b = right;
	bool a_is_rest = a->detail.detail == EXITSTAT_DETAIL_REST;
	bool b_is_rest = b->detail.detail == EXITSTAT_DETAIL_REST;

	if (a_is_rest != b_is_rest)
		return a_is_rest - b_is_rest;
	if (a->key != b->key)
		return (a->key > b->key) != a->reverse ? -1 : 1;
	if (a->detail.count != b->detail.count)
		return a->detail.count > b->detail.count ? -1 : 1;
	return (a->detail.detail > b->detail.detail) - (a->detail.detail < b->detail.detail);
}

/* What a detail is weighed by: its time, or its count where that is what the table is about. */
static uint64_t weight_of(const struct options *opts, bool times,
			  const struct exitstat_detail *detail)
{
	return times && opts->sort != SORT_COUNT ? detail->cycles : detail->count;
}

static uint64_t key_of(const struct options *opts, bool times, const struct exitstat_detail *detail)
{
	switch (opts->sort) {
	case SORT_MEAN:
		return detail->count ? detail->cycles / detail->count : 0;
	case SORT_NAME:
	case SORT_NUMBER:
		return UINT64_MAX - detail->detail;
	default:
		return weight_of(opts, times, detail);
	}
}

static uint32_t count_shown(const struct options *opts, bool times,
			    const struct exitstat_detail *details, uint32_t nr)
{
	double all = 0, sum = 0;
	uint32_t shown;

	for (shown = 0; shown < nr; shown++)
		all += (double)weight_of(opts, times, &details[shown]);
	for (shown = 0; shown < nr && sum < all * SHOWN_PERCENT / 100; shown++)
		sum += (double)weight_of(opts, times, &details[shown]);
	/* One other is as long as its line. */
	return shown + 1 == nr ? nr : shown;
}

uint32_t details_sort(const struct options *opts, bool times, struct exitstat_detail *details,
		      uint32_t nr)
{
	struct sorted *sorted = calloc(nr ? nr : 1, sizeof(*sorted));
	uint32_t i;

	for (i = 0; sorted && i < nr; i++)
		sorted[i] = (struct sorted){ details[i], key_of(opts, times, &details[i]),
					      opts->reverse };
	if (sorted)
		qsort(sorted, nr, sizeof(*sorted), compare);
	for (i = 0; sorted && i < nr; i++)
		details[i] = sorted[i].detail;
	free(sorted);
	if (opts->limit)
		return opts->limit < nr ? opts->limit : nr;
	return opts->all || opts->reverse ? nr : count_shown(opts, times, details, nr);
}

struct page {
	FILE *out;
	const struct options *opts;
	const struct target *target;
	const struct exitstat_snapshot *snap;
	bool times;
	struct unit time;	/* of the columns */
	struct unit mean;
	int columns;		/* of the terminal, or 0 */
	bool unknown;		/* an address or port was shown of which nothing is known */
};

#define NUMBERS_WIDTH	42

static double mean_of(uint64_t count, uint64_t cycles)
{
	return count ? (double)cycles / (double)count : -1;
}

static void print_line(struct page *page, uint64_t count, uint64_t cycles, double share_of,
		       bool by_time, int indent, const char *what)
{
	char time[TEXT_SIZE], share[TEXT_SIZE], mean[TEXT_SIZE];
	int width = 10;

	fprintf(page->out, "%10llu", (unsigned long long)count);
	if (page->times) {
		fprintf(page->out, " %s %7s %s", text_in(time, &page->time, (double)cycles),
			text_share(share, (double)(by_time ? cycles : count), share_of),
			text_in(mean, &page->mean, mean_of(count, cycles)));
		width = NUMBERS_WIDTH - 2;
	} else {
		fprintf(page->out, " %7s", text_share(share, (double)count, share_of));
		width += 8;
	}
	fprintf(page->out, "  %*s", indent, "");
	width += 2 + indent;
	if (page->columns > width && columns_of(what) > page->columns - width)
		columns_print(page->out, what, page->columns - width);
	else
		fputs(what, page->out);
	fputc('\n', page->out);
}

static bool by_time(const struct page *page)
{
	return page->times && page->opts->sort != SORT_COUNT;
}

static void print_detail(struct page *page, const struct exitstat_entry *entry,
			 const struct exitstat_detail *detail)
{
	char text[DETAIL_TEXT_SIZE], about[DEVICE_NAME_SIZE];
	enum exitstat_kind kind = exitstat_detail_kind(page->snap->numbering, detail->number);

	if ((kind == EXITSTAT_KIND_PORT ||
	     (kind == EXITSTAT_KIND_MEMORY && detail->detail & EXITSTAT_DETAIL_MMIO)) &&
	    !detail_about(about, page->target, detail->number, detail->detail))
		page->unknown = true;
	print_line(page, detail->count, detail->cycles,
		   (double)(by_time(page) ? entry->cycles : entry->count), by_time(page), 2,
		   detail_text(text, page->target, detail->number, detail->detail));
}

/* What is not shown line by line; the rest is. */
static void print_others(struct page *page, const struct exitstat_entry *entry,
			 const struct exitstat_detail *details, uint32_t nr)
{
	struct exitstat_detail sum = { .count = 0 };
	const struct exitstat_detail *rest = NULL;
	char text[TEXT_SIZE];
	uint32_t others = 0;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		if (details[i].detail == EXITSTAT_DETAIL_REST) {
			rest = &details[i];
			continue;
		}
		sum.count += details[i].count;
		sum.cycles += details[i].cycles;
		others++;
	}
	snprintf(text, sizeof(text), "%u other%s", others, others == 1 ? "" : "s");
	if (others)
		print_line(page, sum.count, sum.cycles,
			   (double)(by_time(page) ? entry->cycles : entry->count), by_time(page),
			   2, text);
	if (rest)
		print_detail(page, entry, rest);
}

static void print_details(struct page *page, const struct exitstat_entry *entry)
{
	uint32_t nr, shown, i;
	const struct exitstat_detail *of = causes_of(page->target->causes, entry->number, &nr);
	struct exitstat_detail *details = calloc(nr ? nr : 1, sizeof(*details));

	if (!details)
		return;
	if (nr)
		memcpy(details, of, nr * sizeof(*details));
	shown = details_sort(page->opts, page->times, details, nr);
	for (i = 0; i < shown; i++)
		print_detail(page, entry, &details[i]);
	print_others(page, entry, &details[shown], nr - shown);
	free(details);
}

static void print_sum(struct page *page, const struct exitstat_entry *entry, const char *what)
{
	const struct exitstat_entry *total = &page->snap->total;

	print_line(page, entry->count, entry->cycles,
		   (double)(by_time(page) ? total->cycles : total->count), by_time(page), 0, what);
}

static void print_header(const struct page *page)
{
	char time[TEXT_SIZE], mean[TEXT_SIZE];

	if (page->times)
		fprintf(page->out, "%10s %s %7s %s  why\n", "count",
			text_head(time, "time", &page->time), by_time(page) ? "%time" : "%exits",
			text_head(mean, "mean", &page->mean));
	else
		fprintf(page->out, "%10s %7s  why\n", "count", "%exits");
}

static void add_up(struct exitstat_entry *sum, const struct exitstat_entry *entry)
{
	sum->count += entry->count;
	sum->cycles += entry->cycles;
}

static void print_reasons(struct page *page, enum why_rows rows)
{
	const struct reasons *reasons = &page->target->reasons;
	struct exitstat_entry entries[EXITSTAT_ENTRIES_MAX], without = { 0 }, beyond = { 0 };
	char name[TEXT_SIZE], text[2 * TEXT_SIZE];
	uint32_t i, nr, shown = 0, others = 0, more = 0;
	uint32_t entries_nr = rows_sort(page->opts, reasons, page->snap, entries);

	for (i = 0; i < entries_nr; i++) {
		bool has = causes_of(page->target->causes, entries[i].number, &nr);

		if (rows == WHY_DETAILED && !has) {
			add_up(&without, &entries[i]);
			others++;
		} else if (page->opts->limit && shown == page->opts->limit) {
			add_up(&beyond, &entries[i]);
			more++;
		} else {
			print_sum(page, &entries[i],
				  exit_name(name, page->snap->numbering, entries[i].number));
			print_details(page, &entries[i]);
			shown++;
		}
	}
	snprintf(text, sizeof(text), "%u other reason%s", more, more == 1 ? "" : "s");
	if (more)
		print_sum(page, &beyond, text);
	snprintf(text, sizeof(text), "%u reason%s without details", others, others == 1 ? "" : "s");
	if (others)
		print_sum(page, &without, text);
}

/* The largest mean is that of a detail, or of a reason without. */
static struct unit unit_of_means(const struct page *page)
{
	const struct exitstat_snapshot *snap = page->snap;
	const struct exitstat_details *details = &page->target->causes->shown;
	double mean, longest = 0;
	uint32_t i;

	for (i = 0; i < snap->entries_nr; i++) {
		mean = mean_of(snap->entries[i].count, snap->entries[i].cycles);
		longest = mean > longest ? mean : longest;
	}
	for (i = 0; i < details->nr; i++) {
		mean = mean_of(details->list[i].count, details->list[i].cycles);
		longest = mean > longest ? mean : longest;
	}
	return unit_for(&page->target->desc, longest);
}

/* Once, below the table. */
static void print_hidden(const struct page *page)
{
	if (page->unknown && page->target->devices && devices_hidden(page->target->devices))
		fputs("Only root sees which device is at which port or address; those on a PCI bus are named.\n",
		      page->out);
}

void details_print(FILE *out, const struct options *opts, const struct target *target,
		   const struct exitstat_snapshot *snap, enum why_rows rows)
{
	struct page page = {
		.out = out, .opts = opts, .target = target, .snap = snap,
		.times = snap->taken & EXITSTAT_TAKE_TIMES,
		.columns = out == stdout ? columns_of_terminal() : 0,
		.time = unit_for(&target->desc, (double)snap->total.cycles),
	};
	struct exitstat_entry own = { .count = snap->reader.count, .cycles = snap->reader.cycles };

	page.mean = unit_of_means(&page);
	if (!opts->no_header)
		print_header(&page);
	print_reasons(&page, rows);
	if (opts->no_header)
		return;
	if (rows != WHY_THESE) {
		print_sum(&page, &snap->total, reasons_total(target->reasons.nr));
		if (own.count)
			print_line(&page, own.count, own.cycles, 0, by_time(&page), 0,
				   "exitstat itself");
	}
	print_hidden(&page);
}

void table_print(FILE *out, const struct options *opts, const struct target *target,
		 const struct exitstat_snapshot *snap)
{
	if (target->causes)
		details_print(out, opts, target, snap, WHY_ALL);
	else
		rows_print(out, opts, target, snap);
}
