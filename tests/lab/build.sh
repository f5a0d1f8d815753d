# shellcheck shell=bash disable=SC2034 # variables for those who source this
# SPDX-License-Identifier: MIT
# Build what runs in the machines of the lab.  Sourced, with $top.
#
#	build_for SERIES	for the current kernel of SERIES: $release, its $modules (patched) or $attach (attached), as
#				${carrier:-patched} says, and the tests' programs in $built
#
# EXITSTAT_KERNEL='SERIES [SUITE]' in the environment tests another one: EXITSTAT_KERNEL=7.3 tests/run lab/amd-counts;
# or EXITSTAT_KERNEL=RELEASE, of another flavour, or that of lab/debug-kernel.
#
# EXITSTAT_GUEST_KERNEL='SERIES [SUITE]' chooses another one for its guests, in the tests that know that variable.
#
# If something does not build, the file ends.

built=${top:?}/build/tests

find_release() {
	case $1 in
	*-amd64) echo "$1" ;;
	*) "$top/kvm/fetch" release "$@" ;;
	esac
}

build_carrier() {
	if [ "${carrier:-patched}" = attached ]; then
		attach=$("$top/kvm/attached/build" "$release")
	else
		modules=$("$top/kvm/patched/build" "$release")
	fi
}

build_for() {
	local log kernel guest_kernel

	read -ra kernel <<<"${EXITSTAT_KERNEL:-$1}"
	read -ra guest_kernel <<<"${EXITSTAT_GUEST_KERNEL:-}"
	mkdir -p "$built" || exit 1
	log=$built/$(basename "$0" .sh)${EXITSTAT_KERNEL:+-${EXITSTAT_KERNEL// /-}}-build.log
	{
		release=$(find_release "${kernel[@]}") && guest_release=$release && build_carrier &&
			{ [ ${#guest_kernel[@]} = 0 ] || guest_release=$(find_release "${guest_kernel[@]}"); } &&
			make -s -C "$top/tools" && make -s -C "$top/lab/vmm" && make -s -C "$top/tests/lab"
	} >"$log" 2>&1 && return
	sed 's/^/# /' "$log"
	exit 1
}
