#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a Linux guest: its exits as events of perf, or without perf by a program of ours.  Prints lines `KEY VALUE...`,
# which pmu.sh compares.  Arguments: the names and numbers of exits by CPUID and port I/O, and whether there is time.
cd /root || exit 1
# The terminal is port I/O, too: it gets all at the end.
exec 3>&1 >said 2>&1
trap 'cat said >&3' EXIT
cpuid=$1 io=$2 cpuid_number=$3 io_number=$4 soak=${5:-}
both=exitstat/$cpuid/,exitstat/$io/

# events KEY EVENTS OPTION... -- CMD...: `KEY EVENT COUNT` for each event
events() {
	key=$1 of=$2
	shift 2
	perf stat -x, -o stat.out -e "$of" "$@" >/dev/null 2>stat.err
	echo "$key status $?"
	awk -F, -v key="$key" '/^#/ || !NF { next } { sub(/^ +/, "") }
		{ for (i = 1; i <= NF; i++) if ($i ~ /^exitstat/) { name = $i; gsub(/exitstat\/|\/.*/, "", name); print key, name, $(i - 2) } }' stat.out
}

# whole KEY CMD...: `KEY cpuid COUNT` and `KEY io COUNT` of the whole VM, by exitstat
whole() {
	key=$1
	shift
	exitstat --csv --no-header -o whole.out -- "$@" >/dev/null
	awk -F, -v key="$key" -v c="$cpuid_number" -v i="$io_number" '
		$7 == c { print key, "cpuid", $10 } $7 == i { print key, "io", $10 }' whole.out
}

whole none ./exits 0 0
whole before ./exits 1009 503
insmod exitstat_pmu.ko
echo "insmod $?"
whole loaded ./exits 1009 503
echo "names $(find /sys/bus/event_source/devices/exitstat/events -type f | wc -l)"

# --- by a program of ours
echo "cpu $(./events cpu 503)"
# No pipe: sed's loader makes CPUIDs, too, and on the same CPU.
./events switch 211 >switched
sed 's/^/switch /' switched
for config in $((0xee << 32 | cpuid_number)) $((0xee << 32 | 0x1000a)) $((0xfe << 32 | cpuid_number)) $((0xf8 << 32)) $((1 << 48)); do
	echo "open $(./events open $config)"
done

# --- samples; an NMI that nobody claims ends the guest
tracing=/sys/kernel/tracing
parameters=/sys/module/exitstat_pmu/parameters
echo 1 >/proc/sys/kernel/unknown_nmi_panic
# sampled KEY EXIT PERIOD CMD...: the exits and the samples of commands called exits
sampled() {
	key=$1
	echo "$2" >$parameters/sample_exit && echo "$3" >$parameters/sample_period
	shift 3
	echo >$tracing/trace
	echo 1 >$tracing/events/exitstat/exit/enable || echo "$key failed"
	"$@"
	echo 0 >$tracing/events/exitstat/exit/enable
	awk -v key="$key" '$1 ~ /^exits-/ && /weight=/ { time = $0; sub(/.*time_ns=/, "", time); ns += time; untimed += time <= 0
		sub(/.*weight=/, ""); exits += $0; n++ }
		END { print key, exits + 0; print key "-samples", n + 0; print key "-ns", ns + 0; print key "-untimed", untimed + 0 }' $tracing/trace
}
for name in hlt nothing; do
	if echo $name 2>/dev/null >$parameters/sample_exit; then echo "$name taken"; else echo "$name refused"; fi
done
sampled each "$cpuid" 1 ./exits 1009 0
sampled seventh "$cpuid" 7 ./exits 1009 0
sampled kernel "$io" 1 ./exits 0 503
sampled none-more "$io" 1 ./exits 1009 0
sampled several "$cpuid,$io" 1 ./exits 1009 503
# By name, and those about port 0xed.
awk -v cpuid="name=$cpuid" -v io="name=$io" '$1 ~ /^exits-/ && /weight=/ { weight = $0; sub(/.*weight=/, "", weight)
	for (i = 1; i <= NF; i++) n[$i] += weight }
	END { print "several-cpuid", n[cpuid] + 0; print "several-io", n[io] + 0; print "several-port", n["detail=0xed"] + 0 }' $tracing/trace
if [ -e /sys/devices/system/cpu/cpu1 ]; then
	sampled both "$io" 1 sh -c 'taskset 1 ./exits 0 503 & taskset 2 ./exits 0 251 & wait'
	sampled back "$io" 1 sh -c 'echo 0 >/sys/devices/system/cpu/cpu1/online; echo 1 >/sys/devices/system/cpu/cpu1/online; taskset 2 ./exits 0 251; true'
fi
sampled held "$io" 1 sh -c 'rmmod exitstat_pmu 2>/dev/null; echo "rmmod-while $?"'
[ -x /bin/perf ] || exit 0

# --- by perf, which takes five seconds to start on an emulated CPU
two='sh -c "taskset 1 ./exits 1009 503 & ./exits 0 251 & wait"'
hotplug='sh -c "echo 0 >/sys/devices/system/cpu/cpu1/online; ./exits 0 503; echo 1 >/sys/devices/system/cpu/cpu1/online; taskset 1 ./exits 0 251"'
times=exitstat/$io-time/,exitstat/$io-kvm/,exitstat/$io-vmm/,exitstat/$io-waiting/,exitstat/guest-time/
events some "{exitstat/$cpuid/,exitstat/$io/,exitstat/total/,context-switches},exitstat/number=$io_number,leaf=0xee/,$times" ./exits 1009 503
whole some-whole ./exits 1009 503
eval "whole two-whole $two"
# Another task makes exits, on the same CPU and, where there are two, on the other one.
./exits 0 1000000 & other=$!
eval "events two $both $two"
# The first controller that is enabled brings perf's along.
mkdir -p /cg && mount -t cgroup2 cgroup2 /cg && echo +cpu >/cg/cgroup.subtree_control && mkdir /cg/one
events cgroup "exitstat/$io/" -a -G one -- sh -c 'echo $$ >/cg/one/cgroup.procs; exec ./exits 0 503'
kill $other
wait $other
# perf prints no interval that the command's end has cut short.
events all "exitstat/$io/" -a -I 10 -- sh -c './exits 0 503; sleep 0.5'
exitstat profile --csv -e "$io" -- ./exits 0 503 2>&1 | sed 's/^/stack /'
if [ -n "$soak" ]; then
	# perf's part of the NMI makes exits of these numbers, too.
	echo "$cpuid,$io,msr,npf" >$parameters/sample_exit
	perf record -q -a -g -m 4M -e exitstat:exit -o four.data ./exits 1009 503 >/dev/null 2>&1
	perf script -i four.data -F comm,trace 2>/dev/null | awk -v io="name=$io" '$1 == "exits" { for (i = 2; i <= NF; i++) seen[$i]++ }
		END { print "four", seen[io] + 0, (seen["name=msr"] > 0) }'
	rm four.data
	eval "events hotplug exitstat/$io/ -a -- $hotplug"
	eval "whole hotplug-whole $hotplug"
	echo "online $(cat /sys/devices/system/cpu/cpu1/online)"
	exitstat profile -e "$cpuid" -- ./exits 1009 0 2>&1 | sed 's/^/profile /'
	events repeat "exitstat/$io/" -r 3 ./exits 0 251
	events user "exitstat/$io/u" ./exits 0 0
fi
rmmod exitstat_pmu
echo "rmmod $?"
