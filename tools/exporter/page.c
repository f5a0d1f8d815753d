// SPDX-License-Identifier: MIT
/* A page of metrics: the families, what is said about them, and how they are put together. */
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
	[FAMILY_EXITS] = COUNTER("exitstat_exits",
		"VM exits, by exit reason, and by class: the same word for AMD and Intel."),
	[FAMILY_EXIT_SECONDS] = COUNTER("exitstat_exit_seconds",
		"vCPU time by exit reason and mode: kernel, vmm, waiting (off the CPU)."),
	[FAMILY_VCPU_SECONDS] = COUNTER("exitstat_vcpu_seconds",
		"All vCPU time, by mode: guest, kernel, vmm, waiting (off the CPU)."),
	[FAMILY_EXIT_DURATION] = HEADER("exitstat_exit_duration_seconds", "", "histogram",
		"Processing time of single VM exits, kernel and VMM, by exit reason."),
	[FAMILY_DETAILS] = COUNTER("exitstat_exit_details",
		"VM exits, by exit reason and what they were about: port, MSR, leaf, page."),
	[FAMILY_DETAIL_SECONDS] = COUNTER("exitstat_exit_detail_seconds",
		"Processing time of VM exits, kernel and VMM, by what they were about."),
	[FAMILY_VCPUS] = GAUGE("exitstat_vcpus", "vCPUs of the VM."),
	[FAMILY_TSC_FREQUENCY] = GAUGE("exitstat_tsc_frequency_hertz",
		"Frequency of the host's TSC; 0: not known, so there are no seconds."),
	[FAMILY_VM_INFO] = GAUGE("exitstat_vm_info",
		"1; the VMM's pid and fd; the epoch changes when all counters start again from 0."),
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

void page_clear(struct page *page)
{
	size_t i;

	for (i = 0; i < FAMILIES_NR; i++)
		text_free(&page->families[i]);
}

void page_add_up(struct page *page, const char *source, bool up)
{
	struct text *text = &page->families[FAMILY_SOURCE_UP];

	text_print(text, "exitstat_source_up{source=\"");
	text_put_value(text, source);
	text_print(text, "\"} %d\n", up);
}
