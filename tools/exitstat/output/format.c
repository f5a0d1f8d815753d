// SPDX-License-Identifier: MIT
/* For programs: JSON (docs/json.md), one object per reading, and CSV, one row per exit number. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command/vendor.h"
#include "exitstat.h"
#include "output/detailed.h"
#include "output/format.h"
#include "output/json.h"
#include "output/rows.h"
#include "target/target.h"

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
		json_text(json, "class", exitstat_exit_class(snap->numbering, entry->number));
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
	if (*vm->uuid)
		json_text(json, "uuid", vm->uuid);
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
	else
		json_null(json, "tsc_khz");
	if (desc->features & EXITSTAT_FEATURE_APPROXIMATE)
		json_true(json, "approximate");
	if (desc->features & EXITSTAT_FEATURE_LATE) {
		json_true(json, "late");
		json_u64(json, "age_cycles", desc->age_cycles);
	}
}

const char *wall_clock(char text[WALL_CLOCK_SIZE], int64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	char date[20];
	struct tm tm;

	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
	snprintf(text, WALL_CLOCK_SIZE, "%s.%09uZ", date,
		 (unsigned int)(wall_ns % 1000000000) % 1000000000u);
	return text;
}

/* The time that a reading is about; false if it is not known. */
static bool duration_of(const struct reading *reading, uint64_t *duration_ns)
{
	const struct exitstat_description *desc = &reading->target->desc;

	*duration_ns = reading->snap->time_ns;
	if (strcmp(reading->kind, "total"))
		return true;
	*duration_ns += exitstat_cycles_to_ns(desc, desc->age_cycles) - desc->time_ns;
	return desc->features & EXITSTAT_FEATURE_LATE && desc->tsc_khz;
}

static void put_times(struct json *json, const struct reading *reading)
{
	char text[WALL_CLOCK_SIZE];
	uint64_t duration_ns;

	if (reading->target->wall_ns >= 0)
		json_text(json, "wall_clock", wall_clock(text, reading->target->wall_ns));
	else
		json_null(json, "wall_clock");
	json_u64(json, "timestamp_ns", reading->target->read_ns);
	if (duration_of(reading, &duration_ns))
		json_u64(json, "duration_ns", duration_ns);
	else
		json_null(json, "duration_ns");
}

void head_json(struct json *json, const char *kind)
{
	json_int(json, "schema", SCHEMA);
	json_text(json, "kind", kind);
	json_text(json, "exitstat", VERSION);
}

/* Which exits were asked for, as they were. */
static void put_selection(struct json *json, const struct target *target)
{
	const char *at = target->reasons.text;

	if (!at)
		return;
	json_begin(json, "selection", '[');
	for (;;) {
		size_t length = strcspn(at, ",");
		char word[64];

		snprintf(word, sizeof(word), "%.*s", (int)length, at);
		json_text(json, NULL, word);
		if (!at[length])
			break;
		at += length + 1;
	}
	json_end(json, ']');
}

void snapshot_json(struct json *json, const struct options *opts, const struct reading *reading)
{
	const struct target *target = reading->target;
	struct exitstat_snapshot snap = *reading->snap;

	rows_keep(opts, &target->reasons, &snap);
	head_json(json, reading->kind);
	put_times(json, reading);
	put_description(json, target, &snap);
	if (reading->run)
		json_u64(json, "run", reading->run);
	if (target->host)
		put_vm(json, &target->vm);
	if (target->vcpu >= 0) {
		json_int(json, "cpu", target->vcpu);
		json_u64(json, "vcpu", snap.vcpu);
	}
	if (snap.taken & EXITSTAT_TAKE_SPLIT)
		json_u64(json, "guest_cycles", snap.guest_cycles);
	put_sum(json, "total", &snap, &snap.total);
	if (snap.reader.count)
		put_sum(json, "own", &snap, &snap.reader);
	put_since(json, &snap);
	put_selection(json, target);
	put_entries(json, target, &snap);
}

void json_print(FILE *out, const struct options *opts, const struct reading *reading)
{
	struct json json = { .out = out };

	json_begin(&json, NULL, '{');
	snapshot_json(&json, opts, reading);
	json_end(&json, '}');
	fputc('\n', out);
}

