/* SPDX-License-Identifier: MIT */
/* What /proc tells about a VMM. */
#ifndef EXITSTAT_PROC_H
#define EXITSTAT_PROC_H

#include "exitstat.h"

/* When that process was started, in ticks since boot; 0: unknown.  name becomes its own, clean. */
uint64_t exitstat_process_read(int pid, char name[EXITSTAT_VM_NAME_SIZE]);

#endif /* EXITSTAT_PROC_H */
