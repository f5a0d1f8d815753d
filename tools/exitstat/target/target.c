// SPDX-License-Identifier: MIT
/* What is measured: open and describe a source of leaves, and print errors. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command/options.h"
#include "command/say.h"
#include "command/vendor.h"
#include "exitstat.h"
#include "target/target.h"
#include "target/vm.h"

static int say_recording(struct target *target, int err)
{
	unsigned long line;
	const char *rule = exitstat_source_complaint(target->src, &line);

	if (err == -EBADMSG && rule)
		return say(STATUS_FAILED, "cannot read the recording %s: line %lu: %s",
			   target->path, line, rule);
	if (err == -ENODATA)
		return say(STATUS_FAILED, "the recording %s does not hold what was asked for",
			   target->path);
	return say(STATUS_FAILED, "cannot read the recording %s: %s", target->path, strerror(-err));
}

int target_open_source(struct target *target, const struct options *opts)
{
	int err;

	*target = (struct target){ .path = opts->source, .vcpu = opts->vcpu };
	if (opts->host) {
		target->path = NULL;
		target->host = true;
		return vm_open(opts, &target->vm, &target->src);
	}
	if (!target->path) {
		err = exitstat_source_open_cpu(&target->src);
		return err ? say(STATUS_FAILED, "cannot use CPUID: %s", strerror(-err)) : STATUS_OK;
	}
	if (!strcmp(target->path, "-")) {
		target->path = "standard input";
		err = exitstat_source_open_recording_fd(STDIN_FILENO, &target->src);
	} else {
		err = exitstat_source_open_recording(target->path, &target->src);
	}
	if (err)
		return say(STATUS_FAILED, "cannot open the recording %s: %s", target->path,
			   strerror(-err));
	switch (target_advance(target)) {
	case 1:
		return STATUS_OK;
	case 0:
		say(0, "the recording %s holds no complete frame", target->path);
	}
	target_close(target);
	return STATUS_FAILED;
}

void target_drop_details(struct target *target)
{
	causes_free(target->causes);
	target->causes = NULL;
	devices_free(target->devices);
	target->devices = NULL;
}

bool target_has_details(const struct target *target)
{
	return target->desc.features & EXITSTAT_FEATURE_DETAILS &&
	       (!target->path || exitstat_source_note(target->src, "details"));
}

void target_close(struct target *target)
{
	exitstat_source_close(target->src);
	target->src = NULL;
	target_drop_details(target);
}

int target_advance(struct target *target)
{
	int ret = exitstat_source_advance(target->src);

	if (ret >= 0)
		return ret;
	if (target->host)
		vm_say(&target->vm, target->src, ret);
	else
		say_recording(target, ret);
	return -1;
}

int target_refresh(struct target *target)
{
	return target->host ? target_advance(target) : 1;
}

int target_say_end(const struct target *target)
{
	char vm[VM_TEXT_SIZE];

	return say(STATUS_OK, "VM %s ended", vm_text(vm, &target->vm));
}

bool target_to_end(struct target *target)
{
	int more = 1;

	while (target->path && more > 0)
		more = target_advance(target);
	return more >= 0;
}

void target_hypervisor(struct target *target, char name[13])
{
	struct exitstat_regs regs;

	memset(name, 0, 13);
	if (exitstat_source_ask(target->src, 0x40000000, 0, &regs))
		return;
	memcpy(name, &regs.ebx, 4);
	memcpy(name + 4, &regs.ecx, 4);
	memcpy(name + 8, &regs.edx, 4);
	exitstat_text_clean(name, 13, name);
}

static int say_undescribed(struct target *target, int err)
{
	char name[13];

	switch (err) {
	case -ENODEV:
		return say(STATUS_NOT_HERE,
			   "not reported: this is not a virtual machine (CPUID.1:ECX[31] is 0)");
	case -EOPNOTSUPP:
		target_hypervisor(target, name);
		return say(STATUS_NOT_HERE,
			   "not reported: hypervisor '%s' has no exit statistics for this program (no signature in CPUID leaf 0x%x); type: exitstat check",
			   name, EXITSTAT_SIGNATURE);
	case -EPROTO:
		return say(STATUS_NOT_HERE,
			   "not reported: the hypervisor uses a revision of the exit statistics that this exitstat does not know");
	}
	return target->host ? vm_say(&target->vm, target->src, err) : say_recording(target, err);
}

int target_describe(struct target *target)
{
	int err = exitstat_description_read(target->src, &target->desc);

	return err ? say_undescribed(target, err) : STATUS_OK;
}

static int say_no_details(const struct target *target)
{
	if (target->desc.revision < 2)
		return say(STATUS_NOT_HERE,
			   "no details: the hypervisor speaks revision 1 of the exit statistics, which has none");
	if (target->host && target->vm.fd < 0)
		return say(STATUS_NOT_HERE,
			   "no details: QMP does not have them; as root, use --vm instead of --qmp");
	return say(STATUS_NOT_HERE,
		   "no details: they are off for this VM; the host turns them on with exit_stats_details=1, for VMs created or attached to from then on (exitstat-kvm(8))");
}

int target_want_details(struct target *target)
{
	struct exitstat_source *src = target->src;

	if (!(target->desc.features & EXITSTAT_FEATURE_DETAILS))
		return say_no_details(target);
	target->causes = causes_new();
	/* What this machine has says nothing about the VMs of a host, or of another machine. */
	if (devices_root() || (!target->path && !target->host))
		target->devices = devices_read();
	else if (target->path)
		target->devices = devices_of_notes(exitstat_source_note(src, "ports"),
						   exitstat_source_note(src, "memory"));
	if (!target->causes || (!target->devices && !target->host))
		return say(STATUS_FAILED, "cannot read the details: not enough memory");
	return STATUS_OK;
}

