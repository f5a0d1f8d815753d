// SPDX-License-Identifier: MIT
/*
 * kvm/core in user space, driven by this carrier: for what no emulated host can show on demand,
 * such as an entry that fails, a TSC that goes backwards, or a reader exactly during a change.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

const u32 kvm_exit_stats_carrier_features;
const bool kvm_exit_stats_may_resched = true;
unsigned int tsc_khz = 1000000;

bool core_is_svm = true;

u64 now = 1000000;
static unsigned int pauses, reads_of_vcpus;
static struct static_key *changed[64];
static unsigned int nr_changed;

/* The kernel's part */
u64 rdtsc(void)
{
	return now;
}

void core_key_changes(struct static_key *key, bool on)
{
	if (key->on == on)
		return;
	key->on = on;
	changed[nr_changed++ % 64] = key;
}

int kstrtouint(const char *text, unsigned int base, unsigned int *value)
{
	*value = strtoul(text, NULL, base);
	return 0;
}

int param_get_uint(char *buffer, const struct kernel_param *kp)
{
	(void)kp;
	buffer[0] = 0;
	return 0;
}

void cond_resched(void)
{
	pauses++;
}

u64 get_random_u64(void)
{
	return 0x123456789abcdef0;
}

void *kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	(void)gfp;
	return calloc(n, size);
}

void *kvzalloc(size_t size, gfp_t gfp)
{
	return kvcalloc(1, size, gfp);
}

void kvfree(const void *p)
{
	free((void *)p);
}

void *alloc_pages_exact(size_t size, gfp_t gfp)
{
	return kvcalloc(1, size, gfp);
}

void free_pages_exact(void *p, size_t size)
{
	free(p);
}

char *strreplace(char *text, char old, char new)
{
	for (char *p = text; *p; p++)
		*p = *p == old ? new : *p;
	return text;
}

void seq_printf(struct seq_file *m, const char *format, ...)
{
	(void)m;
	(void)format;
}

void seq_puts(struct seq_file *m, const char *text)
{
	(void)m;
	(void)text;
}

void seq_putc(struct seq_file *m, char c)
{
	(void)m;
	(void)c;
}

/* The carrier's part */
static struct vm *vm_of(const struct kvm_exit_stats_vm *vm)
{
	return container_of(vm, struct vm, vm);
}

unsigned int kvm_exit_stats_nr_vcpus(const struct kvm_exit_stats_vm *vm)
{
	return vm_of(vm)->nr;
}

struct kvm_exit_stats *kvm_exit_stats_get_vcpu(const struct kvm_exit_stats_vm *vm, unsigned int i)
{
	reads_of_vcpus++;
	return &vm_of(vm)->vcpu[i];
}

unsigned int kvm_exit_stats_vcpu_index(const struct kvm_exit_stats *s)
{
	return s - vm_of(s->vm)->vcpu;
}

bool kvm_exit_stats_vm_has_run(const struct kvm_exit_stats_vm *vm)
{
	return vm_of(vm)->has_run;
}

void kvm_exit_stats_carrier_details(bool on)
{
	(void)on;
}

/* Below 1 GiB is memory. */
bool kvm_exit_stats_is_mmio(struct kvm_exit_stats *s, u64 gpa, bool is_write)
{
	return gpa >= 1 << 30;
}

/* A VM that lives until the next one comes. */
struct vm *new_vm(unsigned int nr)
{
	static struct vm *vm;

	if (vm) {
		for (unsigned int i = 0; i < vm->nr; i++)
			kvm_exit_stats_vcpu_destroy(&vm->vcpu[i]);
		kvm_exit_stats_vm_destroy(&vm->vm);
		free(vm);
	}
	vm = aligned_alloc(64, sizeof(*vm));
	if (!vm)
		abort();
	memset(vm, 0, sizeof(*vm));
	vm->nr = nr;
	kvm_exit_stats_vm_create(&vm->vm);
	for (unsigned int i = 0; i < nr; i++)
		kvm_exit_stats_vcpu_init(&vm->vcpu[i], &vm->vm, GFP_KERNEL);
	return vm;
}

