// SPDX-License-Identifier: MIT
/* A page of metrics: the families, their samples, and how a VM becomes samples. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exporter.h"

/* In OpenMetrics, a counter's name lacks the suffix that its samples have. */
#define HEADER(name, suffix, type, help) {					\
	[PAGE_PROMETHEUS] = "# HELP " name suffix " " help "\n"			\
			    "# TYPE " name suffix " " type "\n",		\
	[PAGE_OPENMETRICS] = "# HELP " name " " help "\n"			\
			     "# TYPE " name " " type "\n" }
#define COUNTER(name, help)	HEADER(name, "_total", "counter", help)
#define GAUGE(name, help)	HEADER(name, "", "gauge", help)

static const char * const headers[FAMILIES_NR][PAGE_FORMATS_NR] = {
	[FAMILY_EXITS] = COUNTER("kvm_exits", "VM exits, by exit reason."),
	[FAMILY_EXIT_SECONDS] = COUNTER("kvm_exit_seconds",
		"vCPU time by exit reason and state: kernel, vmm, waiting (off the CPU)."),
	[FAMILY_EXIT_DURATION] = HEADER("kvm_exit_duration_seconds", "", "histogram",
		"Processing time of single VM exits, kernel and VMM, by exit reason."),
	[FAMILY_DETAILS] = COUNTER("kvm_exit_details",
		"VM exits, by exit reason and what they were about: port, MSR, leaf, page."),
	[FAMILY_DETAIL_SECONDS] = COUNTER("kvm_exit_detail_seconds",
		"Processing time of VM exits, kernel and VMM, by what they were about."),
	[FAMILY_GUEST_SECONDS] = COUNTER("kvm_guest_seconds", "Time of vCPUs in guest mode."),
	[FAMILY_VCPUS] = GAUGE("kvm_vcpus", "vCPUs of the VM."),
	[FAMILY_TSC_FREQUENCY] = GAUGE("kvm_tsc_frequency_hertz",
		"Frequency of the host's TSC; 0: not known, so there are no seconds."),
	[FAMILY_VM_INFO] = GAUGE("kvm_vm_info",
		"1; the epoch changes when all counters of the VM start again from 0."),
	[FAMILY_SOURCE_UP] = GAUGE("exitstat_source_up",
		"Whether the last scrape could read from there."),
	[FAMILY_VMS] = GAUGE("exitstat_vms", "VMs that this scrape read."),
	[FAMILY_VM_ERRORS] = COUNTER("exitstat_vm_errors",
		"Readings of a VM that failed, other than because it had ended."),
	[FAMILY_OWN_EXITS] = COUNTER("exitstat_own_exits",
		"CPUID exits of this VM that the exporter itself caused by reading."),
	[FAMILY_SCRAPES] = COUNTER("exitstat_scrapes", "Times that all VMs were read."),
	[FAMILY_SCRAPE_DURATION] = GAUGE("exitstat_scrape_duration_seconds",
		"Time that this scrape took to read all VMs."),
	[FAMILY_BUILD_INFO] = GAUGE("exitstat_build_info",
		"1, with the version of exitstat and its revision of the ABI."),
};

size_t page_pieces(const struct page *page, enum page_format format,
		   struct piece pieces[PAGE_PIECES_MAX])
{
	size_t i, nr = 0;

	for (i = 0; i < FAMILIES_NR; i++) {
		if (!page->families[i].size)
			continue;
		pieces[nr++] = (struct piece){ headers[i][format], strlen(headers[i][format]) };
		pieces[nr++] = (struct piece){ page->families[i].at, page->families[i].size };
	}
	if (format == PAGE_OPENMETRICS)
		pieces[nr++] = (struct piece){ "# EOF\n", 6 };
	return nr;
}

const char *page_content_type(enum page_format format)
{
	return format == PAGE_OPENMETRICS ?
		"application/openmetrics-text; version=1.0.0; charset=utf-8" :
		"text/plain; version=0.0.4; charset=utf-8";
}

