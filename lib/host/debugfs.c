// SPDX-License-Identifier: MIT
/*
 * The tables that KVM shows in debugfs; docs/host.md has their format.
 *
 * A VM is identified by its directory's path and no file stays open, so that a reader of thousands
 * of VMs does not need a descriptor for each.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grow.h"
#include "tables.h"

#define FILE_NAME	"exit_stats"
#define VERSION_LINE	"exit_stats 1"

/* What is read has that much room behind its end. */
#define SLACK_BYTES	8

/* Far more than 256 rows with histograms. */
#define SIZE_MAX_BYTES	(1u << 20)

#define DETAILS_NAME	"exit_details"
#define DETAILS_LINE	"exit_details 1"

/* Two thousand vCPUs with full tables of details; more are refused. */
#define DETAILS_MAX_BYTES	(1u << 26)
#define DETAILS_MAX		(1u << 20)

#define COLUMNS_MAX	64

/* What a column holds: one of these, or COLUMN_BUCKET0 plus the bucket. */
enum column {
	COLUMN_UNKNOWN,
	COLUMN_NUMBER,
	COLUMN_COUNT,
	COLUMN_KERNEL,
	COLUMN_VMM,
	COLUMN_WAITING,
	COLUMN_VCPU,
	COLUMN_ROW,
	COLUMN_DETAIL,
	COLUMN_CYCLES,
	COLUMN_BUCKET0,
};

static const char * const column_names[] = {
	[COLUMN_NUMBER] = "number", [COLUMN_COUNT] = "count", [COLUMN_KERNEL] = "kernel_cycles",
	[COLUMN_VMM] = "vmm_cycles", [COLUMN_WAITING] = "waiting_cycles",
	[COLUMN_VCPU] = "vcpu", [COLUMN_ROW] = "row", [COLUMN_DETAIL] = "detail",
	[COLUMN_CYCLES] = "cycles",
};

/* The highest value of a column, where it is not that of 64 bits. */
static const uint64_t column_max[COLUMNS_MAX] = {
	[COLUMN_NUMBER] = UINT32_MAX, [COLUMN_VCPU] = TABLE_VCPU_MAX, [COLUMN_ROW] = UINT16_MAX,
};

#define BIT_OF(column)	(UINT64_C(1) << (column))
#define BUCKETS_ALL	(((UINT64_C(1) << EXITSTAT_BUCKETS) - 1) << COLUMN_BUCKET0)

/* A kind of table. */
struct form {
	const char *version;
	const char *wrong_version;
	unsigned int keys;
	const char *wrong_keys;
	uint64_t columns;
	const char *wrong_columns;
	size_t max_bytes;
	int (*add_row)(struct table *table, const uint64_t values[COLUMNS_MAX]);
};

struct parser {
	const struct form *form;
	struct table *table;
	char *next;		/* the next line */
	uint8_t columns[COLUMNS_MAX];
	size_t columns_nr;
};

/*
 * Text.
 */

/* The next line without its newline: 1, 0 if there is none, or -EBADMSG if it is incomplete. */
static int next_line(struct parser *parser, char **line)
{
	char *end = strchr(parser->next, '\n');

	if (!*parser->next)
		return 0;
	parser->table->line++;
	if (!end)
		return exitstat_table_complain(parser->table, "the table ends inside a line");
	*end = '\0';
	*line = parser->next;
	parser->next = end + 1;
	return 1;
}

/* The next word of a line, or NULL. */
static char *next_word(char **text)
{
	char *word = *text;
	char *end;

	while (*word == ' ')
		word++;
	if (!*word)
		return NULL;
	for (end = word; *end && *end != ' '; end++)
		;
	*text = end;
	if (*end)
		*(*text)++ = '\0';
	return word;
}

