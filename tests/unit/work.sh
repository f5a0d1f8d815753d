#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A VMM decides how many vCPUs and exits its VM has: the exporter's work grows with their number, not with its square.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/unit.sh
. "$top/tests/lib/unit.sh"

trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
cc -std=gnu11 -g -O1 -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all -fsanitize-coverage=trace-pc -DVERSION='"0"' -I"$top/include" -I"$top/lib" -I"$top/tools" -Wa,-I"$top/tools/exporter" \
	-o steps "$top/tests/unit/work.c" "$top"/lib/*.c "$top"/lib/host/{qmp,tables,vms}.c \
	"$top"/tools/exporter/{live,reading,text}.c "$top/tools/exporter/live/embed.S" "$top"/tools/command/{clean,vendor}.c -ljson-c || exit 1

# read_vm HOW VCPUS: the steps of reading and of the page's JSON, and the JSON
read_vm() {
	QMP_VCPUS=$2 python3 "$top/tests/lib/qmp.py" "$1-$2" "$1" >ready &
	wait_for test -s ready || exit 1
	./steps "$1-$2" >"$1-$2.out"
	kill $!
	rm ready
}
steps() { sed -n "s/^$2 //p" "$1.out"; }
vm() { sed -n 's/^{/{/p' "$1.out" | python3 -c "import json, sys; vm = json.load(sys.stdin)['vms'][0]; print($2)"; }

# linear SENTENCE WHICH: twice as many vCPUs take twice as many steps, and some
linear() {
	local one two

	one=$(steps wide-1000 "$2") two=$(steps wide-2000 "$2")
	diagnose "$one steps, then $two"
	is "$1" "$((one > 0 && 10 * two <= 22 * one))" 1
}

plan 5
read_vm wide 1000
read_vm wide 2000
read_vm same 1000
is "2000 vCPUs, half of them with other exits than the rest, are added up" \
	"$(vm wide-2000 'vm["vcpus"], [exit[:2] for exit in vm["exits"]] == [[16 + i, 1000] for i in range(32)]')" "2000 True"
linear "reading twice as many vCPUs is twice the work" reading
linear "so is the live page's JSON with --per-vcpu" json
is "statistics that all vCPUs claim are those of one" \
	"$(vm same-1000 'vm["vcpus"], [exit[:2] for exit in vm["exits"]] == [[16 + i, 1] for i in range(16)]')" "1 True"
./steps >many.out
is "exits of more numbers than there are rows for count under 'other', and none is lost" \
	"$(vm many '[len(vm["exits"]), vm["exits"][-1][:2], sum(exit[1] for exit in vm["exits"])]')" "[257, [4294967040, 512], 768]"
finish
