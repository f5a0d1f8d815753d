// SPDX-License-Identifier: MIT
/* The live page, and the JSON that it asks for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "exporter.h"

extern const char embed_live_html[], embed_live_css[], embed_live_js[], embed_page_js[];

const struct live_file live_files[] = {
	{ "/", "text/html; charset=utf-8", embed_live_html },
	{ "/live.css", "text/css; charset=utf-8", embed_live_css },
	{ "/page.js", "text/javascript; charset=utf-8", embed_page_js },
	{ "/live.js", "text/javascript; charset=utf-8", embed_live_js },
	{ 0 },
};

static void put_key(struct text *json, const char *key)
{
	text_print(json, ",\"%s\":", key);
}

static void put_string(struct text *json, const char *key, const char *value)
{
	put_key(json, key);
	text_put(json, PIECE("\""));
	text_put_value(json, value);
	text_put(json, PIECE("\""));
}

static void put_seconds(struct text *json, const struct reading *reading, uint64_t cycles)
{
	text_put_seconds(json, exitstat_cycles_to_ns(&reading->desc, cycles));
}

/*
 * A VM's exits, ascending by number: with --per-vcpu, the sums of its vCPUs'.  A VMM may report
 * more numbers than any vendor defines; those that find no row count under EXITSTAT_OTHER, which
 * always has one.
 */
struct sums {
	struct exitstat_entry rows[EXITSTAT_ENTRIES_MAX + 1];
	uint32_t nr;
};

/* The first row at or after that one whose number is not lower. */
static uint32_t find_row(const struct sums *sums, uint32_t row, uint32_t number)
{
	while (row < sums->nr && sums->rows[row].number < number)
		row++;
	return row;
}

/* False: there is no room. */
static bool insert_row(struct sums *sums, uint32_t row, uint32_t number)
{
	if (sums->nr > EXITSTAT_ENTRIES_MAX)
		return false;
	memmove(&sums->rows[row + 1], &sums->rows[row], (sums->nr - row) * sizeof(*sums->rows));
	sums->rows[row] = (struct exitstat_entry){ .number = number };
	sums->nr++;
	return true;
}

/* Both ascend, so one pass is enough. */
static void sums_add(struct sums *sums, const struct part *part)
{
	uint32_t row = 0;
	uint32_t i;

	for (i = 0; i < part->entries_nr; i++) {
		const struct exitstat_entry *entry = &part->entries[i];
		bool found;

		row = find_row(sums, row, entry->number);
		found = row < sums->nr && sums->rows[row].number == entry->number;
		if (found || insert_row(sums, row, entry->number))
			entry_add(&sums->rows[row], entry);
		else
			entry_add(&sums->rows[find_row(sums, 0, EXITSTAT_OTHER)], entry);
	}
}

/* Note the names of exits that occur, once each.  VMMs may report different vendors. */
static void note_name(struct live *live, uint32_t numbering, uint32_t number)
{
	const struct exitstat_exit *exit = exitstat_exit_find(numbering, number);
	size_t i;

	if (!exit)
		return;
	for (i = 0; i < live->named_nr; i++) {
		if (live->named[i].numbering == numbering && live->named[i].number == number)
			return;
	}
	live->named[i].numbering = numbering;
	live->named[i].number = number;
	live->named_nr++;
	text_print(&live->names, "%s\"%s %u\":[\"%s\",\"%s\"]", i ? "," : "",
		   vendor_name(numbering), number, exit->name,
		   exitstat_exit_class(numbering, number));
}

static void put_exit(struct live *live, const struct reading *reading,
		     const struct exitstat_entry *sum, bool first)
{
	struct text *json = &live->vms;

	note_name(live, reading->desc.numbering, sum->number);
	text_print(json, "%s[%u,", first ? "" : ",", sum->number);
	text_put_number(json, sum->count);
	text_put(json, PIECE(","));
	put_seconds(json, reading, entry_kernel_cycles(sum));
	text_put(json, PIECE(","));
	put_seconds(json, reading, sum->vmm_cycles);
	text_put(json, PIECE(","));
	put_seconds(json, reading, sum->waiting_cycles);
	text_put(json, PIECE("]"));
}

