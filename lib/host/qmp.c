// SPDX-License-Identifier: MIT
/*
 * The host's tables by QMP: QEMU 7.1 and later hands on KVM's binary statistics (docs/host.md).
 *
 * It stands here and not in the library, which does without a JSON parser.  A moment is one
 * query-stats: the VM's table is the sum of its vCPUs'.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "clock.h"
#include "qmp.h"
#include "tables.h"

/* For a question and its answer, whatever else QEMU says meanwhile. */
#define ANSWER_NS	5000000000

/* Of a line of QEMU's: hundreds of vCPUs with histograms. */
#define LINE_MAX_BYTES	(64u << 20)

/* KVM's own statistics have no such names. */
#define PREFIX		"exit_"
#define HISTOGRAM	"exit_time_"

struct qmp {
	const char *path;
	struct exitstat_vm *vm;
	int fd;
	char *text;		/* what came and was not yet taken */
	size_t size;
	size_t room;
	char said[160];		/* QEMU's own words about an error */
	json_t *names;		/* of our statistics */
	bool histograms;
	json_t *stats;		/* what query-stats returned last */
	const json_t *vcpus[TABLE_VCPU_MAX + 1];	/* the part of it of each */
};

/*
 * Lines over a socket that may hang.
 */

static int wait_for(const struct qmp *me, short events, uint64_t deadline_ns)
{
	struct pollfd fd = { .fd = me->fd, .events = events };
	uint64_t now = now_ns();
	int ready;

	if (now >= deadline_ns)
		return -ETIMEDOUT;
	ready = poll(&fd, 1, (int)((deadline_ns - now) / 1000000) + 1);
	if (ready < 0 && errno != EINTR)
		return -errno;
	return 0;
}

