#!/bin/sh
# shellcheck shell=dash disable=SC2086,SC2317 # numbers are no lists; check calls the functions
# SPDX-License-Identifier: MIT
# In a machine of the lab: load and unload our modules with a VM in between, and leave nothing behind.
#
#	life_inside.sh kvm-amd|kvm-intel CYCLES FAILURES
cd /root || exit
# shellcheck source=../ktap.sh
. ./ktap.sh
vendor_module=$1 cycles=$2 failures=$3
vendor=$(echo "$vendor_module" | tr - _)
parameters=/sys/module/kvm/parameters

load() { insmod /lab/kvm.ko "$@" && insmod "/lab/$vendor_module.ko"; }
unload() { rmmod "$vendor" && rmmod kvm; }
loaded() { grep -q "^kvm " /proc/modules; }

# The count that a bare guest reads after N hypercalls.
count() { vmm make hypercall "$1" read vcpu-count hypercall </dev/null | sed -n 's/.* read .*rax=\([^ ]*\) .*/\1/p'; }

# With a VM each; the parameters change from one to the next.
cycle() {
	local n=$1

	unload && load "guest_exit_stats=$((n % 3))" "exit_stats_histograms=$((n % 2))" &&
		echo 2 >$parameters/guest_exit_stats && [ $(($(count 100))) = 100 ]
}

all_cycles() {
	local n=0

	while [ $n -lt "$cycles" ]; do
		n=$((n + 1))
		cycle "$n" || { echo "cycle $n failed; $(tail -n 3 /proc/modules)"; return 1; }
	done
}

# Objects of each cache, and pages of what has none.
slabs() { awk 'NR > 2 { print $1, $2 }' /proc/slabinfo | sort; }
used_kib() { awk '$1 ~ /^(MemFree|Buffers|Cached|SReclaimable):/ { n += $2 } END { print -n }' /proc/meminfo; }

# grown BEFORE AFTER OBJECTS: the caches that grew by as many
grown() { join "$1" "$2" 2>/dev/null | awk -v n="$3" '$3 - $2 >= n { print $1, $2, "to", $3 }'; }
join() { awk 'NR == FNR { before[$1] = $2; next } $1 in before { print $1, before[$1], $2 }' "$1" "$2"; }

leaks() {
	local before after

	"$@" || return 2
	slabs >before
	before=$(used_kib)
	"$@" || return 2
	sleep 1
	slabs >after
	after=$(used_kib)
	grown before after $((failures / 2))
	# Less than a page for each failure is no page that each of them lost.
	[ $((after - before)) -lt $((failures * 4)) ] || echo "memory: $((after - before)) KiB"
}

# A VM that lives: it waits for a line.
refusal() {
	mkfifo line
	vmm wait <line >waiting &
	exec 3>line
	until grep -q waiting waiting; do sleep 0.1; done
	check "unloading is refused while a VM lives, the vendor's module" refused "$vendor"
	check "and kvm" refused kvm
	echo >&3
	exec 3>&-
	wait $!
	check "and done when it has died" unload
	check "nothing of them is left" test ! -e /sys/module/kvm
}

refused() { ! rmmod "$1" 2>rmmod.said && grep -qE "unavailable|in use|busy" rmmod.said && loaded; }

plan 9
log=$(dmesg | grep -c .)
is "a VM counts" "$(($(count 100)))" 100
check "$cycles times: unload, load with other parameters, a VM counts" all_cycles
echo 0 >$parameters/exit_stats_histograms
is "$failures failures in creating a vCPU, in each of two ways, leak nothing" "$(leaks life "$failures")" ""
echo 1 >$parameters/exit_stats_histograms
is "with histograms neither" "$(leaks life "$failures")" ""
refusal
load
is "the log has nothing but what loading says" \
	"$(dmesg | tail -n +$((log + 1)) | grep -vE 'kvm: Nested|SVM: |kvm_intel|has been disabled|loading out-of-tree|tainting|Nested Virtualization|Nested Paging')" ""
finish
