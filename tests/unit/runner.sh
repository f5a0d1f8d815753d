#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Provoke every verdict of tests/run, each with a small test file.
# shellcheck disable=SC2016 # the fixtures expand their own variables
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"

fixtures=$(mktemp -d)
trap 'rm -rf "$fixtures"' EXIT
mkdir -p "$fixtures/unit" "$fixtures/lab"

# Make the test file $1 from stdin.
fixture() {
	{ echo "#!/bin/sh"; cat; } >"$fixtures/$1"
	chmod +x "$fixtures/$1"
}

# Run the fixtures whose name contains $1; without comments, which hold times.
run() {
	"$top/tests/run" --from "$fixtures" --logs "$fixtures/logs" "$@" 2>&1 </dev/null | grep -v '^# \['
	return "${PIPESTATUS[0]}"
}

# The case $1: the fixtures $2 end with the verdict $3, and $4 is said.
verdict() {
	local said status

	said=$(run "$2")
	status=$?
	if [ "$(tail -n 1 <<<"$said")" != "$3" ] || [[ $said != *"$4"* ]]; then
		fail "$1" "$said"
	elif [ $status -eq 0 ] && ! grep -q ' 0 failed' <<<"$3"; then
		fail "$1" "it exited with 0"
	elif [ $status -ne 0 ] && grep -q ' 0 failed' <<<"$3"; then
		fail "$1" "it exited with $status"
	else
		pass "$1"
	fi
}

fixture unit/passes.sh <<<'echo 1..2; echo "ok 1 one"; echo "noise"; echo "ok 2 - two"'
fixture unit/fails.sh <<<'echo 1..2; echo "ok 1 one"; echo "not ok 2 two"; echo "# why"; exit 1'
fixture unit/skips.sh <<<'echo 1..1; echo "ok 1 one # SKIP no frobnicator"'
fixture unit/mute-skip.sh <<<'echo 1..1; echo "ok 1 one # SKIP"'
fixture unit/whole-skip.sh <<<'echo "1..0 # SKIP no frobnicator"'
fixture unit/empty-plan.sh <<<'echo 1..0'
fixture unit/silent.sh <<<'exit 0'
fixture unit/dies.sh <<<'echo 1..2; echo "ok 1 one"; echo last words; exit 3'
fixture unit/killed.sh <<<'echo 1..1; kill -9 $$'
fixture unit/too-many.sh <<<'echo 1..1; echo "ok 1 one"; echo "ok 2 two"'
fixture unit/disorder.sh <<<'echo 1..2; echo "ok 2 two"; echo "ok 1 one"'
fixture unit/bad-status.sh <<<'echo 1..1; echo "ok 1 one"; exit 5'
fixture unit/good-status.sh <<<'echo 1..1; echo "not ok 1 one"'
fixture unit/no-newline.sh <<<'echo 1..1; printf "ok 1 one"'
fixture unit/carriage.sh <<<'printf "1..1\r\nok 1 one\r\n"'
fixture unit/hangs.sh <<<'# timeout: 1
echo 1..1; exec sleep 600'
fixture unit/sleeps.sh <<<'echo $$ >"${0%/unit/*}/asleep"; exec sleep 600'
fixture unit/reads-stdin.sh <<<'echo 1..1; cat; echo "ok 1 one"'
fixture unit/long.sh <<<'# soak: only
echo 1..1; echo "ok 1 soak is $EXITSTAT_SOAK"'
fixture unit/within.sh <<<'# within: unit/passes
echo 1..1; echo "ok 1 within"'
fixture lab/lane-a.sh <<<'echo 1..1; n=0
until [ -e "${0%-a.sh}-met" ]; do n=$((n + 1)); [ $n -lt 1200 ] || exit 1; sleep 0.1; done; echo "ok 1 a"'
fixture lab/lane-b.sh <<<'# lane: other
echo 1..1; : >"${0%-b.sh}-met"; echo "ok 1 b"'
# Two at once, so that both lanes must have taken one.
for each in a b; do
	fixture lab/any-$each.sh <<<"# lane: any
