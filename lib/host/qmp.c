// SPDX-License-Identifier: MIT
/*
 * The host's tables by QMP: QEMU 7.1 and later reports KVM's binary statistics (docs/host.md).
 *
 * This is not part of libexitstat, which needs no JSON parser.  A moment is one query-stats; the
 * VM's table is the sum of its vCPUs'.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-c/json.h>

#include "clock.h"
#include "proc.h"
#include "qmp.h"
#include "tables.h"
#include "uuid.h"

/* For a moment: all commands and their answers, including events in between. */
#define MOMENT_NS	5000000000

/* Before an answer. */
#define EVENTS_MAX	10000

/*
 * What a VMM sends becomes a tree of json-c's, which takes far more memory than the text: no
 * VMM may make its reader's memory grow without bounds, nor may a thousand.  An answer of some
 * hundred vCPUs is small.  Only one at a time may be large: thousands of vCPUs, or hundreds with
 * histograms.
 */
#define SMALL_BYTES	(8u << 20)
#define LARGE_BYTES	(256u << 20)
#define OBJECT_BYTES	512	/* an upper bound of the mean in answers that are valid */
#define VALUE_BYTES	96

/* KVM's own statistics have no such names. */
#define PREFIX		"exit_"
#define HISTOGRAM	"exit_time_"

struct qmp {
	const char *path;
	struct exitstat_vm *vm;
	int fd;
	uint64_t moment_ns;
	uint64_t deadline_ns;	/* of this moment */
	bool is_large;		/* it holds the lock */
	struct json_tokener *parser;
	char text[65536];	/* received text, */
	const char *next;	/* the part of it that is not parsed yet, */
	size_t size;		/* and the length of that part */
	char said[160];		/* QEMU's own error message */
	struct json_object *names;	/* of our statistics */
	bool histograms;
	struct json_object *stats;	/* the latest answer to query-stats */
	struct json_object *vcpus[TABLE_VCPU_MAX + 1];	/* each vCPU's part of it */
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

/*
 * Receive more, if there is any: 0 or -errno.  -ENODEV: the other side has closed the connection.
 */
static int receive(struct qmp *me, uint64_t deadline_ns)
{
	int err = wait_for(me, POLLIN, deadline_ns);
	ssize_t got;

	if (err)
		return err;
	got = recv(me->fd, me->text, sizeof(me->text), MSG_DONTWAIT);
	me->next = me->text;
	me->size = got > 0 ? (size_t)got : 0;
	if (!got || (got < 0 && errno == ECONNRESET))
		return -ENODEV;
	return got < 0 && errno != EAGAIN && errno != EINTR ? -errno : 0;
}

static pthread_mutex_t large_lock = PTHREAD_MUTEX_INITIALIZER;

/* About as much memory as json-c needs for that text. */
static size_t tree_bytes(const char *text, size_t size)
{
	size_t i, bytes = 2 * size;

	for (i = 0; i < size; i++) {
		if (text[i] == '{' || text[i] == '[')
			bytes += OBJECT_BYTES;
		else if (text[i] == ',')
			bytes += VALUE_BYTES;
	}
	return bytes;
}

/* Wait for other large answers, but not longer than for the VMM. */
static int become_large(struct qmp *me)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	/* Not pthread_mutex_clocklock(), which musl lacks. */
	while (!me->is_large && pthread_mutex_trylock(&large_lock)) {
		if (now_ns() >= me->deadline_ns)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	me->is_large = true;
	return 0;
}

static int check_size(struct qmp *me, struct table *table, size_t bytes)
{
	if (bytes > LARGE_BYTES)
		return exitstat_table_complain(table, "it sends more at once than thousands of vCPUs need");
	return bytes > SMALL_BYTES ? become_large(me) : 0;
}

/* The next object, which may take several lines: 0 or -errno. */
static int receive_object(struct qmp *me, struct table *table, struct json_object **object)
{
	enum json_tokener_error state = json_tokener_continue;
	size_t bytes = 0;

	for (*object = NULL; state == json_tokener_continue;) {
		int err = me->size ? 0 : receive(me, me->deadline_ns);

		bytes += tree_bytes(me->next, me->size);
		if (!err)
			err = check_size(me, table, bytes);
		if (err)
			return err;
		*object = json_tokener_parse_ex(me->parser, me->next, (int)me->size);
		state = json_tokener_get_error(me->parser);
		if (state == json_tokener_continue)
			me->size = 0;
	}
	if (state == json_tokener_success) {
		me->next += json_tokener_get_parse_end(me->parser);
		me->size -= json_tokener_get_parse_end(me->parser);
	}
	if (json_object_is_type(*object, json_type_object))
		return 0;
	json_object_put(*object);
	return exitstat_table_complain(table, "what it sends is not a JSON object");
}

/* These return NULL, 0 or false for a value of another type. */

static struct json_object *member(struct json_object *json, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(json, key, &value);
	return value;
}

static size_t length_of(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static const char *text_of(struct json_object *json)
{
	return json_object_is_type(json, json_type_string) ? json_object_get_string(json) : NULL;
}

static bool u64_of(struct json_object *json, uint64_t *value)
{
	if (!json_object_is_type(json, json_type_int) || json_object_get_int64(json) < 0)
		return false;
	*value = json_object_get_uint64(json);
	return true;
}

/*
 * Commands.
 */

/* Turn QEMU's error into a complaint. */
static int refuse(struct qmp *me, struct table *table, struct json_object *error)
{
	const char *class = text_of(member(error, "class"));
	const char *desc = text_of(member(error, "desc"));

	if (class && !strcmp(class, "CommandNotFound")) {
		table->complaint = "QEMU is older than 7.1 and cannot report statistics";
		return -EOPNOTSUPP;
	}
	snprintf(me->said, sizeof(me->said), "it answers: %s", desc ? desc : "an error");
	return exitstat_table_complain(table, me->said);
}

static int send_command(struct qmp *me, const char *command, struct json_object *arguments)
{
	struct json_object *json = json_object_new_object();
	const char *text;
	int err = -ENOMEM;

	json_object_object_add(json, "execute", json_object_new_string(command));
	if (arguments)
		json_object_object_add(json, "arguments", arguments);
	text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN);
	if (text)
		err = send_text(me, text, me->deadline_ns);
	if (!err)
		err = send_text(me, "\n", me->deadline_ns);
	json_object_put(json);
	return err;
}

/* Execute a command and release its arguments: 0 or -errno. */
static int execute(struct qmp *me, struct table *table, const char *command,
		   struct json_object *arguments, struct json_object **answer)
{
	int err = send_command(me, command, arguments);
	unsigned int events;

