/* SPDX-License-Identifier: MIT */
/* exitstat export: pages of metrics, from reading the counters to serving or writing them. */
#ifndef EXPORTER_H
#define EXPORTER_H

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include "command/options.h"
#include "command/say.h"
#include "command/vendor.h"
#include "exitstat.h"

/*
 * Text that grows, in text.c.
 */

struct text {
	char *at;
	size_t size;
	size_t room;
	bool failed;	/* out of memory: it is incomplete */
};

__printf(2, 3) void text_print(struct text *text, const char *format, ...);
void text_append(struct text *text, const char *at, size_t size);
void text_free(struct text *text);

/* Untrusted text as a label's value, cleaned and escaped; the caller adds the quotes. */
void text_print_value(struct text *text, const char *value);

/*
 * A page: all metrics of one moment, in page.c.  The format requires a family's samples to be
 * together, so each family is a text of its own.
 */

enum family {
	FAMILY_EXITS,
	FAMILY_EXIT_SECONDS,
	FAMILY_EXIT_DURATION,
	FAMILY_DETAILS,
	FAMILY_DETAIL_SECONDS,
	FAMILY_GUEST_SECONDS,
	FAMILY_VCPUS,
	FAMILY_TSC_FREQUENCY,
	FAMILY_VM_INFO,
	FAMILY_SOURCE_UP,
	FAMILY_VMS,
	FAMILY_VM_ERRORS,
	FAMILY_OWN_EXITS,
	FAMILY_SCRAPES,
	FAMILY_SCRAPE_DURATION,
	FAMILY_BUILD_INFO,
	FAMILIES_NR,
};

struct page {
	struct text families[FAMILIES_NR];
};

enum page_format {
	PAGE_PROMETHEUS,	/* text format 0.0.4 */
	PAGE_OPENMETRICS,	/* 1.0.0 */
	PAGE_FORMATS_NR,
};

/* A piece of a page as it is sent; it belongs to the page. */
struct piece {
	const char *at;
	size_t size;
};

#define PAGE_PIECES_MAX	(2 * FAMILIES_NR + 1)

size_t page_pieces(const struct page *page, enum page_format format,
		   struct piece pieces[PAGE_PIECES_MAX]);
const char *page_content_type(enum page_format format);
bool page_failed(const struct page *page);
void page_append(struct page *page, const struct page *other);
void page_clear(struct page *page);

struct vm_name {
	const char *vm;		/* the name for people */
	const char *id;		/* unique on the host, or NULL */
};

#define EXPORT_PER_VCPU		0x1u
#define EXPORT_HISTOGRAMS	0x2u
#define EXPORT_DETAILS		0x4u

/* Read one VM and add it to the page: 0, or -errno and nothing is added. */
int page_add_vm(struct page *page, struct exitstat_source *src, const struct vm_name *name,
		unsigned int detail);

/* Add whether that source could be read. */
void page_add_up(struct page *page, const char *source, bool up);

/*
 * The VMs behind the QMP sockets of the options, in vmms.c.
 */

struct vmms;

/* The caller still owns the options, which must outlive vmms.  0 or -ENOMEM. */
int vmms_open(struct vmms **vmms, const struct options *opts, unsigned int detail);

/* Add all VMs that answer in time to the page.  Returns how many. */
unsigned int vmms_read(struct vmms *vmms, struct page *page);

void vmms_close(struct vmms *vmms);

/*
 * What is read, in scrape.c.
 */

struct scraper;

/*
 * Open what the options name, and try to read it.  The caller still owns the options, which must
 * outlive the scraper.  Returns STATUS_OK or the exit status.
 */
int scraper_open(struct scraper **scraper, const struct options *opts);

/* Read all VMs, even if some fail.  One caller at a time. */
void scraper_read(struct scraper *scraper, struct page *page);

void scraper_close(struct scraper *scraper);

/*
 * Where a page goes, in serve.c and textfile.c.  Both return STATUS_* after one of the signals,
 * which are blocked in all threads and waited for.
 */

#define LISTEN_DEFAULT	"127.0.0.1:13948"

int serve(struct scraper *scraper, const char *address, const sigset_t *signals);
int textfile(struct scraper *scraper, const struct options *opts, const sigset_t *signals);

#define TEXTFILE_NAME_SIZE	96

/* The name of the file in its directory, different for each source. */
const char *textfile_name(char name[TEXTFILE_NAME_SIZE], const struct options *opts);

#endif /* EXPORTER_H */
