/* SPDX-License-Identifier: MIT */
/* Whose exits are measured: the whole VM's, or those of each CPU that the options name. */
#ifndef SCOPES_H
#define SCOPES_H

#include <stdbool.h>
#include <stddef.h>

#include "command/options.h"
#include "exitstat.h"
#include "target/target.h"

struct scope {
	int cpu;		/* or VCPU_NONE */
	bool said;		/* that it is not available */
	struct exitstat_snapshot before;
	struct exitstat_snapshot between;
};

/* A list of at least one, for free(); NULL after an error message. */
struct scope *scopes_find(const struct options *opts, const struct target *target, size_t *nr);

#endif /* SCOPES_H */