static int send_text(const struct qmp *me, const char *text, uint64_t deadline_ns)
{
	size_t size = strlen(text);

	while (size) {
		ssize_t put = send(me->fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		int err;

		if (put >= 0) {
			text += put;
			size -= (size_t)put;
			continue;
		}
		if (errno == EPIPE || errno == ECONNRESET)
			return -ENODEV;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		err = wait_for(me, POLLOUT, deadline_ns);
		if (err)
			return err;
	}
	return 0;
}

static int make_room(struct qmp *me, struct table *table)
{
	size_t room = me->room ? 2 * me->room : 65536;
	char *more;

	if (me->size < me->room)
		return 0;
	if (room > LINE_MAX_BYTES)
		return exitstat_table_complain(table, "it sends a line of more than 64 MiB");
	more = realloc(me->text, room);
	if (!more)
		return -ENOMEM;
	me->text = more;
	me->room = room;
	return 0;
}

/* Bring in more: 0 or -errno.  -ENODEV: the other side closed. */
static int receive(struct qmp *me, struct table *table, uint64_t deadline_ns)
{
	int err = make_room(me, table);
	ssize_t got;

	if (!err)
		err = wait_for(me, POLLIN, deadline_ns);
	if (err)
		return err;
	got = recv(me->fd, me->text + me->size, me->room - me->size, MSG_DONTWAIT);
	if (got > 0)
		me->size += (size_t)got;
	if (!got || (got < 0 && errno == ECONNRESET))
		return -ENODEV;
	return got < 0 && errno != EAGAIN && errno != EINTR ? -errno : 0;
}

/*
 * JSON knows no 64-bit integers, and jansson's have a sign: quote what may be larger.  u64_of()
 * takes both.
 */
static json_t *load(const char *line, size_t length)
{
	char *text = malloc(2 * length + 1);
	bool quoted = false;
	size_t i, n, to = 0;
	json_t *json;

	for (i = 0; text && i < length; i += n) {
		n = quoted ? 0 : strspn(line + i, "0123456789");
		if (n >= 19 && (!i || !strchr("-.", line[i - 1]))) {
			text[to++] = '"';
			memcpy(text + to, line + i, n);
			to += n;
			text[to++] = '"';
			continue;
		}
		n = n ? n : quoted && line[i] == '\\' && i + 1 < length ? 2 : 1;
		quoted ^= line[i] == '"';
		memcpy(text + to, line + i, n);
		to += n;
	}
	json = text ? json_loadb(text, to, 0, NULL) : NULL;
	free(text);
	return json;
}

/* The next object: 0 or -errno. */
static int receive_object(struct qmp *me, struct table *table, uint64_t deadline_ns,
			  json_t **object)
{
	size_t scanned = 0;
	char *end;

	while (!me->size || !(end = memchr(me->text + scanned, '\n', me->size - scanned))) {
		int err;

		scanned = me->size;
		err = receive(me, table, deadline_ns);
		if (err)
			return err;
	}
	*end = '\0';
	*object = load(me->text, (size_t)(end - me->text));
	me->size -= (size_t)(end + 1 - me->text);
	memmove(me->text, end + 1, me->size);
	if (json_is_object(*object))
		return 0;
	json_decref(*object);
	return exitstat_table_complain(table, "what it sends is no JSON object");
}

/*
 * Commands.
 */

/* What QEMU says about an error, in one line. */
static int refuse(struct qmp *me, struct table *table, const json_t *error)
{
	const char *class = json_string_value(json_object_get(error, "class"));
	const char *desc = json_string_value(json_object_get(error, "desc"));

	if (class && !strcmp(class, "CommandNotFound")) {
		table->complaint = "QEMU is older than 7.1 and cannot tell statistics";
		return -EOPNOTSUPP;
	}
	snprintf(me->said, sizeof(me->said), "it answers: %s", desc ? desc : "an error");
	return exitstat_table_complain(table, me->said);
}

/* Execute a command with those arguments, which it takes: 0 or -errno. */
static int execute(struct qmp *me, struct table *table, const char *command, json_t *arguments,
		   json_t **answer)
{
	uint64_t deadline_ns = now_ns() + ANSWER_NS;
	json_t *json = json_pack("{ssso*}", "execute", command, "arguments", arguments);
	char *text = json_dumps(json, JSON_COMPACT);
	json_t *object = NULL;
	int err = text ? send_text(me, text, deadline_ns) : -ENOMEM;

	if (!err)
		err = send_text(me, "\n", deadline_ns);
	free(text);
	json_decref(json);
	while (!err) {
		err = receive_object(me, table, deadline_ns, &object);
		if (err)
			return err;
		*answer = json_object_get(object, "return");
		if (*answer) {
			json_incref(*answer);
			json_decref(object);
			return 0;
		}
		if (json_object_get(object, "error"))
			err = refuse(me, table, json_object_get(object, "error"));
		/* Whatever else it is: an event. */
		json_decref(object);
	}
	return err;
}

static bool has_name(const json_t *names, const char *name)
{
	const json_t *known;
	size_t i;

	json_array_foreach(names, i, known) {
		if (!strcmp(json_string_value(known), name))
			return true;
	}
	return false;
}

/* Which of our statistics there are. */
static int read_names(struct qmp *me, struct table *table)
{
	const json_t *schema, *stat;
	json_t *schemas;
	size_t i, j;
	int err = execute(me, table, "query-stats-schemas", json_pack("{ss}", "provider", "kvm"),
			  &schemas);

	if (err)
		return err;
	me->names = json_array();
	json_array_foreach(schemas, i, schema) {
		const char *target = json_string_value(json_object_get(schema, "target"));

		if (!target || strcmp(target, "vcpu"))
			continue;
		json_array_foreach(json_object_get(schema, "stats"), j, stat) {
			const char *name = json_string_value(json_object_get(stat, "name"));

			if (!name || strncmp(name, PREFIX, strlen(PREFIX)))
				continue;
			json_array_append_new(me->names, json_string(name));
			if (!strncmp(name, HISTOGRAM, strlen(HISTOGRAM)))
				me->histograms = true;
		}
	}
	json_decref(schemas);
	if (has_name(me->names, "exit_number") && has_name(me->names, "exit_count"))
		return 0;
	table->complaint =
		"there is no KVM with exit statistics: query-stats-schemas names no exit_count";
	return -EOPNOTSUPP;
}

/* Who it is, for people. */
static int read_identity(struct qmp *me, struct table *table)
{
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);
	const char *name;
	json_t *answer;
	int err = execute(me, table, "query-name", NULL, &answer);

	if (err)
		return err;
	name = json_string_value(json_object_get(answer, "name"));
	exitstat_text_clean(me->vm->name, sizeof(me->vm->name), name ? name : "");
	json_decref(answer);
	if (!getsockopt(me->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		me->vm->pid = peer.pid;
	return 0;
}

static int greet(struct qmp *me, struct table *table)
{
	json_t *greeting, *answer;
	int err = receive_object(me, table, now_ns() + ANSWER_NS, &greeting);

	if (err)
		return err;
	if (!json_object_get(greeting, "QMP"))
		err = exitstat_table_complain(table, "it greets as no QMP server does");
	json_decref(greeting);
	if (err)
		return err;
	err = execute(me, table, "qmp_capabilities", NULL, &answer);
	if (!err)
		json_decref(answer);
	return err;
}

static int connect_to(struct qmp *me, struct table *table)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int err;

	memcpy(address.sun_path, me->path, strlen(me->path));
	me->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (me->fd < 0)
		return -errno;
	/* A queue that is full is another sort of silence. */
	if (connect(me->fd, (struct sockaddr *)&address, sizeof(address)))
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	err = greet(me, table);
	if (!err)
		err = read_names(me, table);
	if (!err)
		err = read_identity(me, table);
	return err;
}

/*
 * Answers.
 */

static bool u64_of(const json_t *json, uint64_t *value)
{
	const char *text = json_string_value(json);
	char *end;

	if (json_is_integer(json)) {
		*value = (uint64_t)json_integer_value(json);
		return json_integer_value(json) >= 0;
	}
	if (!text || !*text)
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return !errno && !*end;
}

static const json_t *find_value(const json_t *result, const char *name)
{
	const json_t *stat;
	size_t i;

	json_array_foreach(json_object_get(result, "stats"), i, stat) {
		const char *this = json_string_value(json_object_get(stat, "name"));

		if (this && !strcmp(this, name))
			return json_object_get(stat, "value");
	}
	return NULL;
}

/* Some versions of QEMU print lists backwards; that the numbers ascend tells which. */
struct order {
	size_t nr;
	bool backwards;
};

static bool element(const json_t *list, const struct order *order, size_t i, uint64_t *value)
{
	if (json_array_size(list) != order->nr)
		return false;
	return u64_of(json_array_get(list, order->backwards ? order->nr - 1 - i : i), value);
}

static int find_order(const json_t *numbers, struct order *order)
{
	uint64_t first, last;

	*order = (struct order){ .nr = json_array_size(numbers) };
	if (order->nr < 2 || !element(numbers, order, 0, &first) ||
	    !element(numbers, order, order->nr - 1, &last) || first == last)
		return -EBADMSG;
	order->backwards = first > last;
	return 0;
}

/* Add the rows of a vCPU to the table, which may hold others' already. */
static int add_rows(struct table *table, const json_t *result, const struct order *order)
{
	const json_t *numbers = find_value(result, "exit_number");
	const json_t *counts = find_value(result, "exit_count");
	const json_t *kernels = find_value(result, "exit_kernel_cycles");
	const json_t *vmms = find_value(result, "exit_vmm_cycles");
	const json_t *waits = find_value(result, "exit_waiting_cycles");
	size_t i, row;

	for (i = 0; i < order->nr; i++) {
		uint64_t number, count, kernel, vmm, waiting;
		int err;

		if (!element(numbers, order, i, &number) || number > UINT32_MAX ||
		    !element(counts, order, i, &count) || !element(kernels, order, i, &kernel) ||
		    !element(vmms, order, i, &vmm) || !element(waits, order, i, &waiting))
			return exitstat_table_complain(table,
				"exit_number, _count and the cycles are no lists of the same length");
		if (!count)
			continue;
		err = exitstat_table_row(table, (uint32_t)number, &row);
		if (err)
			return err;
		table->rows[row].count += count;
		table->rows[row].cycles += kernel + vmm;
		table->rows[row].vmm_cycles += vmm;
		table->rows[row].waiting_cycles += waiting;
	}
	return 0;
}

/* KVM writes a blank as '_'. */
static bool same_name(const char *name, const char *written)
{
	for (; *name && (*name == *written || (*name == ' ' && *written == '_')); name++)
		written++;
	return !*name && !*written;
}

static const struct exitstat_exit *find_exit(uint32_t numbering, const char *name)
{
	const struct exitstat_exit *exit;
	size_t i;

	for (i = 0; (exit = exitstat_exit_at(numbering, i)); i++) {
		if (same_name(exit->name, name))
			return exit;
	}
	exit = exitstat_exit_find(numbering, EXITSTAT_OTHER);
	return same_name(exit->name, name) ? exit : NULL;
}

static int add_histogram(struct table *table, const char *name, const json_t *buckets,
			 const struct order *order)
{
	const struct exitstat_exit *exit = find_exit(table->numbering, name);
	const struct order as_numbers = { EXITSTAT_BUCKETS, order->backwards };
	uint64_t values[EXITSTAT_BUCKETS];
	uint64_t all = 0;
	size_t i, row;
	int err;

	for (i = 0; i < EXITSTAT_BUCKETS; i++) {
		if (!element(buckets, &as_numbers, i, &values[i]))
			return exitstat_table_complain(table, "a histogram has 24 buckets");
		all |= values[i];
	}
	/* A kernel may know names that this program does not. */
	if (!exit || !all)
		return 0;
	err = exitstat_table_row(table, exit->number, &row);
	for (i = 0; !err && i < EXITSTAT_BUCKETS; i++)
		table->buckets[row][i] += values[i];
	return err;
}

static int add_histograms(struct table *table, const json_t *result, const struct order *order)
{
	const json_t *stat;
	size_t i;

	json_array_foreach(json_object_get(result, "stats"), i, stat) {
		const char *name = json_string_value(json_object_get(stat, "name"));
		int err;

		if (!name || strncmp(name, HISTOGRAM, strlen(HISTOGRAM)))
			continue;
		err = add_histogram(table, name + strlen(HISTOGRAM), json_object_get(stat, "value"),
				    order);
		if (err)
			return err;
	}
	return 0;
}

/* Older KVMs of ours do not say it. */
static void add_age(struct table *table, const json_t *result)
{
	uint64_t late, age_cycles, approximate;

	if (u64_of(find_value(result, "exit_late"), &late) && late)
		table->late = 1;
	if (u64_of(find_value(result, "exit_age_cycles"), &age_cycles) &&
	    age_cycles > table->age_cycles)
		table->age_cycles = age_cycles;
	if (u64_of(find_value(result, "exit_approximate"), &approximate) && approximate)
		table->approximate = 1;
}

static int add_vcpu(const struct qmp *me, struct table *table, const json_t *result)
{
	uint64_t numbering, khz, epoch, guest_cycles;
	struct order order;
	int err;

	if (!u64_of(find_value(result, "exit_numbering"), &numbering) ||
	    (numbering != EXITSTAT_NUMBERING_VMX && numbering != EXITSTAT_NUMBERING_SVM) ||
	    !u64_of(find_value(result, "exit_tsc_khz"), &khz) || khz > UINT32_MAX ||
	    !u64_of(find_value(result, "exit_epoch"), &epoch) ||
	    !u64_of(find_value(result, "exit_guest_cycles"), &guest_cycles))
		return exitstat_table_complain(table,
			"exit_numbering, exit_tsc_khz, exit_epoch or exit_guest_cycles is missing or wrong");
	if (find_order(find_value(result, "exit_number"), &order))
		return exitstat_table_complain(table, "exit_number is no list of numbers");
	table->numbering = (uint32_t)numbering;
	table->tsc_khz = (uint32_t)khz;
	/* The VM's is that of its first vCPU. */
	if (!table->epoch)
		table->epoch = epoch;
	table->guest_cycles += guest_cycles;
	add_age(table, result);
	table->histograms = me->histograms;
	err = add_rows(table, result, &order);
	return err ? err : add_histograms(table, result, &order);
}

/* Find the part of each vCPU: query-stats has them by path, query-cpus-fast says who that is. */
static int sort_vcpus(struct qmp *me, struct table *table, const json_t *cpus)
{
	const json_t *cpu, *result;
	size_t i, j;

	memset(me->vcpus, 0, sizeof(me->vcpus));
	json_array_foreach(cpus, i, cpu) {
		const char *path = json_string_value(json_object_get(cpu, "qom-path"));
		uint64_t index;

		if (!path || !u64_of(json_object_get(cpu, "cpu-index"), &index) ||
		    index > TABLE_VCPU_MAX)
			return exitstat_table_complain(table, "query-cpus-fast has no cpu-index");
		json_array_foreach(me->stats, j, result) {
			const char *of = json_string_value(json_object_get(result, "qom-path"));

			if (of && !strcmp(of, path))
				me->vcpus[index] = result;
		}
	}
	return 0;
}

static int query(struct qmp *me, struct table *table)
{
	json_t *cpus;
	int err = execute(me, table, "query-cpus-fast", NULL, &cpus);

	if (err)
		return err;
	json_decref(me->stats);
	me->stats = NULL;
	err = execute(me, table, "query-stats",
		      json_pack("{sss[{sssO}]}", "target", "vcpu", "providers", "provider", "kvm",
				"names", me->names), &me->stats);
	if (!err)
		err = sort_vcpus(me, table, cpus);
	json_decref(cpus);
	return err;
}

static void disconnect(struct qmp *me)
{
	if (me->fd >= 0)
		close(me->fd);
	me->fd = -1;
	me->size = 0;
	json_decref(me->names);
	json_decref(me->stats);
	me->names = NULL;
	me->stats = NULL;
	memset(me->vcpus, 0, sizeof(me->vcpus));
}

static int read_vm(struct qmp *me, struct table *table)
{
	int err = me->fd < 0 ? connect_to(me, table) : 0;
	int i;

	if (!err)
		err = query(me, table);
	/* What it may answer later would be taken for the answer to another question. */
	if (err)
		disconnect(me);
	for (i = 0; !err && i <= TABLE_VCPU_MAX; i++) {
		if (!me->vcpus[i])
			continue;
		err = add_vcpu(me, table, me->vcpus[i]);
		table->vcpus++;
	}
	if (!err && !table->vcpus)
		return exitstat_table_complain(table, "query-stats tells of no vCPU");
	return err;
}

static int qmp_read(void *self, int vcpu, struct table *table)
{
	struct qmp *me = self;

	if (vcpu == TABLE_OF_VM)
		return read_vm(me, table);
	if (vcpu > TABLE_VCPU_MAX || !me->vcpus[vcpu])
		return -ENODEV;
	table->vcpu = (uint32_t)vcpu;
	return add_vcpu(me, table, me->vcpus[vcpu]);
}

static int qmp_next_vcpu(void *self, int vcpu)
{
	struct qmp *me = self;

	for (; vcpu <= TABLE_VCPU_MAX; vcpu++) {
		if (me->vcpus[vcpu])
			return vcpu;
	}
	return -ENODEV;
}

static void qmp_close(void *self)
{
	struct qmp *me = self;

	disconnect(me);
	free(me->text);
	free(me);
}

static const struct tables_ops qmp_ops = {
	.read = qmp_read,
	.next_vcpu = qmp_next_vcpu,
	.close = qmp_close,
};

int qmp_open(const char *path, struct exitstat_vm *vm, struct exitstat_source **src)
{
	struct qmp *me;
	int err;

	*vm = (struct exitstat_vm){ .fd = -1 };
	snprintf(vm->dir, sizeof(vm->dir), "%s", path);
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return -ENAMETOOLONG;
	me = calloc(1, sizeof(*me));
	if (!me)
		return -ENOMEM;
	me->path = path;
	me->vm = vm;
	me->fd = -1;
	err = exitstat_tables_open(&qmp_ops, me, src);
	if (err)
		qmp_close(me);
	return err;
}
