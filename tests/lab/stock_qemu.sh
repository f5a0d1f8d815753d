# shellcheck shell=bash disable=SC2034 # $smp is for those who source this
# SPDX-License-Identifier: MIT
# Build what tests of the command exitstat need, with a Linux guest under stock QEMU on a host whose vendor ${machine:?}
# names.  Sourced, with $top; leaves $smp, how many vCPUs the guest gets, and $work, a directory with the program exits.
smp=2
[ "${machine:?}" = amd ] || smp=1 # every vCPU costs the slow one a minute

"${top:?}/packaging/need" tools modules lab test || exit 1
[ "$machine" = amd ] || "$top/packaging/need" intel || exit 1
mkdir -p "$top/build/tests" || exit 1
build_log=$top/build/tests/$(basename "$0" .sh)-build.log
# Two lanes may want it at once.
{
	flock 9
	"$top/kvm/build" && make -s -C "$top/cli"
} >"$build_log" 2>&1 9>"$top/build/tests/lock" || {
	sed 's/^/# /' "$build_log"
	exit 1
}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cc -static -O2 -Wall -Wextra -Werror -o "$work/exits" "$top/tests/lab/exits.c" || exit 1
