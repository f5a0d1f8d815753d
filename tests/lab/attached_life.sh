# shellcheck shell=bash disable=SC2154 # $top, $here, $built and what is built are of machine.sh and build.sh
# SPDX-License-Identifier: MIT
# The life of the attached module: it comes and goes while VMs run, and leaves nothing.  Sourced.
#
#	attached_life amd|intel SERIES CYCLES VMS [patched]	with `patched', also beside the patched KVM

attached_life() {
	local machine=$1 series=$2 cycles=$3 vms=$4 adds=() file

	if [ "${5:-}" = patched ]; then
		carrier=patched build_for "$series"
		adds=(--add "$modules/kvm.ko:/root/patched/kvm.ko" --add "$modules/kvm-$machine.ko:/root/patched/kvm-$machine.ko")
	fi
	build_for "$series"
	adds+=(--add "$(command -v chrt):/bin/chrt")
	for file in "$attach" "$here"/{attached_inside,leaks}.sh "$top/tests/lib/ktap.sh"; do adds+=(--add "$file"); done
	exec "$top/lab/run" --machine "$machine" --kernel "$release" --stock --smp 2 --timeout $((900 + cycles * 20 + vms)) \
		"${adds[@]}" -- sh /root/attached_inside.sh "kvm-$machine" "$cycles" "$vms" ${5:+/root/patched}
}