bool page_failed(const struct page *page)
{
	size_t i;

	for (i = 0; i < FAMILIES_NR; i++) {
		if (page->families[i].failed)
			return true;
	}
	return false;
}

void page_append(struct page *page, const struct page *other)
{
	size_t i;

	for (i = 0; i < FAMILIES_NR; i++) {
		text_append(&page->families[i], other->families[i].at, other->families[i].size);
		page->families[i].failed |= other->families[i].failed;
	}
}

void page_clear(struct page *page)
{
	size_t i;

	for (i = 0; i < FAMILIES_NR; i++)
		text_free(&page->families[i]);
}

/* A VM being added, with the buffers that are too big for a stack. */
struct adding {
	struct page *page;
	struct exitstat_source *src;
	struct exitstat_description desc;
	struct text labels;	/* vm="...",id="..." and perhaps vcpu="...", zero-terminated */
	size_t labels_size;	/* the length of the VM's own labels */
	struct exitstat_snapshot snap;
	struct exitstat_details details;
};

static void add_time(struct adding *me, enum family at, const char *sample, uint64_t cycles)
{
	uint64_t ns = exitstat_cycles_to_ns(&me->desc, cycles);

	text_print(&me->page->families[at], "%s{%s} %llu.%09llu\n", sample, me->labels.at,
		   (unsigned long long)(ns / 1000000000), (unsigned long long)(ns % 1000000000));
}

static void add_state(struct adding *me, const char *reason, const char *state, uint64_t cycles)
{
	uint64_t ns = exitstat_cycles_to_ns(&me->desc, cycles);

	text_print(&me->page->families[FAMILY_EXIT_SECONDS],
		   "kvm_exit_seconds_total{%s,reason=\"%s\",state=\"%s\"} %llu.%09llu\n",
		   me->labels.at, reason, state, (unsigned long long)(ns / 1000000000),
		   (unsigned long long)(ns % 1000000000));
}

/* The two were not read at the same moment, so the difference could be negative. */
static uint64_t kernel_cycles(const struct exitstat_entry *entry)
{
	return entry->cycles > entry->vmm_cycles ? entry->cycles - entry->vmm_cycles : 0;
}

static void add_entry(struct adding *me, const struct exitstat_entry *entry)
{
	char reason[TEXT_SIZE];

	exit_name(reason, me->desc.numbering, entry->number);
	text_print(&me->page->families[FAMILY_EXITS], "kvm_exits_total{%s,reason=\"%s\"} %llu\n",
		   me->labels.at, reason, (unsigned long long)entry->count);
	if (!me->desc.tsc_khz || !(me->snap.taken & EXITSTAT_TAKE_SPLIT))
		return;
	add_state(me, reason, "kernel", kernel_cycles(entry));
	add_state(me, reason, "vmm", entry->vmm_cycles);
	add_state(me, reason, "waiting", entry->waiting_cycles);
}

/* The last bucket has no upper bound: it is the one of +Inf. */
static int add_histogram(struct adding *me, const struct exitstat_entry *entry)
{
	struct text *text = &me->page->families[FAMILY_EXIT_DURATION];
	uint64_t ns = exitstat_cycles_to_ns(&me->desc, entry->cycles);
	unsigned long long count = 0;
	struct exitstat_histogram histogram;
	char reason[TEXT_SIZE];
	uint32_t i;
	int err = exitstat_histogram_read(me->src, &me->desc, me->snap.scope, entry->number,
					  &histogram);

	if (err)
		return err;
	exit_name(reason, me->desc.numbering, entry->number);
	for (i = 0; i < histogram.buckets_nr; i++) {
		uint64_t low, high;
		char bound[TEXT_SIZE] = "+Inf";

		exitstat_histogram_bounds(&histogram, i, &low, &high);
		if (i + 1 < histogram.buckets_nr)
			snprintf(bound, sizeof(bound), "%.9g",
				 (double)high / me->desc.tsc_khz / 1000);
		count += histogram.buckets[i];
		text_print(text, "kvm_exit_duration_seconds_bucket{%s,reason=\"%s\",le=\"%s\"} %llu\n",
			   me->labels.at, reason, bound, count);
	}
	text_print(text, "kvm_exit_duration_seconds_sum{%s,reason=\"%s\"} %llu.%09llu\n",
		   me->labels.at, reason, (unsigned long long)(ns / 1000000000),
		   (unsigned long long)(ns % 1000000000));
	text_print(text, "kvm_exit_duration_seconds_count{%s,reason=\"%s\"} %llu\n",
		   me->labels.at, reason, count);
	return 0;
}

