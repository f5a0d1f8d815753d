// SPDX-License-Identifier: MIT
/* What is measured: a source of leaves, opened and described, with the errors said. */
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

static int say_recording(struct meter *meter, int err)
{
	unsigned long line;
	const char *rule = exitstat_source_complaint(meter->src, &line);

	if (err == -EBADMSG && rule)
		return say(STATUS_FAILED, "cannot read the recording %s: line %lu: %s",
			   meter->path, line, rule);
	if (err == -ENODATA)
		return say(STATUS_FAILED, "the recording %s does not hold what was asked for",
			   meter->path);
	return say(STATUS_FAILED, "cannot read the recording %s: %s", meter->path, strerror(-err));
}

int meter_open(struct meter *meter, const struct options *opts)
{
	int err;

	*meter = (struct meter){ .path = opts->source, .vcpu = opts->vcpu };
	if (opts->host)
		return host_open(meter, opts);
	if (!meter->path) {
		err = exitstat_source_open_cpu(&meter->src);
		return err ? say(STATUS_FAILED, "cannot use CPUID: %s", strerror(-err)) : STATUS_OK;
	}
	if (!strcmp(meter->path, "-")) {
		meter->path = "standard input";
		err = exitstat_source_open_recording_fd(STDIN_FILENO, &meter->src);
	} else {
		err = exitstat_source_open_recording(meter->path, &meter->src);
	}
	if (err)
		return say(STATUS_FAILED, "cannot open the recording %s: %s", meter->path,
			   strerror(-err));
	switch (meter_advance(meter)) {
	case 1:
		return STATUS_OK;
	case 0:
		say(0, "the recording %s holds no whole frame", meter->path);
	}
	meter_close(meter);
	return STATUS_FAILED;
}

void meter_close(struct meter *meter)
{
	exitstat_source_close(meter->src);
	meter->src = NULL;
}

int meter_advance(struct meter *meter)
{
	int ret = exitstat_source_advance(meter->src);

	if (ret >= 0)
		return ret;
	if (meter->host)
		host_say(meter, ret);
	else
		say_recording(meter, ret);
	return -1;
}

int meter_refresh(struct meter *meter)
{
	return meter->host ? meter_advance(meter) : 1;
}

int meter_say_end(const struct meter *meter)
{
	char vm[VM_TEXT_SIZE];

	return say(STATUS_OK, "VM %s ended", vm_text(vm, &meter->vm));
}

bool meter_to_end(struct meter *meter)
{
	int more = 1;

	while (meter->path && more > 0)
		more = meter_advance(meter);
	return more >= 0;
}

void hypervisor_name(struct meter *meter, char name[13])
{
	struct exitstat_regs regs;

	memset(name, 0, 13);
	if (exitstat_source_ask(meter->src, 0x40000000, 0, &regs))
		return;
	memcpy(name, &regs.ebx, 4);
	memcpy(name + 4, &regs.ecx, 4);
	memcpy(name + 8, &regs.edx, 4);
	exitstat_text_clean(name, 13, name);
}

static int say_undescribed(struct meter *meter, int err)
{
	char name[13];

	switch (err) {
	case -ENODEV:
		return say(STATUS_NOT_HERE,
			   "not reported: this is no virtual machine (CPUID.1:ECX[31] is 0)");
	case -EOPNOTSUPP:
		hypervisor_name(meter, name);
		return say(STATUS_NOT_HERE,
			   "not reported: hypervisor '%s' has no exit statistics for this program (no signature in CPUID leaf 0x%x)",
			   name, EXITSTAT_SIGNATURE);
	case -EPROTO:
		return say(STATUS_NOT_HERE,
			   "not reported: the hypervisor speaks a revision of the exit statistics that this exitstat does not know");
	}
	return meter->host ? host_say(meter, err) : say_recording(meter, err);
}

int meter_describe(struct meter *meter)
{
	int err = exitstat_description_read(meter->src, &meter->desc);

	return err ? say_undescribed(meter, err) : STATUS_OK;
}

