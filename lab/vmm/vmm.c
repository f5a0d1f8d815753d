// SPDX-License-Identifier: MIT
/*
 * A small VMM: run a list of steps on every vCPU of one bare guest, which causes
 * an exactly known number of VM exits and asks CPUID about them, and print the
 * answers.  It compares nothing; the tests do.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#include "disturb.h"
#include "exitstat/abi.h"
#include "host.h"

#define MAX_CPUID	256

struct cpuid {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[MAX_CPUID];
};

static const char help[] =
	"usage: vmm [--vms N] [--vcpus N] [--idle N] [--mode MODE] [--entry with|without]\n"
	"           [--disturb SEED] STEP...\n"
	"       vmm --list kinds|numbers|leaves\n"
	"Run a bare guest that takes the steps, on each of N vCPUs, and print its answers.\n"
	"--entry gives the guest a CPUID entry for the block, with the signature or without.\n"
	"--vms runs N such guests, one after the other.\n"
	"--idle makes N more vCPUs, which never run.\n"
	"--mode is long, or one of protected, protected-user, real: 32 and 16 bits, only to read.\n"
	"--disturb sends signals, pauses and moves the vCPUs and changes the module's parameter,\n"
	"all at random, while they mix.\n";

static const char *const mode_names[] = { "long", "protected", "protected-user", "real" };
static enum { MODE_LONG, MODE_PROTECTED, MODE_PROTECTED_USER, MODE_REAL, MODE_COUNT } mode;

static struct cpuid cpuid = { .head.nent = MAX_CPUID };
static unsigned long vm_count = 1;
static unsigned int vcpu_count = 1, idle_count;
static struct vcpu vcpus[VMM_MAX_VCPUS];
static pthread_barrier_t barrier;
static char *memory;

void die(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("vmm: ", stderr);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(status);
}

static int checked(int result, const char *what)
{
	if (result < 0)
		die(1, "%s: %s", what, strerror(errno));
	return result;
}

/* What KVM supports, as a VMM passes it on; the block only if the caller asked for it. */
static void prepare_cpuid(int kvm, const char *entry)
{
	unsigned int kept = 0;
	bool with = entry && !strcmp(entry, "with");

	checked(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid), "KVM_GET_SUPPORTED_CPUID");
	for (unsigned int i = 0; i < cpuid.head.nent; i++) {
		if ((cpuid.entries[i].function & EXITSTAT_BASE_MASK) != EXITSTAT_BASE)
			cpuid.entries[kept++] = cpuid.entries[i];
	}
	if (entry && kept == MAX_CPUID)
		die(1, "KVM supports %u CPUID entries, which leaves no room for one more", kept);
	if (entry)
		cpuid.entries[kept++] = (struct kvm_cpuid_entry2){
			.function = EXITSTAT_SIGNATURE,
			.eax = with ? EXITSTAT_MAX_LEAF : 0,
			.ebx = with ? EXITSTAT_SIGNATURE_EBX : 0,
			.ecx = with ? EXITSTAT_SIGNATURE_ECX : 0,
			.edx = with ? EXITSTAT_SIGNATURE_EDX : 0,
		};
	cpuid.head.nent = kept;
}

static void set_cpuid(const struct vcpu *v)
{
	struct cpuid mine = cpuid;

	for (unsigned int i = 0; i < mine.head.nent; i++) {
		struct kvm_cpuid_entry2 *e = &mine.entries[i];

		if (e->function == 1) {
			e->ebx = (e->ebx & 0xffffff) | v->index << 24;
			e->ecx |= 1u << 31 | 1u << 24;	/* a hypervisor, TSC deadline timer */
		} else if (e->function == 0xb || e->function == 0x1f) {
			e->edx = v->index;
		}
	}
	checked(ioctl(v->fd, KVM_SET_CPUID2, &mine), "KVM_SET_CPUID2");
}

/* Where a vCPU's part begins in the memory from start to end, which the vCPUs share. */
static unsigned long part(unsigned long index, unsigned long start, unsigned long end)
{
	return start + index * ((end - start) / vcpu_count & ~0xffful);
}

static unsigned long steps_part(unsigned long index)
{
	return part(index, VMM_STEPS, VMM_SAMPLES);
}

static unsigned long samples_part(unsigned long index)
{
	return part(index, VMM_SAMPLES, VMM_FRESH);
}

static unsigned long fresh_part(unsigned long index)
{
	return part(index, VMM_FRESH, VMM_MEMORY);
}

