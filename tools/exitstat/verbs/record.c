// SPDX-License-Identifier: MIT
/* exitstat record: record the counters over time, in a file for exitstat report. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "command/options.h"
#include "command/say.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "target/child.h"
#include "target/target.h"
#include "target/vm.h"
#include "verbs/verbs.h"
#include "write.h"

#define DEFAULT_OUTPUT		"exitstat.rec"
#define DEFAULT_INTERVAL_NS	1000000000

/* A note's value has room for this, with its key. */
#define DEVICES_SIZE		4000

/* How often to read the histograms, too: they cost 24 exits per number. */
#define FRAMES_PER_HISTOGRAM	60

static const char help[] =
	"usage: exitstat record [-d] [-i INTERVAL] [-o FILE] [-- CMD...]\n"
	"\n"
	"Record the exits of the VM over time, until CMD ends or Ctrl-C stops it.\n"
	"exitstat report FILE summarizes the recording. A kill or a full disk costs\n"
	"the last interval, not the recording.\n";

static const char examples[] =
	"  exitstat record -o boot.rec       until Ctrl-C\n"
	"  exitstat record -i 0.1 -- make    while a command runs, ten readings a second\n"
	"  exitstat host --vm web1 record    a VM of this host\n";

struct record {
	struct target cpu;	/* what is recorded */
	struct target target;	/* the recorder in front of it */
	const char *path;
	const char *name;	/* of the recording, for messages */
	int place;		/* the output file, or -1 */
	bool created;		/* by this process, so remove it after a failure */
	bool replaces;		/* an existing recording, which becomes .old */
	int fd;			/* where frames are written: in memory until published */
	bool published;
	uint64_t interval_ns;
	unsigned long frames;
	uint64_t missed;	/* intervals */
};

static int say_write(const struct record *record, int err)
{
	return say(STATUS_FAILED, "cannot write %s: %s", record->name, strerror(-err));
}

/* The command as one note, truncated if it is too long. */
static void join(char *text, size_t size, char **argv)
{
	size_t length = 0;

	for (*text = '\0'; *argv && length + 1 < size; argv++) {
		if (length)
			text[length++] = ' ';
		length += exitstat_text_clean(text + length, size - length, *argv);
	}
}

/* What this machine has at its ports and addresses: the recording's reader is elsewhere. */
static int note_devices(const struct record *record)
{
	static const struct {
		const char *key;
		bool port;
	} notes[] = { { "ports", true }, { "memory", false } };
	char text[DEVICES_SIZE];
	int err = 0;
	size_t i;

	for (i = 0; !err && record->cpu.devices && i < sizeof(notes) / sizeof(*notes); i++) {
		devices_note(record->cpu.devices, notes[i].port, text, sizeof(text));
		if (*text)
			err = exitstat_recording_note(record->fd, notes[i].key, text);
	}
	return err;
}

