// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's tables, in KVM's directories of a VM and its vCPUs, where the
 * patched KVM has them.
 *
 * KVM removes its directories with all that is in them when a VM ends, at any
 * moment: a directory is looked up by name, which gives it or nothing, and a file
 * is held by a reference of its own.
 */
#include <linux/dcache.h>
#include <linux/debugfs.h>

#include "attach.h"

#define FILE_NAME	"exit_stats"

static void hold(struct attached_table *table, struct dentry *dir)
{
	table->file = debugfs_lookup(FILE_NAME, dir);
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

/* A VM that ended may have left its name to another one: then the directory is another one, too. */
static void make_tables(struct attached_vcpu *v)
{
	struct attached_vm *vm = attached_vm_of(v->stats.vm);
	struct dentry *dir = vm->dir ? debugfs_lookup(vm->dir_name, vm->kvms) : NULL;

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
	table->file = NULL;
}

/* Waits for its readers. */
void attached_table_remove(struct attached_table *table)
{
	debugfs_remove(table->file);
	attached_table_put(table);
}
