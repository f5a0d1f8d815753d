// SPDX-License-Identifier: MIT
/* Whose exits are measured. */
#include <stdlib.h>

#include "command/say.h"
#include "target/scopes.h"

struct scope *scopes_find(const struct options *opts, const struct target *target, size_t *nr)
{
	bool several = opts->vcpu < VCPU_NONE;
	int cpu = several ? target_next_cpu(target, opts, 0) : opts->vcpu;
	struct scope *scopes = NULL;

	for (*nr = 0; several ? cpu >= 0 : !*nr; (*nr)++) {
		struct scope *more = reallocarray(scopes, *nr + 1, sizeof(*more));

		if (!more) {
			say(0, "cannot read the vCPUs: not enough memory");
			free(scopes);
			return NULL;
		}
		scopes = more;
		scopes[*nr] = (struct scope){ .cpu = cpu };
		if (several)
			cpu = target_next_cpu(target, opts, cpu + 1);
	}
	if (!*nr)
		target_say_no_cpu(target);
	return scopes;
}
