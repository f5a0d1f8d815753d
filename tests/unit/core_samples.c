// SPDX-License-Identifier: MIT
/* Samples: who is sampled, and when the core gives up. */
#include <string.h>

#include "core.h"

#define WRITE_MSR	0x7c
#define ARM		EXITSTAT_SAMPLE_ARM
#define TAKE		EXITSTAT_SAMPLE_TAKE

static struct {
	bool on, nested, user;
	unsigned int nmis;
	u64 rip, idt;
	u32 eax;
} carrier;

void kvm_exit_stats_carrier_sample(struct kvm_exit_stats *s, bool on)
{
	carrier.on = on;
}

void kvm_exit_stats_queue_nmi(struct kvm_exit_stats *s)
{
	carrier.nmis++;
}

u64 kvm_exit_stats_guest_rip(struct kvm_exit_stats *s)
{
	return carrier.rip;
}

u64 kvm_exit_stats_guest_idt(struct kvm_exit_stats *s)
{
	return carrier.idt;
}

u32 kvm_exit_stats_guest_eax(struct kvm_exit_stats *s)
{
	return carrier.eax;
}

bool kvm_exit_stats_in_nested_guest(struct kvm_exit_stats *s)
{
	return carrier.nested;
}

bool kvm_exit_stats_guest_cpl0(struct kvm_exit_stats *s)
{
	return !carrier.user;
}

struct answer {
	u32 eax, ebx, ecx, edx;
};

static struct answer ask(struct kvm_exit_stats *s, u32 leaf, u32 input)
{
	struct answer a = { .eax = leaf, .ecx = input };

	kvm_exit_stats_answer(s, &a.eax, &a.ebx, &a.ecx, &a.edx);
	return a;
}

static bool is(struct answer a, u32 eax, u32 ebx, u32 ecx, u32 edx)
{
	return a.eax == eax && a.ebx == ebx && a.ecx == ecx && a.edx == edx;
}

/* One vCPU of a new VM, in the kernel. */
static struct kvm_exit_stats *new_vcpu(void)
{
	memset(&carrier, 0, sizeof(carrier));
	carrier.idt = 0xfffffe0000000000;
	return new_vm(1)->vcpu;
}

static struct kvm_exit_stats *new_armed(u32 number, u32 period)
{
	struct kvm_exit_stats *s = new_vcpu();

	ask(s, ARM, (number & 0xffff) | period << 16);
	return s;
}

static void make(struct kvm_exit_stats *s, u32 number, unsigned int n)
{
	while (n--) {
		enter(s, 5);
		leave(s, 5, number);
		kvm_exit_stats_sample(s);
	}
}

static bool arming(void)
{
	struct kvm_exit_stats *s = new_vcpu();

	return is(ask(s, ARM, 0x10000 | CPUID), 1, 0, 0, 0) && carrier.on &&
	       is(ask(s, ARM, CPUID), 0, 0, 0, 0) && !carrier.on &&
	       is(ask(s, ARM, 0x1ff00), 1, 0, 0, 0);	/* other */
}

static bool refused(void)
{
	static const u32 numbers[] = { HLT, 0x60, 0x61, 0x64, 0x74, 0xa6, 0xfff0, 0x1234 };
	struct kvm_exit_stats *s = new_vcpu();

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (!is(ask(s, ARM, 0x10000 | numbers[i]), 0, 0, 0, EXITSTAT_UNDEFINED))
			return false;
	}
	return !carrier.on;
}

static bool not_for_users(void)
{
	struct kvm_exit_stats *s = new_armed(CPUID, 1);
	bool zeros;

	make(s, CPUID, 1);
	carrier.user = true;
	zeros = is(ask(s, TAKE, 0), 0, 0, 0, 0) && is(ask(s, ARM, CPUID), 0, 0, 0, 0) && carrier.on;
	carrier.user = false;
	return zeros && ask(s, TAKE, 0).eax == 1;
}

