#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the lab's small VMM refuses before it starts a guest.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"

"$top/packaging/need" lab || exit 1
make -s -C "$top/lab/vmm" || exit 1
vmm=$top/build/lab/vmm

# As a user without access to /dev/kvm: what is not refused must not start a guest on this machine.
run_vmm() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$vmm" "$@"
	else
		"$vmm" "$@"
	fi
}

# The case $1: vmm with the other words is a usage error that says $2.
refuses() {
	local name=$1 wanted=$2 said status

	shift 2
	said=$(run_vmm "$@" 2>&1 </dev/null)
	status=$?
	if [ $status -eq 2 ] && grep -qF -- "$wanted" <<<"$said"; then
		pass "$name"
	else
		fail "$name" "exit status $status: $said"
	fi
}

plan 12
refuses "no words are a usage error" "usage: vmm"
refuses "an unknown option is refused" "no option '--frob'" --frob 1
refuses "an option without its value is refused" "--vcpus wants a value" --vcpus
refuses "too many vCPUs are refused" "--vcpus is 1 to 255, not '256'" --vcpus 256
refuses "an unknown step is refused" "no step 'frob'" frob
refuses "a step that lacks words is refused" "'make' wants 1 more" make cpuid
refuses "an unknown kind is refused" "no kind 'frob'" make frob 1
refuses "a count that is no number is refused" "make and cost cpuid want a number, not '1x'" make cpuid 1x
refuses "an unknown leaf is refused" "no leaf 'frob'" read frob 0
refuses "an unknown exit is refused" "'frob' is no number" read count frob
refuses "only reading can be done by a user" "not 'make'" user make cpuid 1
is "each kind has a number that is listed" \
	"$("$vmm" --list kinds | cut -d ' ' -f 2 | sort -u | comm -23 - <("$vmm" --list numbers | cut -d ' ' -f 1 | sort -u))" ""
finish
