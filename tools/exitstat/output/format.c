// SPDX-License-Identifier: MIT
/* For programs: JSON (docs/json.md), one object per reading, and CSV, one row per exit number. */
#include <stdio.h>

#include "command/vendor.h"
#include "exitstat.h"
#include "output/detailed.h"
#include "output/format.h"
#include "output/json.h"
#include "target/target.h"

#define SCHEMA	1

static void put_entry(struct json *json, const struct exitstat_snapshot *snap,
		      const struct exitstat_entry *entry)
{
	json_u64(json, "count", entry->count);
	if (snap->taken & EXITSTAT_TAKE_TIMES)
		json_u64(json, "cycles", entry->cycles);
	if (snap->taken & EXITSTAT_TAKE_SPLIT) {
		json_u64(json, "vmm_cycles", entry->vmm_cycles);
		json_u64(json, "waiting_cycles", entry->waiting_cycles);
	}
}

static void put_sum(struct json *json, const char *key, const struct exitstat_snapshot *snap,
		    const struct exitstat_entry *entry)
{
	json_begin(json, key, '{');
	put_entry(json, snap, entry);
	json_end(json, '}');
}

/* A detail has 64 bits, and JSON's numbers have fewer: text. */
static void put_details(struct json *json, const struct target *target, uint32_t number)
{
	uint32_t nr, i;
	const struct exitstat_detail *details = causes_of(target->causes, number, &nr);

	if (!details)
		return;
	json_begin(json, "details", '[');
	for (i = 0; i < nr; i++) {
		char name[EXITSTAT_DETAIL_NAME_SIZE], about[DEVICE_NAME_SIZE], hex[TEXT_SIZE];
		const char *what = detail_about(about, target, number, details[i].detail);

		exitstat_detail_name(target->desc.numbering, number, details[i].detail, name,
				     sizeof(name));
		snprintf(hex, sizeof(hex), "0x%llx", (unsigned long long)details[i].detail);
		json_begin(json, NULL, '{');
		json_text(json, "detail", hex);
		json_text(json, "name", name);
		if (what)
			json_text(json, "about", what);
		json_u64(json, "count", details[i].count);
		if (target->causes->shown.taken & EXITSTAT_TAKE_TIMES)
			json_u64(json, "cycles", details[i].cycles);
		json_end(json, '}');
	}
	json_end(json, ']');
}

static void put_entries(struct json *json, const struct target *target,
			const struct exitstat_snapshot *snap)
{
	uint32_t i;

	json_begin(json, "exits", '[');
	for (i = 0; i < snap->entries_nr; i++) {
		const struct exitstat_entry *entry = &snap->entries[i];
		char name[TEXT_SIZE];

		json_begin(json, NULL, '{');
		json_u64(json, "number", entry->number);
		json_text(json, "name", exit_name(name, snap->numbering, entry->number));
		put_entry(json, snap, entry);
		if (target->causes)
			put_details(json, target, entry->number);
		json_end(json, '}');
	}
	json_end(json, ']');
}

static void put_since(struct json *json, const struct exitstat_snapshot *snap)
{
	if (!snap->since)
		return;
	json_begin(json, "since", '[');
	if (snap->since & EXITSTAT_SINCE_RESTART)
		json_text(json, NULL, "restart");
	if (snap->since & EXITSTAT_SINCE_BACKWARD)
		json_text(json, NULL, "backward");
	if (snap->since & EXITSTAT_SINCE_VCPUS)
		json_text(json, NULL, "vcpus");
	json_end(json, ']');
}

/* QMP does not tell the VM's descriptor. */
static void put_vm(struct json *json, const struct exitstat_vm *vm)
{
	json_begin(json, "vm", '{');
	json_int(json, "pid", vm->pid);
	if (vm->fd >= 0)
		json_int(json, "fd", vm->fd);
	json_text(json, "name", vm->name);
	json_end(json, '}');
}

/* What the description tells about the numbers. */
static void put_description(struct json *json, const struct target *target,
			    const struct exitstat_snapshot *snap)
{
	const struct exitstat_description *desc = &target->desc;
	char epoch[TEXT_SIZE];

	snprintf(epoch, sizeof(epoch), "0x%016llx", (unsigned long long)snap->epoch);
	json_text(json, "vendor", vendor_name(snap->numbering));
	json_u64(json, "vcpus", snap->vcpus);
	json_text(json, "epoch", epoch);
	if (desc->tsc_khz)
		json_u64(json, "tsc_khz", desc->tsc_khz);
	if (desc->features & EXITSTAT_FEATURE_APPROXIMATE)
		json_true(json, "approximate");
	if (desc->features & EXITSTAT_FEATURE_LATE) {
		json_true(json, "late");
		json_u64(json, "age_cycles", desc->age_cycles);
	}
}

