// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters in KVM's binary statistics of a vCPU (KVM_GET_STATS_FD): KVM's
 * own, then ours.
 */
#include <linux/kvm_host.h>
#include <linux/slab.h>

#include "exit_stats_read.h"

#define DESC_SIZE		sizeof(kvm_vcpu_stats_desc[0])
/* Descriptors without histograms: those of one value, those of one per slot. */
#define NR_SINGLE		6
#define NR_PER_SLOT		5

#define INSTANT		(KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_NONE | KVM_STATS_BASE_POW10)
#define INSTANT_CYCLES	(KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_CYCLES | KVM_STATS_BASE_POW10)
#define COUNTER		(KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_NONE | KVM_STATS_BASE_POW10)
#define CYCLES		(KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_CYCLES | KVM_STATS_BASE_POW10)
#define HISTOGRAM	(KVM_STATS_TYPE_LOG_HIST | KVM_STATS_UNIT_CYCLES | KVM_STATS_BASE_POW2)

struct image {
	struct kvm_stats_header header;
	void *descs;
	void *data;
	size_t descs_size;
	size_t data_size;
};

/* Append a descriptor; returns its @size values. */
static u64 *add(struct image *im, const char *name, u32 flags, s16 exponent, u16 size)
{
	/* Some kernels have the name in the struct, some right behind it. */
	struct kvm_stats_desc *desc = im->descs + im->descs_size;
	u64 *values = im->data + im->data_size;

	desc->flags = flags;
	desc->exponent = exponent;
	desc->size = size;
	desc->offset = im->data_size;
	strscpy(desc->name, name, KVM_STATS_NAME_SIZE);

	im->header.num_desc++;
	im->descs_size += DESC_SIZE;
	im->data_size += size * sizeof(*values);
	return values;
}

static void add_counters(struct image *im, struct kvm_vcpu *vcpu)
{
	const struct kvm_exit_stats_numbering *n = kvm_exit_stats_numbering();
	const struct kvm_exit_stats *s = &vcpu->exit_stats;
	u64 *number, *count, *kernel, *vmm, *waiting;
	u32 place;

	*add(im, "exit_numbering", INSTANT, 0, 1) = n->id;
	*add(im, "exit_tsc_khz", INSTANT, 0, 1) = kvm_exit_stats_tsc_khz();
	*add(im, "exit_epoch", INSTANT, 0, 1) = s->vm->epoch;
	*add(im, "exit_late", INSTANT, 0, 1) = READ_ONCE(s->vm->late);
	*add(im, "exit_age_cycles", INSTANT_CYCLES, 0, 1) = kvm_exit_stats_age(s->vm);
	*add(im, "exit_guest_cycles", CYCLES, 0, 1) = READ_ONCE(s->guest_cycles);

	number = add(im, "exit_number", INSTANT, 0, n->slots);
	count = add(im, "exit_count", COUNTER, 0, n->slots);
	kernel = add(im, "exit_kernel_cycles", CYCLES, 0, n->slots);
	vmm = add(im, "exit_vmm_cycles", CYCLES, 0, n->slots);
	waiting = add(im, "exit_waiting_cycles", CYCLES, 0, n->slots);
	for (place = 0; place < n->slots; place++) {
		u32 slot = kvm_exit_stats_slot_at(place);

		number[place] = n->exits[slot].number;
		count[place] = kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_COUNT);
		kernel[place] = kvm_exit_stats_read_kernel(s, slot);
		vmm[place] = kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_VMM);
		waiting[place] = kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_WAITING);
	}
}

/*
 * The first logarithmic bucket of the interface ends at one unit, each other at
 * twice the one before: with a unit of our first bucket, these are ours.
 */
static void add_histograms(struct image *im, struct kvm_vcpu *vcpu)
{
	const struct kvm_exit_stats_numbering *n = kvm_exit_stats_numbering();
	u64 *buckets;
	u32 place, i;

	for (place = 0; place < n->slots; place++) {
		u32 slot = kvm_exit_stats_slot_at(place);

		buckets = add(im, kvm_exit_stats_name_of("exit_time_", slot).text, HISTOGRAM,
			      EXITSTAT_BUCKET0_LOG2, EXITSTAT_BUCKETS);
		for (i = 0; i < EXITSTAT_BUCKETS; i++)
			buckets[i] = kvm_exit_stats_read_bucket(&vcpu->exit_stats, slot, i);
	}
}

/* What kvm_stats_read() would find if the counters were in struct kvm_vcpu_stat. */
ssize_t kvm_arch_vcpu_stats_read(struct kvm_vcpu *vcpu, char __user *user_buffer, size_t size,
				 loff_t *offset)
{
	u32 slots = kvm_exit_stats_numbering()->slots;
	bool hist = vcpu->kvm->exit_stats.histograms;
	u32 nr_descs = NR_SINGLE + NR_PER_SLOT + (hist ? slots : 0);
	u32 nr_values = NR_SINGLE + NR_PER_SLOT * slots + (hist ? slots * EXITSTAT_BUCKETS : 0);
	struct image im = {
		.header = kvm_vcpu_stats_header,
		.descs_size = kvm_vcpu_stats_header.num_desc * DESC_SIZE,
		.data_size = sizeof(vcpu->stat),
	};
	ssize_t r = -ENOMEM;

	im.descs = kvzalloc(im.descs_size + nr_descs * DESC_SIZE, GFP_KERNEL_ACCOUNT);
	im.data = kvzalloc(im.data_size + nr_values * sizeof(u64), GFP_KERNEL_ACCOUNT);
	if (!im.descs || !im.data)
		goto free;

	memcpy(im.descs, kvm_vcpu_stats_desc, im.descs_size);
	memcpy(im.data, &vcpu->stat, im.data_size);
	add_counters(&im, vcpu);
	if (hist)
		add_histograms(&im, vcpu);
	im.header.data_offset = im.header.desc_offset + im.descs_size;
	r = kvm_stats_read(vcpu->stats_id, &im.header, im.descs, im.data, im.data_size,
			   user_buffer, size, offset);
free:
	kvfree(im.descs);
	kvfree(im.data);
	return r;
}
