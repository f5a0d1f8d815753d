// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters in a vCPU's binary statistics (KVM_GET_STATS_FD), after KVM's own.
 *
 * Reading allocates nothing.  The descriptors are the same for all vCPUs of a VM:
 * there is a list with those of the details and one without; those of the histograms,
 * at the end of each, may be absent.  Each value is computed when it is copied.
 */
#include <linux/kvm_host.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#include "exit_stats_read.h"

/* The name is in the struct in some kernels, right behind it in others. */
#define DESC_SIZE		sizeof(kvm_vcpu_stats_desc[0])
/* Single values, and arrays with one value for each slot. */
#define NR_SINGLE		6
#define NR_PER_SLOT		5
/* Arrays with one value for each row of the details. */
#define NR_PER_DETAIL		4
#define MAX_OF_KVM		128
#define MAX_DESCS		\
	(MAX_OF_KVM + NR_SINGLE + NR_PER_SLOT + NR_PER_DETAIL + KVM_EXIT_STATS_SLOTS)
#define VALUES_AT_ONCE		32

#define INSTANT		(KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_NONE | KVM_STATS_BASE_POW10)
#define INSTANT_CYCLES	(KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_CYCLES | KVM_STATS_BASE_POW10)
#define COUNTER		(KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_NONE | KVM_STATS_BASE_POW10)
#define CYCLES		(KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_CYCLES | KVM_STATS_BASE_POW10)
#define HISTOGRAM	(KVM_STATS_TYPE_LOG_HIST | KVM_STATS_UNIT_CYCLES | KVM_STATS_BASE_POW2)

struct list {
	u32 nr;			/* 0: not built yet */
	u32 values_size;
	u8 descs[MAX_DESCS * DESC_SIZE] __aligned(8);
};

static DEFINE_MUTEX(lists_lock);
static struct list lists[2];		/* without details, with them */

static void add(struct list *list, const char *name, u32 flags, s16 exponent, u16 size)
{
	struct kvm_stats_desc *desc = (void *)&list->descs[list->nr * DESC_SIZE];

	desc->flags = flags;
	desc->exponent = exponent;
	desc->size = size;
	desc->offset = list->values_size;
	strscpy(desc->name, name, KVM_STATS_NAME_SIZE);

	list->nr++;
	list->values_size += size * sizeof(u64);
}

/*
 * The interface's first logarithmic bucket ends at one unit, and each other one at
 * twice the bound before: with our first bucket's bound as the unit, these are ours.
 */
static void add_histograms(struct list *list, u32 slots)
{
	u32 place;

	for (place = 0; place < slots; place++)
		add(list, kvm_exit_stats_name_of("exit_time_", kvm_exit_stats_slot_at(place)).text,
		    HISTOGRAM, EXITSTAT_BUCKET0_LOG2, EXITSTAT_BUCKETS);
}

/* In the order of single_value(), slot_value() and detail_value(). */
static void build(struct list *list, u32 slots, bool details)
{
	list->nr = kvm_vcpu_stats_header.num_desc;
	list->values_size = sizeof_field(struct kvm_vcpu, stat);
	memcpy(list->descs, kvm_vcpu_stats_desc, list->nr * DESC_SIZE);

	add(list, "exit_numbering", INSTANT, 0, 1);
	add(list, "exit_tsc_khz", INSTANT, 0, 1);
	add(list, "exit_epoch", INSTANT, 0, 1);
	add(list, "exit_late", INSTANT, 0, 1);
	add(list, "exit_age_cycles", INSTANT_CYCLES, 0, 1);
	add(list, "exit_guest_cycles", CYCLES, 0, 1);

	add(list, "exit_number", INSTANT, 0, slots);
	add(list, "exit_count", COUNTER, 0, slots);
	add(list, "exit_kernel_cycles", CYCLES, 0, slots);
	add(list, "exit_vmm_cycles", CYCLES, 0, slots);
	add(list, "exit_waiting_cycles", CYCLES, 0, slots);

	if (details) {
		add(list, "exit_detail_number", INSTANT, 0, KVM_EXIT_STATS_DETAIL_ROWS);
		add(list, "exit_detail", INSTANT, 0, KVM_EXIT_STATS_DETAIL_ROWS);
		add(list, "exit_detail_count", COUNTER, 0, KVM_EXIT_STATS_DETAIL_ROWS);
		add(list, "exit_detail_cycles", CYCLES, 0, KVM_EXIT_STATS_DETAIL_ROWS);
	}

	add_histograms(list, slots);
}

static const struct list *get_list(u32 slots, bool details)
{
	struct list *list = &lists[details];

	mutex_lock(&lists_lock);
	if (!list->nr)
		build(list, slots, details);
	mutex_unlock(&lists_lock);
	return list;
}

