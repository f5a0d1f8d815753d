// SPDX-License-Identifier: MIT
/*
 * Take and subtract snapshots.
 *
 * A snapshot is not atomic: each query is an exit, which raises the CPUID exits' count.  Snapshots
 * read in the same order, so that the interval is about the same for all numbers.  Each one notes
 * the number of queries up to its reading of the CPUID exits' count: the difference of two is what
 * the reader added to that count.
 */
#include <errno.h>
#include <string.h>

#include "entry.h"
#include "exitstat.h"
#include "own.h"
#include "value.h"

static int ask_time(struct exitstat_source *src, uint32_t leaf, uint32_t number, uint64_t *cycles)
{
	struct exitstat_regs regs;
	int err = exitstat_source_ask(src, leaf, number, &regs);

	if (err)
		return err;
	if (regs.edx)
		return -EPROTO;
	*cycles = low_high(regs.ecx, regs.ebx);
	return 0;
}

static int read_epoch(struct exitstat_source *src, struct exitstat_snapshot *snap)
{
	struct exitstat_regs regs;
	int err = exitstat_source_ask(src, EXITSTAT_SCOPE, 0, &regs);

	if (err)
		return err;
	snap->vcpus = regs.eax;
	snap->vcpu = regs.ebx;
	snap->epoch = low_high(regs.ecx, regs.edx);
	return 0;
}

/* The next number that is at least first: 1, or 0 if there is none. */
static int read_next(struct exitstat_source *src, uint32_t row, uint32_t first,
		     struct exitstat_entry *entry)
{
	struct exitstat_regs regs;
	int err = exitstat_source_ask(src, EXITSTAT_NEXT - row, first, &regs);

	if (err)
		return err;
	if (regs.edx == EXITSTAT_UNDEFINED)
		return 0;
	/* A lower number would keep the reader here forever. */
	if (regs.edx || regs.eax < first)
		return -EPROTO;
	*entry = (struct exitstat_entry){
		.number = regs.eax,
		.count = low_high(regs.ecx, regs.ebx),
	};
	return 1;
}

/* Two 64-bit values at once, as of revision 2. */
static int ask_pair(struct exitstat_source *src, uint32_t leaf, uint32_t number, uint64_t *first,
		    uint64_t *second)
{
	struct exitstat_regs regs;
	int err = exitstat_source_ask(src, leaf, number, &regs);

	if (err)
		return err;
	if (regs.edx == EXITSTAT_UNDEFINED && !regs.eax && !regs.ebx && !regs.ecx)
		return -EPROTO;
	*first = low_high(regs.eax, regs.ebx);
	*second = low_high(regs.ecx, regs.edx);
	return 0;
}

/* A snapshot being taken. */
struct reading {
	struct exitstat_source *src;
	struct exitstat_snapshot *snap;
	uint32_t row;
	int pairs;		/* the hypervisor has the leaves that answer two values at once */
};

/*
 * If that number's count, which was just read, is the CPUID exits', it includes all queries so far.
 */
static void note_cpuid(const struct reading *reading, uint32_t number)
{
	if (number == exitstat_exit_cpuid(reading->snap->numbering))
		reading->snap->asked.cpuid = exitstat_source_asked(reading->src);
}

static int read_count_time(const struct reading *reading, struct exitstat_entry *entry)
{
	int err = ask_pair(reading->src, EXITSTAT_COUNT_TIME - reading->row, entry->number,
			   &entry->count, &entry->cycles);

	note_cpuid(reading, entry->number);
	return err;
}

static int read_split(const struct reading *reading, struct exitstat_entry *entry)
{
	struct exitstat_source *src = reading->src;
	int err;

	if (reading->pairs)
		return ask_pair(src, EXITSTAT_VMM_WAITING - reading->row, entry->number,
				&entry->vmm_cycles, &entry->waiting_cycles);
	err = ask_time(src, EXITSTAT_TIME_VMM - reading->row, entry->number, &entry->vmm_cycles);
	if (err)
		return err;
	return ask_time(src, EXITSTAT_TIME_WAITING - reading->row, entry->number,
			&entry->waiting_cycles);
}

static int read_times(const struct reading *reading, struct exitstat_entry *entry)
{
	uint32_t taken = reading->snap->taken;
	int err = 0;

	if (taken & EXITSTAT_TAKE_TIMES && reading->pairs)
		err = read_count_time(reading, entry);
	else if (taken & EXITSTAT_TAKE_TIMES)
		err = ask_time(reading->src, EXITSTAT_TIME - reading->row, entry->number,
			       &entry->cycles);
	if (err || !(taken & EXITSTAT_TAKE_SPLIT))
		return err;
	return read_split(reading, entry);
}

/* Insert in ascending order.  Returns NULL if the entry exists, or if there is no room. */
static struct exitstat_entry *entry_insert(struct exitstat_snapshot *snap, uint32_t number)
{
	uint32_t i = snap->entries_nr;

