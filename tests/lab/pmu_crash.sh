#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a Linux guest whose VM goes on after a reset: crash while samples are on their way.  Where there is a vmlinuz, go over to
# it with kexec first, in the same situation.  The counters tell the last boot what it is.  Arguments as those of pmu_guest.sh.
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

# sampled KEY: the exits of a program that are in samples, and the NMIs before
sampled() {
	listen "$io"
	./exits 0 503
	echo 0 >$tracing/events/exitstat/exit/enable
	sleep 1
	awk -v key="$1" '$1 ~ /^exits-/ && /weight=/ { sub(/.*weight=/, ""); n += $0 } END { print key, n + 0 }' $tracing/trace
	echo "$1-nmis $nmis"
}

# The same programs, but for the big ones, and the same command.
make_initrd() {
	(cd / && find . -xdev ! -path "./tmp/*" ! -name perf ! -name vmlinuz | cpio -o -H newc) >/tmp/initrd 2>/dev/null
}

exits=$(exitstat leaf 0x4ffffffe "$io_number" | sed 's/.*eax=\(0x[0-9a-f]*\).*/\1/')
if [ $((exits)) -ge 100000 ]; then
	sampled again
	exit
fi
if grep -qw kexeced /proc/cmdline; then
	sampled kexeced
elif [ -e vmlinuz ]; then
	make_initrd
	listen "$cpuid,$io"
	exec ./kexec vmlinuz /tmp/initrd "$(cat /proc/cmdline) kexeced"
fi
./exits 0 100000
listen "$cpuid,$io"
echo c >/proc/sysrq-trigger