	for (events = 0; !err; events++) {
		struct json_object *object;

		err = events > EVENTS_MAX ?
		      exitstat_table_complain(table, "it sends events and no answer") :
		      receive_object(me, table, &object);
		if (err)
			return err;
		*answer = json_object_get(member(object, "return"));
		if (!*answer && member(object, "error"))
			err = refuse(me, table, member(object, "error"));
		/* Anything else is an event. */
		json_object_put(object);
		if (*answer)
			return 0;
	}
	return err;
}

/* The argument with which both statistics commands select KVM. */
static struct json_object *kvm_provider(struct json_object *names)
{
	struct json_object *provider = json_object_new_object();

	json_object_object_add(provider, "provider", json_object_new_string("kvm"));
	if (names)
		json_object_object_add(provider, "names", json_object_get(names));
	return provider;
}

static bool has_name(struct json_object *names, const char *name)
{
	size_t i;

	for (i = 0; i < length_of(names); i++) {
		if (!strcmp(text_of(json_object_array_get_idx(names, i)), name))
			return true;
	}
	return false;
}

static void keep_names(struct qmp *me, struct json_object *stats)
{
	size_t i;

	for (i = 0; i < length_of(stats); i++) {
		struct json_object *name = member(json_object_array_get_idx(stats, i), "name");
		const char *text = text_of(name);

		if (!text || strncmp(text, PREFIX, strlen(PREFIX)))
			continue;
		json_object_array_add(me->names, json_object_get(name));
		if (!strncmp(text, HISTOGRAM, strlen(HISTOGRAM)))
			me->histograms = true;
	}
}

/* Find out which of our statistics QEMU has. */
static int read_names(struct qmp *me, struct table *table)
{
	struct json_object *schemas;
	size_t i;
	int err = execute(me, table, "query-stats-schemas", kvm_provider(NULL), &schemas);

	if (err)
		return err;
	me->names = json_object_new_array();
	for (i = 0; i < length_of(schemas); i++) {
		struct json_object *schema = json_object_array_get_idx(schemas, i);
		const char *target = text_of(member(schema, "target"));

		if (target && !strcmp(target, "vcpu"))
			keep_names(me, member(schema, "stats"));
	}
	json_object_put(schemas);
	if (has_name(me->names, "exit_number") && has_name(me->names, "exit_count"))
		return 0;
	table->complaint =
		"its KVM has no exit statistics: query-stats-schemas lists no exit_count";
	return -EOPNOTSUPP;
}

/* The VM's name and UUID, and the VMM's PID. */
static int read_identity(struct qmp *me, struct table *table)
{
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);
	char unused[EXITSTAT_VM_NAME_SIZE];
	const char *name, *uuid;
	struct json_object *answer;
	int err = execute(me, table, "query-name", NULL, &answer);

