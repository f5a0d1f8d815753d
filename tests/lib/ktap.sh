# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# Print KTAP from a test.  Sourced; plain sh, because it also runs in the lab's machines.
#
#	plan 3
#	check "the sentence that the case proves" COMMAND ARGUMENT...
#	is "the sentence that the case proves" GOT WANTED
#	is_soon "the sentence that the case proves" WANTED COMMAND ARGUMENT...
#	skip "the sentence that the case would prove" "what is missing"
#	wait_for COMMAND ARGUMENT...
#	finish
#
# `plan_skip "what is missing"` instead of `plan` ends the file as skipped.

ktap_number=0
ktap_failed=0
ktap_plan=0

plan() {
	ktap_plan=$1
	echo "KTAP version 1"
	echo "1..$1"
}

plan_skip() {
	echo "KTAP version 1"
	echo "1..0 # SKIP $1"
	exit 0
}

# Print the text $1 as a diagnosis.
diagnose() {
	printf '%s\n' "$1" | sed 's/^/#   /'
}

pass() {
	ktap_number=$((ktap_number + 1))
	echo "ok $ktap_number $1"
}

# fail NAME [DIAGNOSIS]
fail() {
	ktap_number=$((ktap_number + 1))
	ktap_failed=$((ktap_failed + 1))
	echo "not ok $ktap_number $1"
	[ -z "${2:-}" ] || diagnose "$2"
}

skip() {
	ktap_number=$((ktap_number + 1))
	echo "ok $ktap_number $1 # SKIP $2"
}

# The case passes if the command succeeds; if it fails, its output is shown.
check() {
	local name="$1" said status

	shift
	said=$("$@" 2>&1)
	status=$?
	if [ $status -eq 0 ]; then
		pass "$name"
	else
		fail "$name" "$* returned $status${said:+:
$said}"
	fi
}

# The case passes if the two texts are equal.
is() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got:
$2
wanted:
$3"
	fi
}

# Wait until the command succeeds: for minutes if need be, as a busy machine has no haste.
wait_for() {
	local tries=0

	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 1200 ] || { echo "waited in vain: $*" >&2; return 1; }
		sleep 0.1
	done
}

# The case passes as soon as the command prints the text; like wait_for, it waits for that.
is_soon() {
	local name="$1" wanted="$2" got='' tries=0

	shift 2
	until got=$("$@" 2>&1); [ "$got" = "$wanted" ] || [ "$tries" -ge 1200 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	is "$name" "$got" "$wanted"
}

# The last line of every test file: exit with 0 if the whole plan was reported and nothing failed.
finish() {
	[ "$ktap_failed" -eq 0 ] && [ "$ktap_number" -eq "$ktap_plan" ]
	exit
}
