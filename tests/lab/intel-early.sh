#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# With nested_early_check=1, KVM lets the hardware fail each entry of a nested guest first: these count like any failed
# entry that reports an exit. In an emulated Intel host with kernel 6.1.
# lane: intel
# timeout: 600
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=selftests.sh
. "$here/selftests.sh"

counted() { sed -n 's/.*failed=\([0-9]*\) entered=\([0-9]*\).*/\1 \2/p' "$said"; }

build_for 6.1
source=$("$top/kvm/fetch" source "$release") || exit
plan 3
check "the guest hypervisor builds" build_selftests early_check
run_machine early --machine intel --timeout 500 --param kvm_intel.nested_early_check=1 \
	--add "$built/selftests/early_check:/bin/early_check" -- /bin/early_check
is "each of 101 entries of a nested guest failed once, and was counted" "$(counted)" "101 101"
run_machine early-off --machine intel --timeout 500 --add "$built/selftests/early_check:/bin/early_check" -- /bin/early_check
is "without the parameter, none fails" "$(counted)" "0 101"
finish