	if (err)
		return err;
	name = text_of(member(answer, "name"));
	exitstat_text_clean(me->vm->name, sizeof(me->vm->name), name ? name : "");
	me->vm->named = *me->vm->name != '\0';
	json_object_put(answer);
	err = execute(me, table, "query-uuid", NULL, &answer);
	if (err)
		return err;
	uuid = text_of(member(answer, "UUID"));
	exitstat_uuid_take(me->vm->uuid, uuid ? uuid : "");
	json_object_put(answer);
	if (!getsockopt(me->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		me->vm->pid = peer.pid;
	me->vm->started = exitstat_process_read(me->vm->pid, unused);
	return 0;
}

static int greet(struct qmp *me, struct table *table)
{
	struct json_object *greeting, *answer;
	int err = receive_object(me, table, &greeting);

	if (err)
		return err;
	if (!member(greeting, "QMP"))
		err = exitstat_table_complain(table, "it does not greet as a QMP server does");
	json_object_put(greeting);
	if (err)
		return err;
	err = execute(me, table, "qmp_capabilities", NULL, &answer);
	if (!err)
		json_object_put(answer);
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
	/* A full queue also means that QEMU does not answer. */
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

static struct json_object *find_value(struct json_object *result, const char *name)
{
	struct json_object *stats = member(result, "stats");
	size_t i;

	for (i = 0; i < length_of(stats); i++) {
		struct json_object *stat = json_object_array_get_idx(stats, i);
		const char *this = text_of(member(stat, "name"));

		if (this && !strcmp(this, name))
			return member(stat, "value");
	}
	return NULL;
}

/* Some versions of QEMU print lists backwards; the exit numbers, which ascend, show it. */
struct order {
	size_t nr;
	bool backwards;
};

static bool element(struct json_object *list, const struct order *order, size_t i, uint64_t *value)
{
	if (length_of(list) != order->nr)
		return false;
	if (order->backwards)
		i = order->nr - 1 - i;
	return u64_of(json_object_array_get_idx(list, i), value);
}

static int find_order(struct json_object *numbers, struct order *order)
{
	uint64_t first, last;

	*order = (struct order){ .nr = length_of(numbers) };
	if (order->nr < 2 || !element(numbers, order, 0, &first) ||
	    !element(numbers, order, order->nr - 1, &last) || first == last)
		return -EBADMSG;
	order->backwards = first > last;
	return 0;
}

/* Add a vCPU's rows to the table, which may have those of other vCPUs already. */
static int add_rows(struct table *table, struct json_object *result, const struct order *order)
{
	struct json_object *numbers = find_value(result, "exit_number");
	struct json_object *counts = find_value(result, "exit_count");
	struct json_object *kernels = find_value(result, "exit_kernel_cycles");
	struct json_object *vmms = find_value(result, "exit_vmm_cycles");
	struct json_object *waits = find_value(result, "exit_waiting_cycles");
	size_t i, row;

	for (i = 0; i < order->nr; i++) {
		uint64_t number, count, kernel, vmm, waiting;
		int err;

		if (!element(numbers, order, i, &number) || number > UINT32_MAX ||
		    !element(counts, order, i, &count) || !element(kernels, order, i, &kernel) ||
		    !element(vmms, order, i, &vmm) || !element(waits, order, i, &waiting))
			return exitstat_table_complain(table,
				"exit_number, _count and the cycles are not lists of the same length");
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

/* KVM writes '_' for a blank. */
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

static int add_histogram(struct table *table, const char *name, struct json_object *buckets,
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
	/* A newer kernel may have names that this program does not know. */
	if (!exit || !all)
		return 0;
	err = exitstat_table_row(table, exit->number, &row);
	for (i = 0; !err && i < EXITSTAT_BUCKETS; i++)
		table->buckets[row][i] += values[i];
	return err;
}

static int add_histograms(struct table *table, struct json_object *result,
			  const struct order *order)
{
	struct json_object *stats = member(result, "stats");
	size_t i;

	for (i = 0; i < length_of(stats); i++) {
		struct json_object *stat = json_object_array_get_idx(stats, i);
		const char *name = text_of(member(stat, "name"));
		int err;

		if (!name || strncmp(name, HISTOGRAM, strlen(HISTOGRAM)))
			continue;
		err = add_histogram(table, name + strlen(HISTOGRAM), member(stat, "value"), order);
		if (err)
			return err;
	}
	return 0;
}

/* Older versions of our KVM do not report these. */
static void add_age(struct table *table, struct json_object *result)
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

static int add_vcpu(const struct qmp *me, struct table *table, struct json_object *result)
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
		return exitstat_table_complain(table, "exit_number is not a list of numbers");
	table->numbering = (uint32_t)numbering;
	table->tsc_khz = (uint32_t)khz;
	/* The VM's epoch is that of its first vCPU. */
	if (!table->epoch)
		table->epoch = epoch;
	table->guest_cycles += guest_cycles;
	add_age(table, result);
	table->histograms = me->histograms;
	err = add_rows(table, result, &order);
	return err ? err : add_histograms(table, result, &order);
}

/* The results of query-stats by their path; to be released. */
static struct json_object *results_by_path(struct json_object *stats)
{
	struct json_object *paths = json_object_new_object();
	size_t i;

	for (i = 0; i < length_of(stats); i++) {
		struct json_object *result = json_object_array_get_idx(stats, i);
		const char *path = text_of(member(result, "qom-path"));

		if (path)
			json_object_object_add(paths, path, json_object_get(result));
	}
	return paths;
}

/*
 * Find each vCPU's part: query-stats has paths, which query-cpus-fast maps to indexes.  No two
 * vCPUs have the same part, or a short answer could make a lot of work.
 */
static int sort_vcpus(struct qmp *me, struct table *table, struct json_object *cpus)
{
	struct json_object *paths = results_by_path(me->stats);
	int err = 0;
	size_t i;

	memset(me->vcpus, 0, sizeof(me->vcpus));
	for (i = 0; !err && i < length_of(cpus); i++) {
		struct json_object *cpu = json_object_array_get_idx(cpus, i);
		const char *path = text_of(member(cpu, "qom-path"));
		struct json_object *result;
		uint64_t index;

		if (!path || !u64_of(member(cpu, "cpu-index"), &index) || index > TABLE_VCPU_MAX) {
			err = exitstat_table_complain(table, "query-cpus-fast has no cpu-index");
			continue;
		}
		result = member(paths, path);
		if (!result)
			continue;
		me->vcpus[index] = result;
		json_object_object_del(paths, path);
	}
	json_object_put(paths);
	return err;
}

static int query(struct qmp *me, struct table *table)
{
	struct json_object *arguments, *providers, *cpus;
	int err = execute(me, table, "query-cpus-fast", NULL, &cpus);

	if (err)
		return err;
	json_object_put(me->stats);
	me->stats = NULL;
	providers = json_object_new_array();
	json_object_array_add(providers, kvm_provider(me->names));
	arguments = json_object_new_object();
	json_object_object_add(arguments, "target", json_object_new_string("vcpu"));
	json_object_object_add(arguments, "providers", providers);
	err = execute(me, table, "query-stats", arguments, &me->stats);
	if (!err)
		err = sort_vcpus(me, table, cpus);
	json_object_put(cpus);
	return err;
}

static void disconnect(struct qmp *me)
{
	if (me->fd >= 0)
		close(me->fd);
	me->fd = -1;
	me->size = 0;
	json_tokener_reset(me->parser);
	json_object_put(me->names);
	json_object_put(me->stats);
	me->names = NULL;
	me->stats = NULL;
	memset(me->vcpus, 0, sizeof(me->vcpus));
	if (me->is_large)
		pthread_mutex_unlock(&large_lock);
	me->is_large = false;
}

static int read_vm(struct qmp *me, struct table *table)
{
	int err, i;

	me->deadline_ns = now_ns() + me->moment_ns;
	err = me->fd < 0 ? connect_to(me, table) : 0;
	if (!err)
		err = query(me, table);
	/* A late answer would be taken for the answer to another command. */
	if (err)
		disconnect(me);
	for (i = 0; !err && i <= TABLE_VCPU_MAX; i++) {
		if (!me->vcpus[i])
			continue;
		err = add_vcpu(me, table, me->vcpus[i]);
		table->vcpus++;
	}
	if (!err && !table->vcpus)
		return exitstat_table_complain(table, "query-stats reports no vCPU");
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
	json_tokener_free(me->parser);
	free(me);
}

static const struct tables_ops qmp_ops = {
	.read = qmp_read,
	.next_vcpu = qmp_next_vcpu,
	.close = qmp_close,
};

int qmp_open_within(const char *path, uint64_t moment_ns, struct exitstat_vm *vm,
		    struct exitstat_source **src)
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
	me->parser = json_tokener_new();
	if (!me->parser) {
		free(me);
		return -ENOMEM;
	}
	json_tokener_set_flags(me->parser,
			       JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
	me->path = path;
	me->vm = vm;
	me->moment_ns = moment_ns;
	me->fd = -1;
	err = exitstat_tables_open(&qmp_ops, me, src);
	if (err)
		qmp_close(me);
	return err;
}

int qmp_open(const char *path, struct exitstat_vm *vm, struct exitstat_source **src)
{
	return qmp_open_within(path, MOMENT_NS, vm, src);
}
