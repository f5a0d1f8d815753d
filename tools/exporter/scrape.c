// SPDX-License-Identifier: MIT
/* What exitstat export reads: this VM, or the VMs of a host. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "exporter.h"

/* Of our KVM, and of the attached module. */
#define KVM_PARAMETER		"/sys/module/kvm/parameters/guest_exit_stats"
#define ATTACH_PARAMETER	"/sys/module/exitstat_attach/parameters/guest_exit_stats"

struct scraper {
	unsigned int detail;
	unsigned long long vms;		/* read by this scrape */
	unsigned long long errors;	/* since the start */
	unsigned long long scrapes;
	int last_err;			/* of the source, to report each error once */
	struct identities *identities;
	struct exitstat_source *cpu;	/* in a guest */
	char own[TEXTFILE_NAME_SIZE + 16];	/* labels of metrics about the exporter itself */
	const char *debugfs;		/* on a host, this directory, */
	struct vmms *vmms;	/* or these VMMs */
};

/*
 * The guest's own.
 */

static int read_self(struct scraper *scraper, struct sink *sink)
{
	struct identity *self;
	struct reading reading;
	int err = reading_take(&reading, scraper->cpu, sink);

	if (err)
		return err;
	identities_begin(scraper->identities);
	self = identities_see(scraper->identities, 0, -1, 0);
	if (self && !*self->name) {
		self->named = true;
		gethostname(self->name, sizeof(self->name) - 1);
		snprintf(self->id, sizeof(self->id), "guest");
	}
	identities_end(scraper->identities);
	if (self)
		sink->vm(sink, &reading, self);
	reading_free(&reading);
	return self ? 0 : -ENOMEM;
}

/*
 * The host's debugfs.
 */

/* Without a VM, only a parameter shows whether exits are counted. */
static bool counts_exits(const struct scraper *scraper)
{
	return !strcmp(scraper->debugfs, EXITSTAT_KVM_DIR) &&
	       (!access(KVM_PARAMETER, F_OK) || !access(ATTACH_PARAMETER, F_OK));
}

/* What /proc tells does not change, so it is read once. */
static struct identity *identify(struct scraper *scraper, struct exitstat_vm *vm)
{
	struct identity *identity = identities_see(scraper->identities, vm->pid, vm->fd,
						   vm->serial);

	if (!identity || identity->known)
		return identity;
	exitstat_vm_identify(vm);
	identity->known = true;
	identity->named = vm->named;
	identity->started = vm->started;
	memcpy(identity->name, vm->name, sizeof(vm->name));
	memcpy(identity->uuid, vm->uuid, sizeof(vm->uuid));
	snprintf(identity->id, sizeof(identity->id), "%d-%d", vm->pid, vm->fd);
	return identity;
}

static int identify_all(struct scraper *scraper)
{
	struct exitstat_vms *vms;
	struct exitstat_vm vm;
	int err = exitstat_vms_open(scraper->debugfs, &vms);

	if (err)
		return err;
	identities_begin(scraper->identities);
	while (!err && exitstat_vms_next_dir(vms, &vm) > 0)
		err = identify(scraper, &vm) ? 0 : -ENOMEM;
	identities_end(scraper->identities);
	exitstat_vms_close(vms);
	return err;
}

/* 0, also if the VM has ended; or -errno. */
static int read_vm(struct scraper *scraper, struct sink *sink, const struct identity *vm)
{
	char dir[EXITSTAT_VM_DIR_SIZE];
	struct exitstat_source *src;
	struct reading reading;
	int ret;

	snprintf(dir, sizeof(dir), "%s/%s", scraper->debugfs, vm->id);
	ret = exitstat_source_open_debugfs(dir, &src);
	if (ret)
		return ret;
	ret = exitstat_source_advance(src);
	if (ret > 0)
		ret = reading_take(&reading, src, sink);
	else if (!ret)
		ret = -ENODEV;
	exitstat_source_close(src);
	if (ret)
		return ret == -ENODEV ? 0 : ret;
	sink->vm(sink, &reading, vm);
	reading_free(&reading);
	return 0;
}

