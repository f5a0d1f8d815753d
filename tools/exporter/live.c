// SPDX-License-Identifier: MIT
/* The live page, and the JSON that it asks for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exporter.h"

extern const char embed_live_html[], embed_live_css[], embed_live_js[];

const struct live_file live_files[] = {
	{ "/", "text/html; charset=utf-8", embed_live_html },
	{ "/live.css", "text/css; charset=utf-8", embed_live_css },
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

static void entry_add(struct exitstat_entry *sum, const struct exitstat_entry *entry)
{
	sum->count += entry->count;
	sum->cycles += entry->cycles;
	sum->vmm_cycles += entry->vmm_cycles;
	sum->waiting_cycles += entry->waiting_cycles;
}

/* With --per-vcpu, a VM is the sum of its vCPUs. */
static struct exitstat_entry sum_of(const struct reading *reading, uint32_t number)
{
	struct exitstat_entry sum = { .number = number };
	uint32_t i, j;

	for (i = 0; i < reading->parts_nr; i++) {
		for (j = 0; j < reading->parts[i].entries_nr; j++) {
			if (reading->parts[i].entries[j].number == number)
				entry_add(&sum, &reading->parts[i].entries[j]);
		}
	}
	return sum;
}

/* Is that entry the first one of its number? */
static bool is_first(const struct reading *reading, uint32_t part, uint32_t number)
{
	uint32_t i, j;

	for (i = 0; i < part; i++) {
		for (j = 0; j < reading->parts[i].entries_nr; j++) {
			if (reading->parts[i].entries[j].number == number)
				return false;
		}
	}
	return true;
}

/* Note the names of exits that occur, once each. */
static void note_name(struct live *live, uint32_t numbering, uint32_t number)
{
	char name[TEXT_SIZE];
	size_t i;

	for (i = 0; i < live->named_nr; i++) {
		if (live->named[i] == number)
			return;
	}
	if (live->named_nr == EXITSTAT_ENTRIES_MAX)
		return;
	live->named[live->named_nr++] = number;
	text_print(&live->names, "%s\"%u\":[\"%s\",\"%s\"]", live->names.size ? "," : "", number,
		   exit_name(name, numbering, number), exitstat_exit_class(numbering, number));
}

static void put_exit(struct live *live, const struct reading *reading, uint32_t number, bool first)
{
	struct exitstat_entry sum = sum_of(reading, number);
	struct text *json = &live->vms;

	note_name(live, reading->desc.numbering, number);
	text_print(json, "%s[%u,", first ? "" : ",", number);
	text_put_number(json, sum.count);
	text_put(json, PIECE(","));
	put_seconds(json, reading, entry_kernel_cycles(&sum));
	text_put(json, PIECE(","));
	put_seconds(json, reading, sum.vmm_cycles);
	text_put(json, PIECE(","));
	put_seconds(json, reading, sum.waiting_cycles);
	text_put(json, PIECE("]"));
}

static void put_exits(struct live *live, const struct reading *reading)
{
	bool first = true;
	uint32_t i, j;

	put_key(&live->vms, "exits");
	text_put(&live->vms, PIECE("["));
	for (i = 0; i < reading->parts_nr; i++) {
		for (j = 0; j < reading->parts[i].entries_nr; j++) {
			uint32_t number = reading->parts[i].entries[j].number;

			if (!is_first(reading, i, number))
				continue;
			put_exit(live, reading, number, first);
			first = false;
		}
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
