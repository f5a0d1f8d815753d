// SPDX-License-Identifier: MIT
/* Samples: who is sampled, and when the core gives up. */
#include <string.h>

#include "core.h"

#define WRITE_MSR	0x7c
#define ARM		EXITSTAT_SAMPLE_ARM
#define TAKE		EXITSTAT_SAMPLE_TAKE
#define DETAIL		EXITSTAT_SAMPLE_DETAIL
#define TIME		EXITSTAT_SAMPLE_TIME

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

/* One exit, which takes so long, and the 5 cycles up to the next entry. */
static void make_for(struct kvm_exit_stats *s, u32 number, u64 cycles)
{
	make(s, number, 1);
	now += cycles;
}

/* A write. */
static void count_detail(struct kvm_exit_stats *s, unsigned long about)
{
	const struct vmcb_control_area control = { .exit_info_1 = 1 };
	const unsigned long regs[] = { about, about };

	__kvm_exit_stats_svm_detail(s, &control, regs);
}

void __kvm_exit_stats_reenter(struct kvm_exit_stats *s)
{
	count_detail(s, 0x6e0);
}

static void leave_detailed(struct kvm_exit_stats *s, u32 number, unsigned long about)
{
	enter(s, 5);
	leave(s, 5, number);
	count_detail(s, about);
}

static bool arming(void)
{
	struct kvm_exit_stats *s = new_vcpu();

	return is(ask(s, ARM, 0x10000 | CPUID), 1, 0, 0, 0) && carrier.on &&
	       is(ask(s, ARM, CPUID), 0, 0, 0, 0) && !carrier.on &&
	       is(ask(s, ARM, 0x1ff00), 1, 0, 0, 0);	/* other */
}

/* Of each, the answer says how many are armed now. */
static bool several_armed(void)
{
	struct kvm_exit_stats *s = new_vcpu();

	return is(ask(s, ARM, 0x10000 | CPUID), 1, 0, 0, 0) &&
	       is(ask(s, ARM, 0x10000 | WRITE_MSR), 2, 0, 0, 0) &&
	       is(ask(s, ARM, 0x30000 | WRITE_MSR), 2, 0, 0, 0) &&
	       is(ask(s, ARM, 0x10000 | IO), 3, 0, 0, 0) &&
	       is(ask(s, ARM, 0x10400), 4, 0, 0, 0) &&
	       is(ask(s, ARM, 0x10081), 0, 0, 0, EXITSTAT_UNDEFINED) &&
	       is(ask(s, ARM, IO), 3, 0, 0, 0) && is(ask(s, ARM, IO), 3, 0, 0, 0) &&
	       is(ask(s, ARM, 0x10081), 4, 0, 0, 0) && is(ask(s, ARM, CPUID), 3, 0, 0, 0) &&
	       is(ask(s, ARM, WRITE_MSR), 2, 0, 0, 0) && is(ask(s, ARM, 0x400), 1, 0, 0, 0) &&
	       carrier.on && is(ask(s, ARM, 0x81), 0, 0, 0, 0) && !carrier.on;
}

static bool several_sampled(void)
{
	struct kvm_exit_stats *s = new_armed(CPUID, 1);

	ask(s, ARM, 0x20000 | WRITE_MSR);
	carrier.rip = 0x1000;
	make(s, WRITE_MSR, 1);
	make(s, CPUID, 1);
	carrier.rip = 0x2000;
	make(s, WRITE_MSR, 1);
	if (carrier.nmis != 1)
		return false;
	/* What the handler does between its questions is told with the rest, without an NMI. */
	if (!is(ask(s, TAKE, 0), 1 | EXITSTAT_SAMPLE_MORE, 0, 0x1000, CPUID))
		return false;
	carrier.rip = 0x3000;
	make(s, WRITE_MSR, 2);
	if (carrier.nmis != 1 || !is(ask(s, TAKE, 0), 2, 0, 0x3000, WRITE_MSR) ||
	    !is(ask(s, TAKE, 0), 0, 0, 0, 0))
		return false;
	ask(s, ARM, CPUID);
	make(s, CPUID, 5);
	make(s, WRITE_MSR, 2);
	return carrier.nmis == 2 && ask(s, TAKE, 0).edx == WRITE_MSR && !ask(s, TAKE, 0).eax;
}

/* One that is no longer armed may still have a sample to tell. */
static bool told_after_disarming(void)
{
	struct kvm_exit_stats *s = new_armed(CPUID, 1);

	make(s, CPUID, 1);
	ask(s, ARM, CPUID);
	for (u32 number = 0x40; number < 0x44; number++)
		ask(s, ARM, 0x10000 | number);
	return ask(s, ARM, 0x10044).edx == EXITSTAT_UNDEFINED && ask(s, ARM, 0x43).eax == 3;
}

static bool tells_what(void)
{
	struct kvm_exit_stats *s;
	bool nothing;

	s = new_armed(WRITE_MSR, 1);
	make(s, WRITE_MSR, 1);
	nothing = ask(s, TAKE, 0).eax == 1 && is(ask(s, DETAIL, 0), 0, 0, 0, 0);

	*core_param_exit_stats_details = true;
	s = new_armed(WRITE_MSR, 1);
	*core_param_exit_stats_details = false;
	nothing &= is(ask(s, DETAIL, 0), 0, 0, 0, 0);
	leave_detailed(s, WRITE_MSR, 0x6e0);
	kvm_exit_stats_sample(s);
	return nothing && is(ask(s, DETAIL, 0), 0, 0, 0, 0) && ask(s, TAKE, 0).eax == 1 &&
	       is(ask(s, DETAIL, 0), 1, 1, 0x6e0, 0) && !ask(s, TAKE, 0).eax &&
	       is(ask(s, DETAIL, 0), 0, 0, 0, 0);
}

