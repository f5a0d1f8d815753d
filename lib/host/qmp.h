/* SPDX-License-Identifier: MIT */
/* A host's VM by QMP, in an archive of its own: libexitstat needs no JSON parser. */
#ifndef QMP_H
#define QMP_H

#include "exitstat.h"

/*
 * Like exitstat_source_open_debugfs(), but with the statistics that QEMU reports by QMP.  The first
 * exitstat_source_advance() connects, and sets vm's pid, name and uuid.  The caller owns path and
 * vm, which must outlive the source.  More errors of the first advance: -ETIMEDOUT: no answer
 * within 5 s; or an error of connect(2).
 */
int qmp_open(const char *path, struct exitstat_vm *vm, struct exitstat_source **src);

/* The same, for one that has less time. */
int qmp_open_within(const char *path, uint64_t moment_ns, struct exitstat_vm *vm,
		    struct exitstat_source **src);

#endif /* QMP_H */
