#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# exitstat-kvm where something holds kvm.ko alone: on an emulated AMD host with kernel 6.1.
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"

build_for 6.1
make -s -C "$top/tools/swap" >&2
stock=$("$top/kvm/fetch" image "$release")/lib/modules/$release
adds=(--add "$stock/kernel/arch/x86/kvm:/lib/modules/$release/kernel/arch/x86/kvm")
for file in "$modules"/kvm{,-amd}.ko "$here/swap_inside.sh" "$top/tests/lib/ktap.sh" "$(command -v kmod):/bin/modinfo" "$(command -v dash):/bin/dash" \
	"$built/pin:/bin/pin" "$top/tools/swap/exitstat-kvm:/bin/exitstat-kvm" \
	"$top/build/kvm-probe:/usr/lib/exitstat/kvm-probe"; do
	adds+=(--add "$file")
done
exec "$top/lab/run" --stock --kernel "$release" --param kvm_amd.nested=0 --param kvm.halt_poll_ns=12345 "${adds[@]}" \
	-- sh /root/swap_inside.sh
