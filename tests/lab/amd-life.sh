#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The life of our modules, from loading to unloading: on an emulated AMD host with kernel 6.1.
# timeout: 2400
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"
# shellcheck source=checked.sh
. "$here/checked.sh"

cycles=10 failures=500 rounds=20
[ "${EXITSTAT_SOAK:-0}" != 1 ] || cycles=100 failures=10000 rounds=200
build_for 6.1
exec "$top/lab/run" --kernel "$release" --timeout 2400 --add "$built/life:/bin/life" --add "$built/squeeze:/bin/squeeze" \
	--add "$here/life_inside.sh" --add "$here/leaks.sh" --add "$here/log.sh" --add "$top/tests/lib/ktap.sh" -- sh /root/life_inside.sh kvm-amd $cycles $failures $rounds