/* What KVM calls, each after some cycles */
void enter(struct kvm_exit_stats *s, u64 cycles)
{
	now += cycles;
	if (s->vm->histograms)
		kvm_exit_stats_bucket(s, kvm_exit_stats_close_kernel(s, rdtsc()));
	else
		kvm_exit_stats_enter(s);
}

void leave(struct kvm_exit_stats *s, u64 cycles, u32 number)
{
	now += cycles;
	kvm_exit_stats_exit(s);
	kvm_exit_stats_count(s, kvm_exit_stats_svm_row(number));
}

void run_begin(struct kvm_exit_stats *s, u64 cycles)
{
	now += cycles;
	kvm_exit_stats_run_begin(s);
}

void run_end(struct kvm_exit_stats *s, u64 cycles, int ret)
{
	now += cycles;
	kvm_exit_stats_run_end(s, ret);
}

void out(struct kvm_exit_stats *s, u64 cycles)
{
	now += cycles;
	kvm_exit_stats_sched_out(s, now);
}

void in(struct kvm_exit_stats *s, u64 cycles)
{
	now += cycles;
	kvm_exit_stats_sched_in(s);
}

/* What is read */
u64 of(const struct kvm_exit_stats *s, u32 number, enum kvm_exit_stats_counter counter)
{
	u32 slot;

	return kvm_exit_stats_find_slot(number, &slot) ? kvm_exit_stats_read(s, slot, counter) : 0;
}

static u64 all(const struct kvm_exit_stats *s, enum kvm_exit_stats_counter counter)
{
	u64 sum = 0;

	for (u32 slot = 0; slot < kvm_exit_stats_numbering()->slots; slot++)
		sum += kvm_exit_stats_read(s, slot, counter);
	return sum;
}

u64 processing(const struct kvm_exit_stats *s)
{
	return all(s, KVM_EXIT_STATS_KERNEL) + all(s, KVM_EXIT_STATS_VMM);
}

u64 buckets(const struct kvm_exit_stats *s)
{
	u64 sum = 0;

	for (u32 slot = 0; slot < kvm_exit_stats_numbering()->slots; slot++) {
		for (u32 i = 0; i < EXITSTAT_BUCKETS; i++)
			sum += kvm_exit_stats_read_bucket(s, slot, i);
	}
	return sum;
}

bool totals_are_sums(const struct kvm_exit_stats *s)
{
	return s->count == all(s, KVM_EXIT_STATS_COUNT) &&
	       kvm_exit_stats_read_all_processing(s) == processing(s);
}

static u64 ask(struct kvm_exit_stats *s, u32 leaf, u32 input)
{
	u32 eax = leaf, ebx = 0, ecx = input, edx = 0;

	kvm_exit_stats_answer(s, &eax, &ebx, &ecx, &edx);
	return edx == EXITSTAT_UNDEFINED ? EXITSTAT_UNDEFINED : (u64)ebx << 32 | (eax | ecx);
}

static bool every_cycle_is_in_its_place(void)
{
	struct kvm_exit_stats *s = new_vm(1)->vcpu;

	run_begin(s, 50);
	enter(s, 100);		/* before the first entry, nothing counts */
	leave(s, 7, IO);
	run_end(s, 11, 0);
	run_begin(s, 13);
	enter(s, 17);
	leave(s, 19, HLT);
	out(s, 23);
	in(s, 29);
	run_end(s, 31, -EINTR);
	run_begin(s, 37);
	enter(s, 41);
	leave(s, 43, CPUID);
	return s->guest_cycles == 7 + 19 + 43 && of(s, IO, KVM_EXIT_STATS_KERNEL) == 11 + 17 &&
	       of(s, IO, KVM_EXIT_STATS_VMM) == 13 &&
	       of(s, HLT, KVM_EXIT_STATS_KERNEL) == 23 + 31 + 41 &&
	       of(s, HLT, KVM_EXIT_STATS_WAITING) == 29 + 37 &&
	       of(s, CPUID, KVM_EXIT_STATS_COUNT) == 1 && totals_are_sums(s) &&
	       processing(s) == 11 + 13 + 17 + 23 + 31 + 41;
}

