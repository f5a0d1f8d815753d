#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Debian's other flavours, cloud and rt: our KVM builds for cloud, loads, and answers a Linux guest; attached to the distribution's
# KVM, exact counts on both.
# soak: only
# timeout: 3600
# shellcheck disable=SC2317 # functions run through check
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$(dirname "$here")")
# shellcheck source-path=SCRIPTDIR source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# of FLAVOUR SERIES: its release
of() { "$top/kvm/fetch" release "$2" | sed "s/-amd64\$/-$1-amd64/"; }

# counts_attached RELEASE: all cases of the test of the amd64 flavour
counts_attached() {
	EXITSTAT_KERNEL=$1 EXITSTAT_SOAK=0 "$here/amd-attached-counts.sh" >"$work/counts" 2>&1 && return
	grep -A 4 '^not ok' "$work/counts" || tail -n 20 "$work/counts"
	return 1
}

plan 8
for each in 6.1 6.12; do
	cloud=$(of cloud "$each")
	check "our KVM builds for $cloud" "$top/kvm/patched/build" "$cloud"
	make -s -C "$top" tools
	"$top/lab/run" --kernel "$cloud" -- guest -- exitstat >"$work/said" 2>&1
	check "and loads there, and a guest reads its exits" grep -qw "cpuid .*[1-9]" "$work/said"
	for release in "$cloud" "$(of rt "$each")"; do
		check "attached to the KVM of $release, every count is exact" counts_attached "$release"
	done
done
finish
