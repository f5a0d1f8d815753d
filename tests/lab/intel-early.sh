#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# With nested_early_check=1, KVM lets the hardware fail each entry of a nested guest first: these count like any failed
# entry that reports an exit. Bochs refuses that entry without an exit, under stock KVM too: then nothing may be counted.
# lane: intel
# soak: only
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
run_machine early-off --machine intel --timeout 400 --add "$built/selftests/early_check:/bin/early_check" -- /bin/early_check
is "a guest hypervisor enters its guest 101 times, and none fails" "$(counted)" "0 101"
run_machine early --machine intel --timeout 400 --param kvm_intel.nested_early_check=1 \
	--add "$built/selftests/early_check:/bin/early_check" -- /bin/early_check
case $(counted) in
"0 1") pass "with nested_early_check=1 the hardware refuses the first, which is no exit, and none is counted" ;;
*) is "with nested_early_check=1 each of them failed once, and was counted" "$(counted)" "101 101" ;;
esac
finish