/* Whatever comes after what. */
static bool at_random(void)
{
	struct kvm_exit_stats *s = new_vm(1)->vcpu;
	static const u32 numbers[] = { CPUID, HLT, IO, 0x60, 0xffffffff, 0x1234 };
	bool entered = false, holds = true;
	u64 first;

	srand(20261125);
	run_begin(s, 1);
	enter(s, 1);
	first = now;
	for (int i = 0; i < 200000; i++) {
		u64 cycles = rand() % 5000;

		leave(s, cycles, numbers[rand() % 6]);
		for (int n = rand() % 4; n; n--) {
			switch (rand() % 3) {
			case 0:
				out(s, rand() % 100);
				in(s, rand() % 100000);
				break;
			case 1:
				run_end(s, rand() % 100, rand() % 2 ? 0 : -EINTR);
				run_begin(s, rand() % 100000);
				break;
			case 2:
				now += rand() % 100;
				kvm_exit_stats_no_entry(s);
				break;
			}
		}
		enter(s, rand() % 100000);
		entered = true;
		holds = holds && now - first == s->guest_cycles + processing(s) +
						all(s, KVM_EXIT_STATS_WAITING);
	}
	return entered && holds && totals_are_sums(s);
}

static bool a_failed_entry_is_kernel(void)
{
	struct kvm_exit_stats *s;
	bool holds;

	*core_param_exit_stats_histograms = true;
	s = new_vm(1)->vcpu;
	run_begin(s, 1);
	enter(s, 1);
	leave(s, 10, IO);
	enter(s, 600);
	leave(s, 20, HLT);
	enter(s, 700);
	now += 5000;		/* the entry fails */
	kvm_exit_stats_exit(s);
	kvm_exit_stats_fail(s);
	run_end(s, 100, 0);
	run_begin(s, 100);
	enter(s, 100);
	leave(s, 30, CPUID);
	enter(s, 800);
	holds = s->guest_cycles == 10 + 20 + 30 &&
		of(s, HLT, KVM_EXIT_STATS_KERNEL) == 700 + 5000 + 200 &&
		of(s, HLT, KVM_EXIT_STATS_COUNT) == 1 && s->count == 3 && buckets(s) == 3 &&
		totals_are_sums(s);
	*core_param_exit_stats_histograms = false;
	return holds;
}

static bool backwards_counts_as_zero(void)
{
	struct kvm_exit_stats *s = new_vm(1)->vcpu;
	u64 guest, total;
	bool holds = true;

	run_begin(s, 1);
	enter(s, 1);
	leave(s, 10, IO);
	enter(s, 100);
	leave(s, 20, IO);
	for (int where = 0; where < 5; where++) {
		guest = s->guest_cycles;
		total = kvm_exit_stats_read_all_processing(s);
		now -= 500000;
		switch (where) {
		case 0:
			enter(s, 0);
			leave(s, 3, IO);
			break;
		case 1:
			out(s, 0);
			in(s, 5);
			break;
		case 2:
			run_end(s, 0, 0);
			run_begin(s, 0);
			break;
		case 3:
			kvm_exit_stats_no_entry(s);
			break;
		case 4:
			out(s, 7);
			now -= 400000;
			in(s, 0);
			break;
		}
		holds = holds && s->guest_cycles - guest <= 3 &&
			kvm_exit_stats_read_all_processing(s) == total && totals_are_sums(s);
		enter(s, 50);
		leave(s, 60, IO);
		holds = holds && kvm_exit_stats_read_all_processing(s) == total + 50 &&
			totals_are_sums(s);
	}
	return holds && s->guest_cycles < 500 && processing(s) < 1000;
}

static bool in_the_middle_of_a_run(void)
{
	struct kvm_exit_stats *s = new_vm(1)->vcpu;

	enter(s, 100);		/* KVM_RUN began before anybody counted */
	leave(s, 7, IO);
	out(s, 11);
	in(s, 13);
	enter(s, 17);
	leave(s, 19, IO);
	return s->guest_cycles == 26 && of(s, IO, KVM_EXIT_STATS_KERNEL) == 28 &&
	       of(s, IO, KVM_EXIT_STATS_WAITING) == 13 && totals_are_sums(s);
}

