// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's tables in debugfs, built when they are read; docs/host.md describes
 * them.
 */
#include <linux/debugfs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "exit_stats_read.h"

struct row {
	u64 count;
	u64 kernel_cycles;
	u64 vmm_cycles;
	u64 waiting_cycles;
	u64 buckets[EXITSTAT_BUCKETS];
};

/* One vCPU, or several added up; rows are indexed by slot. */
struct table {
	u64 guest_cycles;
	struct row rows[KVM_EXIT_STATS_SLOTS];
};

static void add_to_row(struct row *row, const struct kvm_exit_stats *s, u32 slot)
{
	u32 i;

	row->count += kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_COUNT);
	row->kernel_cycles += kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_KERNEL);
	row->vmm_cycles += kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_VMM);
	row->waiting_cycles += kvm_exit_stats_read(s, slot, KVM_EXIT_STATS_WAITING);
	for (i = 0; i < EXITSTAT_BUCKETS; i++)
		row->buckets[i] += kvm_exit_stats_read_bucket(s, slot, i);
}

static void add_to_table(struct table *table, const struct kvm_exit_stats *s)
{
	u32 slots = kvm_exit_stats_numbering()->slots;
	u32 slot;

	table->guest_cycles += READ_ONCE(s->guest_cycles);
	for (slot = 0; slot < slots; slot++)
		add_to_row(&table->rows[slot], s, slot);
}

static bool is_vmx(void)
{
	return kvm_exit_stats_numbering()->id == EXITSTAT_NUMBERING_VMX;
}

static void show_vm(struct seq_file *m, const struct kvm_exit_stats_vm *vm)
{
	seq_printf(m, "numbering %s\n", is_vmx() ? "vmx" : "svm");
	seq_printf(m, "tsc_khz %u\n", kvm_exit_stats_tsc_khz());
	seq_printf(m, "epoch 0x%llx\n", vm->epoch);
	seq_printf(m, "late %u\n", READ_ONCE(vm->late));
	seq_printf(m, "age_cycles %llu\n", kvm_exit_stats_age(vm));
	if (kvm_exit_stats_carrier_features & EXITSTAT_FEATURE_APPROXIMATE)
		seq_puts(m, "approximate 1\n");
}

static void show_head(struct seq_file *m, const struct kvm_exit_stats_vm *vm, u64 guest_cycles)
{
	u32 i;

	show_vm(m, vm);
	seq_printf(m, "guest_cycles %llu\n\n", guest_cycles);

	seq_printf(m, "%-10s  %-24s %14s %20s %20s %20s", "number", "name", "count",
		   "kernel_cycles", "vmm_cycles", "waiting_cycles");
	for (i = 0; vm->histograms && i < EXITSTAT_BUCKETS; i++)
		seq_printf(m, " %*s%u", i < 10 ? 9 : 8, "h", i);
	seq_putc(m, '\n');
}

static void show_row(struct seq_file *m, u32 slot, const struct row *row, bool hist)
{
	/* A variable: in C89, as 5.10 is, a returned struct's array does not decay to a pointer. */
	struct kvm_exit_stats_name name = kvm_exit_stats_name_of("", slot);
	u32 i;

	if (!row->count)
		return;

	seq_printf(m, is_vmx() ? "%-10u" : "%#-10x", kvm_exit_stats_number_of(slot));
	seq_printf(m, "  %-24s %14llu %20llu %20llu %20llu", name.text, row->count,
		   row->kernel_cycles, row->vmm_cycles, row->waiting_cycles);
	for (i = 0; hist && i < EXITSTAT_BUCKETS; i++)
		seq_printf(m, " %10llu", row->buckets[i]);
	seq_putc(m, '\n');
}

static void show_table(struct seq_file *m, const struct kvm_exit_stats_vm *vm,
		       const struct table *table)
{
	u32 place;

	show_head(m, vm, table->guest_cycles);
	for (place = 0; place < kvm_exit_stats_numbering()->slots; place++) {
		u32 slot = kvm_exit_stats_slot_at(place);

		show_row(m, slot, &table->rows[slot], vm->histograms);
	}
}