	while (i && snap->entries[i - 1].number > number)
		i--;
	if (i && snap->entries[i - 1].number == number)
		return NULL;
	if (snap->entries_nr == EXITSTAT_ENTRIES_MAX)
		return NULL;
	memmove(&snap->entries[i + 1], &snap->entries[i],
		(snap->entries_nr - i) * sizeof(*snap->entries));
	snap->entries_nr++;
	return &snap->entries[i];
}

/* Go through the numbers with a count, and read those that the snapshot does not have yet. */
static int read_entries(const struct reading *reading)
{
	struct exitstat_snapshot *snap = reading->snap;
	uint32_t first = 0;

	for (;;) {
		struct exitstat_entry entry = { 0 };
		struct exitstat_entry *place;
		int ret = read_next(reading->src, reading->row, first, &entry);

		if (ret <= 0)
			return ret;
		if (!exitstat_snapshot_find(snap, entry.number)) {
			place = entry_insert(snap, entry.number);
			if (!place)
				return -EOVERFLOW;
			note_cpuid(reading, entry.number);
			ret = read_times(reading, &entry);
			if (ret)
				return ret;
			*place = entry;
		}
		if (entry.number == UINT32_MAX)
			return 0;
		first = entry.number + 1;
	}
}

static uint64_t sum_of_counts(const struct exitstat_snapshot *snap)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < snap->entries_nr; i++)
		sum += snap->entries[i].count;
	return sum;
}

/*
 * Read the numbers that before has, then the total.  No counter ever falls, so the sum of those,
 * plus the reader's own exits since it read the CPUID exits' count, equals the total only if no
 * other exit happened meanwhile and there is no other number.  (If the total were read first, exits
 * with known numbers could hide a new one.)  Otherwise, go through all numbers to find out.
 */
static int reread_entries(const struct reading *reading, const struct exitstat_snapshot *before)
{
	struct exitstat_snapshot *snap = reading->snap;
	struct exitstat_regs regs;
	uint64_t own;
	uint32_t i;
	int err;

	for (i = 0; i < before->entries_nr; i++) {
		struct exitstat_entry entry = { .number = before->entries[i].number };

		err = read_times(reading, &entry);
		if (err)
			return err;
		snap->entries[snap->entries_nr++] = entry;
	}
	err = exitstat_source_ask(reading->src, EXITSTAT_TOTAL_COUNT - reading->row, 0, &regs);
	if (err)
		return err;
	own = snap->asked.cpuid ? exitstat_source_asked(reading->src) - snap->asked.cpuid : 0;
	if (sum_of_counts(snap) + own == low_high(regs.eax, regs.ebx))
		return 0;
	return read_entries(reading);
}

/* The part of take that this hypervisor offers. */
static uint32_t takeable(const struct exitstat_description *desc, uint32_t take)
{
	if (!(desc->features & EXITSTAT_FEATURE_TIMES))
		take &= ~EXITSTAT_TAKE_TIMES;
	if (!(desc->features & EXITSTAT_FEATURE_SPLIT))
		take &= ~EXITSTAT_TAKE_SPLIT;
	return take;
}

/*
 * The epoch changed: the counters started again from 0, or, after a migration, another hypervisor
 * answers, which may not know these leaves.
 */
static int check_hypervisor(struct exitstat_source *src, const struct exitstat_description *desc)
{
	struct exitstat_description now;
	int err = exitstat_description_read(src, &now);

	if (err)
		return err;
	return now.revision == desc->revision && now.numbering == desc->numbering &&
	       now.features == desc->features && now.buckets == desc->buckets ? 0 : -ESTALE;
}

static int begin_reading(struct exitstat_source *src, const struct exitstat_description *desc,
			 enum exitstat_scope scope, uint32_t take, struct exitstat_snapshot *snap,
			 struct reading *reading)
{
	int err = 0;

	memset(snap, 0, offsetof(struct exitstat_snapshot, entries));
	snap->scope = scope;
	snap->taken = takeable(desc, take);
	snap->numbering = desc->numbering;
	snap->vcpus = desc->vcpus;
	snap->vcpu = desc->vcpu;
	snap->epoch = desc->epoch;
	snap->time_ns = exitstat_source_now_ns(src);
	snap->asked.first = exitstat_source_asked(src);
	reading->src = src;
	reading->snap = snap;
	reading->row = scope == EXITSTAT_SCOPE_VCPU ? EXITSTAT_VCPU : 0;
	reading->pairs = desc->revision >= 2;

	if (take & EXITSTAT_TAKE_EPOCH)
		err = read_epoch(src, snap);
	if (!err && snap->epoch != desc->epoch)
		err = check_hypervisor(src, desc);
	if (!err && snap->taken & EXITSTAT_TAKE_SPLIT)
		err = ask_time(src, EXITSTAT_TIME_GUEST - reading->row, 0, &snap->guest_cycles);
	return err;
}

