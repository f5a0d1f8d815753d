#!/bin/bash
# SPDX-License-Identifier: MIT
# Provoke every verdict of lab/run and of guest, on the AMD machine with the distribution's own modules.
# shellcheck disable=SC2016,SC2317 # the machines expand their own variables; "check" calls functions
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"

export LC_ALL=C
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch/tmp
mkdir "$TMPDIR"

lab() { "$top/lab/run" --stock --log "$scratch/log" "$@" </dev/null; }

# A run's output, on both channels, and its status.
said() {
	lab "$@" 2>&1
	echo "status $?"
}

has() { grep -qE -- "$1" <<<"$2"; }

# verdict NAME STATUS PATTERN ARGUMENT...: the run ends with STATUS and prints PATTERN
verdict() {
	local name=$1 status=$2 pattern=$3 output

	shift 3
	output=$(said "$@")
	if has "^status $status$" "$output" && has "$pattern" "$output"; then
		pass "$name"
	else
		fail "$name" "$output"
	fi
}

# A wrong option: no boot, one line, and status 2.
usage_errors() {
	local output options rule

	while IFS='|' read -r options rule; do
		# shellcheck disable=SC2086 # the options are words
		output=$(said $options)
		has "$rule" "$output" && has '^status 2$' "$output" && [ "$(wc -l <<<"$output")" = 2 ] && continue
		echo "lab/run $options: $output"
		return 1
	done <<-'END'
		|name a command
		--frobnicate -- true|no option '--frobnicate'
		--machine|--machine takes a value
		--machine arm -- true|--machine is amd or intel, not 'arm'
		--smp 0 -- true|--smp takes a whole number of 1 or more, not '0'
		--timeout soon -- true|--timeout takes a whole number of 1 or more, not 'soon'
		--memory 64 -- true|--memory is at least 512 MiB, not 64
		--param kvm_intel.ept=0 -- true|--param on this machine is .*, not 'kvm_intel.ept=0'
		--param halt_poll_ns -- true|--param on this machine is .*, not 'halt_poll_ns'
		--add /nowhere -- true|no file '/nowhere'
		--icount --smp 2 -- true|--icount needs one CPU, not --smp 2
		--icount --machine intel -- true|--icount works only with --machine amd
		--disk /etc/passwd --machine intel -- true|--disk works only with --machine amd
		--disk /nonexistent -- true|--disk: there is no file '/nonexistent' that can be written
		--shell|--shell needs a terminal
		--shell -- true|--shell takes no command: leave out 'true'
	END
}

# Start a machine that sleeps and wait until it does. Its lab/run is $sleeper, which heeds SIGINT as in a terminal.
start_sleeper() {
	: >"$scratch/up"
	env --default-signal=INT "$top/lab/run" --stock -- sh -c 'echo up; sleep 6000' >"$scratch/up" 2>&1 </dev/null &
	sleeper=$!
	wait_for grep -q up "$scratch/up"
}

# Neither a process that has our directory on its command line, nor a file in it.
nothing_left() {
	wait_for is_nothing_left || { echo "left: $left"; return 1; }
}
is_nothing_left() {
	left=$(grep -laF "$TMPDIR/exitstat-lab" /proc/[0-9]*/cmdline 2>/dev/null; ls "$TMPDIR")
	[ -z "$left" ]
}

# stopped_by SIGNAL STATUS
stopped_by() {
	local status

	start_sleeper || { echo "it never slept: $(cat "$scratch/up")"; return 1; }
	kill -s "$1" "$sleeper"
	wait "$sleeper" 2>/dev/null
	status=$?
	[ "$status" = "$2" ] || { echo "status $status"; return 1; }
	nothing_left
}

# It is there though the command, which would sleep for long, has not ended.
streams() {
	local streamed

	start_sleeper
	streamed=$?
	kill "$sleeper"
	wait "$sleeper"
	return "$streamed"
}

two_at_once() {
	local both

	said --log "$scratch/other" -- sh -c 'echo one; sleep 2; exit 11' >"$scratch/one" &
	said -- sh -c 'echo two; sleep 2; exit 12' >"$scratch/two"
	wait
	both=$(grep -vh '^lab/run: the log' "$scratch/one" "$scratch/two" | tr '\n' ' ')
	[ "$both" = "one status 11 two status 12 " ] || { cat "$scratch/one" "$scratch/two"; return 1; }
}

added() {
	mkdir -p "$scratch/dir/deep"
	echo data >"$scratch/dir/deep/file"
	lab --add "$scratch/dir:/data" --add /usr/bin/od -- sh -c 'cat /data/deep/file; echo A | ./od -An -c' 2>&1 |
		tr -s ' \n' ' ' | grep -qx 'data A \\n '
}

# Without being told, it measures it, and on a busy machine was wrong by a factor of 4, or 57. That of the CPU, it measures all the same:
# if they differ, there are two lines, and the TSC's is the second (arch/x86/kernel/tsc.c, tsc_init()).
knows_tsc() {
	local khz=$1 told

	told=$(sed -n 's/.*tsc: Detected \([0-9]*\)\.\([0-9]*\) MHz.*/\1\2/p' "$scratch/log" | tail -n 1)
	grep -q 'tsc_early_khz' "$scratch/log" || return
	[ $((told > khz ? told - khz : khz - told)) -lt $((khz / 1000)) ] || { echo "$told kHz, not $khz"; return 1; }
}

plan 20
check "a wrong option is refused with the rule and the value, before anything boots" usage_errors
begun=$SECONDS
verdict "a command that passes: its output, and status 0" 0 '^a  b-it.s$' -- printf '%s-%s\n' 'a  b' "it's"
# A machine that is stopped should have booted, however long that takes here and now.
enough=$((20 + 5 * (SECONDS - begun)))
verdict "a command that fails: its status" 3 '^status 3$' -- sh -c 'exit 3'
verdict "a command that does not exist: status 127" 127 'not found' -- frobnicate
gcc -O2 -o "$scratch/tsc_khz" "$top/lab/tsc_khz.c"
check "the machine knows the frequency of its TSC" knows_tsc "$("$scratch/tsc_khz")"
check "output comes while the command runs" streams
check "files and programs are added, with their libraries" added
verdict "a machine that crashes is lost" 125 'lost: the machine ended' -- sh -c 'echo c >/proc/sysrq-trigger'
check "its log has the reason" grep -q 'Kernel panic' "$scratch/log"
verdict "a machine that says nothing is lost" 125 'lost: the machine ended' -- poweroff -f
verdict "a machine that takes too long is stopped" 124 "stopped: no verdict after $enough s" --timeout "$enough" -- sleep 6000
check "its log has what the tasks and the CPUs do" grep -Ezq 'task:sleep.*RIP=' "$scratch/log"
verdict "a command that passes fails if the kernel warns" 1 'says: WARNING: CPU: 0' -- \
	sh -c 'echo "WARNING: CPU: 0 PID: 1 at nowhere" >/dev/kmsg'
verdict "modules that cannot be loaded are told" 1 'could not be set up: cannot load kvm.ko ignore_msrs=perhaps' \
	--param kvm.ignore_msrs=perhaps -- true
check "Ctrl-C leaves no process and no file" stopped_by INT 130
check "SIGTERM leaves no process and no file" stopped_by TERM 143
check "SIGKILL leaves no process and no file" stopped_by KILL 137
check "two at once do not disturb each other" two_at_once
verdict "a guest's output and status come back" 5 '^in guest$' -- guest -- sh -c 'echo in $(hostname); exit 5'
verdict "a guest that says nothing is lost" 125 'guest: lost' -- guest -- poweroff -f
finish
