#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Hostile guests, where the time goes, a TSC that is turned back, and the life of our modules, in brief: in one emulated
# Intel host with kernel 6.1.  QEMU's AMD CPU ignores a write to the TSC.
# lane: intel
# timeout: 1800
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=hostile.sh
. "$here/hostile.sh"
# shellcheck source=times.sh
. "$here/times.sh"

# life_verdicts CASES: the test's own
life_verdicts() {
	local line cases=0

	while read -r line; do
		case $line in
		"ok "*) pass "${line#ok * }" ;;
		"not ok "*) fail "${line#not ok * }" ;;
		"#"*) echo "$line" && continue ;;
		*) continue ;;
		esac
		cases=$((cases + 1))
	done < <(section life)
	is "the life of our modules has no case less" "$cases" "$1"
}

tsc_verdict() {
	section tsc >"$said.tsc"
	check "a TSC that goes backwards lowers no counter, and makes none rise by more than that" \
		python3 "$here/times.py" turned_back "$said.tsc"
}

seed=${HOSTILE_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
adds=()
plan 45
echo "# HOSTILE_SEED=$seed"
build_for 6.1
for tool in oracle life squeeze turn_back; do
	adds+=(--add "$built/$tool:/bin/$tool")
done
for file in "$here"/{brief,hostile,times,tsc,life}_inside.sh "$here"/{leaks,log}.sh "$top/tests/lib/ktap.sh" "$modules"/kvm{,-intel}.ko \
	"$("$top/kvm/fetch" image "$release")/lib/modules/$release/kernel/arch/x86/kernel/msr.ko"; do
	adds+=(--add "$file")
done
run_machine brief-intel --machine intel --stock --timeout 1500 "${adds[@]}" \
	-- sh /root/brief_inside.sh kvm-intel "$seed"
hostile_verdicts
times_verdicts
tsc_verdict
life_verdicts 13
finish