/* A VM's tables go one after the other: if a vCPU's is gone, give the rest some time to go. */
static int say_no_vcpu(struct meter *meter)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int tries;

	for (tries = 0; tries < 20 && !meter->ended; tries++) {
		nanosleep(&pause, NULL);
		meter->ended = !exitstat_source_advance(meter->src);
	}
	if (meter->ended)
		meter_say_end(meter);
	else
		say(0, "there is no vCPU %d in this VM", meter->vcpu);
	return STATUS_FAILED;
}

static int say_pin(struct meter *meter, int err)
{
	if (meter->host && err == -ENODEV)
		return say_no_vcpu(meter);
	if (meter->host)
		return host_say(meter, err);
	switch (err) {
	case -ENODEV:
		return say(STATUS_FAILED, "there is no CPU %d %s; --vcpu takes one that is online",
			   meter->vcpu, meter->path ? "in the recording" : "here");
	case -EPERM:
		return say(STATUS_FAILED,
			   "cannot run on CPU %d, as reading its exits needs: the affinity or cpuset of this process excludes it (try taskset -c %d)",
			   meter->vcpu, meter->vcpu);
	}
	return say(STATUS_FAILED, "cannot run on CPU %d: %s", meter->vcpu, strerror(-err));
}

static int say_reading(struct meter *meter, int err)
{
	if (err == -EPROTO)
		return say(STATUS_FAILED,
			   "cannot read the exit counters: the answers contradict the ABI");
	if (err == -EOPNOTSUPP && !meter->host)
		return say_undescribed(meter, err);
	if (meter->path)
		return say_recording(meter, err);
	if (meter->host)
		return host_say(meter, err);
	return say(STATUS_FAILED, "cannot read the exit counters: %s", strerror(-err));
}

/* A recording is asked what the recorder asked, and it never asks for less. */
static int read_counters(struct meter *meter, const struct exitstat_snapshot *before,
			 struct exitstat_snapshot *snap)
{
	const uint32_t take = EXITSTAT_TAKE_TIMES | EXITSTAT_TAKE_SPLIT | EXITSTAT_TAKE_EPOCH;
	enum exitstat_scope scope = meter->vcpu >= 0 ? EXITSTAT_SCOPE_VCPU : EXITSTAT_SCOPE_VM;

	if (before && !meter->path && !meter->host)
		return exitstat_snapshot_retake(meter->src, &meter->desc, before, snap);
	return exitstat_snapshot_take(meter->src, &meter->desc, scope, take, snap);
}

/* Another epoch: what the hypervisor offers may be something else now. */
static int read_described(struct meter *meter, const struct exitstat_snapshot *before,
			  struct exitstat_snapshot *snap)
{
	int err = read_counters(meter, before, snap);

	if (err == -ESTALE) {
		err = exitstat_description_read(meter->src, &meter->desc);
		if (!err)
			err = read_counters(meter, NULL, snap);
	} else if (!err && snap->epoch != meter->desc.epoch) {
		err = exitstat_description_read(meter->src, &meter->desc);
		snap->asked_last = exitstat_source_asked(meter->src);
	}
	return err;
}

int meter_retake(struct meter *meter, const struct exitstat_snapshot *before,
		 struct exitstat_snapshot *snap)
{
	int err;

	if (meter->vcpu >= 0) {
		err = exitstat_source_pin(meter->src, meter->vcpu);
		if (err)
			return say_pin(meter, err);
	}
	err = read_described(meter, before, snap);
	if (meter->vcpu >= 0)
		exitstat_source_unpin(meter->src);
	return err ? say_reading(meter, err) : STATUS_OK;
}

int meter_take(struct meter *meter, struct exitstat_snapshot *snap)
{
	return meter_retake(meter, NULL, snap);
}

/* "12 s", rounded down; a time that is long needs no seconds. */
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

const char *meter_since(char text[SINCE_SIZE], const struct meter *meter,
			const struct exitstat_snapshot *snap)
{
	const struct exitstat_description *desc = &meter->desc;
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

int meter_subtract(struct meter *meter, const struct exitstat_snapshot *after,
		   const struct exitstat_snapshot *before, struct exitstat_snapshot *between)
{
	if (!exitstat_snapshot_subtract(after, before, between))
		return STATUS_OK;
	return say(STATUS_FAILED, "cannot compare: CPU %d was vCPU %u and is vCPU %u now",
		   meter->vcpu, before->vcpu, after->vcpu);
}