/*
 * -EOPNOTSUPP for one VM: it is being created or destroyed, as its directory exists longer than its
 * files.  For all VMs: this is a stock KVM.
 */
static int read_debugfs(struct scraper *scraper, struct sink *sink)
{
	unsigned int all, stock = 0;
	struct identity *vm;
	int err = identify_all(scraper);

	if (err)
		return err;
	for (all = 0; (vm = identities_at(scraper->identities, all)); all++) {
		err = read_vm(scraper, sink, vm);
		if (err == -EOPNOTSUPP)
			stock++;
		else if (err)
			scraper->errors++;
	}
	return all && all == stock && !counts_exits(scraper) ? -EOPNOTSUPP : 0;
}

/*
 * Both.
 */

/* In a guest, the only source is the CPU, which is a source only there. */
static int open_self(struct scraper *scraper)
{
	struct exitstat_description desc;
	int err = exitstat_source_open_cpu(&scraper->cpu);

	if (err)
		return err;
	err = exitstat_description_read(scraper->cpu, &desc);
	if (err) {
		exitstat_source_close(scraper->cpu);
		scraper->cpu = NULL;
	}
	return err;
}

static int say_source(struct scraper *scraper, int err)
{
	const char *dir = scraper->debugfs;

	if (scraper->cpu)
		return say(STATUS_FAILED, "cannot read the exit counters of this VM: %s",
			   strerror(-err));
	switch (err) {
	case -EOPNOTSUPP:
		return say(STATUS_NOT_HERE,
			   "not reported: this host's KVM has no exit statistics; type: exitstat-kvm attach");
	case -ENOENT:
		if (strcmp(dir, EXITSTAT_KVM_DIR))
			break;
		return say(STATUS_NOT_HERE,
			   "not reported: this is neither a VM whose host reports its exits nor a host with KVM: there is no %s; in a VM, type: exitstat check",
			   dir);
	case -EACCES:
		return say(STATUS_FAILED,
			   "cannot read %s: only root can, or a process with the capability CAP_DAC_READ_SEARCH; --qmp needs neither",
			   dir);
	case -EPERM:
		return say(STATUS_FAILED,
			   "cannot read %s: the kernel's lockdown forbids it; --qmp works under it",
			   dir);
	}
	return say(STATUS_FAILED, "cannot read %s: %s", dir, strerror(-err));
}

static int read_source(struct scraper *scraper, struct sink *sink)
{
	int err;

	if (scraper->vmms) {
		vmms_read(scraper->vmms, scraper->identities, sink);
		return 0;
	}
	err = scraper->cpu ? read_self(scraper, sink) : read_debugfs(scraper, sink);
	sink->up(sink, scraper->cpu ? "cpuid" : scraper->debugfs, !err);
	return err;
}

/* The same, with a message the first time that it fails. */
static void read_and_say(struct scraper *scraper, struct sink *sink)
{
	int err = read_source(scraper, sink);

	if (err && err != scraper->last_err)
		say_source(scraper, err);
	scraper->last_err = err;
}

/*
 * Sinks.
 */

struct metrics_sink {
	struct sink sink;
	struct scraper *scraper;
	struct page *page;
};

static void metrics_vm(struct sink *sink, const struct reading *reading, const struct identity *vm)
{
	struct metrics_sink *metrics = (struct metrics_sink *)sink;

	page_add_vm(metrics->page, reading, vm);
	metrics->scraper->vms++;
}

static void metrics_up(struct sink *sink, const char *source, bool up)
{
	page_add_up(((struct metrics_sink *)sink)->page, source, up);
}

static struct metrics_sink metrics_of(struct scraper *scraper, struct page *page)
{
	return (struct metrics_sink){
		.sink = { .vm = metrics_vm, .up = metrics_up, .detail = scraper->detail },
		.scraper = scraper,
		.page = page,
	};
}

struct live_sink {
	struct sink sink;
	struct live live;
};

static void live_vm(struct sink *sink, const struct reading *reading, const struct identity *vm)
{
	live_add_vm(&((struct live_sink *)sink)->live, reading, vm);
}

static void live_up(struct sink *sink, const char *source, bool up)
{
	live_add_up(&((struct live_sink *)sink)->live, source, up);
}

