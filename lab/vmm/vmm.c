// SPDX-License-Identifier: MIT
/*
 * A small VMM: run a list of steps on every vCPU of one bare guest, which causes
 * an exactly known number of VM exits and asks CPUID about them, and print what
 * it got.  It compares nothing: that is for the tests.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/kvm.h>

#include "exitstat/abi.h"
#include "steps.h"

#define MAX_CPUID	256

struct cpuid {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[MAX_CPUID];
};

struct vcpu {
	int fd;
	unsigned long index;
	struct step *steps;
	unsigned long fresh;
	struct kvm_run *run;
	pthread_t thread;
};

static const char help[] =
	"usage: vmm [--vcpus N] [--entry with|without] STEP...\n"
	"       vmm --list kinds|numbers|leaves\n"
	"Run a bare guest that takes the steps, on each of N vCPUs, and print its answers.\n"
	"--entry gives the guest a CPUID entry for the block, with the signature or without.\n";

static struct cpuid cpuid = { .head.nent = MAX_CPUID };
static struct vcpu vcpus[VMM_MAX_VCPUS];
static unsigned int vcpu_count = 1;
static pthread_barrier_t barrier;
static char *memory;

void die(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("vmm: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	exit(status);
}

static int checked(int result, const char *what)
{
	if (result < 0)
		die(1, "%s: %s", what, strerror(errno));
	return result;
}

/* What KVM supports, as a VMM passes it on; the block only if the caller said so. */
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