/* The time of the exits that it stands for, and of no question. */
static bool tells_how_long(void)
{
	struct kvm_exit_stats *s = new_armed(CPUID, 2);
	bool none = is(ask(s, TIME, 0), 0, 0, 0, EXITSTAT_UNDEFINED);

	ask(s, ARM, 0x10000 | WRITE_MSR);
	make_for(s, CPUID, 100);
	make_for(s, CPUID, 1000);
	make_for(s, IO, 10);
	make_for(s, WRITE_MSR, 7);
	carrier.eax = TIME;
	make_for(s, CPUID, 50000);
	if (!is(ask(s, TIME, 0), 1 | EXITSTAT_SAMPLE_MORE, 0, 1110, CPUID))
		return false;
	make_for(s, CPUID, 50000);
	return none && is(ask(s, TIME, 0), 1, 0, 12, WRITE_MSR) &&
	       is(ask(s, TIME, 0), 0, 0, 0, EXITSTAT_UNDEFINED) && carrier.nmis == 1;
}

/* A sample is taken once, with one of the two questions; the other is not answered for it later. */
static bool takes_either(void)
{
	struct kvm_exit_stats *s = new_armed(WRITE_MSR, 1);

	carrier.rip = 0x1000;
	make_for(s, WRITE_MSR, 7);
	make_for(s, IO, 3);
	if (!is(ask(s, TAKE, 0), 1, 0, 0x1000, WRITE_MSR) ||
	    !is(ask(s, TIME, 0), 0, 0, 0, EXITSTAT_UNDEFINED))
		return false;
	make_for(s, WRITE_MSR, 20);
	make_for(s, IO, 3);
	return carrier.nmis == 2 && is(ask(s, TIME, 0), 1, 0, 25, WRITE_MSR) &&
	       is(ask(s, TAKE, 0), 0, 0, 0, 0);
}

/* Not even for the number that gets its place. */
static bool forgets_time(void)
{
	struct kvm_exit_stats *s = new_armed(IO, 1);

	make_for(s, IO, 7);
	ask(s, TAKE, 0);
	ask(s, ARM, IO);
	make_for(s, IO, 5000);
	ask(s, ARM, 0x10000 | WRITE_MSR);
	make_for(s, WRITE_MSR, 3);
	make_for(s, IO, 10);
	return is(ask(s, TIME, 0), 1, 0, 8, WRITE_MSR);
}

/* The VMM's part is in it; with details, the time is where the detail is. */
static bool tells_how_long_with_details(void)
{
	struct kvm_exit_stats *s;

	*core_param_exit_stats_details = true;
	s = new_armed(WRITE_MSR, 1);
	*core_param_exit_stats_details = false;
	leave_detailed(s, WRITE_MSR, 0x6e0);
	kvm_exit_stats_sample(s);
	run_end(s, 30, 0);
	run_begin(s, 400);
	leave_detailed(s, CPUID, 0);
	kvm_exit_stats_sample(s);
	return is(ask(s, TIME, 0), 1, 0, 435, WRITE_MSR);
}

/* Such an exit is looked at before KVM comes to its detail, if it does. */
static bool tells_of_reentry(void)
{
	struct kvm_exit_stats *s;

	*core_param_exit_stats_details = true;
	s = new_armed(WRITE_MSR, 1);
	*core_param_exit_stats_details = false;
	enter(s, 5);
	leave(s, 5, WRITE_MSR);
	kvm_exit_stats_sample_reentry(s);
	kvm_exit_stats_reenter(s);
	make_for(s, IO, 70);
	return is(ask(s, TIME, 0), 1, 0, 5, WRITE_MSR) && is(ask(s, DETAIL, 0), 1, 1, 0x6e0, 0) &&
	       !ask(s, TIME, 0).eax && is(ask(s, DETAIL, 0), 0, 0, 0, 0);
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
	zeros = is(ask(s, TAKE, 0), 0, 0, 0, 0) && is(ask(s, TIME, 0), 0, 0, 0, 0) &&
		is(ask(s, ARM, CPUID), 0, 0, 0, 0) && carrier.on;
	carrier.user = false;
	return zeros && ask(s, TAKE, 0).eax == 1;
}

static bool switched_off(void)
{
	struct kvm_exit_stats *s = new_vcpu();
	bool zeros, before = ask(s, EXITSTAT_FEATURES, 0).ecx & EXITSTAT_FEATURE_SAMPLES;

	*core_param_exit_stats_samples = false;
	zeros = is(ask(s, ARM, 0x10000 | CPUID), 0, 0, 0, 0) && is(ask(s, TAKE, 0), 0, 0, 0, 0) &&
		is(ask(s, TIME, 0), 0, 0, 0, 0) &&
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
	{ several_armed, "up to four at once" },
	{ several_sampled, "of which each is sampled, and told by itself" },
	{ told_after_disarming, "one that is disarmed makes room for others" },
	{ tells_what, "what a sample was about is told where details are counted" },
	{ tells_how_long, "and how long the exits took that it stands for, without the questions" },
	{ takes_either, "either, where or how long, once" },
	{ forgets_time, "but nothing of a number that was disarmed" },
	{ tells_how_long_with_details, "in KVM and the VMM, with details, too" },
	{ tells_of_reentry, "so it does of an exit after which KVM re-enters the guest" },
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
