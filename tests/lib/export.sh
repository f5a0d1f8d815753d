# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Start and stop exitstat export for a test.  Needs ktap.sh.  Sourced; changes to a temporary directory.
#
#	build_checked		build it as $exporter under ASan and UBSan, with exitstat beside it
#	build_plain		build it without these
#	start ARGUMENT...	run it on a free port: sets $url and $pid; its messages are in $log
#	stop [SIGNAL]		end it; fails if its status is not 0, as after a leak
#	keep NAME, use NAME	to run several at a time

# shellcheck source=tests/lib/asan.sh
. "${top:?}/tests/lib/asan.sh"

exporter='' pid='' url='' log=''
declare -A kept
work=$(mktemp -d) || exit 1
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1

build_plain() {
	make -s -C "${top:?}/tools/exporter" && exporter=$top/build/exitstat-export
}

build_checked() {
	build_asan exporter exitstat && exporter=$BUILD/exitstat-export
}

fetch() { python3 "$top/tests/lib/fetch.py" "$@"; }

start() {
	log=$(mktemp "$work/log.XXXXXX")
	"$exporter" --listen 127.0.0.1:0 "$@" 2>"$log" &
	pid=$!
	wait_for grep -q "listening on" "$log" || { cat "$log"; return 1; }
	url=$(sed -n 's/^exitstat: listening on //p' "$log")
}

# Not through check(): a subshell cannot wait for it.
stop() {
	local status

	kill -"${1:-TERM}" "$pid"
	wait "$pid"
	status=$?
	[ $status -eq 0 ] || diagnose "it returned $status: $(cat "$log")"
	return $status
}

keep() { kept[$1]="$pid $url $log"; }

# shellcheck disable=SC2034 # for those who source this
use() { read -r pid url log <<<"${kept[$1]}"; }