static void set_long_mode(const struct vcpu *v)
{
	const struct kvm_segment code = { .limit = 0xffffffff, .selector = 8, .type = 11,
					  .present = 1, .s = 1, .l = 1, .g = 1 };
	const struct kvm_segment data = { .limit = 0xffffffff, .selector = 16, .type = 3,
					  .present = 1, .s = 1, .db = 1, .g = 1 };
	const struct kvm_regs regs = {
		.rip = VMM_PAYLOAD, .rflags = 2, .rdi = v->index, .rsi = cpu_is_amd(),
		.rdx = (char *)v->steps - memory, .rcx = v->fresh,
		.rsp = VMM_STACKS + (v->index + 1) * 0x1000,
	};
	struct kvm_sregs sregs;

	checked(ioctl(v->fd, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs = code;
	sregs.ss = data;
	sregs.ds = data;
	sregs.es = data;
	sregs.cr0 = 0x80000031;		/* PG, NE, ET, PE */
	sregs.cr3 = VMM_PAGE_TABLES;
	sregs.cr4 = 0x20;		/* PAE */
	sregs.efer = 0x501;		/* LMA, LME, SCE */
	checked(ioctl(v->fd, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	checked(ioctl(v->fd, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

static void make_vcpu(int kvm, int vm, struct vcpu *v)
{
	const struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	int size = checked(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");

	v->fd = checked(ioctl(vm, KVM_CREATE_VCPU, v->index), "KVM_CREATE_VCPU");
	v->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED)
		die(1, "mapping the state of vCPU %lu: %s", v->index, strerror(errno));
	set_cpuid(v);
	set_long_mode(v);
	checked(ioctl(v->fd, KVM_SET_MP_STATE, &runnable), "KVM_SET_MP_STATE");
}

/* No huge pages: each first touch of a page has to be an exit of its own. */
static void make_memory(int vm)
{
	struct kvm_userspace_memory_region region = { .memory_size = VMM_MEMORY };

	memory = mmap(NULL, VMM_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die(1, "%lu bytes of guest memory: %s", VMM_MEMORY, strerror(errno));
	checked(madvise(memory, VMM_MEMORY, MADV_NOHUGEPAGE), "MADV_NOHUGEPAGE");
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

/* Take a piece of the guest's memory: its address, and bytes later the next one's. */
static unsigned long take_memory(unsigned long *next, unsigned long bytes, unsigned long end)
{
	unsigned long address = *next;

	if (bytes > end - address)
		die(2, "the steps of %u vCPUs want more memory than the guest has; give less",
		    vcpu_count);
	*next += bytes;
	return address;
}

/* Each vCPU makes another number of exits, so that none can pass for another. */
static void fill_steps(struct vcpu *v)
{
	static unsigned long steps_next = VMM_STEPS, samples_next = VMM_SAMPLES;
	static unsigned long fresh_next = VMM_FRESH;
	unsigned long bytes = step_count * sizeof(*steps);

	v->fresh = fresh_next;
	v->steps = (void *)(memory + take_memory(&steps_next, bytes, VMM_SAMPLES));
	memcpy(v->steps, steps, bytes);
	for (struct step *s = v->steps; s->op != OP_DONE; s++) {
		if (s->op == OP_MAKE)
			s->n *= v->index + 1;
		if ((s->op == OP_MAKE || s->op == OP_COST) && s->kind == KIND_npf)
			take_memory(&fresh_next, s->n << 12, VMM_MEMORY);
		if (s->op == OP_COST || s->op == OP_QUERY)
			s->samples = take_memory(&samples_next, s->n * sizeof(int), VMM_FRESH);
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

static bool serve_port(unsigned short port)
{
	if (port == VMM_PORT_WAIT)
		wait_for_line();
	else if (port == VMM_PORT_BARRIER)
		pthread_barrier_wait(&barrier);
	return port != VMM_PORT_DONE;
}

/* Do what the guest left to the VMM.  Return false at its end. */
static bool serve(const struct vcpu *v)
{
	switch (v->run->exit_reason) {
	case KVM_EXIT_MMIO:
		return true;
	case KVM_EXIT_IO:
		return serve_port(v->run->io.port);
	default:
		die(1, "vCPU %lu stopped with KVM exit reason %u, hardware reason %#llx", v->index,
		    v->run->exit_reason, v->run->hw.hardware_exit_reason);
	}
}

static void *run_vcpu(void *arg)
{
	struct vcpu *v = arg;

	do {
		while (ioctl(v->fd, KVM_RUN, 0) < 0) {
			if (errno != EINTR && errno != EAGAIN)
				die(1, "KVM_RUN of vCPU %lu: %s", v->index, strerror(errno));
		}
	} while (serve(v));
	return NULL;
}

static void run(const char *entry)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm;

	if (kvm < 0)
		die(77, "there is no usable /dev/kvm here: %s", strerror(errno));
	prepare_cpuid(kvm, entry);
	vm = checked(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	checked(ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000), "KVM_SET_TSS_ADDR");
	checked(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	make_memory(vm);
	fill_page_tables((unsigned long *)(memory + VMM_PAGE_TABLES));
	memcpy(memory + VMM_PAYLOAD, payload, payload_end - payload);
	pthread_barrier_init(&barrier, NULL, vcpu_count);
	for (unsigned int i = 0; i < vcpu_count; i++) {
		vcpus[i].index = i;
		fill_steps(&vcpus[i]);
		make_vcpu(kvm, vm, &vcpus[i]);
	}
	for (unsigned int i = 0; i < vcpu_count; i++) {
		if (pthread_create(&vcpus[i].thread, NULL, run_vcpu, &vcpus[i]))
			die(1, "no thread for vCPU %u", i);
	}
	for (unsigned int i = 0; i < vcpu_count; i++)
		pthread_join(vcpus[i].thread, NULL);
}

static void print_results(void)
{
	for (unsigned int i = 0; i < vcpu_count; i++) {
		for (const struct step *s = vcpus[i].steps; s->op != OP_DONE; s++)
			print_step(i, s, (unsigned int *)(memory + s->samples));
	}
}

static void parse_option(const char *name, const char *value, const char **entry)
{
	unsigned long n;

	if (!strcmp(name, "--entry")) {
		if (strcmp(value, "with") && strcmp(value, "without"))
			die(2, "--entry is 'with' or 'without', not '%s'", value);
		*entry = value;
	} else if (!strcmp(name, "--vcpus")) {
		if (!parse_number(value, &n) || !n || n > VMM_MAX_VCPUS)
			die(2, "--vcpus is 1 to %d, not '%s'", VMM_MAX_VCPUS, value);
		vcpu_count = n;
	} else if (!strcmp(name, "--list")) {
		if (!print_list(value))
			die(2, "--list is 'kinds', 'numbers' or 'leaves', not '%s'", value);
		exit(0);
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
	parse_steps(argv);
	run(entry);
	print_results();
	return 0;
}