static bool before_the_first_entry(void)
{
	struct kvm_exit_stats *s = new_vm(1)->vcpu;

	run_begin(s, 1);
	now += 100;
	kvm_exit_stats_no_entry(s);	/* an invalid state is emulated: the clock starts, */
	if (kvm_exit_stats_exit_tsc(s) != now)
		return false;
	run_end(s, 100, 0);
	run_begin(s, 1000);
	enter(s, 200);			/* and nothing of it is any number's */
	leave(s, 5, IO);
	enter(s, 300);
	return processing(s) == 300 && s->guest_cycles == 5 && totals_are_sums(s);
}

static bool from_afar(void)
{
	struct kvm_exit_stats *s = new_vm(1)->vcpu;

	kvm_exit_stats_enter_far(s);
	now += 10;
	kvm_exit_stats_exit_far(s, now, kvm_exit_stats_svm_row(IO));
	now += 100;
	kvm_exit_stats_enter_far(s);
	now += 1000;
	kvm_exit_stats_enter_far(s);	/* no exit in between */
	now += 20;
	kvm_exit_stats_exit_far(s, now, kvm_exit_stats_svm_row(IO));
	now += 200;
	kvm_exit_stats_enter_far(s);
	now -= 50000;			/* on another CPU, whose TSC is behind */
	kvm_exit_stats_exit_far(s, now, kvm_exit_stats_svm_row(IO));
	now += 300;
	kvm_exit_stats_enter_far(s);
	return s->guest_cycles == 10 + 20 && processing(s) == 100 + 1000 + 200 + 300 &&
	       totals_are_sums(s);
}

/* A thread that changes hands, and one that reads: nothing that it reads may ever fall. */
static atomic_bool stop;
static struct kvm_exit_stats *shared;
static const char *fell;

static void look(u64 *last, u64 value, const char *what)
{
	if (value < *last)
		fell = what;
	*last = value;
}

static void *reader(void *unused)
{
	u64 kernel = 0, vmm = 0, time = 0, total = 0, waiting = 0, guest = 0, count = 0;
	u32 slot = 0;

	(void)unused;
	kvm_exit_stats_find_slot(IO, &slot);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		look(&kernel, kvm_exit_stats_read(shared, slot, KVM_EXIT_STATS_KERNEL), "kernel");
		look(&vmm, kvm_exit_stats_read(shared, slot, KVM_EXIT_STATS_VMM), "vmm");
		look(&waiting, kvm_exit_stats_read(shared, slot, KVM_EXIT_STATS_WAITING), "waiting");
		look(&time, kvm_exit_stats_read_processing(shared, slot), "processing");
		look(&total, kvm_exit_stats_read_all_processing(shared), "all processing");
		look(&guest, READ_ONCE(shared->guest_cycles), "guest");
		look(&count, READ_ONCE(shared->count), "count");
	}
	return NULL;
}