static void show_details_head(struct seq_file *m, const struct kvm_exit_stats_vm *vm)
{
	show_vm(m, vm);
	seq_printf(m, "\n%-5s %4s  %-10s  %-24s %18s %14s %20s\n", "vcpu", "row", "number", "name",
		   "detail", "count", "cycles");
}

static void show_detail(struct seq_file *m, const struct kvm_exit_stats *s, u32 row)
{
	u32 slot = kvm_exit_stats_detail_slot(s, row);
	struct kvm_exit_stats_name name = kvm_exit_stats_name_of("", slot);

	seq_printf(m, "%-5u %4u  ", kvm_exit_stats_vcpu_index(s), row);
	seq_printf(m, is_vmx() ? "%-10u" : "%#-10x", kvm_exit_stats_number_of(slot));
	seq_printf(m, "  %-24s 0x%016llx %14llu %20llu\n", name.text,
		   kvm_exit_stats_detail_of(s, row),
		   kvm_exit_stats_read_detail(s, row, KVM_EXIT_STATS_COUNT),
		   kvm_exit_stats_read_detail(s, row, KVM_EXIT_STATS_KERNEL) +
		   kvm_exit_stats_read_detail(s, row, KVM_EXIT_STATS_VMM));
}

static void show_details(struct seq_file *m, const struct kvm_exit_stats *s)
{
	u32 row = kvm_exit_stats_next_detail(s, 0);

	for (; row < KVM_EXIT_STATS_DETAIL_ROWS; row = kvm_exit_stats_next_detail(s, row + 1))
		show_detail(m, s, row);
}

static int vm_show(struct seq_file *m, void *unused)
{
	const struct kvm_exit_stats_vm *vm = m->private;
	const struct kvm_exit_stats *s;
	struct table *table;
	unsigned int i = 0;

	table = kvzalloc(sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;

	while ((s = kvm_exit_stats_next_vcpu(vm, &i)))
		add_to_table(table, s);
	seq_printf(m, "exit_stats 1\nvcpus %u\n", kvm_exit_stats_nr_vcpus(vm));
	show_table(m, vm, table);
	kvfree(table);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vm);

static int vcpu_show(struct seq_file *m, void *unused)
{
	const struct kvm_exit_stats *s = m->private;
	struct table *table;

	table = kvzalloc(sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;

	add_to_table(table, s);
	seq_printf(m, "exit_stats 1\nvcpu %u\n", kvm_exit_stats_vcpu_index(s));
	show_table(m, s->vm, table);
	kvfree(table);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vcpu);

static int vm_details_show(struct seq_file *m, void *unused)
{
	const struct kvm_exit_stats_vm *vm = m->private;
	const struct kvm_exit_stats *s;
	unsigned int i = 0;

	seq_printf(m, "exit_details 1\nvcpus %u\n", kvm_exit_stats_nr_vcpus(vm));
	show_details_head(m, vm);
	while ((s = kvm_exit_stats_next_vcpu(vm, &i)))
		show_details(m, s);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vm_details);

static int vcpu_details_show(struct seq_file *m, void *unused)
{
	const struct kvm_exit_stats *s = m->private;

	seq_printf(m, "exit_details 1\nvcpu %u\n", kvm_exit_stats_vcpu_index(s));
	show_details_head(m, s->vm);
	show_details(m, s);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vcpu_details);

void kvm_exit_stats_create_vm_debugfs(struct kvm_exit_stats_vm *vm, struct dentry *parent)
{
	debugfs_create_file("exit_stats", 0444, parent, vm, &vm_fops);
	if (vm->details)
		debugfs_create_file("exit_details", 0444, parent, vm, &vm_details_fops);
}

void kvm_exit_stats_create_vcpu_debugfs(struct kvm_exit_stats *s, struct dentry *parent)
{
	debugfs_create_file("exit_stats", 0444, parent, s, &vcpu_fops);
	if (s->vm->details)
		debugfs_create_file("exit_details", 0444, parent, s, &vcpu_details_fops);
}