static bool switched_off(void)
{
	struct kvm_exit_stats *s = new_vcpu();
	bool zeros, before = ask(s, EXITSTAT_FEATURES, 0).ecx & EXITSTAT_FEATURE_SAMPLES;

	*core_param_exit_stats_samples = false;
	zeros = is(ask(s, ARM, 0x10000 | CPUID), 0, 0, 0, 0) && is(ask(s, TAKE, 0), 0, 0, 0, 0) &&
		!(ask(s, EXITSTAT_FEATURES, 0).ecx & EXITSTAT_FEATURE_SAMPLES);
	*core_param_exit_stats_samples = true;
	return before && zeros && !carrier.on;
}

static bool tells_where(void)
{
	struct kvm_exit_stats *s = new_armed(WRITE_MSR, 3);

	make(s, WRITE_MSR, 2);
	carrier.rip = 0xffffffff81234567;
	make(s, CPUID, 5);
	if (carrier.nmis)
		return false;
	make(s, WRITE_MSR, 1);
	return carrier.nmis == 1 && is(ask(s, TAKE, 0), 1, 0xffffffff, 0x81234567, WRITE_MSR) &&
	       is(ask(s, TAKE, 0), 0, 0, 0, 0);
}

static bool one_on_its_way(void)
{
	struct kvm_exit_stats *s = new_armed(CPUID, 1);

	make(s, CPUID, 5);
	if (carrier.nmis != 1 || ask(s, TAKE, 0).eax != 5)
		return false;
	make(s, CPUID, 1);
	return carrier.nmis == 2;
}

static bool gives_up(void)
{
	struct kvm_exit_stats *s = new_armed(CPUID, 1);

	make(s, CPUID, 15);
	if (!carrier.on)
		return false;
	make(s, CPUID, 100);
	if (carrier.on || carrier.nmis != 1)
		return false;
	/* What was sampled is still told, and whoever asks may arm again. */
	if (ask(s, TAKE, 0).eax != 16 || ask(s, ARM, 0x10000 | CPUID).eax != 1)
		return false;
	make(s, CPUID, 1);
	return carrier.nmis == 2;
}

static bool another_kernel(void)
{
	struct kvm_exit_stats *s = new_armed(CPUID, 1);

	carrier.idt = 0;
	make(s, CPUID, 1);
	if (carrier.nmis || carrier.on)
		return false;
	carrier.idt = 0xfffffe0000000000;
	make(s, CPUID, 1);
	return !carrier.nmis;
}

static bool reset(void)
{
	struct kvm_exit_stats *s = new_armed(CPUID, 1);

	kvm_exit_stats_disarm(s);
	make(s, CPUID, 1);
	return !carrier.on && !carrier.nmis;
}

static bool left_out(void)
{
	struct kvm_exit_stats *s = new_armed(CPUID, 1);

	carrier.eax = EXITSTAT_SAMPLE_TAKE;
	make(s, CPUID, 1);
	carrier.eax = 1;
	carrier.nested = true;
	make(s, CPUID, 1);
	return !carrier.nmis;
}

static bool once(void)
{
	struct kvm_exit_stats *s = new_armed(CPUID, 2);

	make(s, CPUID, 1);
	kvm_exit_stats_sample(s);
	kvm_exit_stats_sample_reentry(s);
	return !carrier.nmis;
}

const struct unit_case samples_cases[] = {
	{ arming, "a kernel arms and disarms its vCPU, for each number it likes" },
	{ refused, "but for none that an NMI would disturb, and none that is not defined" },
	{ not_for_users, "users cannot arm, disarm or take" },
	{ switched_off, "nobody can where samples are off" },
	{ tells_where, "a sample tells where it was, once, and other exits do not count" },
	{ one_on_its_way, "no NMI follows another before the guest asked" },
	{ gives_up, "after 16 samples without a question there are no more" },
	{ another_kernel, "nor after an exit of another kernel" },
	{ reset, "nor after a reset" },
	{ left_out, "questions and nested guests are left out" },
	{ once, "an exit is looked at once" },
};

const size_t nr_samples_cases = ARRAY_SIZE(samples_cases);
