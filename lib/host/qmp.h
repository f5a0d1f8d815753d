/* SPDX-License-Identifier: MIT */
/* A host's VM by QMP: an archive beside libexitstat, which does without a JSON parser. */
#ifndef QMP_H
#define QMP_H

#include "exitstat.h"

/*
 * The statistics that QEMU has by QMP, as exitstat_source_open_debugfs() has KVM's.  The first
 * exitstat_source_advance() connects, and fills vm: pid, and name.  path and vm are yours, and must
 * outlive the source.  Beside what the other says: -ETIMEDOUT: no answer within 5 s; or what
 * connect(2) says.
 */
int qmp_open(const char *path, struct exitstat_vm *vm, struct exitstat_source **src);

#endif /* QMP_H */
