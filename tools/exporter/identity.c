// SPDX-License-Identifier: MIT
/*
 * Which VM is which: labels that stay the same when a VM is started again, and that no two VMs have
 * at a time.
 *
 * A VM is its name and its UUID, if its VMM was given one of them.  Otherwise, and if another VM
 * that runs has both, too, it also is its id.  Of several with the same, the one of the oldest
 * process goes without, and each keeps what it has as long as it runs: a series never passes to
 * another VM that is running.
 */
#include <stdlib.h>
#include <string.h>

#include "exporter.h"
#include "grow.h"

struct identities {
	struct identity **list;
	size_t nr;
	size_t room;
	size_t next;	/* where the next one probably is: they are seen in about the same order */
};

struct identities *identities_open(void)
{
	return calloc(1, sizeof(struct identities));
}

static void identity_free(struct identity *vm)
{
	text_free(&vm->labels);
	free(vm);
}

void identities_close(struct identities *all)
{
	size_t i;

	if (!all)
		return;
	for (i = 0; i < all->nr; i++)
		identity_free(all->list[i]);
	free(all->list);
	free(all);
}

void identities_begin(struct identities *all)
{
	size_t i;

	all->next = 0;
	for (i = 0; i < all->nr; i++)
		all->list[i]->seen = false;
}

static struct identity *find(struct identities *all, int pid, int fd, uint64_t serial)
{
	size_t i;

	for (i = 0; i < all->nr; i++) {
		size_t at = (all->next + i) % all->nr;
		struct identity *vm = all->list[at];

		if (vm->pid != pid || vm->fd != fd || vm->serial != serial)
			continue;
		all->next = at + 1;
		return vm;
	}
	return NULL;
}

static struct identity *add(struct identities *all)
{
	void *list = grow(all->list, all->nr, &all->room, sizeof(*all->list));
	struct identity *vm = list ? calloc(1, sizeof(*vm)) : NULL;

	if (list)
		all->list = list;
	if (vm)
		all->list[all->nr++] = vm;
	return vm;
}

struct identity *identities_see(struct identities *all, int pid, int fd, uint64_t serial)
{
	struct identity *vm = find(all, pid, fd, serial);

	if (!vm) {
		vm = add(all);
		if (!vm)
			return NULL;
		vm->pid = pid;
		vm->fd = fd;
		vm->serial = serial;
		vm->fresh = true;
	}
	vm->seen = true;
	return vm;
}

static void forget_unseen(struct identities *all)
{
	size_t i, nr = 0;

	for (i = 0; i < all->nr; i++) {
		if (all->list[i]->seen)
			all->list[nr++] = all->list[i];
		else
			identity_free(all->list[i]);
	}
	all->nr = nr;
}

/* FNV-1a. */
static uint32_t hash(const struct text *text)
{
	uint32_t sum = 2166136261;
	size_t i;

	for (i = 0; i < text->size; i++)
		sum = (sum ^ (unsigned char)text->at[i]) * 16777619;
	return sum;
}

static bool is_taken(const struct identities *all, const struct identity *vm)
{
	const struct identity *other;
	size_t i;

	for (i = 0; i < all->nr; i++) {
		other = all->list[i];
		if (other->plain && other->hash == vm->hash &&
		    other->labels.size == vm->labels.size &&
		    !memcmp(other->labels.at, vm->labels.at, vm->labels.size))
			return true;
	}
	return false;
}

static void put_label(struct text *labels, const char *name, const char *value)
{
	if (!*value)
		return;
	text_print(labels, "%s%s=\"", labels->size ? "," : "", name);
	text_put_value(labels, value);
	text_put(labels, PIECE("\""));
}

static void label(const struct identities *all, struct identity *vm)
{
	put_label(&vm->labels, "vm", *vm->name ? vm->name : vm->id);
	put_label(&vm->labels, "uuid", vm->uuid);
	vm->hash = hash(&vm->labels);
	vm->plain = (vm->named || *vm->uuid) && !is_taken(all, vm);
	if (!vm->plain)
		put_label(&vm->labels, "id", vm->id);
	vm->fresh = false;
}

/* The oldest first; if that is unknown, last. */
static int compare_ages(const void *left, const void *right)
{
	const struct identity *a = *(struct identity * const *)left;
	const struct identity *b = *(struct identity * const *)right;

	if (a->started != b->started)
		return a->started - 1 < b->started - 1 ? -1 : 1;
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return (a->fd > b->fd) - (a->fd < b->fd);
}

void identities_end(struct identities *all)
{
	struct identity **fresh;
	size_t i, nr = 0;

	forget_unseen(all);
	fresh = calloc(all->nr + 1, sizeof(struct identity *));
	if (!fresh)
		return;
	for (i = 0; i < all->nr; i++) {
		if (all->list[i]->fresh)
			fresh[nr++] = all->list[i];
	}
	qsort(fresh, nr, sizeof(*fresh), compare_ages);
	for (i = 0; i < nr; i++)
		label(all, fresh[i]);
	free(fresh);
}

struct identity *identities_at(const struct identities *all, size_t i)
{
	return i < all->nr ? all->list[i] : NULL;
}
