# shellcheck shell=bash disable=SC2034 # variables for those who source this
# SPDX-License-Identifier: MIT
# Build what runs in the machines of the lab.  Sourced, with $top.
#
#	build_for SERIES	for the current kernel of SERIES: $release, its $modules (patched) or $attach (attached), as
#				${carrier:-patched} says, and the tests' programs in $built
#
# What does not build ends the file.

built=${top:?}/build/tests

build_carrier() {
	if [ "${carrier:-patched}" = attached ]; then
		attach=$("$top/kvm/attached/build" "$release")
	else
		modules=$("$top/kvm/patched/build" "$release")
	fi
}

build_for() {
	local log

	mkdir -p "$built" || exit 1
	log=$built/$(basename "$0" .sh)-build.log
	{
		release=$("$top/kvm/fetch" release "$1") && build_carrier &&
			make -s -C "$top/tools" && make -s -C "$top/lab/vmm" && make -s -C "$top/tests/lab"
	} >"$log" 2>&1 && return
	sed 's/^/# /' "$log"
	exit 1
}
