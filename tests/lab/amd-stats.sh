#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# KVM's binary statistics with ours, read by a program and by stock QEMU: on an emulated AMD host with kernel 6.1.
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"

"$top/packaging/need" tools modules lab test || exit 1
build_for 6.1
exec "$top/lab/run" --kernel "$release" --timeout 600 --add "$built/statsfd:/bin/statsfd" --add "$here/stats_inside.sh" \
	--add "$top/tests/lib/ktap.sh" --add "$(command -v socat):/bin/socat" -- sh /root/stats_inside.sh
