// SPDX-License-Identifier: MIT
/* What the hypervisor offers.  Trust no leaf before the hypervisor bit and the signature. */
#include <errno.h>

#include "exitstat.h"
#include "value.h"

#define CPUID1_ECX_HYPERVISOR	(1u << 31)

static int detect(struct exitstat_source *src)
{
	struct exitstat_regs regs;
	int err = exitstat_source_ask(src, 1, 0, &regs);

	if (err)
		return err;
	if (!(regs.ecx & CPUID1_ECX_HYPERVISOR))
		return -ENODEV;

	err = exitstat_source_ask(src, EXITSTAT_SIGNATURE, 0, &regs);
	if (err)
		return err;
	if (regs.ebx != EXITSTAT_SIGNATURE_EBX || regs.ecx != EXITSTAT_SIGNATURE_ECX ||
	    regs.edx != EXITSTAT_SIGNATURE_EDX)
		return -EOPNOTSUPP;
	return 0;
}

static int read_features(struct exitstat_source *src, struct exitstat_description *desc)
{
	struct exitstat_regs regs;
	int err = exitstat_source_ask(src, EXITSTAT_FEATURES, 0, &regs);

	if (err)
		return err;
	/* Later revisions only add to revision 1. */
	if (!regs.eax)
		return -EPROTO;
	if (regs.ebx != EXITSTAT_NUMBERING_VMX && regs.ebx != EXITSTAT_NUMBERING_SVM)
		return -EPROTO;
	desc->revision = regs.eax;
	desc->numbering = regs.ebx;
	desc->features = regs.ecx;
	desc->tsc_khz = regs.edx;
	return 0;
}

static int read_scope(struct exitstat_source *src, struct exitstat_description *desc)
{
	struct exitstat_regs regs;
	int err = exitstat_source_ask(src, EXITSTAT_SCOPE, 0, &regs);

	if (err)
		return err;
	desc->vcpus = regs.eax;
	desc->vcpu = regs.ebx;
	desc->epoch = low_high(regs.ecx, regs.edx);
	return 0;
}

/* Tables and recordings of revision 1 have no age, but neither are they late. */
static int read_age(struct exitstat_source *src, struct exitstat_description *desc)
{
	struct exitstat_regs regs;
	int err;

	if (!(desc->features & EXITSTAT_FEATURE_LATE))
		return 0;
	err = exitstat_source_ask(src, EXITSTAT_AGE, 0, &regs);
	if (!err)
		desc->age_cycles = low_high(regs.ecx, regs.ebx);
	return err;
}

static int read_histogram(struct exitstat_source *src, struct exitstat_description *desc)
{
	struct exitstat_regs regs;
	int err;

	if (!(desc->features & EXITSTAT_FEATURE_HISTOGRAMS))
		return 0;
	err = exitstat_source_ask(src, EXITSTAT_HISTOGRAM, 0, &regs);
	if (err)
		return err;
	/* Bounds must fit into 64 bits. */
	if (!regs.eax || regs.eax > 64 || regs.ebx + regs.eax > 64)
		return -EPROTO;
	desc->buckets = regs.eax;
	desc->bucket0_log2 = regs.ebx;
	return 0;
}

int exitstat_description_read(struct exitstat_source *src, struct exitstat_description *desc)
{
	int err;

	*desc = (struct exitstat_description){ 0 };
	err = detect(src);
	if (!err)
		err = read_features(src, desc);
	if (!err)
		err = read_scope(src, desc);
	if (!err)
		err = read_histogram(src, desc);
	if (!err)
		err = read_age(src, desc);
	desc->time_ns = exitstat_source_now_ns(src);
	return err;
}

uint64_t exitstat_cycles_to_ns(const struct exitstat_description *desc, uint64_t cycles)
{
	uint64_t khz = desc->tsc_khz;

	if (!khz)
		return 0;
	/* In two steps, since cycles * 10^6 would overflow after two hours. */
	return cycles / khz * 1000000 + cycles % khz * 1000000 / khz;
}
