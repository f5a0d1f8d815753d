// SPDX-License-Identifier: MIT
/*
 * A recorder: a source that asks another one and writes the answers that are new.
 *
 * A complete frame is written with one write(), so a kill or a full disk loses only the last one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "source.h"
#include "write.h"

/* The reader accepts lines of 4094 bytes. */
#define NOTE_MAX	4080

struct recorder {
	struct exitstat_source *inner;
	int fd;
	int cpu;		/* that is pinned, or ANY_CPU */
	int written_cpu;	/* that the frame's text is about */
	uint64_t asked;
	int begun;
	uint64_t start_ns;	/* of the first frame */
	uint64_t now_ns;	/* of this frame */
	struct answers answers;
	FILE *frame;		/* the text of the current frame, or NULL */
	char *text;
	size_t size;
};

static int begin_frame(struct recorder *me)
{
	unsigned long long since;

	me->frame = open_memstream(&me->text, &me->size);
	if (!me->frame)
		return -ENOMEM;
	me->now_ns = exitstat_source_now_ns(me->inner);
	if (!me->begun)
		me->start_ns = me->now_ns;
	me->begun = 1;
	since = me->now_ns - me->start_ns;
	me->written_cpu = ANY_CPU;
	fprintf(me->frame, "frame %llu.%09llu ", since / 1000000000, since % 1000000000);
	if (me->inner->is_free)
		fputs("free\n", me->frame);
	else
		fprintf(me->frame, "asked %llu\n", (unsigned long long)me->asked);
	return 0;
}

static void write_answer(struct recorder *me, const struct answer *answer)
{
	const struct exitstat_regs *regs = &answer->regs;

	if (me->written_cpu != answer->cpu && answer->cpu == ANY_CPU)
		fputs("cpu any\n", me->frame);
	else if (me->written_cpu != answer->cpu)
		fprintf(me->frame, "cpu %d\n", answer->cpu);
	me->written_cpu = answer->cpu;
	fprintf(me->frame, "%08x %08x -> %08x %08x %08x %08x\n", answer->leaf, answer->ecx,
		regs->eax, regs->ebx, regs->ecx, regs->edx);
}

static int recorder_ask(void *self, uint32_t leaf, uint32_t ecx, struct exitstat_regs *regs)
{
	struct recorder *me = self;
	const struct answer *known;
	struct answer answer = { .cpu = me->cpu, .leaf = leaf, .ecx = ecx };
	int err = me->frame ? 0 : begin_frame(me);

	if (err)
		return err;
	me->asked++;
	err = exitstat_source_ask(me->inner, leaf, ecx, regs);
	if (err)
		return err;
	answer.regs = *regs;
	known = exitstat_answers_find(&me->answers, me->cpu, leaf, ecx);
	if (known && !memcmp(&known->regs, regs, sizeof(*regs)))
		return 0;
	write_answer(me, &answer);
	return exitstat_answers_add(&me->answers, &answer);
}

static int recorder_pin(void *self, int cpu)
{
	struct recorder *me = self;
	int err = cpu < 0 ? exitstat_source_unpin(me->inner) :
			    exitstat_source_pin(me->inner, cpu);

	if (!err)
		me->cpu = cpu < 0 ? ANY_CPU : cpu;
	return err;
}

static int recorder_next_cpu(void *self, int cpu)
{
	struct recorder *me = self;

	return exitstat_source_next_cpu(me->inner, cpu);
}

static int end_frame(struct recorder *me)
{
	int err;

	fputs("end\n", me->frame);
	err = fclose(me->frame) ? -ENOMEM : write_all(me->fd, me->text, me->size);
	me->frame = NULL;
	free(me->text);
	me->text = NULL;
	if (err)
		exitstat_answers_drop(&me->answers);
	else
		exitstat_answers_merge(&me->answers);
	return err;
}

/* The frame is complete: write it.  The next query begins another one. */
static int recorder_advance(void *self, uint64_t *asked)
{
	struct recorder *me = self;
	int err = me->frame ? end_frame(me) : 0;

	(void)asked;
	return err ? err : exitstat_source_advance(me->inner);
}

static uint64_t recorder_now_ns(void *self)
{
	struct recorder *me = self;

	return me->frame ? me->now_ns : exitstat_source_now_ns(me->inner);
}

static void recorder_close(void *self)
{
	struct recorder *me = self;

	if (me->frame)
		fclose(me->frame);
	free(me->text);
	free(me->answers.list);
	free(me);
}

static const struct exitstat_source_ops recorder_ops = {
	.size = sizeof(struct exitstat_source_ops),
	.ask = recorder_ask,
	.pin = recorder_pin,
	.next_cpu = recorder_next_cpu,
	.advance = recorder_advance,
	.now_ns = recorder_now_ns,
	.close = recorder_close,
};

int exitstat_source_open_recorder(struct exitstat_source *inner, int fd,
				  struct exitstat_source **src)
{
	static const char magic[] = RECORDING_MAGIC "\n";
	struct recorder *me = calloc(1, sizeof(*me));
	int err;

	if (!me)
		return -ENOMEM;
	me->inner = inner;
	me->fd = fd;
	me->cpu = ANY_CPU;
	err = write_all(fd, magic, strlen(magic));
	if (!err)
		err = exitstat_source_open(&recorder_ops, me, src);
	if (err)
		recorder_close(me);
	else
		(*src)->is_free = inner->is_free;
	return err;
}

int exitstat_recording_note(int fd, const char *key, const char *value)
{
	if (!*key || !*value || strpbrk(key, "\n ") || strchr(value, '\n'))
		return -EINVAL;
	if (strlen(key) + strlen(value) > NOTE_MAX)
		return -EOVERFLOW;
	return dprintf(fd, "note %s %s\n", key, value) < 0 ? -errno : 0;
}
