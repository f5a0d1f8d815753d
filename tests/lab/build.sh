# shellcheck shell=bash disable=SC2034 # variables for those who source this
# SPDX-License-Identifier: MIT
# Build what runs in the machines of the lab.  Sourced, with $top.
#
#	build_for SERIES	for the current kernel of SERIES: $release, its $modules, and the tests' programs in $built
#
# What does not build ends the file.

built=${top:?}/build/tests

build_for() {
	local log

	mkdir -p "$built" || exit 1
	log=$built/$(basename "$0" .sh)-build.log
	{
		release=$("$top/kvm/fetch" release "$1") && modules=$("$top/kvm/patched/build" "$release") &&
			make -s -C "$top/tools" && make -s -C "$top/lab/vmm" && make -s -C "$top/tests/lab"
	} >"$log" 2>&1 && return
	sed 's/^/# /' "$log"
	exit 1
}
