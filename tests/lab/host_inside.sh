#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# On the emulated host: boot a guest under stock QEMU, read it from outside in every way, and end it.
# host.sh takes apart what is printed here.  The argument is the number of the guest's vCPUs.
cd /tmp || exit 1

# qmp COMMAND...: what QEMU answers, greeting and all.
qmp() {
	for command in qmp_capabilities "$@"; do
		case $command in
		"{"*) echo "$command" ;;
		*) echo "{\"execute\":\"$command\"}" ;;
		esac
	done | socat -t 60 - UNIX-CONNECT:/tmp/qmp
}

# labelled WORD COMMAND...
labelled() {
	word=$1
	shift
	"$@" 2>&1 | sed "s/^/$word /"
}

# has_lines N FILE PID: so many, or the process has ended
has_lines() { [ "$(wc -l <"$2")" -ge "$1" ] || ! kill -0 "$3" 2>/dev/null; }

# said WORD COMMAND...: all of it in a line, and the status.
said() {
	word=$1
	shift
	text=$("$@" 2>&1)
	echo "$word $? $text"
}

said empty exitstat host
said export exitstat export --textfile /tmp
grep '^exitstat_vms ' /tmp/exitstat.prom | sed 's/^/export /'
guest --smp "$1" --kernel-arg tsc=reliable --qemu -name --qemu guest=web1,debug-threads=on \
	--qemu -qmp --qemu unix:/tmp/qmp,server=on,wait=off -- sh /root/host_guest.sh >out 2>&1 & guest=$!
until grep -q ready out; do
	[ -d /proc/$guest ] || { cat out; exit 1; }
	sleep 1
done
grep ^guest out
labelled list exitstat host
labelled total exitstat host --total --json
qmp stop >/dev/null
labelled debugfs exitstat host --vm web1 --json
labelled qmp exitstat host --qmp /tmp/qmp --json
labelled debugfs-vcpus exitstat host --vm web1 --vcpu all --json
labelled qmp-vcpus exitstat host --qmp /tmp/qmp --vcpu all --json
exitstat host record -i 0.1 -o debugfs.rec -- true 2>/dev/null
exitstat host --qmp /tmp/qmp record -i 0.1 -o qmp.rec -- true 2>/dev/null
exitstat host record -i 0.1 -o still.rec -- sleep 1 2>/dev/null
labelled still-report exitstat report --json still.rec
for name in debugfs qmp; do labelled $name-buckets grep ^4ffffff9 $name.rec; done
labelled schemas qmp '{"execute":"query-stats-schemas"}'
labelled raw qmp '{"execute":"query-stats","arguments":{"target":"vcpu","providers":[{"provider":"kvm","names":["exit_number"]}]}}'
labelled table cat /sys/kernel/debug/kvm/*/exit_stats
qmp cont >/dev/null
labelled running exitstat host --vm web1 --json -- sleep 1
labelled interval exitstat host --json 1 2
labelled stranger exitstat host --vm web2
exitstat host --vm web1 0.5 >watched 2>watched-errors & watcher=$!
exitstat host --qmp /tmp/qmp 0.5 >asked 2>asked-errors & asker=$!
until has_lines 3 watched $watcher && has_lines 2 asked $asker; do sleep 0.2; done
pid=$(cd /sys/kernel/debug/kvm && echo *-*)
kill "${pid%-*}"
wait $watcher
echo "watched $? $(wc -l <watched) $(cat watched-errors)"
wait $asker
echo "asked $? $(wc -l <asked) $(cat asked-errors)"
wait
said gone exitstat host
