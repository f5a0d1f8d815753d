# shellcheck shell=bash disable=SC2154 # $top, $here, $built and what is built are of machine.sh and build.sh
# SPDX-License-Identifier: MIT
# KVM inside KVM, and both answer: on an emulated AMD host, in whose guest the carrier is the same.  Sourced.
#
#	nested SERIES

# shellcheck source-path=SCRIPTDIR source=../../lab/files.sh
. "$top/lab/files.sh"

# What the guest hypervisor loads, unpacked: the distribution's modules, and ours in place of or beside them.
nested_modules() {
	local image names=(irqbypass ccp) name

	image=$("$top/kvm/fetch" image "$release") || exit
	[ "$carrier" != attached ] || names+=(kvm kvm-amd)
	rm -rf "$1"
	mkdir -p "$1"
	for name in "${names[@]}"; do
		unpack_module "$(stock_module "$image/lib/modules" "$name")" >"$1/$name.ko"
	done
	if [ "$carrier" = attached ]; then cp "$attach" "$1/"; else cp "$modules"/kvm{,-amd}.ko "$1/"; fi
}

nested() {
	local adds=() file inner

	build_for "$1"
	inner=$built/nested-$carrier-$release
	nested_modules "$inner"
	for file in "$inner"/*.ko "$here"/{nested_inside,nested_guest,details,freeze}.sh "$top/tests/lib/ktap.sh" "$built/freeze"; do
		adds+=(--add "$file")
	done
	exec "$top/lab/run" --kernel "$release" --carrier "$carrier" --timeout 500 "${adds[@]}" -- sh /root/nested_inside.sh
}
