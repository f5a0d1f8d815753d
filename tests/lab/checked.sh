# shellcheck shell=bash disable=SC2034,SC2154 # variables of, and for, those who source this
# SPDX-License-Identifier: MIT
# Run a script in a machine of the lab, keep what it prints, and check that on this side.  Needs machine.sh.  Sourced.
#
#	build_for RELEASE			the modules for this kernel, and what runs in the machines
#	build_tool NAME				a program of this directory, static, for the machine
#	run_machine NAME OPTION... -- CMD...	lab/run; $said is the file with what it printed
#	section WORD				print the lines of $said from `section WORD' to the next one
#
# A machine that was lost, or whose kernel complained, ends the file.

built=$top/build/tests

build_for() {
	build_all "$1" >"$built-build.log" 2>&1 || { diagnose "$(tail -n 20 "$built-build.log")"; exit 1; }
	mkdir -p "$built"
}

build_tool() {
	cc -std=gnu11 -Wall -Wextra -Werror -O2 -static -I"$top/include" -o "$built/$1" "$here/$1.c"
}

run_machine() {
	local status name=$1

	shift
	said=$built/$name.out
	"$top/lab/run" --kernel "$release" "$@" >"$said" 2>&1
	status=$?
	[ $status = 0 ] || { diagnose "lab/run returned $status:"; diagnose "$(tail -n 30 "$said")"; exit 1; }
}

section() { awk -v word="$1" '$1 == "section" { on = $2 == word; next } on' "$said"; }
