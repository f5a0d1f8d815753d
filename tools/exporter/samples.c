// SPDX-License-Identifier: MIT
/* How a VM becomes samples. */
#include <stdlib.h>
#include <string.h>

#include "exporter.h"

/* A VM, or one of its vCPUs, being added to a page. */
struct adding {
	struct text *families;
	const struct exitstat_description *desc;
	bool times;
	const struct part *part;
	struct text labels;	/* the VM's, and perhaps the vCPU's */
};

/*
 * The upper bounds of a histogram: 250 ns times powers of two, on every host.  The host's own
 * bounds are powers of two in cycles of its TSC, so each of its buckets counts under the next bound
 * that is not below its own: an exit never took longer than the bound it counts under, and at least
 * a quarter of it, unless it is under the first.
 */
static const char * const bounds[] = {
	"2.5e-07", "5e-07", "1e-06", "2e-06", "4e-06", "8e-06", "1.6e-05", "3.2e-05", "6.4e-05",
	"0.000128", "0.000256", "0.000512", "0.001024", "0.002048", "0.004096", "0.008192",
	"0.016384", "0.032768", "0.065536", "0.131072", "0.262144", "0.524288", "1.048576", "+Inf",
};

#define BOUND0_NS	250
#define BOUNDS_NR	(sizeof(bounds) / sizeof(*bounds))

/* Labels of an exit, ready to be put: looking them up for every sample would take longer. */
struct reason {
	uint32_t numbering;
	uint32_t number;
	struct text labels;	/* ,reason="...",class="..." */
};

static struct piece reason_labels(uint32_t numbering, uint32_t number)
{
	static struct reason cache[256];
	struct reason *reason = &cache[number % 256];
	char name[TEXT_SIZE];

	if (reason->labels.size && !reason->labels.failed && reason->numbering == numbering &&
	    reason->number == number)
		return text_piece(&reason->labels);
	text_free(&reason->labels);
	reason->numbering = numbering;
	reason->number = number;
	text_print(&reason->labels, ",reason=\"%s\",class=\"%s\"",
		   exit_name(name, numbering, number), exitstat_exit_class(numbering, number));
	return text_piece(&reason->labels);
}

/* name includes the brace, and more what stands between the labels and the value. */
static void put_series(struct text *text, struct piece name, const struct adding *me,
		       struct piece labels, struct piece more)
{
	text_put(text, name);
	text_put(text, text_piece(&me->labels));
	text_put(text, labels);
	text_put(text, more);
}

static void put_count(struct text *text, uint64_t count)
{
	text_put_number(text, count);
	text_append(text, "\n", 1);
}

static void put_time(struct text *text, const struct adding *me, uint64_t cycles)
{
	text_put_seconds(text, exitstat_cycles_to_ns(me->desc, cycles));
	text_append(text, "\n", 1);
}

#define END	PIECE("} ")
#define KERNEL	PIECE(",mode=\"kernel\"} ")
#define VMM	PIECE(",mode=\"vmm\"} ")
#define WAITING	PIECE(",mode=\"waiting\"} ")
#define NONE	PIECE("")

static void add_modes(const struct adding *me, enum family at, struct piece name,
		      struct piece labels, const struct exitstat_entry *entry)
{
	struct text *text = &me->families[at];

	put_series(text, name, me, labels, KERNEL);
	put_time(text, me, entry_kernel_cycles(entry));
	put_series(text, name, me, labels, VMM);
	put_time(text, me, entry->vmm_cycles);
	put_series(text, name, me, labels, WAITING);
	put_time(text, me, entry->waiting_cycles);
}

static void add_entry(const struct adding *me, const struct exitstat_entry *entry)
{
	struct piece labels = reason_labels(me->desc->numbering, entry->number);
	struct text *text = &me->families[FAMILY_EXITS];

	put_series(text, PIECE("exitstat_exits_total{"), me, labels, END);
	put_count(text, entry->count);
	if (me->times)
		add_modes(me, FAMILY_EXIT_SECONDS, PIECE("exitstat_exit_seconds_total{"), labels,
			  entry);
}

/* The first of our bounds that is not below that of the host's bucket. */
static size_t bound_of(const struct adding *me, const struct exitstat_histogram *histogram,
		       uint32_t bucket)
{
	uint64_t low, high, ns, bound_ns = BOUND0_NS;
	size_t i = 0;

	exitstat_histogram_bounds(histogram, bucket, &low, &high);
	if (high == UINT64_MAX)
		return BOUNDS_NR - 1;
	/* Not below the true value. */
	ns = exitstat_cycles_to_ns(me->desc, high) + 1;
	for (; i + 1 < BOUNDS_NR && bound_ns < ns; i++)
		bound_ns *= 2;
	return i;
}