bool scraper_read_live(struct scraper *scraper, uint64_t details_of, struct text *json)
{
	struct live_sink live = {
		.sink = { .vm = live_vm, .up = live_up, .details_of = details_of },
	};
	char host[256] = "";

	read_and_say(scraper, &live.sink);
	gethostname(host, sizeof(host) - 1);
	return live_finish(&live.live, json, host, scraper->cpu);
}

void scraper_read(struct scraper *scraper, struct page *page)
{
	struct metrics_sink metrics = metrics_of(scraper, page);
	struct text *families = page->families;
	uint64_t begun_ns = now_ns();

	scraper->vms = 0;
	scraper->scrapes++;
	read_and_say(scraper, &metrics.sink);
	if (scraper->cpu)
		text_print(&families[FAMILY_OWN_EXITS], "exitstat_own_exits_total%s %llu\n",
			   scraper->own, (unsigned long long)exitstat_source_asked(scraper->cpu));
	text_print(&families[FAMILY_VMS], "exitstat_vms%s %llu\n", scraper->own, scraper->vms);
	text_print(&families[FAMILY_VM_ERRORS], "exitstat_vm_errors_total%s %llu\n", scraper->own,
		   scraper->errors);
	text_print(&families[FAMILY_SCRAPES], "exitstat_scrapes_total%s %llu\n", scraper->own,
		   scraper->scrapes);
	text_print(&families[FAMILY_BUILD_INFO],
		   "exitstat_build_info{version=\"" VERSION "\",abi_revision=\"%d\"%s%s 1\n",
		   EXITSTAT_ABI_REVISION, *scraper->own ? "," : "}",
		   *scraper->own ? scraper->own + 1 : "");
	text_print(&families[FAMILY_SCRAPE_DURATION], "exitstat_scrape_duration_seconds%s %.6f\n",
		   scraper->own, (double)(now_ns() - begun_ns) / 1e9);
}

static int try_source(struct scraper *scraper)
{
	struct page page = { 0 };
	struct metrics_sink metrics = metrics_of(scraper, &page);
	int err = read_source(scraper, &metrics.sink);

	page_clear(&page);
	if (!err && scraper->debugfs && !strcmp(scraper->debugfs, EXITSTAT_KVM_DIR) &&
	    !counts_exits(scraper))
		return -EOPNOTSUPP;
	return err;
}

static int open_source(struct scraper *scraper, const struct options *opts)
{
	scraper->debugfs = opts->debugfs;
	if (opts->qmps_nr)
		return vmms_open(&scraper->vmms, opts, scraper->detail);
	if (!scraper->debugfs && open_self(scraper))
		scraper->debugfs = EXITSTAT_KVM_DIR;
	return try_source(scraper);
}

/* node_exporter reads several files as one page, in which each series may appear only once. */
static void name_own(struct scraper *scraper, const struct options *opts)
{
	char name[TEXTFILE_NAME_SIZE];

	if (opts->debugfs || opts->qmps_nr)
		snprintf(scraper->own, sizeof(scraper->own), "{file=\"%s\"}",
			 textfile_name(name, opts));
}

int scraper_open(struct scraper **scraper, const struct options *opts)
{
	struct scraper *new = calloc(1, sizeof(*new));
	int err;

	if (new)
		new->identities = identities_open();
	if (!new || !new->identities) {
		free(new);
		return say(STATUS_FAILED, "out of memory");
	}
	new->detail = (opts->per_vcpu ? EXPORT_PER_VCPU : 0) |
		      (opts->histograms ? EXPORT_HISTOGRAMS : 0) |
		      (opts->details ? EXPORT_DETAILS : 0);
	if (opts->textfile)
		name_own(new, opts);
	err = open_source(new, opts);
	*scraper = new;
	if (!err)
		return STATUS_OK;
	err = say_source(new, err);
	scraper_close(new);
	return err;
}

void scraper_close(struct scraper *scraper)
{
	exitstat_source_close(scraper->cpu);
	vmms_close(scraper->vmms);
	identities_close(scraper->identities);
	free(scraper);
}
