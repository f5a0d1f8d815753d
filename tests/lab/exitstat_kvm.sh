# shellcheck shell=bash disable=SC2154 # variables of those who source this
# SPDX-License-Identifier: MIT
# Run a script beside this in a machine of the lab with the distribution's KVM and exitstat-kvm.  Sourced, after build_for.
#
#	run_with_exitstat_kvm SCRIPT FILE... -- [OPTION OF lab/run...]
#	add_exitstat_kvm	what it needs, as options of lab/run, to the array adds
#
# busybox's shell has programs of its own for what exitstat-kvm calls: `dash /bin/exitstat-kvm`.

add_exitstat_kvm() {
	local stock file

	make -s -C "$top/tools/swap" >&2
	stock=$("$top/kvm/fetch" image "$release")/lib/modules/$release
	adds+=(--add "$stock/kernel/arch/x86/kvm:/lib/modules/$release/kernel/arch/x86/kvm")
	for file in "$(command -v kmod):/bin/modinfo" "$(command -v dash):/bin/dash" \
		"$top/tools/swap/exitstat-kvm:/bin/exitstat-kvm" "$top/build/kvm-probe:/usr/lib/exitstat/kvm-probe"; do
		adds+=(--add "$file")
	done
}

run_with_exitstat_kvm() {
	local script=$1 adds=() file

	shift
	add_exitstat_kvm
	while [ "$1" != -- ]; do
		adds+=(--add "$1")
		shift
	done
	shift
	for file in "$here/$script" "$top/tests/lib/ktap.sh" "$built/pin:/bin/pin"; do
		adds+=(--add "$file")
	done
	exec "$top/lab/run" --carrier stock --kernel "$release" "${adds[@]}" "$@" -- sh "/root/$script"
}