static void add_histogram(const struct adding *me, const struct exitstat_entry *entry,
			  const struct exitstat_histogram *histogram)
{
	struct piece labels = reason_labels(me->desc->numbering, entry->number);
	struct text *text = &me->families[FAMILY_EXIT_DURATION];
	uint64_t counts[BOUNDS_NR] = { 0 };
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < histogram->buckets_nr; i++)
		counts[bound_of(me, histogram, (uint32_t)i)] += histogram->buckets[i];
	for (i = 0; i < BOUNDS_NR; i++) {
		count += counts[i];
		put_series(text, PIECE("exitstat_exit_duration_seconds_bucket{"), me, labels,
			   PIECE(",le=\""));
		text_append(text, bounds[i], strlen(bounds[i]));
		text_put(text, PIECE("\"} "));
		put_count(text, count);
	}
	put_series(text, PIECE("exitstat_exit_duration_seconds_sum{"), me, labels, END);
	put_time(text, me, entry->cycles);
	put_series(text, PIECE("exitstat_exit_duration_seconds_count{"), me, labels, END);
	put_count(text, count);
}

static void add_detail(const struct adding *me, const struct exitstat_detail *detail)
{
	const uint32_t numbering = me->desc->numbering;
	const char *about = exitstat_detail_term(numbering, detail->number, detail->detail);
	struct piece labels = reason_labels(numbering, detail->number);
	struct text *text = &me->families[FAMILY_DETAILS];
	char name[EXITSTAT_DETAIL_NAME_SIZE], text_of_both[256];
	struct piece more = { .at = text_of_both };

	exitstat_detail_name(numbering, detail->number, detail->detail, name, sizeof(name));
	more.size = (size_t)snprintf(text_of_both, sizeof(text_of_both),
				     ",detail=\"%s\"%s%s%s} ", name, about ? ",about=\"" : "",
				     about ? about : "", about ? "\"" : "");
	put_series(text, PIECE("exitstat_exit_details_total{"), me, labels, more);
	put_count(text, detail->count);
	if (!me->times)
		return;
	text = &me->families[FAMILY_DETAIL_SECONDS];
	put_series(text, PIECE("exitstat_exit_detail_seconds_total{"), me, labels, more);
	put_time(text, me, detail->cycles);
}

static void add_part(const struct adding *me)
{
	const struct part *part = me->part;
	struct text *text = &me->families[FAMILY_VCPU_SECONDS];
	const struct piece name = PIECE("exitstat_vcpu_seconds_total{");
	uint32_t i;

	if (me->times) {
		put_series(text, name, me, NONE, PIECE(",mode=\"guest\"} "));
		put_time(text, me, part->guest_cycles);
		add_modes(me, FAMILY_VCPU_SECONDS, name, NONE, &part->total);
	}
	for (i = 0; i < part->entries_nr; i++)
		add_entry(me, &part->entries[i]);
	for (i = 0; part->histograms && i < part->entries_nr; i++)
		add_histogram(me, &part->entries[i], &part->histograms[i]);
	for (i = 0; i < part->details.nr; i++)
		add_detail(me, &part->details.list[i]);
}

static void add_facts(const struct adding *me, const struct identity *vm)
{
	const struct exitstat_description *desc = me->desc;
	struct text *info = &me->families[FAMILY_VM_INFO];

	put_series(&me->families[FAMILY_VCPUS], PIECE("exitstat_vcpus{"), me, NONE, END);
	put_count(&me->families[FAMILY_VCPUS], desc->vcpus);
	put_series(&me->families[FAMILY_TSC_FREQUENCY], PIECE("exitstat_tsc_frequency_hertz{"), me,
		   NONE, END);
	put_count(&me->families[FAMILY_TSC_FREQUENCY], 1000ULL * desc->tsc_khz);
	put_series(info, PIECE("exitstat_vm_info{"), me, NONE, NONE);
	if (vm->pid > 0)
		text_print(info, ",pid=\"%d\"", vm->pid);
	if (vm->fd >= 0)
		text_print(info, ",fd=\"%d\"", vm->fd);
	text_print(info, ",vendor=\"%s\",times=\"%s\",since=\"%s\",epoch=\"0x%016llx\"} 1\n",
		   vendor_name(desc->numbering),
		   desc->features & EXITSTAT_FEATURE_APPROXIMATE ? "approximate" : "exact",
		   desc->features & EXITSTAT_FEATURE_LATE ? "attach" : "start",
		   (unsigned long long)desc->epoch);
}

void page_add_vm(struct page *page, const struct reading *reading, const struct identity *vm)
{
	struct adding me = {
		.families = page->families,
		.desc = &reading->desc,
		.times = reading_has_times(reading),
	};
	uint32_t i;

	text_put(&me.labels, text_piece(&vm->labels));
	add_facts(&me, vm);
	for (i = 0; i < reading->parts_nr; i++) {
		me.part = &reading->parts[i];
		me.labels.size = vm->labels.size;
		if (me.part->scope == EXITSTAT_SCOPE_VCPU)
			text_print(&me.labels, ",vcpu=\"%u\"", me.part->vcpu);
		add_part(&me);
	}
	page->families[FAMILY_EXITS].failed |= me.labels.failed || vm->labels.failed;
	text_free(&me.labels);
}
