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

#define KVM_PARAMETER	"/sys/module/kvm/parameters/guest_exit_stats"

struct scraper {
	unsigned int detail;
	unsigned long long vms;		/* read by this scrape */
	unsigned long long errors;	/* since the start */
	unsigned long long scrapes;
	int last_err;			/* of the source, to report each error once */
	struct exitstat_source *cpu;	/* in a guest */
	char hostname[256];
	char own[TEXTFILE_NAME_SIZE + 16];	/* labels of metrics about the exporter itself */
	const char *debugfs;		/* on a host, this directory, */
	struct vmms *vmms;	/* or these VMMs */
};

/*
 * The guest's own.
 */

static int read_self(struct scraper *scraper, struct page *page)
{
	const struct vm_name name = { .vm = scraper->hostname };
	int err = page_add_vm(page, scraper->cpu, &name, scraper->detail);

	scraper->vms += !err;
	text_print(&page->families[FAMILY_OWN_EXITS], "exitstat_own_exits_total%s %llu\n",
		   scraper->own, (unsigned long long)exitstat_source_asked(scraper->cpu));
	return err;
}

/*
 * The host's debugfs.
 */

/* Without a VM, only KVM's parameter shows whether it counts exits. */
static bool counts_exits(const struct scraper *scraper)
{
	return !strcmp(scraper->debugfs, EXITSTAT_KVM_DIR) && !access(KVM_PARAMETER, F_OK);
}

/* 0, also if the VM has ended; or -errno. */
static int read_vm(struct scraper *scraper, struct page *page, const struct exitstat_vm *vm)
{
	struct exitstat_source *src;
	char id[32];
	const struct vm_name name = { .vm = *vm->name ? vm->name : id, .id = id };
	int ret = exitstat_source_open_debugfs(vm->dir, &src);

	if (ret)
		return ret;
	snprintf(id, sizeof(id), "%d-%d", vm->pid, vm->fd);
	ret = exitstat_source_advance(src);
	if (ret > 0) {
		ret = page_add_vm(page, src, &name, scraper->detail);
		scraper->vms += !ret;
	}
	exitstat_source_close(src);
	return ret == -ENODEV ? 0 : ret;
}

/*
 * -EOPNOTSUPP for one VM: it is being created or destroyed, as its directory exists longer than its
 * files.  For all VMs: this is a stock KVM.
 */
static int read_debugfs(struct scraper *scraper, struct page *page)
{
	unsigned int all = 0, stock = 0;
	struct exitstat_vms *vms;
	struct exitstat_vm vm;
	int err = exitstat_vms_open(scraper->debugfs, &vms);

	if (err)
		return err;
	for (; exitstat_vms_next(vms, &vm) > 0; all++) {
		err = read_vm(scraper, page, &vm);
		if (err == -EOPNOTSUPP)
			stock++;
		else if (err)
			scraper->errors++;
	}
	exitstat_vms_close(vms);
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
	if (gethostname(scraper->hostname, sizeof(scraper->hostname) - 1))
		*scraper->hostname = '\0';
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
			   "not reported: this host's KVM has no exit statistics; exitstat-kvm load swaps in one that has");
	case -ENOENT:
		if (strcmp(dir, EXITSTAT_KVM_DIR))
			break;
		return say(STATUS_NOT_HERE,
			   "not reported: this is neither a VM whose host reports its exits nor a host with KVM: there is no %s",
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

static int read_source(struct scraper *scraper, struct page *page)
{
	int err;

	if (scraper->vmms) {
		scraper->vms = vmms_read(scraper->vmms, page);
		return 0;
	}
	err = scraper->cpu ? read_self(scraper, page) : read_debugfs(scraper, page);
	page_add_up(page, scraper->cpu ? "cpuid" : scraper->debugfs, !err);
	return err;
}

void scraper_read(struct scraper *scraper, struct page *page)
{
	struct text *families = page->families;
	uint64_t begun_ns = now_ns();
	int err;

	scraper->vms = 0;
	scraper->scrapes++;
	err = read_source(scraper, page);
	if (err && err != scraper->last_err)
		say_source(scraper, err);
	scraper->last_err = err;
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
	int err = read_source(scraper, &page);

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

	if (!new)
		return say(STATUS_FAILED, "out of memory");
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
	free(scraper);
}
