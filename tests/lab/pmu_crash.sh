#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a Linux guest whose VM goes on after a reset: crash while samples are on their way.  The counters tell the next boot
# that it is the second one.  Arguments as those of pmu_guest.sh.
cd /root || exit 1
cpuid=$1 io=$2 io_number=$4
tracing=/sys/kernel/tracing
parameters=/sys/module/exitstat_pmu/parameters
insmod exitstat_pmu.ko || exit
nmis=$(awk '$1 == "NMI:" { print $2 }' /proc/interrupts)
# listen EXITS: from now on, there are samples
listen() {
	echo "$1" >$parameters/sample_exit && echo 1 >$tracing/events/exitstat/exit/enable
}

exits=$(exitstat leaf 0x4ffffffe "$io_number" | sed 's/.*eax=\(0x[0-9a-f]*\).*/\1/')
if [ $((exits)) -lt 100000 ]; then
	./exits 0 100000
	listen "$cpuid,$io"
	echo c >/proc/sysrq-trigger
fi
listen "$io"
./exits 0 503
echo 0 >$tracing/events/exitstat/exit/enable
sleep 1
awk '$1 ~ /^exits-/ && /weight=/ { sub(/.*weight=/, ""); n += $0 } END { print "again", n + 0 }' $tracing/trace
echo "again-nmis $nmis"