static void add_detail(struct adding *me, const struct exitstat_detail *detail)
{
	const char *about = exitstat_detail_term(me->desc.numbering, detail->number,
						 detail->detail);
	char reason[TEXT_SIZE], name[EXITSTAT_DETAIL_NAME_SIZE], labels[256];
	uint64_t ns = exitstat_cycles_to_ns(&me->desc, detail->cycles);

	exit_name(reason, me->desc.numbering, detail->number);
	exitstat_detail_name(me->desc.numbering, detail->number, detail->detail, name,
			     sizeof(name));
	snprintf(labels, sizeof(labels), "reason=\"%s\",detail=\"%s\"%s%s%s", reason, name,
		 about ? ",about=\"" : "", about ? about : "", about ? "\"" : "");
	text_print(&me->page->families[FAMILY_DETAILS], "kvm_exit_details_total{%s,%s} %llu\n",
		   me->labels.at, labels, (unsigned long long)detail->count);
	if (me->desc.tsc_khz && me->details.taken & EXITSTAT_TAKE_TIMES)
		text_print(&me->page->families[FAMILY_DETAIL_SECONDS],
			   "kvm_exit_detail_seconds_total{%s,%s} %llu.%09llu\n", me->labels.at,
			   labels, (unsigned long long)(ns / 1000000000),
			   (unsigned long long)(ns % 1000000000));
}

/* Make room for all, read them, and add up the places of the vCPUs. */
static int read_details(struct adding *me, enum exitstat_scope scope)
{
	struct exitstat_details *details = &me->details;
	uint32_t room = (me->desc.vcpus + 1) * EXITSTAT_DETAILS_PER_VCPU;
	int err = -EOVERFLOW;
	int tries;

	/* A place more may come between two tries. */
	for (tries = 0; err == -EOVERFLOW && tries < 3; tries++) {
		free(details->list);
		*details = (struct exitstat_details){
			.room = room,
			.list = malloc(room * sizeof(*details->list)),
		};
		if (!details->list)
			return -ENOMEM;
		err = exitstat_details_read(me->src, &me->desc, scope, EXITSTAT_TAKE_TIMES,
					    details);
		room = details->nr + EXITSTAT_DETAILS_PER_VCPU;
	}
	return err ? err : exitstat_details_subtract(details, NULL, details);
}

static int add_details(struct adding *me, enum exitstat_scope scope)
{
	int err = read_details(me, scope);
	uint32_t i;

	for (i = 0; !err && i < me->details.nr; i++)
		add_detail(me, &me->details.list[i]);
	free(me->details.list);
	me->details.list = NULL;
	return err;
}

static int add_histograms(struct adding *me)
{
	int err = 0;
	uint32_t i;

	for (i = 0; !err && i < me->snap.entries_nr; i++)
		err = add_histogram(me, &me->snap.entries[i]);
	return err;
}