static bool nothing_falls(void)
{
	pthread_t thread;

	shared = new_vm(1)->vcpu;
	run_begin(shared, 1);
	enter(shared, 1);
	if (pthread_create(&thread, NULL, reader, NULL))
		return false;
	for (int i = 0; i < 2000000; i++) {
		leave(shared, 5, IO);
		out(shared, 1);
		in(shared, 900);
		run_end(shared, 1, 0);
		run_begin(shared, 1000);
		enter(shared, 3);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	if (fell)
		printf("# fell: %s\n", fell);
	return !fell;
}

static void set_access(const char *access)
{
	struct kernel_param kp = {};

	core_param_guest_exit_stats->set(access, &kp);
}

static int place_of(const struct static_key *key)
{
	for (int i = 0; i < (int)nr_changed; i++) {
		if (changed[i] == key)
			return i;
	}
	return -1;
}

static bool counting_goes_on(void)
{
	struct kvm_exit_stats *s = new_vm(1)->vcpu;

	run_begin(s, 1);
	enter(s, 1);
	nr_changed = 0;
	set_access("0");
	leave(s, 1, IO);
	enter(s, 1);
	leave(s, 1, IO);
	set_access("2");
	return !nr_changed && s->count == 2 && !s->vm->late;
}

/* An exit's TSC is taken only where exits are stamped, an exit counted only after its entry. */
static bool keys_go_off_and_on(void)
{
	struct static_key *entry = &kvm_exit_stats_entry_key, *exit = &kvm_exit_stats_exit_key;
	struct static_key *tsc = &kvm_exit_stats_tsc_key;
	static struct vm late;
	bool off, on;

	set_access("0");
	nr_changed = 0;
	new_vm(0);		/* the one before goes first, and it was the last */
	off = !exit->on && !tsc->on && !entry->on && place_of(tsc) < place_of(exit) &&
	      place_of(exit) < place_of(entry);
	kvm_exit_stats_vm_create(&late.vm);
	late.has_run = true;
	now += 1000;
	nr_changed = 0;
	set_access("2");
	on = exit->on && tsc->on && entry->on && place_of(entry) < place_of(exit) &&
	     place_of(exit) < place_of(tsc);
	now += 50;
	kvm_exit_stats_vm_destroy(&late.vm);
	return off && on && late.vm.late && kvm_exit_stats_age(&late.vm) == 50;
}

static bool questions_pause_and_are_bounded(void)
{
	struct vm *vm = new_vm(VCPUS);
	u64 total;
	u32 slot = 0;

	for (unsigned int i = 0; i < VCPUS; i++) {
		run_begin(&vm->vcpu[i], 1);
		enter(&vm->vcpu[i], 1);
		leave(&vm->vcpu[i], 1, IO);
		enter(&vm->vcpu[i], 9);
	}
	pauses = 0;
	reads_of_vcpus = 0;
	total = ask(vm->vcpu, EXITSTAT_TOTAL_TIME, 0);
	if (total != 9 * VCPUS || pauses != (VCPUS - 1) / 64 || reads_of_vcpus != VCPUS)
		return false;
	kvm_exit_stats_find_slot(IO, &slot);
	/* Totals are not summed up when asked for: what is in a row does not matter. */
	vm->vcpu[3].counter[KVM_EXIT_STATS_ROW(slot)] += 1000;
	return ask(vm->vcpu, EXITSTAT_TOTAL_COUNT, 0) == VCPUS;
}

static bool the_vm_decides(void)
{
	struct vm *vm;
	struct kvm_exit_stats plugged = {};

	*core_param_exit_stats_histograms = true;
	vm = new_vm(1);
	*core_param_exit_stats_histograms = false;
	kvm_exit_stats_vcpu_init(&plugged, &vm->vm, GFP_KERNEL);
	if (!plugged.hist)
		return false;
	kvm_exit_stats_vcpu_destroy(&plugged);
	return true;
}

static const struct unit_case cases[] = {
	{ every_cycle_is_in_its_place,
	  "every cycle is in its place, and totals are the sums" },
	{ at_random, "in random order, too, at each of 200000 entries" },
	{ a_failed_entry_is_kernel,
	  "a failed entry is the kernel's time, of the exit before, in one bucket" },
	{ backwards_counts_as_zero,
	  "a TSC that goes backwards counts as no time, wherever the vCPU is" },
	{ in_the_middle_of_a_run, "counting may begin in the middle of a KVM_RUN" },
	{ before_the_first_entry, "time before the first entry belongs to no number" },
	{ from_afar, "for a remote carrier, an entry may have no exit, or one on another CPU" },
	{ nothing_falls, "nothing that another CPU reads ever decreases" },
	{ counting_goes_on, "counting goes on while a VM exists" },
	{ keys_go_off_and_on,
	  "keys go off and on in order, and a VM that had run is late" },
	{ questions_pause_and_are_bounded,
	  "a question pauses every 64 vCPUs, and a total is one load of each" },
	{ the_vm_decides, "a vCPU that is plugged in has what its VM chose" },
};

static size_t number, failed;

static void run_cases(const struct unit_case *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool holds = c[i].holds();

		printf("%s %zu %s\n", holds ? "ok" : "not ok", ++number, c[i].sentence);
		failed += !holds;
	}
}

int main(void)
{
	printf("KTAP version 1\n1..%zu\n", ARRAY_SIZE(cases) + nr_details_cases +
	       nr_samples_cases);
	run_cases(cases, ARRAY_SIZE(cases));
	run_cases(details_cases, nr_details_cases);
	run_cases(samples_cases, nr_samples_cases);
	new_vm(0);
	return failed != 0;
}
