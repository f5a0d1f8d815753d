// SPDX-License-Identifier: MIT
/*
 * Histograms of processing times, and quantiles from them.
 *
 * A bucket only gives bounds of a time, and so does a quantile.
 */
#include <errno.h>
#include <float.h>
#include <string.h>

#include "exitstat.h"
#include "value.h"

int exitstat_histogram_read(struct exitstat_source *src, const struct exitstat_description *desc,
			    enum exitstat_scope scope, uint32_t number,
			    struct exitstat_histogram *histogram)
{
	uint32_t leaf = EXITSTAT_BUCKET - (scope == EXITSTAT_SCOPE_VCPU ? EXITSTAT_VCPU : 0);
	uint32_t i;

	if (!desc->buckets)
		return -EOPNOTSUPP;
	memset(histogram, 0, sizeof(*histogram));
	histogram->buckets_nr = desc->buckets;
	histogram->bucket0_log2 = desc->bucket0_log2;
	for (i = 0; i < desc->buckets; i++) {
		struct exitstat_regs regs;
		int err = exitstat_source_ask(src, leaf, i << 16 | (number & 0xffff), &regs);

		if (err)
			return err;
		if (regs.edx)
			return -EPROTO;
		histogram->buckets[i] = low_high(regs.eax, regs.ebx);
	}
	return 0;
}

int exitstat_histogram_subtract(const struct exitstat_histogram *after,
				const struct exitstat_histogram *before,
				struct exitstat_histogram *between)
{
	struct exitstat_histogram result = *after;
	uint32_t i;

	if (after->buckets_nr != before->buckets_nr || after->bucket0_log2 != before->bucket0_log2)
		return -EINVAL;
	for (i = 0; i < after->buckets_nr; i++) {
		/* The counters started again from 0: all of it is since then. */
		if (after->buckets[i] < before->buckets[i]) {
			*between = *after;
			return 0;
		}
		result.buckets[i] -= before->buckets[i];
	}
	*between = result;
	return 0;
}

uint64_t exitstat_histogram_count(const struct exitstat_histogram *histogram)
{
	uint64_t count = 0;
	uint32_t i;

	for (i = 0; i < histogram->buckets_nr; i++)
		count += histogram->buckets[i];
	return count;
}

void exitstat_histogram_bounds(const struct exitstat_histogram *histogram, uint32_t bucket,
			       uint64_t *low_cycles, uint64_t *high_cycles)
{
	*low_cycles = bucket ? UINT64_C(1) << (histogram->bucket0_log2 + bucket - 1) : 0;
	*high_cycles = bucket + 1 < histogram->buckets_nr ?
		       UINT64_C(1) << (histogram->bucket0_log2 + bucket) : UINT64_MAX;
}

int exitstat_histogram_quantile(const struct exitstat_histogram *histogram, double quantile,
				uint64_t *low_cycles, uint64_t *high_cycles)
{
	uint64_t count = exitstat_histogram_count(histogram);
	uint64_t seen = 0;
	uint32_t i;

	if (!(quantile >= 0 && quantile <= 1))
		return -EINVAL;
	for (i = 0; i < histogram->buckets_nr; i++) {
		seen += histogram->buckets[i];
		/* With excess precision, as on i386, a product may be just above an integer. */
		if (seen && (double)seen >= quantile * (double)count * (1 - DBL_EPSILON)) {
			exitstat_histogram_bounds(histogram, i, low_cycles, high_cycles);
			return 0;
		}
	}
	return -ENODATA;
}
