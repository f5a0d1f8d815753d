// SPDX-License-Identifier: MIT
/*
 * A recording as a source of leaves: the CPU's answers, frame by frame.
 *
 * docs/recording.md has the format.  A frame holds the answers that differ from the frame before,
 * and is valid if its last line is there: a truncated recording is good up to its last complete
 * frame.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answers.h"
#include "source.h"

#define LINE_SIZE	4096
#define NOTES_MAX	64

struct note {
	char *key;
	char *value;
};

struct recording {
	struct exitstat_source *src;
	FILE *file;
	unsigned long line;
	const char *complaint;
	int begun;
	int cpu;		/* that is pinned, or ANY_CPU */
	uint64_t time_ns;
	struct answers answers;
	struct note notes[NOTES_MAX];
	size_t notes_nr;
};

static int complain(struct recording *me, const char *rule)
{
	me->complaint = rule;
	return -EBADMSG;
}

/* Read a line and remove its newline: 1, or 0 if there is none or it is incomplete. */
static int read_line(struct recording *me, char line[LINE_SIZE])
{
	size_t length;

	if (!fgets(line, LINE_SIZE, me->file))
		return ferror(me->file) ? -errno : 0;
	me->line++;
	length = strlen(line);
	if (length && line[length - 1] == '\n') {
		line[length - 1] = '\0';
		return 1;
	}
	if (feof(me->file))
		return 0;
	return complain(me, length == LINE_SIZE - 1 ? "a line has at most 4094 bytes" :
						      "a recording has no zero bytes");
}

/* One hexadecimal number of up to 32 bits, and the blanks after it. */
static int parse_hex(char **text, uint32_t *value)
{
	char *p = *text;
	int digits = 0;

	if (p[0] == '0' && p[1] == 'x')
		p += 2;
	for (*value = 0; digits <= 8; digits++, p++) {
		if (*p >= '0' && *p <= '9')
			*value = *value << 4 | (uint32_t)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			*value = *value << 4 | (uint32_t)(*p - 'a' + 10);
		else
			break;
	}
	if (!digits || digits > 8 || (*p && *p != ' '))
		return 0;
	*text = p + strspn(p, " ");
	return 1;
}

/* One decimal number up to max, and the blanks after it. */
static int parse_decimal(char **text, uint64_t max, uint64_t *value)
{
	char *p = *text;

	for (*value = 0; *p >= '0' && *p <= '9'; p++) {
		unsigned int digit = (unsigned int)(*p - '0');

		if (*value > (max - digit) / 10)
			return 0;
		*value = *value * 10 + digit;
	}
	if (p == *text)
		return 0;
	*text = p + strspn(p, " ");
	return 1;
}

/* SECONDS.NNNNNNNNN, with all nine decimals. */
static int parse_time(char **text, uint64_t *time_ns)
{
	char *dot = strchr(*text, '.');
	uint64_t seconds, ns;

	if (!dot || strspn(dot + 1, "0123456789") != 9)
		return 0;
	if (!parse_decimal(text, UINT64_MAX / 1000000000 - 1, &seconds) || *text != dot)
		return 0;
	*text = dot + 1;
	if (!parse_decimal(text, 999999999, &ns))
		return 0;
	*time_ns = seconds * 1000000000 + ns;
	return 1;
}

static int parse_answer(struct recording *me, char *text, int cpu)
{
	struct answer answer = { .cpu = cpu };
	struct exitstat_regs *regs = &answer.regs;
	int err;

	if (!parse_hex(&text, &answer.leaf) || !parse_hex(&text, &answer.ecx) ||
	    strncmp(text, "-> ", 3))
		return complain(me, "an answer reads 'LEAF ECX -> EAX EBX ECX EDX' in hexadecimal");
	text += 3;
	if (!parse_hex(&text, &regs->eax) || !parse_hex(&text, &regs->ebx) ||
	    !parse_hex(&text, &regs->ecx) || !parse_hex(&text, &regs->edx) || *text)
		return complain(me, "an answer has four registers of at most 8 digits each");
	err = exitstat_answers_add(&me->answers, &answer);
	if (err == -EOVERFLOW)
		return complain(me, "a recording has at most 1048576 different answers");
	return err;
}

static int parse_cpu(struct recording *me, char *text, int *cpu)
{
	uint64_t number;

	if (!strcmp(text, "any")) {
		*cpu = ANY_CPU;
		return 0;
	}
	if (!parse_decimal(&text, CPU_MAX, &number) || *text)
		return complain(me, "cpu needs a number from 0 to 16383, or 'any'");
	*cpu = (int)number;
	return 0;
}

static int parse_note(struct recording *me, const char *text)
{
	struct note *note = &me->notes[me->notes_nr];
	size_t length = strcspn(text, " ");

	if (!length || !text[length])
		return complain(me, "a note has a key and a value");
	if (me->notes_nr == NOTES_MAX)
		return complain(me, "a recording has at most 64 notes");
	note->key = strndup(text, length);
	note->value = strdup(text + length + 1);
	me->notes_nr++;
	if (!note->key || !note->value)
		return -ENOMEM;
	exitstat_text_clean(note->value, strlen(note->value) + 1, note->value);
	return 0;
}

/* frame SECONDS [asked NUMBER|free] */
static int parse_frame(struct recording *me, char *text, uint64_t *time_ns, uint64_t *asked,
		       int *is_free)
{
	if (!parse_time(&text, time_ns))
		return complain(me, "frame needs the time in seconds with nine decimals");
	if (*time_ns < me->time_ns)
		return complain(me, "a frame must not be earlier than the one before it");
	*asked = 0;
	*is_free = !strcmp(text, "free");
	if (!*text || *is_free)
		return 0;
	if (strncmp(text, "asked ", 6))
		return complain(me, "after its time a frame has 'asked NUMBER', 'free' or nothing");
	text += 6;
	if (!parse_decimal(&text, UINT64_MAX >> 1, asked) || *text)
		return complain(me, "asked needs a number");
	return 0;
}

