# shellcheck shell=bash disable=SC2154 # variables of those who source this
# SPDX-License-Identifier: MIT
# Run a script beside this in a machine of the lab with the distribution's KVM and exitstat-kvm.  Sourced, after build_for.
#
#	run_with_exitstat_kvm SCRIPT FILE... -- [OPTION OF lab/run...]
#
# busybox's shell has programs of its own for what exitstat-kvm calls: `dash /bin/exitstat-kvm`.

run_with_exitstat_kvm() {
	local script=$1 stock adds=() file

	shift
	make -s -C "$top/tools/swap" >&2
	stock=$("$top/kvm/fetch" image "$release")/lib/modules/$release
	adds=(--add "$stock/kernel/arch/x86/kvm:/lib/modules/$release/kernel/arch/x86/kvm")
	while [ "$1" != -- ]; do
		adds+=(--add "$1")
		shift
	done
	shift
	for file in "$here/$script" "$top/tests/lib/ktap.sh" "$(command -v kmod):/bin/modinfo" "$(command -v dash):/bin/dash" \
		"$built/pin:/bin/pin" "$top/tools/swap/exitstat-kvm:/bin/exitstat-kvm" \
		"$top/build/kvm-probe:/usr/lib/exitstat/kvm-probe"; do
		adds+=(--add "$file")
	done
	exec "$top/lab/run" --carrier stock --kernel "$release" "${adds[@]}" "$@" -- sh "/root/$script"
}
