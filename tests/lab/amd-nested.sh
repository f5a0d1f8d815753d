#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# KVM inside KVM, ours both times: on an emulated AMD host with kernel 6.1.
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"
# shellcheck source=checked.sh
. "$here/checked.sh"

build_for 6.1
image=$("$top/kvm/fetch" image "$release") || exit
adds=()
mkdir -p "$built/nested-$release"
find "$image/lib/modules/" -name 'irqbypass.ko*' -o -name 'ccp.ko*' | while read -r file; do
	case $file in
	*.xz) xz -dc "$file" >"$built/nested-$release/$(basename "$file" .xz)" ;;
	*) cp "$file" "$built/nested-$release/" ;;
	esac
done
for file in "$built/nested-$release"/*.ko "$modules"/kvm{,-amd}.ko \
	"$here"/nested_{inside,guest}.sh "$top/tests/lib/ktap.sh" "$built/freeze"; do
	adds+=(--add "$file")
done
exec "$top/lab/run" --kernel "$release" --timeout 500 "${adds[@]}" -- sh /root/nested_inside.sh
