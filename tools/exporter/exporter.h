/* SPDX-License-Identifier: MIT */
/* exitstat export: pages of metrics, from where they are read to where they go. */
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
	bool failed;	/* there was no memory for all of it */
};

__printf(2, 3) void text_print(struct text *text, const char *format, ...);
void text_append(struct text *text, const char *at, size_t size);
void text_free(struct text *text);

/* A label's value between its quotes: another one's text, escaped. */
void text_print_value(struct text *text, const char *value);

/*
 * A page: all metrics of one moment, in page.c.  The format wants the samples of a family in one
 * piece, so that each family is a text of its own.
 */

enum family {
	FAMILY_EXITS,
	FAMILY_EXIT_SECONDS,
	FAMILY_EXIT_DURATION,
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

/* A piece of a page as it is sent; it stays the page's. */
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
	const char *vm;		/* what people call it */
	const char *id;		/* what makes it unique on its host, or NULL */
};

#define EXPORT_PER_VCPU		0x1u
#define EXPORT_HISTOGRAMS	0x2u

/* Read one VM and add all of it to the page, or nothing: 0 or -errno. */
int page_add_vm(struct page *page, struct exitstat_source *src, const struct vm_name *name,
		unsigned int detail);

/* Whether the source of that name could be read. */
void page_add_up(struct page *page, const char *source, bool up);

/*
 * The VMs behind the QMP sockets of the options, in vmms.c.
 */

struct vmms;

/* The options stay the caller's.  0 or -ENOMEM. */
int vmms_open(struct vmms **vmms, const struct options *opts, unsigned int detail);

/* Add all that answer in time to the page: how many. */
unsigned int vmms_read(struct vmms *vmms, struct page *page);

void vmms_close(struct vmms *vmms);

/*
 * What is read, in scrape.c.
 */

struct scraper;

/* Open what the options name, which stay the caller's, and try it: STATUS_OK, or exit with it. */
int scraper_open(struct scraper **scraper, const struct options *opts);

/* Read all VMs, whatever fails of them.  One caller at a time. */
void scraper_read(struct scraper *scraper, struct page *page);

void scraper_close(struct scraper *scraper);

/*
 * Where it goes to, in serve.c and textfile.c.  Both return STATUS_* when a signal ended them; the
 * signals are blocked in all threads, and waited for.
 */

#define LISTEN_DEFAULT	"127.0.0.1:13948"

int serve(struct scraper *scraper, const char *address, const sigset_t *signals);
int textfile(struct scraper *scraper, const struct options *opts, const sigset_t *signals);

#define TEXTFILE_NAME_SIZE	96

/* The file's name in its directory: each source has its own. */
const char *textfile_name(char name[TEXTFILE_NAME_SIZE], const struct options *opts);

#endif /* EXPORTER_H */
