// SPDX-License-Identifier: MIT
/*
 * The host's tables as a source of leaves: the answers that the guest's CPUID gives, without an
 * exit.
 *
 * A moment is one reading of the VM's table; a vCPU's table is read at the first query about it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "source.h"
#include "tables.h"

#define CPUID1_ECX_HYPERVISOR	(1u << 31)

struct tables {
	const struct tables_ops *ops;
	void *self;
	struct table vm;
	uint64_t vm_ns;
	struct table vcpu;
	uint64_t vcpu_ns;
	int pinned;		/* the vCPU that is pinned, or TABLE_OF_VM */
	struct table details;	/* those of the VM or of one vCPU */
	int details_of;		/* TABLE_OF_VM or a vCPU */
	int details_read;	/* details are of this moment */
	int read_vcpu;		/* whose table vcpu is in this moment, or TABLE_OF_VM */
	int begun;
	const char *complaint;
	unsigned long line;
};

int exitstat_table_complain(struct table *table, const char *rule)
{
	table->complaint = rule;
	return -EBADMSG;
}

void exitstat_table_free(struct table *table)
{
	free(table->rows);
	free(table->details);
	free(table->buckets);
	*table = (struct table){ 0 };
}

/* In a list that ascends by the key at offset, the index of the first one not below wanted. */
static size_t first_from(const void *list, size_t nr, size_t size, size_t offset, uint32_t wanted)
{
	size_t low = 0, high = nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (*(const uint32_t *)((const char *)list + middle * size + offset) < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The index of the first row of that number or a higher one. */
static size_t find(const struct table *table, uint32_t number)
{
	return first_from(table->rows, table->rows_nr, sizeof(*table->rows),
			  offsetof(struct exitstat_entry, number), number);
}

static const struct exitstat_entry *row_at(const struct table *table, size_t row, uint32_t number)
{
	if (row == table->rows_nr || table->rows[row].number != number)
		return NULL;
	return &table->rows[row];
}

static int make_room(struct table *table)
{
	size_t room = table->rows_room ? 2 * table->rows_room : 32;
	void *more;

	if (table->rows_nr < table->rows_room)
		return 0;
	if (table->rows_nr == EXITSTAT_ENTRIES_MAX)
		return -EOVERFLOW;
	more = realloc(table->rows, room * sizeof(*table->rows));
	if (!more)
		return -ENOMEM;
	table->rows = more;
	if (table->histograms) {
		more = realloc(table->buckets, room * sizeof(*table->buckets));
		if (!more)
			return -ENOMEM;
		table->buckets = more;
	}
	table->rows_room = room;
	return 0;
}

int exitstat_table_row(struct table *table, uint32_t number, size_t *row)
{
	size_t i = find(table, number);
	size_t behind = table->rows_nr - i;
	int err;

	*row = i;
	if (row_at(table, i, number))
		return 0;
	err = make_room(table);
	if (err)
		return err;
	memmove(&table->rows[i + 1], &table->rows[i], behind * sizeof(*table->rows));
	table->rows[i] = (struct exitstat_entry){ .number = number };
	if (table->histograms) {
		memmove(&table->buckets[i + 1], &table->buckets[i],
			behind * sizeof(*table->buckets));
		memset(&table->buckets[i], 0, sizeof(*table->buckets));
	}
	table->rows_nr++;
	return 0;
}

static int read_table(struct tables *me, int (*read)(void *self, int vcpu, struct table *table),
		      int vcpu, struct table *table)
{
	struct table fresh = { 0 };
	int err = read(me->self, vcpu, &fresh);

	if (err) {
		me->complaint = fresh.complaint;
		me->line = fresh.line;
		exitstat_table_free(&fresh);
		return err;
	}
	exitstat_table_free(table);
	*table = fresh;
	return 0;
}

static int read_vm(struct tables *me)
{
	uint64_t now = now_ns();
	int err = read_table(me, me->ops->read, TABLE_OF_VM, &me->vm);

	if (err)
		return err;
	me->vm_ns = now;
	me->read_vcpu = TABLE_OF_VM;
	me->details_read = 0;
	me->begun = 1;
	return 0;
}

static int read_vcpu(struct tables *me, int vcpu)
{
	uint64_t now = now_ns();
	int err = me->read_vcpu == vcpu ? 0 : read_table(me, me->ops->read, vcpu, &me->vcpu);

	if (err || me->read_vcpu == vcpu)
		return err;
	me->vcpu_ns = now;
	me->read_vcpu = vcpu;
	return 0;
}

/*
 * Read the details when they are first asked for: not every reader wants them, and they are many.
 * A file that is gone, or of other counters, holds none.
 */
static int read_details(struct tables *me, int vcpu, const struct table *counters)
{
	int err;

	if (me->details_read && me->details_of == vcpu)
		return 0;
	if (!me->ops->read_details)
		err = -ENODEV;
	else
		err = read_table(me, me->ops->read_details, vcpu, &me->details);
	if (err && err != -ENODEV)
		return err;
	if (err || me->details.epoch != counters->epoch ||
	    me->details.numbering != counters->numbering)
		exitstat_table_free(&me->details);
	me->details_of = vcpu;
	me->details_read = 1;
	return 0;
}

static int tables_advance(void *self, uint64_t *asked)
{
	struct tables *me = self;
	int err = read_vm(me);

	(void)asked;
	if (!err)
		return 1;
	/* A VM that is being destroyed has lost its table, or its directory. */
	if (!me->begun || (err != -ENODEV && err != -EOPNOTSUPP))
		return err;
	me->complaint = "the VM ended";
	me->line = 0;
	return 0;
}

static int tables_pin(void *self, int cpu)
{
	struct tables *me = self;
	int err;

	if (cpu < 0) {
		me->pinned = TABLE_OF_VM;
		return 0;
	}
	err = read_vcpu(me, cpu);
	if (!err)
		me->pinned = cpu;
	return err;
}

static int tables_next_cpu(void *self, int cpu)
{
	struct tables *me = self;

	return me->ops->next_vcpu(me->self, cpu < 0 ? 0 : cpu);
}

static const struct exitstat_regs undefined = { .edx = EXITSTAT_UNDEFINED };

static struct exitstat_regs count_regs(uint64_t count)
{
	return (struct exitstat_regs){ .eax = (uint32_t)count, .ebx = (uint32_t)(count >> 32) };
}

static struct exitstat_regs time_regs(uint64_t cycles)
{
	return (struct exitstat_regs){ .ebx = (uint32_t)(cycles >> 32), .ecx = (uint32_t)cycles };
}

static struct exitstat_regs pair_regs(uint64_t first, uint64_t second)
{
	return (struct exitstat_regs){ .eax = (uint32_t)first, .ebx = (uint32_t)(first >> 32),
				       .ecx = (uint32_t)second, .edx = (uint32_t)(second >> 32) };
}

static struct exitstat_regs features_of(const struct tables *me, const struct table *table)
{
	int details = me->ops->has_details && me->ops->has_details(me->self);

	return (struct exitstat_regs){
		.eax = EXITSTAT_ABI_REVISION,
		.ebx = table->numbering,
		.ecx = EXITSTAT_FEATURE_TIMES | EXITSTAT_FEATURE_SPLIT |
		       (table->histograms ? EXITSTAT_FEATURE_HISTOGRAMS : 0) |
		       (table->approximate ? EXITSTAT_FEATURE_APPROXIMATE : 0) |
		       (table->late ? EXITSTAT_FEATURE_LATE : 0) |
		       (details ? EXITSTAT_FEATURE_DETAILS : 0),
		.edx = table->tsc_khz,
	};
}

static struct exitstat_regs scope_of(const struct tables *me, const struct table *table)
{
	return (struct exitstat_regs){
		.eax = me->vm.vcpus,
		.ebx = table->vcpu,
		.ecx = (uint32_t)table->epoch,
		.edx = (uint32_t)(table->epoch >> 32),
	};
}

static struct exitstat_regs next_of(const struct table *table, uint32_t first)
{
	size_t row = find(table, first);

	if (row == table->rows_nr)
		return undefined;
	return (struct exitstat_regs){
		.eax = table->rows[row].number,
		.ebx = (uint32_t)(table->rows[row].count >> 32),
		.ecx = (uint32_t)table->rows[row].count,
	};
}

static struct exitstat_regs bucket_of(const struct table *table, uint32_t ecx)
{
	uint32_t number = (uint32_t)(int16_t)(ecx & 0xffff);
	uint32_t bucket = ecx >> 16;
	size_t row = find(table, number);

	if (!table->histograms)
		return (struct exitstat_regs){ 0 };
	if (bucket >= EXITSTAT_BUCKETS)
		return undefined;
	if (row_at(table, row, number))
		return count_regs(table->buckets[row][bucket]);
	if (!exitstat_exit_find(table->numbering, number))
		return undefined;
	return (struct exitstat_regs){ 0 };
}

static struct exitstat_regs detail_regs(const struct table *table, uint32_t leaf, uint32_t place)
{
	size_t i = first_from(table->details, table->details_nr, sizeof(*table->details),
			      offsetof(struct exitstat_detail, place), place);
	const struct exitstat_detail *detail = &table->details[i];

	if (i == table->details_nr || (leaf != EXITSTAT_DETAIL && detail->place != place))
		return undefined;
	switch (leaf) {
	case EXITSTAT_DETAIL_COUNT:
		return count_regs(detail->count);
	case EXITSTAT_DETAIL_TIME:
		return time_regs(detail->cycles);
	}
	return (struct exitstat_regs){ detail->number, (uint32_t)(detail->detail >> 32),
				       (uint32_t)detail->detail, detail->place };
}

static int is_about_details(uint32_t leaf)
{
	return leaf == EXITSTAT_DETAIL || leaf == EXITSTAT_DETAIL_COUNT ||
	       leaf == EXITSTAT_DETAIL_TIME;
}

static int ask_details(struct tables *me, int vcpu, uint32_t leaf, uint32_t place,
		       struct exitstat_regs *regs)
{
	int err = read_details(me, vcpu, vcpu == TABLE_OF_VM ? &me->vm : &me->vcpu);

	if (!err)
		*regs = detail_regs(&me->details, leaf, place);
	return err;
}

static struct exitstat_entry total_of(const struct table *table)
{
	struct exitstat_entry total = { 0 };
	size_t i;

	for (i = 0; i < table->rows_nr; i++) {
		total.count += table->rows[i].count;
		total.cycles += table->rows[i].cycles;
	}
	return total;
}

static struct exitstat_regs entry_regs(const struct table *table, uint32_t leaf, uint32_t number)
{
	const struct exitstat_entry *entry = row_at(table, find(table, number), number);
	const struct exitstat_entry none = { 0 };

	if (!entry && !exitstat_exit_find(table->numbering, number))
		return undefined;
	if (!entry)
		entry = &none;
	switch (leaf) {
	case EXITSTAT_COUNT:
		return count_regs(entry->count);
	case EXITSTAT_TIME:
		return time_regs(entry->cycles);
	case EXITSTAT_TIME_VMM:
		return time_regs(entry->vmm_cycles);
	case EXITSTAT_COUNT_TIME:
		return pair_regs(entry->count, entry->cycles);
	case EXITSTAT_VMM_WAITING:
		return pair_regs(entry->vmm_cycles, entry->waiting_cycles);
	}
	return time_regs(entry->waiting_cycles);
}

/* For either scope; leaf is the VM's. */
static struct exitstat_regs counter_regs(const struct table *table, uint32_t leaf, uint32_t ecx)
{
	switch (leaf) {
	case EXITSTAT_TOTAL_COUNT:
		return count_regs(total_of(table).count);
	case EXITSTAT_TOTAL_TIME:
		return time_regs(total_of(table).cycles);
	case EXITSTAT_TIME_GUEST:
		return time_regs(table->guest_cycles);
	case EXITSTAT_NEXT:
		return next_of(table, ecx);
	case EXITSTAT_BUCKET:
		return bucket_of(table, ecx);
	case EXITSTAT_COUNT:
	case EXITSTAT_TIME:
	case EXITSTAT_TIME_VMM:
	case EXITSTAT_TIME_WAITING:
	case EXITSTAT_COUNT_TIME:
	case EXITSTAT_VMM_WAITING:
		return entry_regs(table, leaf, ecx);
	}
	return (struct exitstat_regs){ 0 };
}

static struct exitstat_regs discovery_regs(const struct tables *me, const struct table *table,
					   uint32_t leaf)
{
	switch (leaf) {
	case 1:
		return (struct exitstat_regs){ .ecx = CPUID1_ECX_HYPERVISOR };
	case EXITSTAT_SIGNATURE:
		return (struct exitstat_regs){ EXITSTAT_MAX_LEAF, EXITSTAT_SIGNATURE_EBX,
					       EXITSTAT_SIGNATURE_ECX, EXITSTAT_SIGNATURE_EDX };
	case EXITSTAT_FEATURES:
		return features_of(me, table);
	case EXITSTAT_SCOPE:
		return scope_of(me, table);
	case EXITSTAT_AGE:
		return time_regs(table->age_cycles);
	case EXITSTAT_HISTOGRAM:
		if (table->histograms)
			return (struct exitstat_regs){ .eax = EXITSTAT_BUCKETS,
						       .ebx = EXITSTAT_BUCKET0_LOG2 };
	}
	return (struct exitstat_regs){ 0 };
}

static int tables_ask(void *self, uint32_t leaf, uint32_t ecx, struct exitstat_regs *regs)
{
	struct tables *me = self;
	const struct table *table = me->pinned == TABLE_OF_VM ? &me->vm : &me->vcpu;
	uint32_t row = leaf & 0xfffffff0;
	int err;

	if (!me->begun)
		return -ENODATA;
	/* This may be a new moment. */
	err = me->pinned == TABLE_OF_VM ? 0 : read_vcpu(me, me->pinned);
	if (err)
		return err;
	if (is_about_details(leaf))
		return ask_details(me, TABLE_OF_VM, leaf, ecx, regs);
	if (is_about_details(leaf + EXITSTAT_VCPU))
		return ask_details(me, me->pinned, leaf + EXITSTAT_VCPU, ecx, regs);
	if (row == (EXITSTAT_TIME & 0xfffffff0))
		*regs = counter_regs(&me->vm, leaf, ecx);
	else if (row == ((EXITSTAT_TIME - EXITSTAT_VCPU) & 0xfffffff0))
		*regs = counter_regs(table, leaf + EXITSTAT_VCPU, ecx);
	else
		*regs = discovery_regs(me, table, leaf);
	return 0;
}

static uint64_t tables_now_ns(void *self)
{
	struct tables *me = self;

	return me->pinned == TABLE_OF_VM ? me->vm_ns : me->vcpu_ns;
}

static const char *tables_complaint(void *self, unsigned long *line)
{
	struct tables *me = self;

	*line = me->line;
	return me->complaint;
}

static void tables_close(void *self)
{
	struct tables *me = self;

	exitstat_table_free(&me->vm);
	exitstat_table_free(&me->vcpu);
	exitstat_table_free(&me->details);
	me->ops->close(me->self);
	free(me);
}

static const struct exitstat_source_ops ops_of_tables = {
	.size = sizeof(struct exitstat_source_ops),
	.ask = tables_ask,
	.pin = tables_pin,
	.next_cpu = tables_next_cpu,
	.advance = tables_advance,
	.now_ns = tables_now_ns,
	.complaint = tables_complaint,
	.close = tables_close,
};

int exitstat_tables_open(const struct tables_ops *ops, void *self, struct exitstat_source **src)
{
	struct tables *me = calloc(1, sizeof(*me));
	int err = -ENOMEM;

	if (!me)
		return err;
	me->ops = ops;
	me->self = self;
	me->pinned = TABLE_OF_VM;
	me->read_vcpu = TABLE_OF_VM;
	err = exitstat_source_open(&ops_of_tables, me, src);
	if (err) {
		free(me);
		return err;
	}
	(*src)->is_free = 1;
	return 0;
}