/* The lines of a frame after its first: 1, or 0 if the recording ends before the frame does. */
static int read_answers(struct recording *me)
{
	char line[LINE_SIZE];
	int cpu = ANY_CPU;
	int ret;

	while ((ret = read_line(me, line)) > 0) {
		if (!*line || *line == '#')
			continue;
		if (!strcmp(line, "end")) {
			exitstat_answers_merge(&me->answers);
			return 1;
		}
		if (!strncmp(line, "frame", 5))
			return complain(me, "a frame ends with 'end' before the next one");
		if (!strncmp(line, "cpu ", 4))
			ret = parse_cpu(me, line + 4, &cpu);
		else
			ret = parse_answer(me, line, cpu);
		if (ret)
			break;
	}
	/* Only complete frames count. */
	exitstat_answers_drop(&me->answers);
	if (ret)
		return ret;
	me->complaint = "the recording ends inside a frame, which is ignored";
	return 0;
}

static int read_magic(struct recording *me)
{
	char line[LINE_SIZE];
	int ret;

	me->begun = 1;
	ret = read_line(me, line);
	if (ret < 0 && ret != -EBADMSG)
		return ret;
	me->line = 1;
	if (ret <= 0 || strcmp(line, RECORDING_MAGIC))
		return complain(me, "a recording begins with the line '" RECORDING_MAGIC "'");
	return 0;
}

static int recording_advance(void *self, uint64_t *asked)
{
	struct recording *me = self;
	uint64_t time_ns, frame_asked;
	char line[LINE_SIZE];
	int is_free;
	int ret;

	if (!me->begun) {
		ret = read_magic(me);
		if (ret)
			return ret;
	}
	while ((ret = read_line(me, line)) > 0) {
		if (!*line || *line == '#')
			continue;
		if (!strncmp(line, "note ", 5)) {
			ret = parse_note(me, line + 5);
			if (ret)
				return ret;
			continue;
		}
		if (strncmp(line, "frame ", 6))
			return complain(me, "between frames there are only notes and comments");
		ret = parse_frame(me, line + 6, &time_ns, &frame_asked, &is_free);
		if (!ret)
			ret = read_answers(me);
		if (ret <= 0)
			return ret;
		me->time_ns = time_ns;
		me->src->is_free = is_free;
		if (*asked < frame_asked)
			*asked = frame_asked;
		return 1;
	}
	return ret;
}

static int recording_ask(void *self, uint32_t leaf, uint32_t ecx, struct exitstat_regs *regs)
{
	struct recording *me = self;
	const struct answer *found = exitstat_answers_find(&me->answers, me->cpu, leaf, ecx);

	if (!found)
		return -ENODATA;
	*regs = found->regs;
	return 0;
}

static int recording_next_cpu(void *self, int cpu)
{
	struct recording *me = self;
	size_t i;

	/* Sorted by CPU, the answers for ANY_CPU first. */
	for (i = 0; i < me->answers.nr; i++) {
		if (me->answers.list[i].cpu >= (cpu < 0 ? 0 : cpu))
			return me->answers.list[i].cpu;
	}
	return -ENODEV;
}

static int recording_pin(void *self, int cpu)
{
	struct recording *me = self;

	if (cpu >= 0 && recording_next_cpu(me, cpu) != cpu)
		return -ENODEV;
	me->cpu = cpu;
	return 0;
}

static uint64_t recording_now_ns(void *self)
{
	struct recording *me = self;

	return me->time_ns;
}

static const char *recording_complaint(void *self, unsigned long *line)
{
	struct recording *me = self;

	*line = me->line;
	return me->complaint;
}

static const char *recording_note(void *self, const char *key)
{
	struct recording *me = self;
	size_t i;

	for (i = 0; i < me->notes_nr; i++) {
		if (!strcmp(me->notes[i].key, key))
			return me->notes[i].value;
	}
	return NULL;
}

static void recording_close(void *self)
{
	struct recording *me = self;
	size_t i;

	for (i = 0; i < me->notes_nr; i++) {
		free(me->notes[i].key);
		free(me->notes[i].value);
	}
	free(me->answers.list);
	fclose(me->file);
	free(me);
}

static const struct exitstat_source_ops recording_ops = {
	.size = sizeof(struct exitstat_source_ops),
	.ask = recording_ask,
	.pin = recording_pin,
	.next_cpu = recording_next_cpu,
	.advance = recording_advance,
	.now_ns = recording_now_ns,
	.complaint = recording_complaint,
	.note = recording_note,
	.close = recording_close,
};

static int open_file(FILE *file, struct exitstat_source **src)
{
	struct recording *me = calloc(1, sizeof(*me));
	int err;

	if (!me) {
		fclose(file);
		return -ENOMEM;
	}
	me->cpu = ANY_CPU;
	me->file = file;
	err = exitstat_source_open(&recording_ops, me, &me->src);
	if (err)
		recording_close(me);
	else
		*src = me->src;
	return err;
}

int exitstat_source_open_recording(const char *path, struct exitstat_source **src)
{
	FILE *file = fopen(path, "re");

	return file ? open_file(file, src) : -errno;
}

int exitstat_source_open_recording_fd(int fd, struct exitstat_source **src)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *file = own < 0 ? NULL : fdopen(own, "r");
	int err = -errno;

	if (file)
		return open_file(file, src);
	if (own >= 0)
		close(own);
	return err;
}
