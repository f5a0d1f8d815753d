#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The exit tables are consistent, and agree with the newest kernel's own headers.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../../kvm/rules.sh
series=$(. "$top/kvm/rules.sh" && series_with patched | tail -n 1)

"$top/packaging/need" tools || exit 1
release=$("$top/kvm/fetch" release "$series") && kernel=$("$top/kvm/fetch" source "$release") || exit 1
mkdir -p "$top/build/tests" || exit 1
cc -std=gnu11 -Wall -Wextra -Werror -I"$kernel/arch/x86/include/uapi" -idirafter "$kernel/include/uapi" \
	-I"$top/include" -o "$top/build/tests/exit_tables" "$top/tests/unit/exit_tables.c" || exit 1
exec "$top/build/tests/exit_tables"