static void set_state(const struct vcpu *v, struct kvm_segment code, struct kvm_segment data,
		      unsigned long rflags)
{
	const struct kvm_regs regs = {
		.rip = VMM_PAYLOAD - code.base, .rflags = rflags | 2,
		.rax = steps_part(v->index), .rdi = v->index, .rsi = cpu_is_amd(),
		.rdx = steps_part(v->index), .rcx = fresh_part(v->index),
		.r8 = fresh_part(1) - fresh_part(0),
		.rsp = VMM_STACKS + (v->index + 1) * 0x1000,
	};
	struct kvm_sregs sregs;

	checked(ioctl(v->fd, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs = code;
	sregs.ss = data;
	sregs.ds = data;
	sregs.es = data;
	sregs.cr0 = 0x10;			/* ET */
	if (mode != MODE_REAL)
		sregs.cr0 |= 0x21;		/* NE, PE */
	if (mode == MODE_LONG) {
		sregs.cr0 |= 0x80000000;	/* PG */
		sregs.cr3 = VMM_PAGE_TABLES;
		sregs.cr4 = 0x20;		/* PAE */
		sregs.efer = 0x501;		/* LMA, LME, SCE */
	}
	checked(ioctl(v->fd, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	checked(ioctl(v->fd, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

/* All segments cover 4 GiB from 0, except for code in real mode, where IP has 16 bits. */
static void set_mode(const struct vcpu *v)
{
	struct kvm_segment code = { .limit = 0xffffffff, .selector = 8, .type = 11,
				    .present = 1, .s = 1, .g = 1 };
	struct kvm_segment data = { .limit = 0xffffffff, .selector = 16, .type = 3,
				    .present = 1, .s = 1, .db = 1, .g = 1 };

	code.l = mode == MODE_LONG;
	code.db = mode == MODE_PROTECTED || mode == MODE_PROTECTED_USER;
	if (mode == MODE_PROTECTED_USER) {
		code.selector |= 3;
		data.selector |= 3;
		code.dpl = 3;
		data.dpl = 3;
	}
	if (mode == MODE_REAL) {
		code.base = VMM_PAYLOAD;
		code.selector = VMM_PAYLOAD >> 4;
		data.selector = 0;
		data.db = 0;
	}
	set_state(v, code, data, mode == MODE_PROTECTED_USER ? 0x3000 : 0);	/* IOPL 3 */
}

static void load_payload(void)
{
	static const struct {
		const char *start, *end;
	} images[] = {
		[MODE_LONG] = { payload, payload_end },
		[MODE_PROTECTED] = { payload32, payload32_end },
		[MODE_PROTECTED_USER] = { payload32, payload32_end },
		[MODE_REAL] = { payload16, payload16_end },
	};

	memcpy(memory + VMM_PAYLOAD, images[mode].start, images[mode].end - images[mode].start);
}

static int run_size(int kvm)
{
	return checked(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
}

static void make_vcpu(int kvm, int vm, struct vcpu *v)
{
	const struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };

	v->fd = checked(ioctl(vm, KVM_CREATE_VCPU, v->index), "KVM_CREATE_VCPU");
	v->run = mmap(NULL, run_size(kvm), PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED)
		die(1, "mapping the state of vCPU %lu: %s", v->index, strerror(errno));
	set_cpuid(v);
	set_mode(v);
	checked(ioctl(v->fd, KVM_SET_MP_STATE, &runnable), "KVM_SET_MP_STATE");
}

/* No huge pages: each first touch of a page must cause an exit. */
static void make_memory(int vm)
{
	struct kvm_userspace_memory_region region = { .memory_size = VMM_MEMORY };

	memory = mmap(NULL, VMM_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die(1, "%lu bytes of guest memory: %s", VMM_MEMORY, strerror(errno));
	/* EINVAL: a kernel without huge pages */
	if (madvise(memory, VMM_MEMORY, MADV_NOHUGEPAGE) && errno != EINVAL)
		die(1, "MADV_NOHUGEPAGE: %s", strerror(errno));
	region.userspace_addr = (unsigned long)memory;
	checked(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
}

static void fill_page_tables(unsigned long *table)
{
	table[0] = (VMM_PAGE_TABLES + 0x1000) | 7;	/* present, writable, user */
	table[512] = (VMM_PAGE_TABLES + 0x2000) | 7;
	for (unsigned long i = 0; i < 512; i++)
		table[1024 + i] = i << 21 | 0x87;	/* 2 MiB */
}

static struct step *steps_of(unsigned long index)
{
	return (struct step *)(memory + steps_part(index));
}

/* Allocate bytes of the vCPU's memory from *next to end.  Return where they begin. */
static unsigned long take_memory(unsigned long *next, unsigned long bytes, unsigned long end)
{
	unsigned long address = *next;

	if (bytes > end - address)
		die(2, "the steps of %u vCPUs want more memory than the guest has; give less",
		    vcpu_count);
	*next += bytes;
	return address;
}

/* Each vCPU causes a different number of exits, so that none can be mistaken for another. */
static void fill_steps(unsigned long index)
{
	unsigned long next = steps_part(index), bytes = (step_count + 1) * sizeof(*steps);
	unsigned long samples = samples_part(index), fresh = fresh_part(index);
	struct step *s = steps_of(index);

	take_memory(&next, bytes, steps_part(index + 1));
	memcpy(s, steps, bytes);
	for (; s->op != OP_DONE; s++) {
		if (s->op == OP_MAKE)
			s->n *= index + 1;
		if ((s->op == OP_MAKE || s->op == OP_COST) && s->kind == KIND_npf)
			take_memory(&fresh, s->n << 12, fresh_part(index + 1));
		if (s->op == OP_COST || s->op == OP_QUERY)
			s->rax = take_memory(&samples, s->n * sizeof(int), samples_part(index + 1));
	}
}

static void wait_for_line(void)
{
	int c;

	puts("waiting");
	fflush(stdout);
	do
		c = getchar();
	while (c != '\n' && c != EOF);
}

static void take_back(unsigned long index)
{
	checked(madvise(memory + fresh_part(index), fresh_part(1) - fresh_part(0), MADV_DONTNEED),
		"MADV_DONTNEED");
}

/* The guest names one of its own steps. */
static void serve_step(struct vcpu *v)
{
	unsigned int address = *(unsigned int *)((char *)v->run + v->run->io.data_offset);

	if (address < steps_part(v->index) || address >= steps_part(v->index + 1))
		die(1, "vCPU %lu handed over a step at %#x, not of its own", v->index, address);
	do_step(v, (struct step *)(memory + address));
}

static bool serve_port(struct vcpu *v)
{
	switch (v->run->io.port) {
	case VMM_PORT_WAIT:
		wait_for_line();
		break;
	case VMM_PORT_BARRIER:
		pthread_barrier_wait(&barrier);
		break;
	case VMM_PORT_STIR:
		disturb_stir(v->index);
		break;
	case VMM_PORT_CALM:
		disturb_calm(v->index);
		break;
	case VMM_PORT_DO:
		serve_step(v);
		break;
	case VMM_PORT_FRESH:
		take_back(v->index);
		break;
	case VMM_PORT_DONE:
		return false;
	}
	return true;
}

/* Do what the guest asks the VMM to do.  Return false at the end. */
static bool serve(struct vcpu *v)
{
	switch (v->run->exit_reason) {
	case KVM_EXIT_MMIO:
		return true;
	case KVM_EXIT_IO:
		return serve_port(v);
	default:
		die(1, "vCPU %lu stopped with KVM exit reason %u, hardware reason %#llx", v->index,
		    v->run->exit_reason, v->run->hw.hardware_exit_reason);
	}
}

/* Return true if a signal ended KVM_RUN. */
static bool enter(struct vcpu *v)
{
	bool by_signal = ioctl(v->fd, KVM_RUN, 0) < 0;

	v->left_tsc = __rdtsc();
	if (by_signal && errno != EINTR && errno != EAGAIN)
		die(1, "KVM_RUN of vCPU %lu: %s", v->index, strerror(errno));
	v->returns[by_signal]++;
	return by_signal;
}

static void *run_vcpu(void *arg)
{
	struct vcpu *v = arg;
	bool by_signal, more;

	do {
		by_signal = enter(v);
		disturb_here(v->index);
		if (by_signal)
			after_signal(v);
		more = by_signal || serve(v);
		v->outside_cycles[by_signal] += __rdtsc() - v->left_tsc;
	} while (more);
	return NULL;
}

/* A signal ends a KVM_RUN in progress. */
static void ignore(int signal)
{
	(void)signal;
}

static void print_results(void)
{
	for (unsigned int i = 0; i < vcpu_count; i++) {
		for (const struct step *s = steps_of(i); s->op != OP_DONE; s++)
			print_step(i, s, memory);
	}
}

static int make_vm(int kvm)
{
	int vm = checked(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");

	checked(ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000), "KVM_SET_TSS_ADDR");
	checked(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	make_memory(vm);
	fill_page_tables((unsigned long *)(memory + VMM_PAGE_TABLES));
	load_payload();
	for (unsigned int i = 0; i < vcpu_count + idle_count; i++) {
		vcpus[i] = (struct vcpu){ .index = i };
		make_vcpu(kvm, vm, &vcpus[i]);
	}
	return vm;
}

static void run_vm(void)
{
	for (unsigned int i = 0; i < vcpu_count; i++) {
		fill_steps(i);
		if (pthread_create(&vcpus[i].thread, NULL, run_vcpu, &vcpus[i]))
			die(1, "no thread for vCPU %u", i);
	}
	for (unsigned int i = 0; i < vcpu_count; i++)
		pthread_join(vcpus[i].thread, NULL);
}

/* KVM destroys the VM when the last of these is gone. */
static void end_vm(int kvm, int vm)
{
	for (unsigned int i = 0; i < vcpu_count + idle_count; i++) {
		munmap(vcpus[i].run, run_size(kvm));
		close(vcpus[i].fd);
	}
	close(vm);
	munmap(memory, VMM_MEMORY);
}

static void run(const char *entry)
{
	const struct sigaction action = { .sa_handler = ignore };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm;

	if (kvm < 0)
		die(77, "there is no usable /dev/kvm here: %s", strerror(errno));
	prepare_cpuid(kvm, entry);
	pthread_barrier_init(&barrier, NULL, vcpu_count);
	sigaction(SIGUSR1, &action, NULL);
	for (unsigned long i = 0; i < vm_count; i++) {
		vm = make_vm(kvm);
		run_vm();
		print_results();
		end_vm(kvm, vm);
	}
}

static void parse_mode(const char *name)
{
	for (mode = 0; mode < MODE_COUNT; mode++) {
		if (!strcmp(name, mode_names[mode]))
			return;
	}
	die(2, "--mode is long, protected, protected-user or real, not '%s'", name);
}

static void parse_option(const char *name, const char *value, const char **entry)
{
	unsigned long n;

	if (!strcmp(name, "--entry")) {
		if (strcmp(value, "with") && strcmp(value, "without"))
			die(2, "--entry is 'with' or 'without', not '%s'", value);
		*entry = value;
	} else if (!strcmp(name, "--vms")) {
		if (!parse_number(value, &vm_count) || !vm_count)
			die(2, "--vms is 1 or more, not '%s'", value);
	} else if (!strcmp(name, "--vcpus")) {
		if (!parse_number(value, &n) || !n || n > VMM_MAX_VCPUS)
			die(2, "--vcpus is 1 to %d, not '%s'", VMM_MAX_VCPUS, value);
		vcpu_count = n;
	} else if (!strcmp(name, "--idle")) {
		if (!parse_number(value, &n) || n > VMM_MAX_VCPUS)
			die(2, "--idle is 0 to %d, not '%s'", VMM_MAX_VCPUS, value);
		idle_count = n;
	} else if (!strcmp(name, "--mode")) {
		parse_mode(value);
	} else if (!strcmp(name, "--list")) {
		if (!print_list(value))
			die(2, "--list is 'kinds', 'numbers' or 'leaves', not '%s'", value);
		exit(0);
	} else if (!strcmp(name, "--disturb")) {
		if (!parse_number(value, &n))
			die(2, "--disturb takes a number, not '%s'", value);
		disturb_begin(n);
	} else {
		die(2, "there is no option '%s'; see vmm --help", name);
	}
}

int main(int argc, char **argv)
{
	const char *entry = NULL;

	if (argc < 2 || !strcmp(argv[1], "--help")) {
		fprintf(argc < 2 ? stderr : stdout, "%s%s", help, steps_help);
		return argc < 2 ? 2 : 0;
	}
	for (argv++; *argv && !strncmp(*argv, "--", 2); argv += 2) {
		if (!argv[1])
			die(2, "%s wants a value; see vmm --help", argv[0]);
		parse_option(argv[0], argv[1], &entry);
	}
	if (vcpu_count + idle_count > VMM_MAX_VCPUS)
		die(2, "--vcpus and --idle are at most %d together", VMM_MAX_VCPUS);
	parse_steps(argv);
	run(entry);
	return 0;
}
