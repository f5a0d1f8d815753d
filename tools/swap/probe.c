// SPDX-License-Identifier: MIT
/*
 * Check that the KVM behind /dev/kvm reports exits, by asking it from inside a tiny VM.  Exit
 * status 0 if it does, 1 with a message if it does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/kvm.h>

#include <exitstat/abi.h>

#define MEMORY_BYTES	0x10000
#define CODE_ADDRESS	0x1000
/* Below 4 GiB and outside the guest's memory; on Intel, KVM needs it before a vCPU exists. */
#define TSS_ADDRESS	0xfffbd000

#define VMX_EXIT_CPUID	10u
#define SVM_EXIT_CPUID	0x72u

struct machine {
	int kvm;
	int vm;
	int vcpu;
	struct kvm_run *run;
};

struct one_cpuid {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entry;
};

static int fail(const char *what)
{
	fprintf(stderr, "kvm-probe: cannot %s: %s\n", what, strerror(errno));
	return 1;
}

static int refuse(const char *why)
{
	fprintf(stderr, "kvm-probe: %s\n", why);
	return 1;
}

/* Real mode, flat from 0: CPUID, HLT. */
static int load_code(struct machine *m)
{
	static const uint8_t code[] = { 0x0f, 0xa2, 0xf4 };
	uint8_t *memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = {
		.memory_size = MEMORY_BYTES,
		.userspace_addr = (uintptr_t)memory,
	};

	if (memory == MAP_FAILED)
		return fail("allocate memory for a VM");
	memcpy(memory + CODE_ADDRESS, code, sizeof(code));
	if (ioctl(m->vm, KVM_SET_TSS_ADDR, TSS_ADDRESS) < 0)
		return fail("set up a VM (KVM_SET_TSS_ADDR)");
	if (ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return fail("give a VM its memory (KVM_SET_USER_MEMORY_REGION)");
	return 0;
}

/*
 * Turn the block on, so that the answer does not depend on guest_exit_stats.  A stock KVM returns
 * this entry unchanged: its EAX = 0 tells the difference.
 */
static int allow_block(struct machine *m)
{
	struct one_cpuid cpuid = {
		.head.nent = 1,
		.entry = {
			.function = EXITSTAT_SIGNATURE,
			.ebx = EXITSTAT_SIGNATURE_EBX,
			.ecx = EXITSTAT_SIGNATURE_ECX,
			.edx = EXITSTAT_SIGNATURE_EDX,
		},
	};

	if (ioctl(m->vcpu, KVM_SET_CPUID2, &cpuid) < 0)
		return fail("describe a vCPU (KVM_SET_CPUID2)");
	return 0;
}

static int start_vcpu(struct machine *m)
{
	int bytes = ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_sregs sregs;

	m->vcpu = ioctl(m->vm, KVM_CREATE_VCPU, 0);
	if (m->vcpu < 0)
		return fail("create a vCPU (KVM_CREATE_VCPU)");
	m->run = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
	if (m->run == MAP_FAILED)
		return fail("map a vCPU");
	if (ioctl(m->vcpu, KVM_GET_SREGS, &sregs) < 0)
		return fail("read a vCPU (KVM_GET_SREGS)");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(m->vcpu, KVM_SET_SREGS, &sregs) < 0)
		return fail("set up a vCPU (KVM_SET_SREGS)");
	return allow_block(m);
}

static int start(struct machine *m)
{
	m->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm < 0)
		return fail("open /dev/kvm");
	m->vm = ioctl(m->kvm, KVM_CREATE_VM, 0);
	if (m->vm < 0)
		return fail("create a VM (KVM_CREATE_VM)");
	return load_code(m) || start_vcpu(m);
}

/* Let the guest execute one CPUID, and return its registers. */
static int ask(struct machine *m, uint32_t leaf, uint32_t ecx, struct kvm_regs *regs)
{
	*regs = (struct kvm_regs) {
		.rax = leaf,
		.rcx = ecx,
		.rip = CODE_ADDRESS,
		.rflags = 0x2,
	};
	if (ioctl(m->vcpu, KVM_SET_REGS, regs) < 0)
		return fail("set a vCPU's registers (KVM_SET_REGS)");
	if (ioctl(m->vcpu, KVM_RUN, 0) < 0)
		return fail("run a VM (KVM_RUN)");
	if (m->run->exit_reason != KVM_EXIT_HLT)
		return refuse("a VM of two instructions did not run to its end");
	if (ioctl(m->vcpu, KVM_GET_REGS, regs) < 0)
		return fail("read a vCPU's registers (KVM_GET_REGS)");
	return 0;
}

static bool is_signature(const struct kvm_regs *regs)
{
	return (uint32_t)regs->rax == EXITSTAT_MAX_LEAF &&
	       (uint32_t)regs->rbx == EXITSTAT_SIGNATURE_EBX &&
	       (uint32_t)regs->rcx == EXITSTAT_SIGNATURE_ECX &&
	       (uint32_t)regs->rdx == EXITSTAT_SIGNATURE_EDX;
}

static int read_count(struct machine *m, uint32_t number, uint64_t *count)
{
	struct kvm_regs regs;

	if (ask(m, EXITSTAT_COUNT, number, &regs))
		return 1;
	*count = (uint64_t)(uint32_t)regs.rbx << 32 | (uint32_t)regs.rax;
	return 0;
}

static int check_counting(struct machine *m, bool intel)
{
	uint32_t number = intel ? VMX_EXIT_CPUID : SVM_EXIT_CPUID;
	uint64_t before, after;

	if (read_count(m, number, &before) || read_count(m, number, &after))
		return 1;
	if (after - before != 1)
		return refuse("the signature is there, but one CPUID does not count as one exit");
	printf("exitstat ABI revision %d, %s exit numbers; one CPUID counts as one exit\n",
	       EXITSTAT_ABI_REVISION, intel ? "Intel" : "AMD");
	return 0;
}

static int check(struct machine *m)
{
	struct kvm_regs regs;

	if (ask(m, EXITSTAT_SIGNATURE, 0, &regs))
		return 1;
	if (!is_signature(&regs))
		return refuse("this KVM does not report exits: no signature in leaf 0x4fffff00");
	if (ask(m, EXITSTAT_FEATURES, 0, &regs))
		return 1;
	if ((uint32_t)regs.rax != EXITSTAT_ABI_REVISION)
		return refuse("this KVM reports exits in another revision of the ABI");
	return check_counting(m, (uint32_t)regs.rbx == EXITSTAT_NUMBERING_VMX);
}

int main(void)
{
	struct machine m;

	return start(&m) || check(&m);
}