/* The value of a digit, or a value that no base has. */
static unsigned int digit_of(char digit)
{
	if (digit >= '0' && digit <= '9')
		return (unsigned int)(digit - '0');
	if (digit >= 'a' && digit <= 'f')
		return (unsigned int)(digit - 'a') + 10;
	if (digit >= 'A' && digit <= 'F')
		return (unsigned int)(digit - 'A') + 10;
	return 16;
}

/* A decimal or hexadecimal number at the beginning of the text: its end, or NULL. */
static char *take_number(char *text, uint64_t max, uint64_t *value)
{
	unsigned int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	uint64_t number = 0;
	unsigned int digit;
	char *at;

	text += base == 16 ? 2 : 0;
	for (at = text; (digit = digit_of(*at)) < base; at++) {
		/* 16^15 and 10^19 fit. */
		if (at - text < 15) {
			number = number * base + digit;
			continue;
		}
		if (__builtin_mul_overflow(number, base, &number) ||
		    __builtin_add_overflow(number, digit, &number))
			return NULL;
	}
	*value = number;
	return at > text && number <= max ? at : NULL;
}

static int parse_number(char *word, uint64_t max, uint64_t *value)
{
	char *end = take_number(word, max, value);

	return end && !*end;
}

/*
 * The head: lines with a key and a value.
 */

#define KEY_NUMBERING	0x01u
#define KEY_TSC		0x02u
#define KEY_VCPUS	0x04u
#define KEY_VCPU	0x08u
#define KEY_EPOCH	0x10u
#define KEY_GUEST	0x20u
#define KEY_AGE		0x40u
#define KEY_LATE	0x80u
#define KEY_APPROXIMATE	0x100u

#define KEYS_OF_ALL	(KEY_NUMBERING | KEY_TSC | KEY_EPOCH)

static int parse_numbering(struct table *table, const char *value)
{
	if (!strcmp(value, "vmx"))
		table->numbering = EXITSTAT_NUMBERING_VMX;
	else if (!strcmp(value, "svm"))
		table->numbering = EXITSTAT_NUMBERING_SVM;
	else
		return exitstat_table_complain(table, "numbering is vmx or svm");
	return 0;
}

static int parse_key(struct table *table, const char *key, char *value, unsigned int *seen)
{
#define KEY(name) offsetof(struct table, name)
	static const struct {
		const char *key;
		unsigned int bit;
		uint64_t max;	/* beyond 32 bits, so is the field */
		size_t field;
	} keys[] = {
		{ "tsc_khz", KEY_TSC, UINT32_MAX, KEY(tsc_khz) },
		{ "vcpus", KEY_VCPUS, UINT32_MAX, KEY(vcpus) },
		{ "vcpu", KEY_VCPU, UINT32_MAX, KEY(vcpu) },
		{ "epoch", KEY_EPOCH, UINT64_MAX, KEY(epoch) },
		{ "guest_cycles", KEY_GUEST, UINT64_MAX, KEY(guest_cycles) },
		{ "age_cycles", KEY_AGE, UINT64_MAX, KEY(age_cycles) },
		{ "late", KEY_LATE, 1, KEY(late) },
		{ "approximate", KEY_APPROXIMATE, 1, KEY(approximate) },
	};
#undef KEY
	uint64_t number;
	size_t i;

	if (!strcmp(key, "numbering")) {
		*seen |= KEY_NUMBERING;
		return parse_numbering(table, value);
	}
	for (i = 0; i < sizeof(keys) / sizeof(*keys) && strcmp(key, keys[i].key); i++)
		;
	/* A later kernel may have more keys. */
	if (i == sizeof(keys) / sizeof(*keys))
		return 0;
	if (!parse_number(value, keys[i].max, &number))
		return exitstat_table_complain(table, "the value of this key is a number");
	*seen |= keys[i].bit;
	if (keys[i].max > UINT32_MAX)
		*(uint64_t *)((char *)table + keys[i].field) = number;
	else
		*(uint32_t *)((char *)table + keys[i].field) = (uint32_t)number;
	return 0;
}

