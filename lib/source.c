// SPDX-License-Identifier: MIT
/* A source of leaves: count the queries and pass them on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"

int exitstat_source_open(const struct exitstat_source_ops *ops, void *self,
			 struct exitstat_source **src)
{
	struct exitstat_source *new;

	if (ops->size < offsetof(struct exitstat_source_ops, pin) || !ops->ask)
		return -EINVAL;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	/* The program may be built with fewer ops, or more: use those that both know. */
	memcpy(&new->ops, ops, ops->size < sizeof(new->ops) ? ops->size : sizeof(new->ops));
	new->self = self;
	new->is_free = !!(ops->flags & EXITSTAT_SOURCE_FREE);
	*src = new;
	return 0;
}

void exitstat_source_close(struct exitstat_source *src)
{
	if (!src)
		return;
	if (src->ops.close)
		src->ops.close(src->self);
	free(src);
}

int exitstat_source_ask(struct exitstat_source *src, uint32_t leaf, uint32_t ecx,
			struct exitstat_regs *regs)
{
	src->asked += !src->is_free;
	return src->ops.ask(src->self, leaf, ecx, regs);
}

uint64_t exitstat_source_asked(const struct exitstat_source *src)
{
	return src->asked;
}

int exitstat_source_pin(struct exitstat_source *src, int cpu)
{
	if (cpu < 0)
		return -ENODEV;
	if (!src->ops.pin)
		return cpu ? -ENODEV : 0;
	return src->ops.pin(src->self, cpu);
}

int exitstat_source_unpin(struct exitstat_source *src)
{
	return src->ops.pin ? src->ops.pin(src->self, -1) : 0;
}

int exitstat_source_next_cpu(struct exitstat_source *src, int cpu)
{
	if (!src->ops.next_cpu)
		return cpu <= 0 ? 0 : -ENODEV;
	return src->ops.next_cpu(src->self, cpu);
}

int exitstat_source_advance(struct exitstat_source *src)
{
	return src->ops.advance ? src->ops.advance(src->self, &src->asked) : 1;
}

uint64_t exitstat_source_now_ns(struct exitstat_source *src)
{
	return src->ops.now_ns ? src->ops.now_ns(src->self) : 0;
}

const char *exitstat_source_complaint(struct exitstat_source *src, unsigned long *line)
{
	*line = 0;
	return src->ops.complaint ? src->ops.complaint(src->self, line) : NULL;
}

const char *exitstat_source_note(struct exitstat_source *src, const char *key)
{
	return src->ops.note ? src->ops.note(src->self, key) : NULL;
}
