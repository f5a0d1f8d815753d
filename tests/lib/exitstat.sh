# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Build the command exitstat under ASan and UBSan, and run it in $work. Sourced, with $top.
#
#	exitstat ARGUMENT...		run it; $exitstat is its path
#	refuses SENTENCE STATUS WORDS ARGUMENT...
#					a case: exitstat prints one line with the words on stderr, and nothing on stdout
#	refuses_command SENTENCE STATUS WORDS COMMAND...
#	one_line STATUS WORDS COMMAND...	the same for check, with stdout in the line
#	json EXPRESSION			what Python makes of the object d, a line of stdin

# shellcheck source=tests/lib/unit.sh
. "${top:?}/tests/lib/unit.sh"
# shellcheck source=tests/lib/asan.sh
. "$top/tests/lib/asan.sh"

build_asan exitstat || exit 1
exitstat=$BUILD/exitstat
cd "${work:?}" || exit 1

exitstat() { "$exitstat" "$@"; }

refuses() { refuses_command "${@:1:3}" exitstat "${@:4}"; }

refuses_command() {
	local sentence=$1 wanted=$2 words=$3 said got

	shift 3
	"$@" >out 2>err </dev/null
	got=$?
	said=$(cat err)
	if [ $got -eq "$wanted" ] && [ "$(wc -l <err)" -eq 1 ] && [[ $said == "exitstat: "*"$words"* ]] && [ ! -s out ]; then
		pass "$sentence"
	else
		fail "$sentence" "$* returned $got and printed:
$said$(cat out)"
	fi
}

one_line() {
	local wanted=$1 words=$2 said got

	shift 2
	said=$("$@" 2>&1 </dev/null)
	got=$?
	[ "$got" -eq "$wanted" ] && [[ $said == "exitstat: "*"$words"* ]] && [ "$(wc -l <<<"$said")" -eq 1 ] && return
	echo "returned $got and printed: $said"
	return 1
}

json() { python3 -c "import json, sys; d = json.loads(sys.stdin.readline()); print($1)"; }
