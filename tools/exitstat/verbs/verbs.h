/* SPDX-License-Identifier: MIT */
/* The verbs.  argv[0] is the verb, or the first operand if there is no verb. */
#ifndef VERBS_H
#define VERBS_H

#include <stdbool.h>
#include <stdint.h>

#include "command/options.h"

struct verb {
	const char *name;	/* NULL if the operands choose the verb */
	unsigned int bit;
	int (*run)(struct options *opts, int argc, char **argv);
	const char *help;	/* usage, and what it does */
	const char *more;	/* behind the options, or NULL */
	const char *examples;	/* or NULL */
	bool left_out;		/* of the static exitstat: it only says so */
};

extern const struct verb verb_guests;
extern const struct verb verb_show;
extern const struct verb verb_interval;
extern const struct verb verb_run;
extern const struct verb verb_leaf;
extern const struct verb verb_names;
extern const struct verb verb_check;
extern const struct verb verb_diff;
extern const struct verb verb_profile;
extern const struct verb verb_record;
extern const struct verb verb_report;
extern const struct verb verb_top;
extern const struct verb verb_why;

/*
 * Parse INTERVAL [COUNT].  Returns STATUS_OK or the exit status.  Without COUNT, *lines is endless.
 */
int interval_operands(int argc, char **argv, uint64_t *interval_ns, uint32_t *lines);

#endif /* VERBS_H */