static int add_counters(struct adding *me, enum exitstat_scope scope, unsigned int detail)
{
	const uint32_t take = EXITSTAT_TAKE_TIMES | EXITSTAT_TAKE_SPLIT | EXITSTAT_TAKE_EPOCH;
	int err = exitstat_snapshot_take(me->src, &me->desc, scope, take, &me->snap);
	uint32_t i;

	if (err)
		return err;
	if (scope == EXITSTAT_SCOPE_VCPU) {
		me->labels.size = me->labels_size;
		text_print(&me->labels, ",vcpu=\"%u\"", me->snap.vcpu);
	}
	if (me->labels.failed)
		return -ENOMEM;
	if (me->desc.tsc_khz && me->snap.taken & EXITSTAT_TAKE_SPLIT)
		add_time(me, FAMILY_GUEST_SECONDS, "kvm_guest_seconds_total",
			 me->snap.guest_cycles);
	for (i = 0; i < me->snap.entries_nr; i++)
		add_entry(me, &me->snap.entries[i]);
	if (detail & EXPORT_HISTOGRAMS && me->desc.buckets && me->desc.tsc_khz)
		err = add_histograms(me);
	if (!err && detail & EXPORT_DETAILS && me->desc.features & EXITSTAT_FEATURE_DETAILS)
		err = add_details(me, scope);
	return err;
}

static int add_vcpu(struct adding *me, int cpu, unsigned int detail)
{
	int err = exitstat_source_pin(me->src, cpu);

	if (!err)
		err = add_counters(me, EXITSTAT_SCOPE_VCPU, detail);
	exitstat_source_unpin(me->src);
	/* It may have gone offline since it was found. */
	return err == -ENODEV ? 0 : err;
}

static int add_vcpus(struct adding *me, unsigned int detail)
{
	int cpu = exitstat_source_next_cpu(me->src, 0);
	int err = 0;

	while (!err && cpu >= 0) {
		err = add_vcpu(me, cpu, detail);
		cpu = exitstat_source_next_cpu(me->src, cpu + 1);
	}
	return err;
}

static void add_facts(struct adding *me)
{
	struct text *families = me->page->families;

	text_print(&families[FAMILY_VCPUS], "kvm_vcpus{%s} %u\n", me->labels.at, me->desc.vcpus);
	text_print(&families[FAMILY_TSC_FREQUENCY], "kvm_tsc_frequency_hertz{%s} %llu\n",
		   me->labels.at, 1000ULL * me->desc.tsc_khz);
	text_print(&families[FAMILY_VM_INFO], "kvm_vm_info{%s,vendor=\"%s\",epoch=\"0x%016llx\"} 1\n",
		   me->labels.at, vendor_name(me->desc.numbering),
		   (unsigned long long)me->desc.epoch);
}

static void add_labels(struct adding *me, const struct vm_name *name)
{
	text_print(&me->labels, "vm=\"");
	text_print_value(&me->labels, name->vm);
	if (name->id) {
		text_print(&me->labels, "\",id=\"");
		text_print_value(&me->labels, name->id);
	}
	text_print(&me->labels, "\"");
	me->labels_size = me->labels.size;
}

static int add_vm(struct adding *me, unsigned int detail)
{
	int err = exitstat_description_read(me->src, &me->desc);

	if (err)
		return err;
	if (me->labels.failed)
		return -ENOMEM;
	add_facts(me);
	if (detail & EXPORT_PER_VCPU)
		return add_vcpus(me, detail);
	return add_counters(me, EXITSTAT_SCOPE_VM, detail);
}

int page_add_vm(struct page *page, struct exitstat_source *src, const struct vm_name *name,
		unsigned int detail)
{
	struct adding *me = calloc(1, sizeof(*me));
	size_t sizes[FAMILIES_NR], i;
	int err;

	if (!me)
		return -ENOMEM;
	me->page = page;
	me->src = src;
	for (i = 0; i < FAMILIES_NR; i++)
		sizes[i] = page->families[i].size;
	add_labels(me, name);
	err = add_vm(me, detail);
	for (i = 0; err && i < FAMILIES_NR; i++)
		page->families[i].size = sizes[i];
	text_free(&me->labels);
	free(me);
	return err;
}

void page_add_up(struct page *page, const char *source, bool up)
{
	struct text *text = &page->families[FAMILY_SOURCE_UP];

	text_print(text, "exitstat_source_up{source=\"");
	text_print_value(text, source);
	text_print(text, "\"} %d\n", up);
}
