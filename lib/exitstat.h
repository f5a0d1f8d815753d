/* SPDX-License-Identifier: MIT */
/*
 * libexitstat: read the exits of this VM, or of a host's VMs, subtract two readings, name the
 * exits.
 *
 * A function that can fail returns 0 (or a value described with it) on success and -errno on
 * failure.  The library prints nothing and has no global state.  It allocates memory in the
 * exitstat_*_open*() functions, and for the tables and recordings behind a source.  Use a source in
 * one thread at a time.
 */
#ifndef EXITSTAT_H
#define EXITSTAT_H

#include <stddef.h>
#include <stdint.h>

#include <exitstat/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The registers after a CPUID. */
struct exitstat_regs {
	uint32_t eax;
	uint32_t ebx;
	uint32_t ecx;
	uint32_t edx;
};

/*
 * Sources answer leaves: the CPU, a recording, a host's table, or your own.
 */

struct exitstat_source;

/* In flags: asking causes no exit of the VM, so no exit is subtracted as the reader's own. */
#define EXITSTAT_SOURCE_FREE	0x1u

/*
 * Set size to sizeof(struct exitstat_source_ops): ops that a later header adds are not used then.
 * All but size and ask() may be 0: the source then has one moment and one CPU.
 */
struct exitstat_source_ops {
	size_t size;
	unsigned int flags;		/* EXITSTAT_SOURCE_* */
	/* Answer one leaf: 0 or -errno. */
	int (*ask)(void *self, uint32_t leaf, uint32_t ecx, struct exitstat_regs *regs);
	/* From now on, answer for that CPU of the guest, or for any with -1: 0 or -errno. */
	int (*pin)(void *self, int cpu);
	/* The lowest existing CPU that is at least cpu, or -ENODEV. */
	int (*next_cpu)(void *self, int cpu);
	/* Go to the next moment: 1, 0 at the end, or -errno.  May increase *asked. */
	int (*advance)(void *self, uint64_t *asked);
	/* The current moment, in ns since an arbitrary one. */
	uint64_t (*now_ns)(void *self);
	/* Why advance() or ask() failed, or NULL, and in which line (0: none). */
	const char *(*complaint)(void *self, unsigned long *line);
	/* The note with that key, or NULL. */
	const char *(*note)(void *self, const char *key);
	void (*close)(void *self);
};

/* The CPU that the caller runs on.  -ENOMEM, or an error of sched_getaffinity(2). */
int exitstat_source_open_cpu(struct exitstat_source **src);

/*
 * A recording (docs/recording.md).  Call exitstat_source_advance() for every moment, including the
 * first.  -ENOMEM, or an error of open(2).
 */
int exitstat_source_open_recording(const char *path, struct exitstat_source **src);

/* The same, read from fd, which the caller still owns.  -ENOMEM, or an error of fcntl(2). */
int exitstat_source_open_recording_fd(int fd, struct exitstat_source **src);

/*
 * A recorder: asks inner, and writes the answers that are new to fd.  exitstat_source_advance()
 * writes the current frame, so call it after the last one, too; it returns the errors of write(2).
 * The caller still owns inner and fd.  -ENOMEM, or an error of write(2).
 */
int exitstat_source_open_recorder(struct exitstat_source *inner, int fd,
				  struct exitstat_source **src);

/*
 * Write a note to the recording on fd, between two frames.  key is one word, value the rest of the
 * line.  -EINVAL: empty, or not one word or one line.  -EOVERFLOW: longer than a line may be.
 */
int exitstat_recording_note(int fd, const char *key, const char *value);

/*
 * On a host: a VM that runs there, given its directory in KVM's debugfs, as exitstat_vms_next()
 * returns it (docs/host.md).  The leaves are answered as the guest's CPUID would be, from KVM's
 * tables and without an exit: exitstat_source_asked() stays 0, and no exit is subtracted as the
 * reader's own.  The CPUs are KVM's vCPUs, with the number in vcpu<N>.  Call
 * exitstat_source_advance() for every moment, including the first: it reads the tables, and returns
 * 0 once the VM has ended; the last moment remains.  -ENOMEM or -ENAMETOOLONG.  The first advance
 * also returns -ENODEV: no such VM; -EOPNOTSUPP: this KVM has no exit statistics; -EBADMSG: the
 * table cannot be parsed; or an error of open(2).
 */
int exitstat_source_open_debugfs(const char *vm_dir, struct exitstat_source **src);

/*
 * Your own source.  Every op gets self; if it is to be freed with the source, close() does that.
 * -ENOMEM.  -EINVAL: size or ask() is missing.
 */
