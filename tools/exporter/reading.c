// SPDX-License-Identifier: MIT
/* What was read of a VM: its counters at one moment, in no more memory than they need. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exporter.h"

bool reading_has_times(const struct reading *reading)
{
	return reading->desc.tsc_khz && reading->parts_nr &&
	       reading->parts[0].taken & EXITSTAT_TAKE_SPLIT;
}

uint64_t entry_kernel_cycles(const struct exitstat_entry *entry)
{
	return entry->cycles > entry->vmm_cycles ? entry->cycles - entry->vmm_cycles : 0;
}

/* Make room for all, read them, add up the places of the vCPUs, and keep no more room than that. */
static int take_details(struct part *part, const struct exitstat_description *desc,
			struct exitstat_source *src)
{
	struct exitstat_details *details = &part->details;
	uint32_t vcpus = part->scope == EXITSTAT_SCOPE_VM ? desc->vcpus + 1 : 1;
	uint32_t room = vcpus * EXITSTAT_DETAILS_PER_VCPU;
	struct exitstat_detail *kept;
	int err = -EOVERFLOW;
	int tries;

	/* A place more may come between two tries. */
	for (tries = 0; err == -EOVERFLOW && tries < 3; tries++) {
		free(details->list);
		*details = (struct exitstat_details){
			.room = room,
			.list = malloc(room * sizeof(*details->list)),
		};
		if (!details->list)
			return -ENOMEM;
		err = exitstat_details_read(src, desc, part->scope, EXITSTAT_TAKE_TIMES, details);
		room = details->nr + EXITSTAT_DETAILS_PER_VCPU;
	}
	if (!err)
		err = exitstat_details_subtract(details, NULL, details);
	if (err)
		return err;
	kept = realloc(details->list, (details->nr ? details->nr : 1) * sizeof(*details->list));
	if (kept)
		details->list = kept;
	return 0;
}

static int take_histograms(struct part *part, const struct exitstat_description *desc,
			   struct exitstat_source *src)
{
	int err = 0;
	uint32_t i;

	part->histograms = calloc(part->entries_nr + 1, sizeof(*part->histograms));
	if (!part->histograms)
		return -ENOMEM;
	for (i = 0; !err && i < part->entries_nr; i++)
		err = exitstat_histogram_read(src, desc, part->scope, part->entries[i].number,
					      &part->histograms[i]);
	return err;
}

static int keep(struct part *part, const struct exitstat_snapshot *snap)
{
	size_t size = snap->entries_nr * sizeof(*snap->entries);

	*part = (struct part){
		.scope = snap->scope,
		.vcpu = snap->vcpu,
		.taken = snap->taken,
		.time_ns = snap->time_ns,
		.guest_cycles = snap->guest_cycles,
		.total = snap->total,
		.entries_nr = snap->entries_nr,
		.entries = malloc(size ? size : 1),
	};
	if (!part->entries)
		return -ENOMEM;
	memcpy(part->entries, snap->entries, size);
	return 0;
}

static int take_part(struct reading *reading, struct exitstat_source *src,
		     enum exitstat_scope scope, unsigned int detail)
{
	const uint32_t take = EXITSTAT_TAKE_TIMES | EXITSTAT_TAKE_SPLIT | EXITSTAT_TAKE_EPOCH;
	const struct exitstat_description *desc = &reading->desc;
	struct exitstat_snapshot snap;
	struct part *parts, *part;
	int err = exitstat_snapshot_take(src, desc, scope, take, &snap);

	if (err)
		return err;
	parts = realloc(reading->parts, (reading->parts_nr + 1) * sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	reading->parts = parts;
	part = &parts[reading->parts_nr++];
	err = keep(part, &snap);
	if (!err && detail & EXPORT_HISTOGRAMS && desc->buckets && desc->tsc_khz)
		err = take_histograms(part, desc, src);
	if (!err && detail & EXPORT_DETAILS && desc->features & EXITSTAT_FEATURE_DETAILS)
		err = take_details(part, desc, src);
	return err;
}

static int take_vcpu(struct reading *reading, struct exitstat_source *src, int cpu,
		     unsigned int detail)
{
	int err = exitstat_source_pin(src, cpu);

	if (!err)
		err = take_part(reading, src, EXITSTAT_SCOPE_VCPU, detail);
	exitstat_source_unpin(src);
	/* It may have gone offline since it was found. */
	return err == -ENODEV ? 0 : err;
}

static int take_vcpus(struct reading *reading, struct exitstat_source *src, unsigned int detail)
{
	int cpu = exitstat_source_next_cpu(src, 0);
	int err = 0;

	while (!err && cpu >= 0) {
		err = take_vcpu(reading, src, cpu, detail);
		cpu = exitstat_source_next_cpu(src, cpu + 1);
	}
	return err;
}

int reading_take(struct reading *reading, struct exitstat_source *src, const struct sink *sink)
{
	unsigned int detail = sink->detail;
	int err;

	*reading = (struct reading){ 0 };
	err = exitstat_description_read(src, &reading->desc);
	if (sink->details_of && reading->desc.epoch == sink->details_of)
		detail |= EXPORT_DETAILS;
	if (!err && detail & EXPORT_PER_VCPU)
		err = take_vcpus(reading, src, detail);
	else if (!err)
		err = take_part(reading, src, EXITSTAT_SCOPE_VM, detail);
	if (err)
		reading_free(reading);
	return err;
}

void reading_free(struct reading *reading)
{
	uint32_t i;

	for (i = 0; i < reading->parts_nr; i++) {
		free(reading->parts[i].entries);
		free(reading->parts[i].histograms);
		free(reading->parts[i].details.list);
	}
	free(reading->parts);
	*reading = (struct reading){ 0 };
}