void csv_header_print(FILE *out, const struct options *opts, const struct target *target)
{
	if (opts->format != FORMAT_CSV || opts->no_header)
		return;
	fprintf(out, "kind,wall_clock,timestamp_ns,duration_ns,tsc_khz,%s%scpu,number,name,class,count,cycles,vmm_cycles,waiting_cycles%s\n",
		opts->repeat ? "run," : "", target->host ? "pid,fd,vm," : "",
		target->causes ? ",detail,about" : "");
}

/* Text may contain anything, so quote it as RFC 4180 does. */
void csv_text(FILE *out, const char *text)
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

static void csv_beginning(FILE *out, const struct options *opts, const struct reading *reading)
{
	const struct target *target = reading->target;
	char text[WALL_CLOCK_SIZE];
	uint64_t duration_ns;

	fprintf(out, "%s,%s,%llu,", reading->kind,
		target->wall_ns >= 0 ? wall_clock(text, target->wall_ns) : "",
		(unsigned long long)target->read_ns);
	if (duration_of(reading, &duration_ns))
		fprintf(out, "%llu", (unsigned long long)duration_ns);
	fputc(',', out);
	if (target->desc.tsc_khz)
		fprintf(out, "%u", target->desc.tsc_khz);
	fputc(',', out);
	if (opts->repeat)
		fprintf(out, "%u,", reading->run);
	if (target->host)
		csv_vm(out, &target->vm);
	if (target->vcpu >= 0)
		fprintf(out, "%d", target->vcpu);
}

static void csv_row(FILE *out, const struct options *opts, const struct reading *reading,
		    const struct exitstat_entry *entry, const char *name)
{
	const struct exitstat_snapshot *snap = reading->snap;
	bool times = snap->taken & EXITSTAT_TAKE_TIMES;
	bool split = snap->taken & EXITSTAT_TAKE_SPLIT;

	csv_beginning(out, opts, reading);
	fprintf(out, ",%u,%s,%s,%llu", entry->number, name,
		exitstat_exit_class(snap->numbering, entry->number),
		(unsigned long long)entry->count);
	csv_cycles(out, times, entry->cycles);
	csv_cycles(out, split, entry->vmm_cycles);
	csv_cycles(out, split, entry->waiting_cycles);
	fputs(reading->target->causes ? ",,\n" : "\n", out);
}

/* Parts of the row above them, which has no detail. */
static void csv_details(FILE *out, const struct options *opts, const struct reading *reading,
			uint32_t number, const char *name)
{
	const struct target *target = reading->target;
	uint32_t nr, i;
	const struct exitstat_detail *details = causes_of(target->causes, number, &nr);

	for (i = 0; i < nr; i++) {
		char detail[EXITSTAT_DETAIL_NAME_SIZE], about[DEVICE_NAME_SIZE];
		const char *what = detail_about(about, target, number, details[i].detail);

		exitstat_detail_name(target->desc.numbering, number, details[i].detail, detail,
				     sizeof(detail));
		csv_beginning(out, opts, reading);
		fprintf(out, ",%u,%s,%s,%llu", number, name,
			exitstat_exit_class(target->desc.numbering, number),
			(unsigned long long)details[i].count);
		csv_cycles(out, target->causes->shown.taken & EXITSTAT_TAKE_TIMES,
			   details[i].cycles);
		fputs(",,,", out);
		csv_text(out, detail);
		fputc(',', out);
		csv_text(out, what ? what : "");
		fputc('\n', out);
	}
}

/* The reader's own exits have no row: they are no exits of what was measured. */
void csv_print(FILE *out, const struct options *opts, const struct reading *reading)
{
	struct exitstat_snapshot snap = *reading->snap;
	char name[TEXT_SIZE];
	uint32_t i;

	rows_keep(opts, &reading->target->reasons, &snap);
	for (i = 0; i < snap.entries_nr; i++) {
		exit_name(name, snap.numbering, snap.entries[i].number);
		csv_row(out, opts, reading, &snap.entries[i], name);
		if (reading->target->causes)
			csv_details(out, opts, reading, snap.entries[i].number, name);
	}
}
