#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a machine of the lab with our KVM: its binary statistics, read by a program and by stock QEMU, which reads the
# header of one vCPU's and believes it of all, also of a vCPU that is plugged into the guest later.
cd /tmp || exit 1
# shellcheck source=../lib/ktap.sh
. /root/ktap.sh
histograms=/sys/module/kvm/parameters/exit_stats_histograms
details=/sys/module/kvm/parameters/exit_stats_details

# qmp COMMAND...: what QEMU answers
qmp() {
	for command in '{"execute":"qmp_capabilities"}' "$@"; do echo "$command"; done | socat -t 60 - UNIX-CONNECT:/tmp/qmp
}

statistics() { qmp '{"execute":"query-stats","arguments":{"target":"vcpu"}}'; }
named() { grep -o "\"name\": \"$1" after | wc -l; }

# plug BEFORE AFTER: a VM that is made with one choice, and a vCPU that is plugged in after another
plug() {
	echo "$1" | tee $histograms >$details
	qemu-system-x86_64 -enable-kvm -cpu "$(cat /guest/cpu)" -machine pc -smp 1,maxcpus=2,sockets=2,cores=1,threads=1 -m 64 \
		-nodefaults -no-user-config -display none -S -qmp unix:/tmp/qmp,server=on,wait=off 2>errors &
	until [ -S /tmp/qmp ]; do sleep 0.2; done
	statistics >before
	echo "$2" | tee $histograms >$details
	type=$(qmp '{"execute":"query-hotpluggable-cpus"}' | grep -o '"type": "[^"]*"' | head -n 1 | cut -d '"' -f 4)
	qmp "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"$type\",\"socket-id\":1,\"core-id\":0,\"thread-id\":0}}" >added
	statistics >after
	is "histograms and details $1, then $2: a vCPU can be plugged in" "$(grep -c '"error"' added)" 0
	check "and QEMU lives, after it read the statistics of both" kill -0 $!
	is "each has the same ones" "$(named exit_epoch) $(named exits\") $(named exit_time_) $(named exit_detail)" \
		"2 2 $((2 * $1 * $(vmm --list numbers | wc -l) + 2 * $1)) $((2 * 4 * $1))"
	is "in the same epoch" "$(grep -o '"name": "exit_epoch", "value": [0-9-]*' after | sort -u | wc -l)" 1
	diagnose "$(head -n 3 errors)"
	kill $! 2>/dev/null
	wait
	rm -f /tmp/qmp
}

plan 16
for choice in 0 1; do
	echo $choice >$histograms
	echo $((1 - choice)) >$details
	statsfd >said 2>&1
	is "histograms $choice, details $((1 - choice)): reading the statistics a hundred times allocates nothing" "$(sed -n 's/^allocations //p' said)" 0
	check "pieces are what the whole is" grep -q ', different 0$' said
	is "behind the end there is nothing" "$(sed -n 's/^behind the end //p' said)" "0 0"
	is "and at the end what is left" "$(sed -n 's/^at the end //p' said)" 8
	diagnose "$(cat said)"
done
plug 1 0
plug 0 1
finish
