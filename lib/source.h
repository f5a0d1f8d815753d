/* SPDX-License-Identifier: MIT */
/* The internals of a source of leaves. */
#ifndef EXITSTAT_SOURCE_H
#define EXITSTAT_SOURCE_H

#include "exitstat.h"

struct exitstat_source {
	struct exitstat_source_ops ops;
	void *self;
	uint64_t asked;
	int is_free;		/* asking causes no exit and is not counted */
};

#endif /* EXITSTAT_SOURCE_H */