int exitstat_source_open(const struct exitstat_source_ops *ops, void *self,
			 struct exitstat_source **src);

void exitstat_source_close(struct exitstat_source *src);

/*
 * Ask for one leaf.  This is just the instruction: whether the answer means anything is for the
 * caller to know.  -ENODATA: the recording does not have the answer.
 */
int exitstat_source_ask(struct exitstat_source *src, uint32_t leaf, uint32_t ecx,
			struct exitstat_regs *regs);

/* How many queries this source has answered, each of them one CPUID exit; 0 on the host. */
uint64_t exitstat_source_asked(const struct exitstat_source *src);

/*
 * Run on that CPU of the guest until exitstat_source_unpin(), which restores the affinity.
 * -ENODEV: no such CPU is online.  -EPERM: the process's cpuset excludes it; the process's affinity
 * does not matter.
 */
int exitstat_source_pin(struct exitstat_source *src, int cpu);
int exitstat_source_unpin(struct exitstat_source *src);

/* The lowest existing CPU that is at least cpu, or -ENODEV. */
int exitstat_source_next_cpu(struct exitstat_source *src, int cpu);

/*
 * Go to the next moment: 1, or 0 if the recording or the VM has ended.  For the CPU, that is always
 * the present.
 * -EBADMSG: not a valid recording or table; see exitstat_source_complaint().
 */
int exitstat_source_advance(struct exitstat_source *src);

/* The current moment in ns: of CLOCK_MONOTONIC, or since the recording's start. */
uint64_t exitstat_source_now_ns(struct exitstat_source *src);

/*
 * The rule that a recording or table violates, with the line, or NULL.  The text belongs to the
 * source.  After an advance() that returned 0, it tells if the recording ends inside a frame, or
 * that the VM ended.
 */
const char *exitstat_source_complaint(struct exitstat_source *src, unsigned long *line);

/* A recording's note with that key ("command", ...), or NULL.  It belongs to the source. */
const char *exitstat_source_note(struct exitstat_source *src, const char *key);

/*
 * The VMs of a host.
 */

/* KVM's directory in debugfs, which only root can read. */
#define EXITSTAT_KVM_DIR	"/sys/kernel/debug/kvm"

#define EXITSTAT_VM_NAME_SIZE	128
#define EXITSTAT_VM_DIR_SIZE	512

#define EXITSTAT_VM_UUID_SIZE	37

struct exitstat_vm {
	int pid;			/* of the VMM */
	int fd;				/* the VMM's descriptor for this VM; it may have several */
	char name[EXITSTAT_VM_NAME_SIZE];	/* QEMU's -name, or the process's, or "" */
	char dir[EXITSTAT_VM_DIR_SIZE];	/* for exitstat_source_open_debugfs() */
	char uuid[EXITSTAT_VM_UUID_SIZE];	/* QEMU's -uuid in lower case, or "" */
	int named;			/* name is QEMU's -name */
	uint64_t serial;		/* of the directory: it tells VMs of one pid and fd apart */
	uint64_t started;		/* when the VMM was, in ticks since boot; 0: unknown */
};

struct exitstat_vms;

/* List the VMs' directories in kvm_dir.  -ENOMEM, -ENAMETOOLONG, or an error of opendir(3). */
int exitstat_vms_open(const char *kvm_dir, struct exitstat_vms **vms);

/* The next VM, in ascending order of pid and fd: 1, or 0 if there is none. */
int exitstat_vms_next(struct exitstat_vms *vms, struct exitstat_vm *vm);

/* The two halves of that: pid, fd, dir and serial; then what /proc tells about the VMM. */
int exitstat_vms_next_dir(struct exitstat_vms *vms, struct exitstat_vm *vm);
void exitstat_vm_identify(struct exitstat_vm *vm);

void exitstat_vms_close(struct exitstat_vms *vms);

/*
 * Make untrusted text safe for a terminal, a log or a file: to receives one line of UTF-8.  Bytes
 * that are not UTF-8, and characters that would control a terminal or change how others are
 * displayed, become '?' (docs/security.md has the list).  Writes at most size - 1 bytes, whole
 * characters only, and a zero byte; returns the length without the zero byte.  to may be text,
 * since the text never gets longer.  VMs' names and recordings' notes are already clean.
 */
size_t exitstat_text_clean(char *to, size_t size, const char *text);

/*
 * What the hypervisor offers.
 */

/*
 * The structs below keep their size: additions will use the reserved fields, which are 0 until
 * then.
 */