void snapshot_json(struct json *json, const struct target *target,
		   const struct exitstat_snapshot *snap)
{
	json_int(json, "schema", SCHEMA);
	json_text(json, "exitstat", VERSION);
	put_description(json, target, snap);
	if (target->host)
		put_vm(json, &target->vm);
	if (target->vcpu >= 0) {
		json_int(json, "cpu", target->vcpu);
		json_u64(json, "vcpu", snap->vcpu);
	}
	json_u64(json, "time_ns", snap->time_ns);
	if (snap->taken & EXITSTAT_TAKE_SPLIT)
		json_u64(json, "guest_cycles", snap->guest_cycles);
	put_sum(json, "total", snap, &snap->total);
	if (snap->reader.count)
		put_sum(json, "own", snap, &snap->reader);
	put_since(json, snap);
	put_entries(json, target, snap);
}

void json_print(FILE *out, const struct target *target, const struct exitstat_snapshot *snap)
{
	struct json json = { .out = out };

	json_begin(&json, NULL, '{');
	snapshot_json(&json, target, snap);
	json_end(&json, '}');
	fputc('\n', out);
}

void csv_header_print(FILE *out, const struct options *opts, const struct target *target)
{
	if (opts->format != FORMAT_CSV || opts->no_header)
		return;
	fprintf(out, "%stime_ns,cpu,number,name,count,cycles,vmm_cycles,waiting_cycles%s\n",
		target->host ? "pid,fd,vm," : "", target->causes ? ",detail,about" : "");
}

/* Text may contain anything, so quote it as RFC 4180 does. */
static void csv_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void csv_vm(FILE *out, const struct exitstat_vm *vm)
{
	fprintf(out, "%d,", vm->pid);
	if (vm->fd >= 0)
		fprintf(out, "%d", vm->fd);
	fputc(',', out);
	csv_text(out, vm->name);
	fputc(',', out);
}

/* Empty, not 0, if there is no value. */
static void csv_cycles(FILE *out, bool there, uint64_t cycles)
{
	fputc(',', out);
	if (there)
		fprintf(out, "%llu", (unsigned long long)cycles);
}

static void csv_beginning(FILE *out, const struct target *target,
			  const struct exitstat_snapshot *snap)
{
	if (target->host)
		csv_vm(out, &target->vm);
	fprintf(out, "%llu,", (unsigned long long)snap->time_ns);
	if (target->vcpu >= 0)
		fprintf(out, "%d", target->vcpu);
}

static void csv_row(FILE *out, const struct target *target, const struct exitstat_snapshot *snap,
		    const struct exitstat_entry *entry, const char *name)
{
	bool times = snap->taken & EXITSTAT_TAKE_TIMES;
	bool split = snap->taken & EXITSTAT_TAKE_SPLIT;

	csv_beginning(out, target, snap);
	fprintf(out, ",%u,%s,%llu", entry->number, name, (unsigned long long)entry->count);
	csv_cycles(out, times, entry->cycles);
	csv_cycles(out, split, entry->vmm_cycles);
	csv_cycles(out, split, entry->waiting_cycles);
	fputs(target->causes ? ",,\n" : "\n", out);
}

/* Parts of the row above them, which has no detail. */
static void csv_details(FILE *out, const struct target *target,
			const struct exitstat_snapshot *snap, uint32_t number, const char *name)
{
	uint32_t nr, i;
	const struct exitstat_detail *details = causes_of(target->causes, number, &nr);

	for (i = 0; i < nr; i++) {
		char detail[EXITSTAT_DETAIL_NAME_SIZE], about[DEVICE_NAME_SIZE];
		const char *what = detail_about(about, target, number, details[i].detail);

		exitstat_detail_name(target->desc.numbering, number, details[i].detail, detail,
				     sizeof(detail));
		csv_beginning(out, target, snap);
		fprintf(out, ",%u,%s,%llu", number, name, (unsigned long long)details[i].count);
		csv_cycles(out, target->causes->shown.taken & EXITSTAT_TAKE_TIMES,
			   details[i].cycles);
		fputs(",,,", out);
		csv_text(out, detail);
		fputc(',', out);
		csv_text(out, what ? what : "");
		fputc('\n', out);
	}
}

void csv_print(FILE *out, const struct target *target, const struct exitstat_snapshot *snap)
{
	char name[TEXT_SIZE];
	uint32_t i;

	for (i = 0; i < snap->entries_nr; i++) {
		exit_name(name, snap->numbering, snap->entries[i].number);
		csv_row(out, target, snap, &snap->entries[i], name);
		if (target->causes)
			csv_details(out, target, snap, snap->entries[i].number, name);
	}
	if (snap->reader.count)
		csv_row(out, target, snap, &snap->reader, "exitstat itself");
}
