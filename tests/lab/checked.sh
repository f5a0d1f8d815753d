# shellcheck shell=bash disable=SC2034,SC2154 # variables of, and for, those who source this
# SPDX-License-Identifier: MIT
# Run a script in a machine of the lab, keep what it prints, and check that on this side.  Needs machine.sh.  Sourced.
#
#	run_machine NAME OPTION... -- CMD...	lab/run with $carrier; $said is the file with what it printed
#	section WORD				print the lines of $said from `section WORD' to the next one
#
# The file ends if a machine was lost, or its kernel complained.

run_machine() {
	local status name=$1

	shift
	# Another lane may run the same test, for another kernel.
	said=$built/$name-$carrier-$release.out
	"$top/lab/run" --kernel "$release" --carrier "$carrier" "$@" >"$said" 2>&1
	status=$?
	[ $status = 0 ] || { diagnose "lab/run returned $status:"; diagnose "$(tail -n 30 "$said")"; exit 1; }
}

section() { awk -v word="$1" '$1 == "section" { on = $2 == word; next } on' "$said"; }