struct exitstat_description {
	uint32_t revision;
	uint32_t numbering;		/* EXITSTAT_NUMBERING_VMX or _SVM */
	uint32_t features;		/* EXITSTAT_FEATURE_* */
	uint32_t tsc_khz;		/* of the host; 0 if unknown or not constant */
	uint32_t vcpus;			/* in the VM's scope */
	uint32_t vcpu;			/* the one that answered */
	uint64_t epoch;
	uint32_t buckets;		/* of a histogram; 0 without histograms */
	uint32_t bucket0_log2;		/* the first bucket's upper bound is 2^this cycles */
	uint64_t age_cycles;		/* with EXITSTAT_FEATURE_LATE: since counting began */
	uint64_t time_ns;		/* when this was read */
	uint64_t reserved[8];
};

/*
 * Trust no leaf before this has returned 0.
 * -ENODEV: not in a virtual machine.  -EOPNOTSUPP: the hypervisor does not report exits, or not to
 * this program.  -EPROTO: the signature is there, but the revision or numbering is not valid.
 */
int exitstat_description_read(struct exitstat_source *src, struct exitstat_description *desc);

/* Convert cycles of the host's TSC to ns; 0 if the frequency is unknown. */
uint64_t exitstat_cycles_to_ns(const struct exitstat_description *desc, uint64_t cycles);

/*
 * Snapshots.
 */

/* More exit numbers than either vendor defines. */
#define EXITSTAT_ENTRIES_MAX	256

struct exitstat_entry {
	uint32_t number;
	uint64_t count;
	uint64_t cycles;		/* processing, kernel + VMM */
	uint64_t vmm_cycles;		/* the VMM's part of cycles */
	uint64_t waiting_cycles;	/* off the CPU; not part of cycles */
	uint64_t reserved[3];
};

/* Whose counters. */
enum exitstat_scope {
	EXITSTAT_SCOPE_VM,
	EXITSTAT_SCOPE_VCPU		/* the calling vCPU: pin first */
};

/*
 * What to read besides the counts, which take k + 1 CPUIDs for k numbers with a count.  All of it
 * takes 3k + 3 CPUIDs, or 4k + 3 if the hypervisor implements revision 1.
 */
#define EXITSTAT_TAKE_TIMES	0x1u	/* cycles: k more */
#define EXITSTAT_TAKE_SPLIT	0x2u	/* vmm_, waiting_, guest_cycles: k + 1 more, or 2k + 1 */
#define EXITSTAT_TAKE_EPOCH	0x4u	/* vcpus, vcpu, epoch: 1 more */

/* The number of the source's queries at three moments of a reading. */
struct exitstat_asked {
	uint64_t first;			/* before it */
	uint64_t cpuid;			/* when the count with the queries themselves was read */
	uint64_t last;			/* after it */
};

/* What subtracting found. */
#define EXITSTAT_SINCE_RESTART	0x1u	/* another epoch: everything is since its beginning */
#define EXITSTAT_SINCE_BACKWARD	0x2u	/* a counter went backwards: that one is since zero */
#define EXITSTAT_SINCE_VCPUS	0x4u	/* the number of vCPUs changed */

/*
 * Counters at one moment, or, after exitstat_snapshot_subtract(), between two.  The entries are in
 * ascending order of their unsigned numbers; numbers without an entry did not change.
 */
struct exitstat_snapshot {
	enum exitstat_scope scope;
	uint32_t taken;			/* EXITSTAT_TAKE_* */
	uint32_t since;			/* EXITSTAT_SINCE_*; 0 at one moment */
	uint32_t numbering;
	uint32_t vcpus;
	uint32_t vcpu;
	uint64_t epoch;
	uint64_t time_ns;		/* the moment, or the time between the two */
	uint64_t guest_cycles;
	struct exitstat_entry total;	/* the sum of the entries */
	struct exitstat_entry reader;	/* its own exits, not in the entries; 0 at one moment */
	struct exitstat_asked asked;	/* cpuid: the CPUID exits' count was read */
	uint64_t reserved[8];
	uint32_t entries_nr;
	struct exitstat_entry entries[EXITSTAT_ENTRIES_MAX];
};

/*
 * Read all counters that are not 0.  take: EXITSTAT_TAKE_*; what desc does not offer is left 0.
 * -EPROTO: an answer contradicts the ABI.  -EOVERFLOW: more numbers than EXITSTAT_ENTRIES_MAX.
 * With TAKE_EPOCH, if the epoch differs from desc's, the hypervisor is checked again, as it may be
 * another one after a migration: an error of exitstat_description_read(), or -ESTALE: it now offers
 * something else, so read the description again.
 */
