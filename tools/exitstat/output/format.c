// SPDX-License-Identifier: MIT
/* For programs: JSON (docs/json.md) and CSV.  One object, one row of names, per reading. */
#include <stdio.h>
#include <stdlib.h>

#include "command/clean.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "output/format.h"
#include "target/target.h"

#define SCHEMA	1

json_t *json_of_text(const char *text)
{
	char *clean = clean_copy(text);
	json_t *json = json_string(clean ? clean : "?");

	free(clean);
	return json;
}

static json_t *json_of_entry(const struct exitstat_snapshot *snap,
			     const struct exitstat_entry *entry)
{
	json_t *json = json_pack("{sI}", "count", (json_int_t)entry->count);

	if (snap->taken & EXITSTAT_TAKE_TIMES)
		json_object_set_new(json, "cycles", json_integer((json_int_t)entry->cycles));
	if (snap->taken & EXITSTAT_TAKE_SPLIT) {
		json_object_set_new(json, "vmm_cycles",
				    json_integer((json_int_t)entry->vmm_cycles));
		json_object_set_new(json, "waiting_cycles",
				    json_integer((json_int_t)entry->waiting_cycles));
	}
	return json;
}

static json_t *json_of_entries(const struct exitstat_snapshot *snap)
{
	json_t *list = json_array();
	uint32_t i;

	for (i = 0; i < snap->entries_nr; i++) {
		const struct exitstat_entry *entry = &snap->entries[i];
		char name[TEXT_SIZE];
		json_t *json = json_pack("{sIss}", "number", (json_int_t)entry->number, "name",
					 exit_name(name, snap->numbering, entry->number));

		json_object_update_new(json, json_of_entry(snap, entry));
		json_array_append_new(list, json);
	}
	return list;
}

static json_t *json_of_since(const struct exitstat_snapshot *snap)
{
	json_t *list = json_array();

	if (snap->since & EXITSTAT_SINCE_RESTART)
		json_array_append_new(list, json_string("restart"));
	if (snap->since & EXITSTAT_SINCE_BACKWARD)
		json_array_append_new(list, json_string("backward"));
	if (snap->since & EXITSTAT_SINCE_VCPUS)
		json_array_append_new(list, json_string("vcpus"));
	return list;
}

/* A VM that QMP tells of has no descriptor that could be known. */
static json_t *json_of_vm(const struct exitstat_vm *vm)
{
	json_t *json = json_pack("{si}", "pid", vm->pid);

	if (vm->fd >= 0)
		json_object_set_new(json, "fd", json_integer(vm->fd));
	json_object_set_new(json, "name", json_of_text(vm->name));
	return json;
}

json_t *json_of_snapshot(const struct meter *meter, const struct exitstat_snapshot *snap)
{
	char epoch[TEXT_SIZE];
	json_t *json;

	snprintf(epoch, sizeof(epoch), "0x%016llx", (unsigned long long)snap->epoch);
	json = json_pack("{sisssssIssso*}", "schema", SCHEMA, "exitstat", VERSION,
			 "vendor", vendor_name(snap->numbering), "vcpus", (json_int_t)snap->vcpus,
			 "epoch", epoch, "tsc_khz", meter->desc.tsc_khz ?
			 json_integer(meter->desc.tsc_khz) : NULL);
	if (meter->host)
		json_object_set_new(json, "vm", json_of_vm(&meter->vm));
	if (meter->vcpu >= 0) {
		json_object_set_new(json, "cpu", json_integer(meter->vcpu));
		json_object_set_new(json, "vcpu", json_integer(snap->vcpu));
	}
	json_object_set_new(json, "time_ns", json_integer((json_int_t)snap->time_ns));
	if (snap->taken & EXITSTAT_TAKE_SPLIT)
		json_object_set_new(json, "guest_cycles",
				    json_integer((json_int_t)snap->guest_cycles));
	json_object_set_new(json, "total", json_of_entry(snap, &snap->total));
	if (snap->own.count)
		json_object_set_new(json, "own", json_of_entry(snap, &snap->own));
	if (snap->since)
		json_object_set_new(json, "since", json_of_since(snap));
	json_object_set_new(json, "exits", json_of_entries(snap));
	return json;
}

int json_print(FILE *out, json_t *json)
{
	int err = json_dumpf(json, out, JSON_COMPACT);

	fputc('\n', out);
	json_decref(json);
	return err;
}

void csv_header_print(FILE *out, const struct meter *meter)
{
	fprintf(out, "%stime_ns,cpu,number,name,count,cycles,vmm_cycles,waiting_cycles\n",
		meter->host ? "pid,fd,vm," : "");
}

/* A name may hold anything: RFC 4180's quotes. */
static void csv_vm(FILE *out, const struct exitstat_vm *vm)
{
	const char *text;

	fprintf(out, "%d,", vm->pid);
	if (vm->fd >= 0)
		fprintf(out, "%d", vm->fd);
	fputs(",\"", out);
	for (text = vm->name; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputs("\",", out);
}

/* Empty where there is nothing, not 0. */
static void csv_cycles(FILE *out, bool there, uint64_t cycles)
{
	fputc(',', out);
	if (there)
		fprintf(out, "%llu", (unsigned long long)cycles);
}

static void csv_row(FILE *out, const struct meter *meter, const struct exitstat_snapshot *snap,
		    const struct exitstat_entry *entry, const char *name)
{
	bool times = snap->taken & EXITSTAT_TAKE_TIMES;
	bool split = snap->taken & EXITSTAT_TAKE_SPLIT;

	if (meter->host)
		csv_vm(out, &meter->vm);
	fprintf(out, "%llu,", (unsigned long long)snap->time_ns);
	if (meter->vcpu >= 0)
		fprintf(out, "%d", meter->vcpu);
	fprintf(out, ",%u,%s,%llu", entry->number, name, (unsigned long long)entry->count);
	csv_cycles(out, times, entry->cycles);
	csv_cycles(out, split, entry->vmm_cycles);
	csv_cycles(out, split, entry->waiting_cycles);
	fputc('\n', out);
}

void csv_print(FILE *out, const struct meter *meter, const struct exitstat_snapshot *snap)
{
	char name[TEXT_SIZE];
	uint32_t i;

	for (i = 0; i < snap->entries_nr; i++)
		csv_row(out, meter, snap, &snap->entries[i],
			exit_name(name, snap->numbering, snap->entries[i].number));
	if (snap->own.count)
		csv_row(out, meter, snap, &snap->own, "exitstat itself");
}
