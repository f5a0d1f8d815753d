// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's tables, in KVM's directories for a VM and its vCPUs, as in the
 * patched KVM.
 *
 * When a VM ends, which may be at any moment, KVM removes its directories and all
 * that is in them.  So look a directory up by name each time, and hold a reference
 * to each file.
 */
#include <linux/dcache.h>
#include <linux/debugfs.h>

#include "attach.h"

static void hold(struct attached_table *table, struct dentry *dir)
{
	table->file = debugfs_lookup("exit_stats", dir);
	table->details = debugfs_lookup("exit_details", dir);
}

static void make_vcpu_table(struct attached_vcpu *v, struct dentry *vm_dir)
{
	struct dentry *dir;
	char name[16];

	snprintf(name, sizeof(name), "vcpu%d", v->id);
	dir = debugfs_lookup(name, vm_dir);
	if (!dir)
		return;
	kvm_exit_stats_create_vcpu_debugfs(&v->stats, dir);
	hold(&v->table, dir);
	dput(dir);
}

static void make_vm_table(struct attached_vm *vm, struct dentry *dir)
{
	if (vm->table.tried)
		return;
	vm->table.tried = true;
	kvm_exit_stats_create_vm_debugfs(&vm->stats, dir);
	hold(&vm->table, dir);
}

/* If the VM has ended, another one may have its name, but then the dentry differs. */
static void make_tables(struct attached_vcpu *v)
{
	struct attached_vm *vm = attached_vm_of(v->stats.vm);
	struct dentry *dir = vm->dir ? debugfs_lookup(vm->dir_name, vm->kvm_dir) : NULL;

	if (dir && dir == vm->dir) {
		make_vm_table(vm, dir);
		make_vcpu_table(v, dir);
	}
	dput(dir);
	if (attached_is_dead(v)) {
		attached_table_remove(&v->table);
		attached_table_remove(&vm->table);
	}
}

void attached_tables_make(void)
{
	struct attached_vcpu *v;

	while ((v = attached_next_without_table()))
		make_tables(v);
}

void attached_table_put(struct attached_table *table)
{
	dput(table->file);
	dput(table->details);
	table->file = NULL;
	table->details = NULL;
}

/* Waits for the table's readers. */
void attached_table_remove(struct attached_table *table)
{
	debugfs_remove(table->file);
	debugfs_remove(table->details);
	attached_table_put(table);
}