int exitstat_snapshot_take(struct exitstat_source *src, const struct exitstat_description *desc,
			   enum exitstat_scope scope, uint32_t take,
			   struct exitstat_snapshot *snap);

/*
 * Read again what before has, in the same scope, with fewer queries: 2k + 3 for all of it if no
 * other exit happens meanwhile; otherwise 3k + 4, to look for numbers that before lacks.  snap must
 * not be before.  Meant for the CPU: a recording answers only what the recorder asked.
 */
int exitstat_snapshot_retake(struct exitstat_source *src, const struct exitstat_description *desc,
			     const struct exitstat_snapshot *before,
			     struct exitstat_snapshot *snap);

/*
 * What happened between before and after, which are of the same source and scope, without the exits
 * that reading caused.  The number of those is exact; their time is a proportional part of the
 * CPUID exits' time.  In the vCPU scope, only the two snapshots' own exits are subtracted.  Never
 * negative: see EXITSTAT_SINCE_*.  between may be either of the two.  -EINVAL: they do not belong
 * together.
 */
int exitstat_snapshot_subtract(const struct exitstat_snapshot *after,
			       const struct exitstat_snapshot *before,
			       struct exitstat_snapshot *between);

/* The entry for that number, or NULL. */
const struct exitstat_entry *exitstat_snapshot_find(const struct exitstat_snapshot *snap,
						    uint32_t number);

/*
 * Histograms of the processing time of single exits, if desc->buckets is not 0.
 */

#define EXITSTAT_BUCKETS_MAX	64

struct exitstat_histogram {
	uint32_t buckets_nr;
	uint32_t bucket0_log2;
	uint64_t buckets[EXITSTAT_BUCKETS_MAX];
};

/* One CPUID per bucket.  -EOPNOTSUPP: no histograms.  -EPROTO: the number is not defined. */
int exitstat_histogram_read(struct exitstat_source *src, const struct exitstat_description *desc,
			    enum exitstat_scope scope, uint32_t number,
			    struct exitstat_histogram *histogram);

/* between may be either of the two.  -EINVAL: their buckets differ. */
int exitstat_histogram_subtract(const struct exitstat_histogram *after,
				const struct exitstat_histogram *before,
				struct exitstat_histogram *between);

/* The number of exits in it. */
uint64_t exitstat_histogram_count(const struct exitstat_histogram *histogram);

/* A bucket's times are in [low, high); high is UINT64_MAX for the last one. */
void exitstat_histogram_bounds(const struct exitstat_histogram *histogram, uint32_t bucket,
			       uint64_t *low_cycles, uint64_t *high_cycles);

/*
 * The bounds of the bucket that holds the quantile (0 to 1): more is not known.
 * -ENODATA: the histogram is empty.  -EINVAL: quantile is not from 0 to 1.
 */
int exitstat_histogram_quantile(const struct exitstat_histogram *histogram, double quantile,
				uint64_t *low_cycles, uint64_t *high_cycles);

/*
 * Details: which port, MSR, leaf or page an exit was about, where desc->features has
 * EXITSTAT_FEATURE_DETAILS.
 */

struct exitstat_detail {
	uint32_t number;		/* of the exit */
	uint32_t place;			/* where it is counted; 0 where places were added up */
	uint64_t detail;		/* EXITSTAT_DETAIL_REST: all without a place of their own */
	uint64_t count;
	uint64_t cycles;		/* processing, kernel + VMM */
	uint64_t reserved[2];
};

/* More than one vCPU has in revision 2. */
#define EXITSTAT_DETAILS_PER_VCPU	1088

/*
 * A reading: the places in ascending order, each with a detail of one vCPU.  Or, after
 * exitstat_details_subtract(): the details in ascending order of number and detail, summed over all
 * vCPUs; missing ones did not change.  list is your memory, for room details; set both before the
 * first call.
 */
struct exitstat_details {
	enum exitstat_scope scope;
	uint32_t taken;			/* EXITSTAT_TAKE_TIMES: cycles */
	uint32_t since;			/* EXITSTAT_SINCE_*; 0 in a reading */
	uint32_t numbering;
	uint32_t vcpu;			/* the one that read */
	uint64_t epoch;
	uint64_t time_ns;		/* the moment, or the time between the two */
	struct exitstat_detail reader;	/* its own exits, not in the list; 0 in a reading */
	struct exitstat_asked asked;	/* cpuid: the reader's own place was read */
	uint64_t reserved[8];
	uint32_t room;
	uint32_t nr;
	struct exitstat_detail *list;
};