static int end_reading(const struct reading *reading, int err)
{
	struct exitstat_snapshot *snap = reading->snap;
	uint32_t i;

	for (i = 0; i < snap->entries_nr; i++)
		entry_add(&snap->total, &snap->entries[i]);
	snap->asked.last = exitstat_source_asked(reading->src);
	return err;
}

int exitstat_snapshot_take(struct exitstat_source *src, const struct exitstat_description *desc,
			   enum exitstat_scope scope, uint32_t take, struct exitstat_snapshot *snap)
{
	struct reading reading;
	int err = begin_reading(src, desc, scope, take, snap, &reading);

	return end_reading(&reading, err ? err : read_entries(&reading));
}

int exitstat_snapshot_retake(struct exitstat_source *src, const struct exitstat_description *desc,
			     const struct exitstat_snapshot *before,
			     struct exitstat_snapshot *snap)
{
	struct reading reading;
	int err = begin_reading(src, desc, before->scope, before->taken, snap, &reading);

	/* For counts alone, this would take no fewer queries. */
	if (!err && reading.pairs && snap->taken & EXITSTAT_TAKE_TIMES &&
	    snap->epoch == before->epoch)
		err = reread_entries(&reading, before);
	else if (!err)
		err = read_entries(&reading);
	return end_reading(&reading, err);
}

const struct exitstat_entry *exitstat_snapshot_find(const struct exitstat_snapshot *snap,
						    uint32_t number)
{
	uint32_t i;

	for (i = 0; i < snap->entries_nr; i++) {
		if (snap->entries[i].number == number)
			return &snap->entries[i];
	}
	return NULL;
}

static void entry_subtract(struct exitstat_entry *entry, const struct exitstat_entry *before,
			   uint32_t *since)
{
	entry->count = minus(entry->count, before->count, since);
	entry->cycles = minus(entry->cycles, before->cycles, since);
	entry->vmm_cycles = minus(entry->vmm_cycles, before->vmm_cycles, since);
	entry->waiting_cycles = minus(entry->waiting_cycles, before->waiting_cycles, since);
}

/* Move the reader's own exits from the CPUID entry to reader. */
static void take_out_own(struct exitstat_snapshot *between, uint64_t own,
			 struct exitstat_entry *entry)
{
	uint64_t count = entry->count;

	if (!count)
		return;
	/* The counter is lower than the reader's own exits only if it restarted unnoticed. */
	if (own > count)
		own = count;
	between->reader = (struct exitstat_entry){
		.number = entry->number,
		.count = own,
		.cycles = proportion(entry->cycles, own, count),
		.vmm_cycles = proportion(entry->vmm_cycles, own, count),
		.waiting_cycles = proportion(entry->waiting_cycles, own, count),
	};
	entry_subtract(entry, &between->reader, &between->since);
}

static int entry_is_empty(const struct exitstat_entry *entry)
{
	return !entry->count && !entry->cycles && !entry->vmm_cycles && !entry->waiting_cycles;
}

int exitstat_snapshot_subtract(const struct exitstat_snapshot *after,
			       const struct exitstat_snapshot *before,
			       struct exitstat_snapshot *between)
{
	struct exitstat_snapshot result = *after;
	uint32_t cpuid = exitstat_exit_cpuid(after->numbering);
	int same = after->epoch == before->epoch;
	uint64_t own = own_queries(after->scope, same ? &before->asked : NULL, &after->asked);
	uint32_t i;

	if (after->scope != before->scope || after->asked.first < before->asked.last)
		return -EINVAL;
	/* With another epoch, before is not used. */
	if (same && (after->numbering != before->numbering || after->taken != before->taken))
		return -EINVAL;
	if (same && after->scope == EXITSTAT_SCOPE_VCPU && after->vcpu != before->vcpu)
		return -EINVAL;

	/* Without an epoch there was no vCPU yet: only a host sees that. */
	result.since = same || !before->epoch ? 0 : EXITSTAT_SINCE_RESTART;
	if (after->vcpus != before->vcpus)
		result.since |= EXITSTAT_SINCE_VCPUS;
	result.time_ns = after->time_ns - before->time_ns;
	if (same)
		result.guest_cycles = minus(after->guest_cycles, before->guest_cycles,
					    &result.since);
	result.entries_nr = 0;
	result.total = (struct exitstat_entry){ 0 };

	for (i = 0; i < after->entries_nr; i++) {
		struct exitstat_entry entry = after->entries[i];
		const struct exitstat_entry *old = exitstat_snapshot_find(before, entry.number);

		if (same && old)
			entry_subtract(&entry, old, &result.since);
		if (entry.number == cpuid)
			take_out_own(&result, own, &entry);
		if (entry_is_empty(&entry))
			continue;
		result.entries[result.entries_nr++] = entry;
		entry_add(&result.total, &entry);
	}
	*between = result;
	return 0;
}
