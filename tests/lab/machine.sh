# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Run one of the scripts beside this in a machine of the lab and stream its KTAP.  Sourced.
#
#	run_cases amd|intel SCRIPT [OPTION OF lab/run...]
#
# The script's arguments are the build ID of our kvm.ko, how many exits to make of a kind, and the vendor's module.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
top=$(dirname "$(dirname "$here")")

# What the machines with a kernel of series $1 run.  Two lanes may want it at once.
build_all() {
	release=$("$top/kvm/fetch" release "$1") || return
	mkdir -p "$top/build/tests" || return
	{
		flock 9
		modules=$("$top/kvm/build" "$release" | tail -n 1) &&
			make -s -C "$top/cli" && make -s -C "$top/lab/vmm" &&
			cc -std=gnu11 -Wall -Wextra -Werror -O2 -static -I"$top/include" \
				-o "$top/build/tests/freeze" "$here/freeze.c"
	} 9>"$top/build/tests/lock"
}

build_id() {
	readelf -n "$1" | sed -n 's/^ *Build ID: //p'
}

run_cases() {
	local machine=$1 script=$2 prime=10007 timeout=600 file adds=()

	shift 2
	if ! build_all 6.1 >"$top/build/tests/$machine-${script%.sh}-build.log" 2>&1; then
		sed 's/^/# /' "$top/build/tests/$machine-${script%.sh}-build.log"
		exit 1
	fi
	[ "$machine" = amd ] || prime=1009 timeout=1500
	for file in "$here"/{ask,guest}.sh "$here/$script" "$top/tests/ktap.sh" "$top/build/tests/freeze"; do
		adds+=(--add "$file")
	done
	[ "$script" != stock.sh ] || adds+=(--add "$modules/kvm.ko" --add "$modules/kvm-$machine.ko")
	exec "$top/lab/run" --machine "$machine" --kernel "$release" --timeout "$timeout" "${adds[@]}" "$@" \
		-- sh "/root/$script" "$(build_id "$modules/kvm.ko")" "$prime" "kvm-$machine"
}
