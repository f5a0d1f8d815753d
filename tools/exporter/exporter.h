/* SPDX-License-Identifier: MIT */
/* exitstat export: from reading the counters to serving or writing them. */
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

/* A piece of text; it belongs to somebody else. */
struct piece {
	const char *at;
	size_t size;
};

#define PIECE(literal)	((struct piece){ literal, sizeof(literal) - 1 })

__printf(2, 3) void text_print(struct text *text, const char *format, ...);
void text_append(struct text *text, const char *at, size_t size);
void text_put(struct text *text, struct piece piece);
void text_put_number(struct text *text, uint64_t number);
void text_put_seconds(struct text *text, uint64_t ns);
struct piece text_piece(const struct text *text);
void text_free(struct text *text);

/*
 * Untrusted text as a label's value, or as a string of JSON, cleaned and escaped; the caller adds
 * the quotes.
 */
void text_put_value(struct text *text, const char *value);

/*
 * What was read of a VM, in reading.c.
 */

#define EXPORT_PER_VCPU		0x1u
#define EXPORT_HISTOGRAMS	0x2u
#define EXPORT_DETAILS		0x4u

/* The counters of the VM, or of one of its vCPUs. */
struct part {
	enum exitstat_scope scope;
	uint32_t vcpu;
	uint32_t taken;		/* EXITSTAT_TAKE_* */
	uint64_t time_ns;
	uint64_t guest_cycles;
	struct exitstat_entry total;
	uint32_t entries_nr;
	struct exitstat_entry *entries;
	struct exitstat_histogram *histograms;	/* one for each entry, or NULL */
	struct exitstat_details details;	/* added up over the vCPUs */
};

struct reading {
	struct exitstat_description desc;
	uint32_t parts_nr;
	struct part *parts;	/* the VM or, with EXPORT_PER_VCPU, its vCPUs */
};

struct sink;

/* Read what the sink wants of a VM.  0, or -errno and there is nothing to free. */
int reading_take(struct reading *reading, struct exitstat_source *src, const struct sink *sink);
void reading_free(struct reading *reading);

/* Whether there are times in seconds: their unit and their parts are known. */
bool reading_has_times(const struct reading *reading);

/* The two parts were not read at the same moment, so the difference could be negative. */
uint64_t entry_kernel_cycles(const struct exitstat_entry *entry);

/*
 * Which VM that is, in identity.c: labels that no other VM of this host has.
 */

struct identity {
	int pid;		/* 0: in another namespace */
	int fd;			/* -1: unknown */
	uint64_t serial;	/* with pid and fd, this is unique as long as the exporter runs */
	uint64_t started;	/* the VMM */
	bool known;		/* the rest is there */
	bool plain;		/* its labels are but the name and the UUID */
	bool seen;		/* in this round */
	bool fresh;		/* it has no labels yet */
	uint32_t hash;		/* of plain labels */
	char name[EXITSTAT_VM_NAME_SIZE];
	char uuid[EXITSTAT_VM_UUID_SIZE];
	char id[128];		/* unique now: PID-FD, or of QMP the PID or the socket */
	bool named;		/* the name was given to the VM, rather than to the program */
	struct text labels;	/* vm="...",uuid="...",id="..." */
};

struct identities;

struct identities *identities_open(void);	/* NULL: out of memory */
void identities_close(struct identities *all);

/*
 * A round: begin, see each VM that there is, end.  What was seen has labels then, and what was not
 * seen is forgotten.
 */
void identities_begin(struct identities *all);

/*
 * The VM with that PID, descriptor and serial number.  If it is not known yet, the caller fills in
 * the rest.  It belongs to all, until a round in which it is not seen.  NULL: out of memory.
 */
struct identity *identities_see(struct identities *all, int pid, int fd, uint64_t serial);
void identities_end(struct identities *all);

/* The i-th VM of the last round, or NULL past the last one. */
struct identity *identities_at(const struct identities *all, size_t i);

/*
 * A page: all metrics of one moment, in page.c.  The format requires a family's samples to be
 * together, so each family is a text of its own.
 */

enum family {
	FAMILY_EXITS,
	FAMILY_EXIT_SECONDS,
	FAMILY_VCPU_SECONDS,
	FAMILY_EXIT_DURATION,
	FAMILY_DETAILS,
	FAMILY_DETAIL_SECONDS,
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

#define PAGE_PIECES_MAX	(2 * FAMILIES_NR + 1)

size_t page_pieces(const struct page *page, enum page_format format,
		   struct piece pieces[PAGE_PIECES_MAX]);
const char *page_content_type(enum page_format format);
bool page_failed(const struct page *page);
void page_clear(struct page *page);

/* Add whether that source could be read. */
void page_add_up(struct page *page, const char *source, bool up);

/* How a VM becomes samples, in samples.c. */
void page_add_vm(struct page *page, const struct reading *reading, const struct identity *vm);

/*
 * The live page, in live.c: files, and the JSON of one moment.
 */

struct live_file {
	const char *path;
	const char *type;
	const char *text;
};

extern const struct live_file live_files[];	/* up to one without a path */

struct live {
	struct text vms;
	struct text names;
	struct text down;	/* the sources that cannot be read */
	/* The exits whose names are in there: at most all of both vendors. */
	struct {
		uint32_t numbering;
		uint32_t number;
	} named[2 * EXITSTAT_ENTRIES_MAX];
	size_t named_nr;
};

void live_add_vm(struct live *live, const struct reading *reading, const struct identity *vm);
void live_add_up(struct live *live, const char *source, bool up);

/* Make it one JSON object, and release it.  False: out of memory. */
bool live_finish(struct live *live, struct text *json, const char *host, bool guest);

/*
 * Where VMs go, and whether a source could be read: a page of metrics, or the live page.  The sink
 * is the first member of what its functions want.
 */

struct sink {
	void (*vm)(struct sink *sink, const struct reading *reading, const struct identity *vm);
	void (*up)(struct sink *sink, const char *source, bool up);
	unsigned int detail;	/* EXPORT_*: what to read */
	uint64_t details_of;	/* the epoch of a VM whose details to read, too */
};

/*
 * The VMs behind the QMP sockets of the options, in vmms.c.
 */

struct vmms;

/* The caller still owns the options, which must outlive vmms.  0 or -ENOMEM. */
int vmms_open(struct vmms **vmms, const struct options *opts, unsigned int detail);

/* Read all VMs; those that answer in time go to the sink. */
void vmms_read(struct vmms *vmms, struct identities *identities, struct sink *sink);

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

/* The same for the live page, with the details of the VM of that epoch.  False: out of memory. */
bool scraper_read_live(struct scraper *scraper, uint64_t details_of, struct text *json);

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