/*
 * Read all details.  take: EXITSTAT_TAKE_TIMES, or 0.  Reading p places takes 2p + 3 CPUIDs, 3p + 3
 * with times.  -EOPNOTSUPP: details are off.  -EOVERFLOW: list is too short; nr says how many
 * places there are.  -ESTALE: the epoch is not desc's; describe the source again.  -EPROTO: the
 * answers contradict the ABI.
 */
int exitstat_details_read(struct exitstat_source *src, const struct exitstat_description *desc,
			  enum exitstat_scope scope, uint32_t take,
			  struct exitstat_details *details);

/*
 * Read the same scope again, with times if before has them, at the places found before.  Takes
 * p + 2 CPUIDs, 2p + 2 with times, and one for each exit number that has details (12 on Intel, 5
 * on AMD).  If the counts of a number's details do not add up to the number's count, because exits
 * happened meanwhile or a place is new, it looks for all places again: p + 1 CPUIDs more.  So a new
 * place is never missed.  details must not be before.  Only for the CPU as the source: a recording
 * can only answer what its recorder asked.
 */
int exitstat_details_reread(struct exitstat_source *src, const struct exitstat_description *desc,
			    const struct exitstat_details *before,
			    struct exitstat_details *details);

/*
 * What happened from before to after, added up over the vCPUs, without the reader's own exits.
 * Their number is exact, unless the reader moved to another CPU just while it read its own places,
 * one a vCPU; their time is in proportion.  Without before (NULL) it is all since counting began,
 * with the reader's exits in it.  The counts of a number's details add up to what its count was
 * when they were read, which is a little later than a snapshot that was taken before.  between may
 * be after, and not before.  -EINVAL: they do not belong together.  -EOVERFLOW: between
 * has no room for after's.
 */
int exitstat_details_subtract(const struct exitstat_details *after,
			      const struct exitstat_details *before,
			      struct exitstat_details *between);

/* What the details of an exit number are about. */
enum exitstat_kind {
	EXITSTAT_KIND_NONE,		/* that number has none */
	EXITSTAT_KIND_PORT,
	EXITSTAT_KIND_MSR,
	EXITSTAT_KIND_CPUID,
	EXITSTAT_KIND_HYPERCALL,
	EXITSTAT_KIND_MEMORY,
	EXITSTAT_KIND_CONTROL,		/* control registers */
	EXITSTAT_KIND_EXCEPTION,
	EXITSTAT_KIND_INTERRUPT		/* the host's */
};

enum exitstat_kind exitstat_detail_kind(uint32_t numbering, uint32_t number);

/* The port, MSR, leaf, address, vector or call, without the direction and the like. */
uint64_t exitstat_detail_value(uint32_t numbering, uint32_t number, uint64_t detail);

#define EXITSTAT_DETAIL_NAME_SIZE	40

/* "out 0x3f8", "rdmsr 0x6e0", "cpuid 0x1", "mmio 0xfebc0000", "ram write", "rest": its length. */
size_t exitstat_detail_name(uint32_t numbering, uint32_t number, uint64_t detail, char *text,
			    size_t size);

/* What manuals call it ("IA32_TSC_DEADLINE"), or NULL.  The string is static. */
const char *exitstat_detail_term(uint32_t numbering, uint32_t number, uint64_t detail);

/*
 * Names.  The strings are static.
 */

struct exitstat_exit {
	uint32_t number;
	const char *name;		/* as the kvm_exit tracepoint and perf kvm stat print it */
	const char *words;		/* the SDM's or the APM's wording */
};

/* The i-th defined exit in ascending order, without EXITSTAT_OTHER; NULL past the last one. */
const struct exitstat_exit *exitstat_exit_at(uint32_t numbering, size_t i);

/* The exit with that number, or NULL if that is neither defined nor EXITSTAT_OTHER. */
const struct exitstat_exit *exitstat_exit_find(uint32_t numbering, uint32_t number);

/*
 * What that exit is on either vendor's CPU: "hlt", "io", "msr", "cpuid", "memory", "interrupt" and
 * so on, in small letters and underscores; "other" for any number that has none.
 */
const char *exitstat_exit_class(uint32_t numbering, uint32_t number);

/* The exit number of CPUID. */
uint32_t exitstat_exit_cpuid(uint32_t numbering);

#ifdef __cplusplus
}
#endif

#endif /* EXITSTAT_H */
