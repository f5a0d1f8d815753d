# shellcheck shell=bash disable=SC2034 # $smp is for those who source this
# SPDX-License-Identifier: MIT
# Build what tests of the command exitstat need, with a Linux guest under stock QEMU on a host whose vendor ${machine:?}
# names.  Sourced, with $top; leaves $smp, how many vCPUs the guest gets, $built with the tests' programs, and $work, a directory.
smp=2
[ "${machine:?}" = amd ] || smp=1 # every vCPU costs the slow one a minute

"${top:?}/packaging/need" tools modules lab test || exit 1
[ "$machine" = amd ] || "$top/packaging/need" intel || exit 1
# shellcheck source=tests/lab/build.sh
. "$top/tests/lab/build.sh"
build_for 6.1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