/* Up to the empty line. */
static int parse_head(struct parser *parser, int vcpu)
{
	unsigned int needed = parser->form->keys |
			      (vcpu == TABLE_OF_VM ? KEY_VCPUS : KEY_VCPU);
	struct table *table = parser->table;
	unsigned int seen = 0;
	char *line = "";
	int ret = next_line(parser, &line);

	if (ret < 0)
		return ret;
	if (strcmp(line, parser->form->version))
		return exitstat_table_complain(table, parser->form->wrong_version);
	while ((ret = next_line(parser, &line)) > 0 && *line) {
		char *key = next_word(&line);
		char *value = key ? next_word(&line) : NULL;

		if (!value)
			return exitstat_table_complain(table, "a line has a key and a value");
		ret = parse_key(table, key, value, &seen);
		if (ret)
			return ret;
	}
	if (ret < 0)
		return ret;
	if ((seen & needed) != needed)
		return exitstat_table_complain(table, parser->form->wrong_keys);
	return 0;
}

/*
 * The rows.
 */

static uint8_t column_of(char *name)
{
	uint64_t bucket;
	uint8_t i;

	for (i = COLUMN_NUMBER; i < COLUMN_BUCKET0; i++) {
		if (!strcmp(name, column_names[i]))
			return i;
	}
	if (*name == 'h' && parse_number(name + 1, EXITSTAT_BUCKETS - 1, &bucket))
		return (uint8_t)(COLUMN_BUCKET0 + bucket);
	return COLUMN_UNKNOWN;
}

static int parse_columns(struct parser *parser)
{
	struct table *table = parser->table;
	uint64_t seen = 0;
	char *line = "";
	char *name;
	int ret = next_line(parser, &line);

	if (ret < 0)
		return ret;
	while ((name = next_word(&line))) {
		if (parser->columns_nr == COLUMNS_MAX)
			return exitstat_table_complain(table, "a table has at most 64 columns");
		parser->columns[parser->columns_nr] = column_of(name);
		seen |= UINT64_C(1) << parser->columns[parser->columns_nr++];
	}
	if ((seen & parser->form->columns) != parser->form->columns)
		return exitstat_table_complain(table, parser->form->wrong_columns);
	table->histograms = (seen & BUCKETS_ALL) == BUCKETS_ALL;
	return 0;
}

static int add_row(struct table *table, const uint64_t values[COLUMNS_MAX])
{
	uint32_t number = (uint32_t)values[COLUMN_NUMBER];
	size_t row;
	int err;

	if (table->rows_nr && table->rows[table->rows_nr - 1].number >= number)
		return exitstat_table_complain(table, "the rows are in ascending order of numbers");
	if (!values[COLUMN_COUNT])
		return 0;
	err = exitstat_table_row(table, number, &row);
	if (err == -EOVERFLOW)
		return exitstat_table_complain(table, "a table has at most 256 rows");
	if (err)
		return err;
	table->rows[row].count = values[COLUMN_COUNT];
	table->rows[row].cycles = values[COLUMN_KERNEL] + values[COLUMN_VMM];
	table->rows[row].vmm_cycles = values[COLUMN_VMM];
	table->rows[row].waiting_cycles = values[COLUMN_WAITING];
	if (table->histograms)
		memcpy(table->buckets[row], &values[COLUMN_BUCKET0], sizeof(*table->buckets));
	return 0;
}

static int add_detail(struct table *table, const uint64_t values[COLUMNS_MAX])
{
	struct exitstat_detail detail = {
		.number = (uint32_t)values[COLUMN_NUMBER],
		.place = (uint32_t)(values[COLUMN_VCPU] << 16 | values[COLUMN_ROW]),
		.detail = values[COLUMN_DETAIL],
		.count = values[COLUMN_COUNT],
		.cycles = values[COLUMN_CYCLES],
	};
	struct exitstat_detail *details;

	if (table->details_nr && table->details[table->details_nr - 1].place >= detail.place)
		return exitstat_table_complain(table,
					       "the details are in ascending order of vCPU and row");
	if (table->details_nr == DETAILS_MAX)
		return exitstat_table_complain(table, "a table has at most 1048576 details");
	details = grow(table->details, table->details_nr, &table->details_room, sizeof(*details));
	if (!details)
		return -ENOMEM;
	table->details = details;
	table->details[table->details_nr++] = detail;
	return 0;
}

