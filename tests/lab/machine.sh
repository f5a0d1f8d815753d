# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Run one of the scripts beside this in a machine of the lab and stream its KTAP.  Sourced.
#
#	run_cases amd|intel SCRIPT [SERIES [OPTION OF lab/run...]]
#
# The script's arguments are the build ID of our module, how many exits to make of a kind, and the vendor's module. $carrier
# says who counts: patched, the default, or attached.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
top=$(dirname "$(dirname "$here")")
carrier=${carrier:-patched}
# shellcheck source=build.sh
. "$here/build.sh"

build_id() {
	readelf -n "$1" | sed -n 's/^ *Build ID: //p'
}

run_cases() {
	local machine=$1 script=$2 series=${3:-6.1} prime=1009 timeout=1500 file adds=() ours

	shift "$(($# < 3 ? $# : 3))"
	build_for "$series"
	[ "$machine:${EXITSTAT_SOAK:-0}" != amd:1 ] || prime=10007
	for file in "$here"/{ask,guest,details,freeze,samples}.sh "$here/$script" "$top/tests/lib/ktap.sh" "$built/freeze"; do
		adds+=(--add "$file")
	done
	ours=${attach:-${modules:-}/kvm.ko}
	[ "$script" != stock.sh ] || adds+=(--add "$modules/kvm.ko" --add "$modules/kvm-$machine.ko")
	exec "$top/lab/run" --machine "$machine" --kernel "$release" --carrier "$carrier" --timeout "$timeout" "${adds[@]}" "$@" \
		-- sh "/root/$script" "$(build_id "$ours")" "$prime" "kvm-$machine"
}