echo 1..1; : >\"\${0%-*}-$each\"; n=0
until [ -e \"\${0%-*}-a\" ] && [ -e \"\${0%-*}-b\" ]; do n=\$((n + 1)); [ \$n -lt 1200 ] || exit 1; sleep 0.1; done; echo \"ok 1 $each\""
done
# Three that fail at first.
for each in 1 2 3; do
	fixture unit/first-$each.sh <<<'echo 1..2; echo "ok 1 one"; [ -e "$0.ran" ] || { : >"$0.ran"; echo "not ok 2 two"; echo "# why"; exit 1; }; echo "ok 2 two"'
done
forget() { rm -f "$fixtures"/unit/*.ran; }
: >"$fixtures/unit/not-executable.sh"

plan 36
verdict "a file that passes counts its cases" unit/passes "2 passed, 0 failed, 0 skipped" "ok 2 unit/passes: two"
verdict "a failed case fails the run, with its diagnosis" unit/fails "1 passed, 1 failed, 0 skipped" "# why"
verdict "and is repeated at the end, with its diagnosis" unit/fails "1 passed, 1 failed, 0 skipped" "1..2
# What failed:
# not ok 2 unit/fails: two
# # why"
verdict "a skipped case is counted apart" unit/skips "0 passed, 0 failed, 1 skipped" \
	"ok 1 unit/skips: one # SKIP no frobnicator"
verdict "a skip that names nothing missing fails" unit/mute-skip "0 passed, 1 failed, 0 skipped" \
	"skipped without saying"
verdict "a file skipped as a whole is one skip" unit/whole-skip "0 passed, 0 failed, 1 skipped" "no frobnicator"
verdict "a plan of nothing without a reason is lost" unit/empty-plan "0 passed, 1 failed, 0 skipped" "lost: no cases"
verdict "a silent file is lost" unit/silent "0 passed, 1 failed, 0 skipped" "lost: exited with 0 and no plan"
verdict "a file that dies before its plan is done is lost" unit/dies "1 passed, 1 failed, 0 skipped" "lost: 1 of 2"
verdict "and its end is repeated at the end" unit/dies "1 passed, 1 failed, 0 skipped" "# #   1..2
# #   ok 1 one
# #   last words"
verdict "the last words of a lost file are shown" unit/dies "1 passed, 1 failed, 0 skipped" "#   last words"
verdict "a file killed by a signal is lost" unit/killed "0 passed, 1 failed, 0 skipped" "lost: killed by signal 9"
verdict "more cases than planned fail" unit/too-many "2 passed, 1 failed, 0 skipped" "lost: 2 of 1"
verdict "cases out of order fail" unit/disorder "0 passed, 2 failed, 0 skipped" "numbered 2 instead of 1"
verdict "an exit status without a failed case fails" unit/bad-status "1 passed, 1 failed, 0 skipped" "exited with 5"
verdict "a failed case with exit status 0 fails twice" unit/good-status "0 passed, 2 failed, 0 skipped" \
	"exited with 0 though 1 failed"
verdict "a last line without a newline is read" unit/no-newline "1 passed, 0 failed, 0 skipped" "ok 1 unit/no-newline"
verdict "carriage returns of a serial line are dropped" unit/carriage "1 passed, 0 failed, 0 skipped" "ok 1 unit/carr"
verdict "a file that hangs is stopped and lost" unit/hangs "0 passed, 1 failed, 0 skipped" "lost: stopped by its timeout"
is "every result says which file it comes from" "$(run unit/passes | grep -c '^ok [12] unit/passes: ')" 2
verdict "a test has an empty standard input" unit/reads-stdin "1 passed, 0 failed, 0 skipped" "ok 1"
verdict "two lanes run at the same time" lab/lane "2 passed, 0 failed, 0 skipped" "1..2"
verdict "what any lane may run, each lane takes, once" lab/any "2 passed, 0 failed, 0 skipped" "1..2"
is "the numbering is continuous over the files" \
	"$(run unit/passes unit/fails unit/skips | grep -oE '^(not )?ok [0-9]+' | grep -oE '[0-9]+' | xargs)" "1 2 3 4 5"
is "long tests run with --soak only" "$(run unit/long unit/passes --list; run --soak unit/long --list)" \
	"unit/passes.sh
unit/long.sh"
is "what another file has within it runs with --soak, or by name" \
	"$(run --list | grep -c within; run --soak --list | grep -c within; run unit/within | grep '^ok')" "0
1
ok 1 unit/within: within"
is "a long test is told that it may take its time" "$(run --soak unit/long | grep '^ok')" \
	"ok 1 unit/long: soak is 1"
is "without --again, a file that fails at first fails" "$(run unit/first-1 | tail -n 1)" "1 passed, 1 failed, 0 skipped"
forget
is "with it, two files that fail at first run again, and what each said at first is at the end" "$(run --again unit/first-1 unit/first-2 unit/passes | grep -v " s, logs in ")" "KTAP version 1
ok 1 unit/first-1: one
not ok 2 unit/first-1: two
# why
ok 3 unit/first-2: one
not ok 4 unit/first-2: two
# why
ok 5 unit/passes: one
ok 6 unit/passes: two
# Again, alone: unit/first-1.sh unit/first-2.sh
ok 7 unit/first-1: one
ok 8 unit/first-1: two
ok 9 unit/first-2: one
ok 10 unit/first-2: two
1..10
# What failed at first:
# not ok 2 unit/first-1: two
# # why
# not ok 4 unit/first-2: two
# # why
6 passed, 0 failed, 0 skipped, 2 failed at first"
forget
is "of three that fail, none runs again" "$(run --again unit/first | tail -n 1)" "3 passed, 3 failed, 0 skipped"
forget
said=$(run --again unit/first-1 unit/fails)
is "what fails again has failed" "$? $(tail -n 1 <<<"$said")" "1 3 passed, 1 failed, 0 skipped, 2 failed at first"
is "a lost file runs again, too" "$(run --again unit/dies | tail -n 1)" "1 passed, 1 failed, 0 skipped, 1 failed at first"
is "where nothing fails, nothing runs again" "$(run --again unit/passes | tail -n 1)" "2 passed, 0 failed, 0 skipped"
"$top/tests/run" --from "$fixtures" --logs "$fixtures/logs" unit/sleeps >"$fixtures/out" 2>&1 </dev/null &
until [ -s "$fixtures/asleep" ]; do sleep 0.1; done
kill -TERM $!
wait $!
check "a run that is stopped leaves no process behind" test ! -e "/proc/$(cat "$fixtures/asleep")"
run no-such-test >"$fixtures/out"
is "a pattern that matches nothing is a usage error" $? 2
run --frobnicate >"$fixtures/out"
is "an unknown option is a usage error" $? 2
finish