static void put_exits(struct live *live, const struct reading *reading)
{
	struct sums sums = { .rows = { { .number = EXITSTAT_OTHER } }, .nr = 1 };
	bool first = true;
	uint32_t i;

	for (i = 0; i < reading->parts_nr; i++)
		sums_add(&sums, &reading->parts[i]);
	put_key(&live->vms, "exits");
	text_put(&live->vms, PIECE("["));
	for (i = 0; i < sums.nr; i++) {
		if (!sums.rows[i].count)
			continue;
		put_exit(live, reading, &sums.rows[i], first);
		first = false;
	}
	text_put(&live->vms, PIECE("]"));
}

static void put_details(struct live *live, const struct reading *reading)
{
	const struct exitstat_details *details = &reading->parts[0].details;
	const uint32_t numbering = reading->desc.numbering;
	struct text *json = &live->vms;
	uint32_t i;

	put_key(json, "details");
	text_put(json, PIECE("["));
	for (i = 0; i < details->nr; i++) {
		const struct exitstat_detail *detail = &details->list[i];
		const char *about = exitstat_detail_term(numbering, detail->number, detail->detail);
		char name[EXITSTAT_DETAIL_NAME_SIZE];

		exitstat_detail_name(numbering, detail->number, detail->detail, name, sizeof(name));
		text_print(json, "%s[%u,\"%s\",\"%s\",", i ? "," : "", detail->number, name,
			   about ? about : "");
		text_put_number(json, detail->count);
		text_put(json, PIECE(","));
		put_seconds(json, reading, detail->cycles);
		text_put(json, PIECE("]"));
	}
	text_put(json, PIECE("]"));
}

void live_add_vm(struct live *live, const struct reading *reading, const struct identity *vm)
{
	const struct exitstat_description *desc = &reading->desc;
	struct text *json = &live->vms;
	uint64_t guest_cycles = 0;
	uint32_t i;

	if (!reading->parts_nr)
		return;
	for (i = 0; i < reading->parts_nr; i++)
		guest_cycles += reading->parts[i].guest_cycles;
	/* 64 bits are too many for JavaScript's numbers, so it is a string. */
	text_print(json, "%s{\"epoch\":\"%016llx\"", json->size ? "," : "",
		   (unsigned long long)desc->epoch);
	put_string(json, "vm", *vm->name ? vm->name : vm->id);
	put_string(json, "uuid", vm->uuid);
	put_string(json, "id", vm->plain ? "" : vm->id);
	text_print(json, ",\"pid\":%d,\"vcpus\":%u,\"vendor\":\"%s\",\"tsc_khz\":%u", vm->pid,
		   desc->vcpus, vendor_name(desc->numbering), desc->tsc_khz);
	text_print(json, ",\"approximate\":%s,\"late\":%s,\"has_details\":%s",
		   desc->features & EXITSTAT_FEATURE_APPROXIMATE ? "true" : "false",
		   desc->features & EXITSTAT_FEATURE_LATE ? "true" : "false",
		   desc->features & EXITSTAT_FEATURE_DETAILS ? "true" : "false");
	put_key(json, "time_s");
	text_put_seconds(json, reading->parts[0].time_ns);
	put_key(json, "guest_s");
	put_seconds(json, reading, guest_cycles);
	put_exits(live, reading);
	if (reading->parts[0].details.list)
		put_details(live, reading);
	text_put(json, PIECE("}"));
}

void live_add_up(struct live *live, const char *source, bool up)
{
	if (up)
		return;
	text_put(&live->down, live->down.size ? PIECE(",\"") : PIECE("\""));
	text_put_value(&live->down, source);
	text_put(&live->down, PIECE("\""));
}

bool live_finish(struct live *live, struct text *json, const char *host, bool guest)
{
	bool failed = live->vms.failed || live->names.failed || live->down.failed;

	text_print(json, "{\"schema\":1,\"version\":\"" VERSION "\",\"guest\":%s",
		   guest ? "true" : "false");
	put_string(json, "host", host);
	text_put(json, PIECE(",\"down\":["));
	text_put(json, text_piece(&live->down));
	text_put(json, PIECE("],\"names\":{"));
	text_put(json, text_piece(&live->names));
	text_put(json, PIECE("},\"vms\":["));
	text_put(json, text_piece(&live->vms));
	text_put(json, PIECE("]}\n"));
	text_free(&live->vms);
	text_free(&live->names);
	text_free(&live->down);
	return !failed && !json->failed;
}