int target_open(struct target *target, const struct options *opts)
{
	int status = target_open_source(target, opts);

	if (status)
		return status;
	status = target_describe(target);
	if (!status && opts->exit)
		status = reasons_parse(&target->reasons, target->desc.numbering, opts->exit);
	if (!status && opts->details)
		status = target_want_details(target);
	if (status)
		target_close(target);
	return status;
}

/* A VM's tables are removed one by one: if a vCPU's is gone, the VM may be about to end. */
static int say_no_vcpu(struct target *target)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int tries;

	for (tries = 0; tries < 20 && !target->ended; tries++) {
		nanosleep(&pause, NULL);
		target->ended = !exitstat_source_advance(target->src);
	}
	if (target->ended)
		target_say_end(target);
	else
		say(0, "there is no vCPU %d in this VM", target->vcpu);
	return STATUS_FAILED;
}

static int say_pin(struct target *target, int err)
{
	if (target->host && err == -ENODEV)
		return say_no_vcpu(target);
	if (target->host)
		return vm_say(&target->vm, target->src, err);
	switch (err) {
	case -ENODEV:
		return say(STATUS_FAILED, "there is no CPU %d %s; --vcpu takes one that is online",
			   target->vcpu, target->path ? "in the recording" : "here");
	case -EPERM:
		return say(STATUS_FAILED,
			   "cannot run on CPU %d, which is needed to read its exits: the cpuset of this process excludes it (see /proc/self/cgroup)",
			   target->vcpu);
	}
	return say(STATUS_FAILED, "cannot run on CPU %d: %s", target->vcpu, strerror(-err));
}

static int say_reading(struct target *target, int err)
{
	if (err == -EPROTO)
		return say(STATUS_FAILED,
			   "cannot read the exit counters: the answers contradict the ABI");
	if (err == -EOPNOTSUPP && target->causes &&
	    !(target->desc.features & EXITSTAT_FEATURE_DETAILS))
		return say_no_details(target);
	if (err == -EOPNOTSUPP && !target->host)
		return say_undescribed(target, err);
	if (target->path && err == -ENODATA && target->causes &&
	    !exitstat_source_note(target->src, "details"))
		return say(STATUS_FAILED,
			   "the recording %s holds no details; record with --details to have them",
			   target->path);
	if (target->path)
		return say_recording(target, err);
	if (target->host)
		return vm_say(&target->vm, target->src, err);
	return say(STATUS_FAILED, "cannot read the exit counters: %s", strerror(-err));
}

/* A recording has only what the recorder asked, which is always the full set. */
static int read_counters(struct target *target, const struct exitstat_snapshot *before,
			 struct exitstat_snapshot *snap)
{
	const uint32_t take = EXITSTAT_TAKE_TIMES | EXITSTAT_TAKE_SPLIT | EXITSTAT_TAKE_EPOCH;
	enum exitstat_scope scope = target->vcpu >= 0 ? EXITSTAT_SCOPE_VCPU : EXITSTAT_SCOPE_VM;

	if (before && !target->path && !target->host)
		return exitstat_snapshot_retake(target->src, &target->desc, before, snap);
	return exitstat_snapshot_take(target->src, &target->desc, scope, take, snap);
}

/* In another epoch, the hypervisor may offer something else. */
static int read_described(struct target *target, const struct exitstat_snapshot *before,
			  struct exitstat_snapshot *snap)
{
	int err = read_counters(target, before, snap);

	if (err == -ESTALE) {
		err = exitstat_description_read(target->src, &target->desc);
		if (!err)
			err = read_counters(target, NULL, snap);
	} else if (!err && snap->epoch != target->desc.epoch) {
		err = exitstat_description_read(target->src, &target->desc);
		snap->asked.last = exitstat_source_asked(target->src);
	}
	return err;
}

static int read_details(struct target *target, const struct exitstat_snapshot *before)
{
	enum exitstat_scope scope = target->vcpu >= 0 ? EXITSTAT_SCOPE_VCPU : EXITSTAT_SCOPE_VM;

	return causes_read(target->causes, target->src, &target->desc, scope,
			before && !target->path && !target->host);
}

