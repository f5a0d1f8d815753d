/* SPDX-License-Identifier: MIT */
/* Sums of entries. */
#ifndef ENTRY_H
#define ENTRY_H

#include "exitstat.h"

static inline void entry_add(struct exitstat_entry *sum, const struct exitstat_entry *entry)
{
	sum->count += entry->count;
	sum->cycles += entry->cycles;
	sum->vmm_cycles += entry->vmm_cycles;
	sum->waiting_cycles += entry->waiting_cycles;
}

#endif /* ENTRY_H */