static const struct form form_of_exits = {
	.version = VERSION_LINE,
	.wrong_version = "a table begins with '" VERSION_LINE "'",
	.keys = KEYS_OF_ALL | KEY_GUEST,
	.wrong_keys =
	"before the rows come numbering, tsc_khz, epoch, guest_cycles, and vcpus or vcpu",
	.columns = BIT_OF(COLUMN_NUMBER) | BIT_OF(COLUMN_COUNT) | BIT_OF(COLUMN_KERNEL) |
		   BIT_OF(COLUMN_VMM) | BIT_OF(COLUMN_WAITING),
	.wrong_columns = "the columns are number, count, kernel_cycles, vmm_cycles, waiting_cycles",
	.max_bytes = SIZE_MAX_BYTES,
	.add_row = add_row,
};

static const struct form form_of_details = {
	.version = DETAILS_LINE,
	.wrong_version = "a table of details begins with '" DETAILS_LINE "'",
	.keys = KEYS_OF_ALL,
	.wrong_keys = "before the details come numbering, tsc_khz, epoch, and vcpus or vcpu",
	.columns = BIT_OF(COLUMN_VCPU) | BIT_OF(COLUMN_ROW) | BIT_OF(COLUMN_NUMBER) |
		   BIT_OF(COLUMN_DETAIL) | BIT_OF(COLUMN_COUNT) | BIT_OF(COLUMN_CYCLES),
	.wrong_columns = "the columns of details are vcpu, row, number, detail, count, cycles",
	.max_bytes = DETAILS_MAX_BYTES,
	.add_row = add_detail,
};

/* Most of a table is blanks: columns are wide. */
static char *skip_blanks(char *at)
{
	while (!memcmp(at, "        ", SLACK_BYTES))
		at += SLACK_BYTES;
	while (*at == ' ')
		at++;
	return at;
}

/* A scrape of a thousand VMs reads 100 000 of these, so this goes through the text once. */
static char *take_cell(char *at, uint8_t column, uint64_t *value)
{
	if (column != COLUMN_UNKNOWN)
		return take_number(at, column_max[column] ? column_max[column] : UINT64_MAX, value);
	while (*at && *at != ' ')
		at++;
	return at;
}

static int parse_row(struct parser *parser, char *at)
{
	uint64_t values[COLUMNS_MAX] = { 0 };
	size_t i;

	for (i = 0;; i++) {
		at = skip_blanks(at);
		if (!*at || i == parser->columns_nr)
			break;
		at = take_cell(at, parser->columns[i], &values[parser->columns[i]]);
		if (!at || (*at && *at != ' '))
			return exitstat_table_complain(parser->table, "a value is a number");
	}
	if (*at || i < parser->columns_nr)
		return exitstat_table_complain(parser->table,
					       "a row has a value for each column");
	return parser->form->add_row(parser->table, values);
}

static int parse(const struct form *form, struct table *table, char *text, int vcpu)
{
	struct parser parser = { .form = form, .table = table, .next = text };
	char *line = NULL;
	int ret = parse_head(&parser, vcpu);

	if (!ret)
		ret = parse_columns(&parser);
	while (!ret && (ret = next_line(&parser, &line)) > 0)
		ret = parse_row(&parser, line);
	return ret;
}

/*
 * Files.
 */

