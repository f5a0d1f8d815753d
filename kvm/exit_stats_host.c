// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host reads: tables in debugfs, and KVM's binary statistics of a
 * vCPU.  Both are built when they are read.
 */
#include <linux/debugfs.h>
#include <linux/kvm_host.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "exit_stats_read.h"

/* The ABI's processing time is KVM's and the VMM's, and grows first. */
static u64 read_kernel_cycles(const struct kvm_exit_stats *s, u32 slot)
{
	u64 vmm = kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_VMM);
	u64 processing = kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_PROCESSING);

	return processing - min(vmm, processing);
}

struct name {
	char text[KVM_STATS_NAME_SIZE];
};

/* In one word. */
static struct name name_of(const char *prefix, u32 slot)
{
	struct name name;

	snprintf(name.text, sizeof(name.text), "%s%s", prefix,
		 kvm_exit_stats_numbering()->exits[slot].name);
	strreplace(name.text, ' ', '_');
	return name;
}

/*
 * debugfs
 */

struct row {
	u64 count;
	u64 kernel_cycles;
	u64 vmm_cycles;
	u64 waiting_cycles;
	u64 buckets[EXITSTAT_BUCKETS];
};

static void add_to_row(struct row *row, const struct kvm_exit_stats *s, u32 slot)
{
	u32 i;

	row->count += kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_COUNT);
	row->kernel_cycles += read_kernel_cycles(s, slot);
	row->vmm_cycles += kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_VMM);
	row->waiting_cycles += kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_WAITING);
	for (i = 0; i < EXITSTAT_BUCKETS; i++)
		row->buckets[i] += kvm_exit_stats_read_bucket(s, slot, i);
}

static void show_head(struct seq_file *m, struct kvm *kvm, u64 guest_cycles, bool hist)
{
	bool vmx = kvm_exit_stats_numbering()->id == EXITSTAT_NUMBERING_VMX;
	u32 i;

	seq_printf(m, "numbering %s\n", vmx ? "vmx" : "svm");
	seq_printf(m, "tsc_khz %u\n", kvm_exit_stats_tsc_khz());
	seq_printf(m, "epoch 0x%llx\n", kvm_exit_stats_epoch(kvm));
	seq_printf(m, "guest_cycles %llu\n\n", guest_cycles);

	seq_printf(m, "%-10s  %-24s %14s %20s %20s %20s", "number", "name", "count",
		   "kernel_cycles", "vmm_cycles", "waiting_cycles");
	for (i = 0; hist && i < EXITSTAT_BUCKETS; i++)
		seq_printf(m, " %*s%u", i < 10 ? 9 : 8, "h", i);
	seq_putc(m, '\n');
}

static void show_row(struct seq_file *m, u32 slot, const struct row *row, bool hist)
{
	const struct kvm_exit_stats_numbering *n = kvm_exit_stats_numbering();
	u32 i;

	if (!row->count)
		return;

	seq_printf(m, n->id == EXITSTAT_NUMBERING_VMX ? "%-10u" : "%#-10x", n->exits[slot].number);
	seq_printf(m, "  %-24s %14llu %20llu %20llu %20llu", name_of("", slot).text, row->count,
		   row->kernel_cycles, row->vmm_cycles, row->waiting_cycles);
	for (i = 0; hist && i < EXITSTAT_BUCKETS; i++)
		seq_printf(m, " %10llu", row->buckets[i]);
	seq_putc(m, '\n');
}

/* The vCPUs from @first on, but not @end, as one. */
static void show(struct seq_file *m, struct kvm *kvm, int first, int end)
{
	u64 guest_cycles = 0;
	bool hist = false;
	u32 place;
	int i;

	for (i = first; i < end; i++) {
		const struct kvm_exit_stats *s = &kvm_get_vcpu(kvm, i)->exit_stats;

		guest_cycles += READ_ONCE(s->guest_cycles);
		hist |= !!s->hist;
	}

	show_head(m, kvm, guest_cycles, hist);
	for (place = 0; place < kvm_exit_stats_numbering()->slots; place++) {
		u32 slot = kvm_exit_stats_slot_at(place);
		struct row row = {};

		for (i = first; i < end; i++)
			add_to_row(&row, &kvm_get_vcpu(kvm, i)->exit_stats, slot);
		show_row(m, slot, &row, hist);
	}
}

static int vm_show(struct seq_file *m, void *unused)
{
	struct kvm *kvm = m->private;
	int vcpus = atomic_read(&kvm->online_vcpus);

	seq_printf(m, "exit_stats 1\nvcpus %d\n", vcpus);
	show(m, kvm, 0, vcpus);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vm);

static int vcpu_show(struct seq_file *m, void *unused)
{
	struct kvm_vcpu *vcpu = m->private;

	seq_printf(m, "exit_stats 1\nvcpu %d\n", vcpu->vcpu_idx);
	show(m, vcpu->kvm, vcpu->vcpu_idx, vcpu->vcpu_idx + 1);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vcpu);

void kvm_exit_stats_create_vm_debugfs(struct kvm *kvm)
{
	debugfs_create_file("exit_stats", 0444, kvm->debugfs_dentry, kvm, &vm_fops);
}

void kvm_exit_stats_create_vcpu_debugfs(struct kvm_vcpu *vcpu, struct dentry *dentry)
{
	debugfs_create_file("exit_stats", 0444, dentry, vcpu, &vcpu_fops);
}

/*
 * Binary statistics: KVM's own, then ours.
 */

#define DESC_SIZE		sizeof(kvm_vcpu_stats_desc[0])
/* Descriptors without histograms: those of one value, those of one per slot. */
#define NR_SINGLE		4
#define NR_PER_SLOT		5

#define INSTANT		(KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_NONE | KVM_STATS_BASE_POW10)
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
	*add(im, "exit_epoch", INSTANT, 0, 1) = kvm_exit_stats_epoch(vcpu->kvm);
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
		kernel[place] = read_kernel_cycles(s, slot);
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

		buckets = add(im, name_of("exit_time_", slot).text, HISTOGRAM,
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
	bool hist = vcpu->exit_stats.hist;
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
