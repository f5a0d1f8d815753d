#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Debian's flavour cloud: our KVM builds for it, loads, and answers a Linux guest.
# soak: only
# timeout: 2400
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

series="6.1 6.12"
plan 4
for each in $series; do
	cloud=$("$top/kvm/fetch" release "$each" | sed 's/-amd64$/-cloud-amd64/')
	check "our KVM builds for $cloud" "$top/kvm/patched/build" "$cloud"
	make -s -C "$top" tools
	"$top/lab/run" --kernel "$cloud" -- guest -- exitstat >"$work/said" 2>&1
	check "and loads there, and a guest reads its exits" grep -qw "cpuid .*[1-9]" "$work/said"
done
finish