/* A snapshot and the details; both again if the counters were reset in between. */
static int read_all(struct target *target, const struct exitstat_snapshot *before,
		    struct exitstat_snapshot *snap)
{
	int err = -ESTALE;
	int tries;

	if (!target->causes)
		return read_described(target, before, snap);
	for (tries = 0; err == -ESTALE && tries < 3; tries++) {
		err = read_described(target, before, snap);
		if (!err)
			err = read_details(target, before);
	}
	/* The two are one reading: each takes out what both asked on this vCPU. */
	if (!err) {
		target->causes->now.asked.first = snap->asked.first;
		snap->asked.last = target->causes->now.asked.last;
	}
	return err;
}

/* When the recording was started, in ns since 1970, or -1. */
static int64_t start_of(const struct target *target)
{
	const char *started = exitstat_source_note(target->src, "started");
	struct tm tm = { 0 };

	if (!started || !strptime(started, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return -1;
	return (int64_t)timegm(&tm) * 1000000000;
}

void target_note_time(struct target *target, uint64_t read_ns)
{
	struct timespec now;

	target->read_ns = read_ns;
	if (target->path) {
		target->wall_ns = start_of(target);
		if (target->wall_ns >= 0)
			target->wall_ns += (int64_t)read_ns;
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	target->wall_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int target_read(struct target *target, const struct exitstat_snapshot *before,
		struct exitstat_snapshot *snap)
{
	int err = 0;

	if (target->vcpu >= 0)
		err = exitstat_source_pin(target->src, target->vcpu);
	target->pinned = !err;
	if (err)
		return err;
	err = read_all(target, before, snap);
	if (target->vcpu >= 0)
		exitstat_source_unpin(target->src);
	if (!err)
		target_note_time(target, snap->time_ns);
	return err;
}

bool target_lacks_cpu(const struct target *target, int err)
{
	return !target->pinned && !target->path && !target->host &&
	       (err == -ENODEV || err == -EPERM);
}

int target_next_cpu(const struct target *target, const struct options *opts, int cpu)
{
	return opts->vcpu == VCPU_ALL ? exitstat_source_next_cpu(target->src, cpu) :
	       options_next_vcpu(opts, cpu);
}

int target_say_no_cpu(const struct target *target)
{
	if (target->path)
		return say(STATUS_FAILED,
			   "the recording %s holds the exits of the whole VM only, not of single CPUs",
			   target->path);
	return say(STATUS_FAILED, "there is no vCPU to show");
}

int target_say(struct target *target, int err)
{
	return target->pinned ? say_reading(target, err) : say_pin(target, err);
}

int target_retake(struct target *target, const struct exitstat_snapshot *before,
		  struct exitstat_snapshot *snap)
{
	int err = target_read(target, before, snap);

	return err ? target_say(target, err) : STATUS_OK;
}

int target_take(struct target *target, struct exitstat_snapshot *snap)
{
	return target_retake(target, NULL, snap);
}

/* "12 s", rounded down, in the largest unit of which there are at least two. */
static void text_age(char text[32], uint64_t seconds)
{
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = { { "d", 86400 }, { "h", 3600 }, { "min", 60 }, { "s", 1 } };
	size_t i = 0;

	while (units[i].seconds > 1 && seconds < 2 * units[i].seconds)
		i++;
	snprintf(text, 32, "%llu %s", (unsigned long long)(seconds / units[i].seconds),
		 units[i].unit);
}

const char *target_since(char text[SINCE_SIZE], const struct target *target,
			 const struct exitstat_snapshot *snap)
{
	const struct exitstat_description *desc = &target->desc;
	const char *what = desc->features & EXITSTAT_FEATURE_APPROXIMATE ?
			   "since it was attached" : "since counting began";
	char age[32];

	if (!(desc->features & EXITSTAT_FEATURE_LATE))
		return "since the VM started";
	if (!desc->tsc_khz)
		return what;
	text_age(age, (exitstat_cycles_to_ns(desc, desc->age_cycles) + snap->time_ns -
		       desc->time_ns) / 1000000000);
	snprintf(text, SINCE_SIZE, "%s, %s ago", what, age);
	return text;
}

static int say_details(int err)
{
	if (!err)
		return STATUS_OK;
	return say(STATUS_FAILED, "cannot compare the details: %s", strerror(-err));
}

int target_subtract(struct target *target, const struct exitstat_snapshot *after,
		    const struct exitstat_snapshot *before, struct exitstat_snapshot *between)
{
	if (exitstat_snapshot_subtract(after, before, between))
		return say(STATUS_FAILED,
			   "cannot compare: CPU %d was vCPU %u and is vCPU %u now", target->vcpu,
			   before->vcpu, after->vcpu);
	return say_details(target->causes ? causes_between(target->causes, between) : 0);
}

int target_sum(struct target *target, struct exitstat_snapshot *snap)
{
	return say_details(target->causes ? causes_sum(target->causes, snap) : 0);
}