static int write_notes(const struct record *record, char **argv)
{
	char started[32], command[1024], vm[VM_TEXT_SIZE];
	time_t now = time(NULL);
	struct utsname uts;
	struct tm tm;
	int err;

	strftime(started, sizeof(started), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	uname(&uts);
	exitstat_text_clean(uts.nodename, sizeof(uts.nodename), uts.nodename);
	err = exitstat_recording_note(record->fd, "exitstat", VERSION);
	if (!err)
		err = exitstat_recording_note(record->fd, "started", started);
	if (!err)
		err = exitstat_recording_note(record->fd, "kernel", uts.release);
	if (!err)
		err = exitstat_recording_note(record->fd, "host", uts.nodename);
	if (!err && record->cpu.host)
		err = exitstat_recording_note(record->fd, "vm", vm_text(vm, &record->cpu.vm));
	if (!err && record->cpu.causes)
		err = exitstat_recording_note(record->fd, "details", "yes");
	if (!err && record->cpu.causes)
		err = note_devices(record);
	join(command, sizeof(command), argv);
	if (!err && *command)
		err = exitstat_recording_note(record->fd, "command", command);
	return err;
}

/* Histograms of the numbers seen so far.  report/series.c reads the same, in the same order. */
static int read_histograms(struct record *record, const struct exitstat_snapshot *snap)
{
	struct exitstat_histogram histogram;
	uint32_t i;

	for (i = 0; record->target.desc.buckets && i < snap->entries_nr; i++) {
		int err = exitstat_histogram_read(record->target.src, &record->target.desc,
						  snap->scope, snap->entries[i].number,
						  &histogram);

		if (err)
			return say(STATUS_FAILED, "cannot read the histograms: %s",
				   strerror(-err));
	}
	return STATUS_OK;
}

/* *over tells if this is the last frame; it is set if the source is a recording that ends. */
static int write_frame(struct record *record, bool *over)
{
	struct exitstat_snapshot snap;
	int status = STATUS_OK;
	int more;

	if (!record->frames)
		status = target_describe(&record->target);
	if (!status)
		status = target_take(&record->target, &snap);
	if (!status && (*over || !(record->frames % FRAMES_PER_HISTOGRAM)))
		status = read_histograms(record, &snap);
	if (status)
		return status;
	more = exitstat_source_advance(record->target.src);
	if (more < 0)
		return say_write(record, more);
	*over |= !more;
	record->frames++;
	return STATUS_OK;
}

/* Make sure that the output file can be written, without changing an existing one. */
static int open_place(struct record *record)
{
	struct stat stat;

	if (!strcmp(record->path, "-")) {
		record->name = "standard output";
		record->place = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
		return record->place < 0 ? say_write(record, -errno) : STATUS_OK;
	}
	record->place = open(record->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	record->created = record->place >= 0;
	if (record->place < 0 && errno == EEXIST)
		record->place = open(record->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (record->place < 0)
		return say_write(record, -errno);
	/* A link is followed, and a device or a pipe is not a recording. */
	record->replaces = !record->created && !lstat(record->path, &stat) &&
			   S_ISREG(stat.st_mode) && stat.st_size;
	return STATUS_OK;
}

static int say_old(const struct record *record, int err)
{
	return say(STATUS_FAILED, "cannot keep the old recording as %s.old: %s", record->path,
		   strerror(err));
}

/* Keep the existing recording as .old, as perf does. */
static int keep_old(struct record *record)
{
	char old[PATH_MAX];
	int fd;

	if (snprintf(old, sizeof(old), "%s.old", record->path) >= (int)sizeof(old))
		return say_old(record, ENAMETOOLONG);
	if (rename(record->path, old))
		return say_old(record, errno);
	fd = open(record->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return say_write(record, -errno);
	close(record->place);
	record->place = fd;
	return STATUS_OK;
}

static int copy(int from, int to)
{
	char text[4096];
	off_t at = 0;
	ssize_t size;

	while ((size = pread(from, text, sizeof(text), at)) > 0) {
		int err = write_all(to, text, (size_t)size);

		if (err)
			return err;
		at += size;
	}
	return size < 0 ? -errno : 0;
}

/* The target of a link may be longer than the new recording. */
static void empty(int fd)
{
	struct stat stat;

	if (!fstat(fd, &stat) && S_ISREG(stat.st_mode) && stat.st_size && ftruncate(fd, 0))
		say(0, "cannot empty the old recording: %s", strerror(errno));
}

/* There is something to record: from now on, write to the output file. */
static int publish(struct record *record)
{
	int status = record->replaces ? keep_old(record) : STATUS_OK;
	int err;

	if (status)
		return status;
	empty(record->place);
	err = copy(record->fd, record->place);
	if (!err && dup3(record->place, record->fd, O_CLOEXEC) < 0)
		err = -errno;
	record->published = !err;
	return err ? say_write(record, err) : STATUS_OK;
}

/* Write the first frame, then start the command.  False if there is nothing to record. */
static bool begin(struct record *record, bool command, bool *over, int *status)
{
	*status = write_frame(record, over);
	if (command && *status)
		child_cancel();
	if (*status)
		return false;
	if (command) {
		child_start();
		if (!child_became())
			return false;
	}
	*status = publish(record);
	return !*status;
}

static int write_frames(struct record *record, bool command)
{
	uint64_t deadline_ns = exitstat_source_now_ns(record->cpu.src);
	bool over = false;
	int status;
	int more;

	if (!begin(record, command, &over, &status))
		return status;
	while (!status && !over) {
		if (!record->cpu.path)
			record->missed += child_sleep_interval(&deadline_ns, record->interval_ns);
		over = child_stop_asked() || (command && child_has_ended());
		more = target_refresh(&record->cpu);
		if (more <= 0)
			return more ? STATUS_FAILED : target_say_end(&record->cpu);
		status = write_frame(record, &over);
	}
	return status;
}

/* Put the recorder in front of the CPU. */
static int open_recorder(struct record *record, char **argv)
{
	int err;

	record->fd = memfd_create("exitstat", MFD_CLOEXEC);
	if (record->fd < 0)
		return say_write(record, -errno);
	record->target = record->cpu;
	record->target.src = NULL;
	err = exitstat_source_open_recorder(record->cpu.src, record->fd, &record->target.src);
	if (!err)
		err = write_notes(record, argv);
	return err ? say_write(record, err) : STATUS_OK;
}

static int close_all(struct record *record, int status)
{
	exitstat_source_close(record->target.src);
	target_close(&record->cpu);
	if (record->place >= 0 && close(record->place) && !status)
		status = say_write(record, -errno);
	/* If published, this is the same file. */
	if (record->fd >= 0 && close(record->fd) && !status)
		status = say_write(record, -errno);
	if (record->created && !record->published)
		unlink(record->path);
	return status;
}

static void say_summary(const struct record *record)
{
	if (!record->published)
		return;
	fprintf(stderr, "exitstat: %lu readings in %s", record->frames, record->name);
	if (record->missed)
		fprintf(stderr, ", %llu missed while this process was stopped",
			(unsigned long long)record->missed);
	if (strcmp(record->path, "-"))
		fprintf(stderr, "; see: exitstat report %s", record->path);
	fputc('\n', stderr);
}

static int record_command(struct record *record, char **argv)
{
	struct rusage usage;
	int status;

	child_catch_signals();
	if (*argv && !child_spawn(argv))
		return STATUS_FAILED;
	status = write_frames(record, *argv);
	if (*argv) {
		int ended = child_wait(&usage);

		status = status ? status : ended;
	}
	return status;
}

static int do_record(struct options *opts, int argc, char **argv)
{
	struct record record = {
		.path = opts->output ? opts->output : DEFAULT_OUTPUT,
		.interval_ns = opts->interval_ns ? opts->interval_ns : DEFAULT_INTERVAL_NS,
		.place = -1,
		.fd = -1,
	};
	int status;

	record.name = record.path;
	if (argc > 1 && !opts->dashes)
		return say(STATUS_USAGE, "the command to record goes after '--': record -- %s",
			   argv[1]);
	status = target_open(&record.cpu, opts);
	if (status)
		return status;
	status = open_place(&record);
	if (!status)
		status = open_recorder(&record, argv + 1);
	if (!status)
		status = record_command(&record, argv + 1);
	say_summary(&record);
	return close_all(&record, status);
}

const struct verb verb_record = {
	.name = "record",
	.bit = FOR_RECORD,
	.run = do_record,
	.help = help,
	.examples = examples,
};