static u64 single_value(const struct kvm_exit_stats *s, u32 i)
{
	switch (i) {
	case 0:
		return kvm_exit_stats_numbering()->id;
	case 1:
		return kvm_exit_stats_tsc_khz();
	case 2:
		return s->vm->epoch;
	case 3:
		return READ_ONCE(s->vm->late);
	case 4:
		return kvm_exit_stats_age(s->vm);
	default:
		return READ_ONCE(s->guest_cycles);
	}
}

static u64 slot_value(const struct kvm_exit_stats *s, u32 array, u32 slot)
{
	switch (array) {
	case 0:
		return kvm_exit_stats_number_of(slot);
	case 1:
		return kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_COUNT);
	case 2:
		return kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_KERNEL);
	case 3:
		return kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_VMM);
	default:
		return kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_WAITING);
	}
}

/* All are 0 for a row that is free. */
static u64 detail_value(const struct kvm_exit_stats *s, u32 array, u32 row)
{
	if (!kvm_exit_stats_is_detail(s, row))
		return 0;
	switch (array) {
	case 0:
		return kvm_exit_stats_number_of(kvm_exit_stats_detail_slot(s, row));
	case 1:
		return kvm_exit_stats_detail_of(s, row);
	case 2:
		return kvm_exit_stats_read_detail(s, row, KVM_EXIT_STATS_COUNT);
	default:
		return kvm_exit_stats_read_detail(s, row, KVM_EXIT_STATS_KERNEL) +
		       kvm_exit_stats_read_detail(s, row, KVM_EXIT_STATS_VMM);
	}
}

static u64 value(const struct kvm_exit_stats *s, u32 slots, u32 i)
{
	u32 rows = s->details ? KVM_EXIT_STATS_DETAIL_ROWS : 0;

	if (i < NR_SINGLE)
		return single_value(s, i);
	i -= NR_SINGLE;
	if (i < NR_PER_SLOT * slots)
		return slot_value(s, i / slots, kvm_exit_stats_slot_at(i % slots));
	i -= NR_PER_SLOT * slots;
	if (i < NR_PER_DETAIL * rows)
		return detail_value(s, i / rows, i % rows);
	i -= NR_PER_DETAIL * rows;
	return kvm_exit_stats_read_bucket(s, kvm_exit_stats_slot_at(i / EXITSTAT_BUCKETS),
					  i % EXITSTAT_BUCKETS);
}

/* Copy our values, @size bytes in all, from byte @pos on.  Returns how many bytes were copied. */
static ssize_t copy_values(const struct kvm_exit_stats *s, u32 slots, u32 size, u32 pos,
			   char __user *to, size_t room)
{
	u64 values[VALUES_AT_ONCE];
	size_t copied = 0;

	room = min_t(size_t, room, size - pos);
	while (copied < room) {
		u32 first = (pos + copied) / sizeof(u64);
		u32 skip = (pos + copied) % sizeof(u64);
		size_t n = min_t(size_t, room - copied, sizeof(values) - skip);
		u32 i;

		for (i = 0; i < DIV_ROUND_UP(skip + n, sizeof(u64)); i++)
			values[i] = value(s, slots, first + i);
		if (copy_to_user(to + copied, (u8 *)values + skip, n))
			return -EFAULT;
		copied += n;
	}
	return copied;
}

/* Return what kvm_stats_read() would if the counters were in struct kvm_vcpu_stat. */
ssize_t kvm_arch_vcpu_stats_read(struct kvm_vcpu *vcpu, char __user *user_buffer, size_t size,
				 loff_t *offset)
{
	const struct kvm_exit_stats_vm *vm = &vcpu->kvm->exit_stats;
	struct kvm_stats_header header = kvm_vcpu_stats_header;
	u32 slots = kvm_exit_stats_numbering()->slots;
	const struct list *list;
	u32 ours, begin;
	ssize_t copied, more;

	if (WARN_ON_ONCE(header.num_desc > MAX_OF_KVM))
		return 0;

	list = get_list(slots, vm->details);
	header.num_desc = list->nr;
	ours = list->values_size - sizeof(vcpu->stat);
	if (!vm->histograms) {
		header.num_desc -= slots;
		ours -= slots * EXITSTAT_BUCKETS * sizeof(u64);
	}
	header.data_offset = header.desc_offset + header.num_desc * DESC_SIZE;
	begin = header.data_offset + sizeof(vcpu->stat);

	copied = kvm_stats_read(vcpu->stats_id, &header, (void *)list->descs, &vcpu->stat,
				sizeof(vcpu->stat), user_buffer, size, offset);
	if (copied < 0 || copied == size || *offset < begin || *offset >= begin + ours)
		return copied;

	more = copy_values(&vcpu->exit_stats, slots, ours, *offset - begin, user_buffer + copied,
			   size - copied);
	if (more < 0)
		return more;
	*offset += more;
	return copied + more;
}