/* Read a whole file and add zero bytes; returns the size or -errno.  The caller frees *text. */
static ssize_t read_text(int fd, size_t max_bytes, char **text)
{
	size_t room = 0, size = 0;

	for (*text = NULL; room < max_bytes;) {
		ssize_t got;

		if (size + SLACK_BYTES >= room) {
			char *more = realloc(*text, room = room ? 2 * room : 16384);

			if (!more)
				return -ENOMEM;
			*text = more;
		}
		got = read(fd, *text + size, room - size - SLACK_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		size += (size_t)got;
		memset(*text + size, 0, SLACK_BYTES);
		if (!got)
			return (ssize_t)size;
	}
	return -EFBIG;
}

static int read_path(const struct form *form, const char *path, int vcpu, struct table *table)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size;
	char *text;
	int err;

	if (fd < 0)
		return -errno;
	size = read_text(fd, form->max_bytes, &text);
	close(fd);
	if (size < 0)
		/* Reading fails if debugfs has removed the file meanwhile. */
		err = access(path, F_OK) ? -ENODEV : (int)size;
	else if (strlen(text) != (size_t)size)
		err = exitstat_table_complain(table, "a table has no zero bytes");
	else
		err = parse(form, table, text, vcpu);
	free(text);
	return err;
}

static void path_of(char path[PATH_MAX], const char *dir, int vcpu, const char *name)
{
	if (vcpu == TABLE_OF_VM)
		snprintf(path, PATH_MAX, "%s/%s", dir, name);
	else
		snprintf(path, PATH_MAX, "%s/vcpu%d/%s", dir, vcpu, name);
}

static int debugfs_read(void *self, int vcpu, struct table *table)
{
	const char *dir = self;
	char path[PATH_MAX];
	int err;

	path_of(path, dir, vcpu, FILE_NAME);
	err = read_path(&form_of_exits, path, vcpu, table);
	if (err != -ENOENT && err != -ENOTDIR)
		return err;
	/* With a stock KVM, a VM has the directory but not the file. */
	return vcpu == TABLE_OF_VM && !access(dir, F_OK) ? -EOPNOTSUPP : -ENODEV;
}

static int debugfs_has_details(void *self)
{
	char path[PATH_MAX];

	path_of(path, self, TABLE_OF_VM, DETAILS_NAME);
	return !access(path, F_OK);
}

static int debugfs_read_details(void *self, int vcpu, struct table *table)
{
	char path[PATH_MAX];
	int err;

	path_of(path, self, vcpu, DETAILS_NAME);
	err = read_path(&form_of_details, path, vcpu, table);
	return err == -ENOENT || err == -ENOTDIR ? -ENODEV : err;
}

static int vcpu_of(char *name)
{
	uint64_t vcpu;

	if (strncmp(name, "vcpu", 4) || (name[4] == '0' && name[5]))
		return -1;
	return parse_number(name + 4, TABLE_VCPU_MAX, &vcpu) ? (int)vcpu : -1;
}

static int debugfs_next_vcpu(void *self, int vcpu)
{
	DIR *dir = opendir(self);
	int lowest = -ENODEV;
	struct dirent *entry;

	if (!dir)
		return -ENODEV;
	while ((entry = readdir(dir))) {
		int found = vcpu_of(entry->d_name);

		if (found >= vcpu && (lowest < 0 || found < lowest))
			lowest = found;
	}
	closedir(dir);
	return lowest;
}

static const struct tables_ops debugfs_ops = {
	.read = debugfs_read,
	.has_details = debugfs_has_details,
	.read_details = debugfs_read_details,
	.next_vcpu = debugfs_next_vcpu,
	.close = free,
};

int exitstat_source_open_debugfs(const char *vm_dir, struct exitstat_source **src)
{
	char *dir;
	int err;

	if (strlen(vm_dir) > PATH_MAX - sizeof("/vcpu16383/" DETAILS_NAME))
		return -ENAMETOOLONG;
	dir = strdup(vm_dir);
	if (!dir)
		return -ENOMEM;
	err = exitstat_tables_open(&debugfs_ops, dir, src);
	if (err)
		free(dir);
	return err;
}
