#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# libexitstat against a model of a virtual machine and against recordings, under ASan and UBSan.  Arguments are for the compiler.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)

"$top/packaging/need" tools || exit 1
program=$top/build/tests/lib${1:-}
mkdir -p "$top/build/tests" || exit 1
cc -std=gnu11 -g -O1 -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all \
	-Wl,--wrap=sched_getaffinity,--wrap=sched_setaffinity,--wrap=access,--wrap=fopen -I"$top/include" -I"$top/lib" -o "$program" "$@" "$top/tests/unit/lib.c" "$top"/lib/*.c "$top"/lib/host/{debugfs,tables,vms}.c || exit 1
exec "$program"
