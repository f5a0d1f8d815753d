#!/bin/sh
# shellcheck shell=dash disable=SC2086,SC2317 # numbers are no lists; check calls the functions
# SPDX-License-Identifier: MIT
# In a machine of the lab: load and unload our modules with a VM in between, and leave nothing behind.
#
#	life_inside.sh kvm-amd|kvm-intel CYCLES FAILURES ROUNDS [DIRECTORY OF THE MODULES]
cd /root || exit
# shellcheck source=../lib/ktap.sh
. ./ktap.sh
# shellcheck source=leaks.sh
. ./leaks.sh
# shellcheck source=log.sh
. ./log.sh
vendor_module=$1 cycles=$2 failures=$3 rounds=$4 modules=${5:-/lab}
vendor=$(echo "$vendor_module" | tr - _)
parameters=/sys/module/kvm/parameters
trace=/sys/kernel/tracing

load() { insmod "$modules/kvm.ko" "$@" && load-module "$modules/$vendor_module.ko"; }
unload() { rmmod "$vendor" && rmmod kvm; }
loaded() { grep -q "^kvm " /proc/modules; }

# The count that a bare guest reads after N hypercalls.
count() { vmm make hypercall "$1" read vcpu-count hypercall </dev/null | sed -n 's/.* read .*rax=\([^ ]*\) .*/\1/p'; }

# With a VM in each cycle; the parameters change from one to the next.
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

# failing NAME FUNCTION: have the kernel count how often it returns an error
failing() {
	echo "r:life/$1 $2 ret=\$retval:s32" >>$trace/kprobe_events
	echo 'hist:keys=ret if ret < 0' >$trace/events/life/"$1"/trigger
}

failed() { sed -n 's/^ *Hits: //p' $trace/events/life/"$1"/hist; }

forget() {
	echo '!hist:keys=ret if ret < 0' >$trace/events/life/"$1"/trigger
	echo "-:life/$1" >>$trace/kprobe_events
}

# The histogram is our only allocation, and the vendor's come after it.
# Version 2 of cgroups, the only one in Debian 13, kills where version 1 lets a caller fail.
starve() {
	mkdir memory
	mount -t cgroup -o memory none memory 2>/dev/null || {
		for case in "too little memory for a vCPU, at any point of creating it, leaks nothing" \
			"among these points is our own" "and one after it"; do
			skip "$case" "a kernel with CONFIG_MEMCG_V1"
		done
		return
	}
	mkdir memory/little
	failing ours kvm_exit_stats_vcpu_init
	failing vendor "$([ "$vendor" = kvm_amd ] && echo svm || echo vmx)_vcpu_create"
	# In each round it fails at least eight times after any point.
	is "$rounds times too little memory for a vCPU, at any point of creating it, leaks nothing" \
		"$(leaks $((rounds * 8)) squeeze "$rounds" memory/little)" ""
	check "among these points is our own" test "$(failed ours)" -ge "$rounds"
	check "and one after it" test "$(failed vendor)" -ge "$rounds"
	echo "# $(failed ours) times no memory for a histogram, $(failed vendor) times none for what comes after it"
	forget ours
	forget vendor
	umount memory
}

# A VM that lives until end_vm: it waits for a line.
begin_vm() {
	[ -p line ] || mkfifo line
	: >said # of the VM before
	vmm "$@" <line >said &
	exec 3>line
	until grep -q waiting said || ! kill -0 $!; do sleep 0.1; done
}

end_vm() {
	echo >&3
	exec 3>&-
	wait $!
}

# If a vCPU that failed were taken for a live one, counting would not stop.
dormancy() {
	echo 0 >$parameters/guest_exit_stats
	begin_vm make hypercall 100 wait read vcpu-count hypercall
	echo 2 >$parameters/guest_exit_stats
	end_vm
	is "with the parameter at 0, nobody is counted" "$(sed -n 's/.* read .*rax=\([^ ]*\) .*/\1/p' said)" 0
}

refusal() {
	begin_vm wait
	check "unloading is refused while a VM lives, the vendor's module" refused "$vendor"
	check "and kvm" refused kvm
	end_vm
	check "and done when it has died" unload
	check "nothing of them is left" test ! -e /sys/module/kvm
}

refused() { ! rmmod "$1" 2>rmmod.said && grep -qE "unavailable|in use|busy" rmmod.said && loaded; }

usual='kvm: Nested|SVM: |kvm_intel|has been disabled|loading out-of-tree|tainting|Nested Virtualization|Nested Paging'
usual="$usual|failed to allocate vcpu's emulator|malloc apic regs error|debugfs: out of free dentries|PMU virtualization is disabled|cgroup: Unknown subsys name"
# In brief_inside.sh, a TSC was turned back before this: Bochs 3.0 shows that in TSC_ADJUST, and then the kernel restores it.
usual="$usual|TSC ADJUST differs|created on host with unstable TSC"

plan 13
mark_log
is "a VM counts" "$(($(count 100)))" 100
check "$cycles times: unload, load with other parameters, a VM counts" all_cycles
echo 0 >$parameters/exit_stats_histograms
is "$failures failures in creating a vCPU, in each of two ways, leak nothing" "$(leaks "$failures" life "$failures")" ""
echo 1 >$parameters/exit_stats_histograms
is "with histograms neither" "$(leaks "$failures" life "$failures")" ""
starve
dormancy
refusal
load
is "the log has nothing but what loading, and KVM without memory, says" \
	"$(logged "$usual")" ""
finish
