#!/bin/sh
# shellcheck shell=dash disable=SC2046,SC2086,SC2317 # words are split; check calls the functions
# SPDX-License-Identifier: MIT
# In a machine with the distribution's KVM: the life of exitstat_attach.ko, which lies beside this. It comes and goes while
# VMs run, no VM sees what another one left, and nothing stays behind. In other/ may be one that was built with headers that
# do not match this KVM.
#
#	attached_inside.sh kvm-amd|kvm-intel CYCLES VMS [DIRECTORY OF THE PATCHED KVM]
cd /root || exit
# shellcheck source=../lib/ktap.sh
. ./ktap.sh
# shellcheck source=leaks.sh
. ./leaks.sh
# shellcheck source=log.sh
. ./log.sh
vendor_module=$1 cycles=$2 vms=$3 patched=${4:-}
vendor=$(echo "$vendor_module" | tr - _)
parameters=/sys/module/exitstat_attach/parameters
debugfs=/sys/kernel/debug/kvm
wrapper=

attach() { insmod exitstat_attach.ko "$@"; }
detach() { rmmod exitstat_attach; }
tables() { find "$debugfs" -name exit_stats | wc -l; }
value() { sed -n "$1s/.* read .*rax=\\([^ ]*\\) .*/\\1/p" "$2"; }
# of LEAF REGISTER FILE: the answers, in a line
of() { sed -n "s/^vcpu=0 read leaf=$1 .*$2=\\([^ ]*\\).*/\\1/p" "$3" | tr '\n' ' '; }

# begin_vm NAME STEPS: the VM runs on, started by $wrapper; it takes a line where it waits
begin_vm() {
	rm -f "$1.in"
	: >"$1.out"
	mkfifo "$1.in"
	$wrapper vmm $2 <"$1.in" >"$1.out" 2>&1 &
	vm=$!
	exec 3>"$1.in"
}

await() { until [ "$(grep -c '^waiting$' "$1.out")" -ge "$2" ]; do kill -0 $vm || return; sleep 0.1; done; }
go_on() { echo >&3; }
end_vm() { exec 3>&-; wait $vm; }

# A VM is there before the module, and after it.
while_it_runs() {
	begin_vm running "read signature 0 make hypercall 50 wait read signature 0 read count hypercall make hypercall 100 \
		read count hypercall read features 0 wait read signature 0 wait"
	await running 1
	attach
	go_on
	await running 2
	# The last table is made by a worker.
	until [ "$(tables)" = 2 ]; do sleep 0.1; done
	check "the VM's directory and its vCPU's have a table" test "$(grep -l '^exit_stats 1' $debugfs/*/exit_stats $debugfs/*/vcpu0/exit_stats | wc -l)" = 2
	check "KVM cannot be unloaded under the module" refused kvm
	(
		exec 5<"$(find "$debugfs" -path '*vcpu0*' -name exit_stats)"
		if refused exitstat_attach; then rm -f held; else touch held; fi
	)
	check "nor the module while a table is open" test ! -e held
	detach
	is "without it, no table is left" "$(tables)" 0
	go_on
	await running 3
	end_vm
	is "its guest sees the signature while the module is there, and before and after what it always saw" \
		"$(of 0x4fffff00 rax running.out)" "${stock_regs%% *} 0x4fffffff ${stock_regs%% *} "
	is "its exits from then on count, to the last one" "$(of 0x4ffffffe rax running.out)" "0 0x64 "
	is "it is told that counting began late, and that times are approximate" "$(($(of 0x4fffff01 rcx running.out) & 0x18))" 24
}

refused() { ! rmmod "$1" 2>rmmod.said && grep -qE "unavailable|in use|busy" rmmod.said; }

# Each begins at zero, though each gets the memory, and the directory's name, of one before, and in an epoch of its own. Six lines
# of each. There are many, and ending one is waiting for RCU more than anything else: so four at a time, and no process for each.
all_begin_at_zero() {
	local series='' each

	for each in 1 2 3 4; do
		vmm --vms $((vms / 4)) read vcpu-total-count 0 read count hypercall read features 0 make hypercall 7 read count hypercall \
			read scope 0 </dev/null >each.$each &
		series="$series $!"
	done
	for each in $series; do wait "$each" || return; done
	cat each.* >each
	awk -v vms="$vms" '
		function value(name) { match($0, " " name "=[^ ]*"); return substr($0, RSTART + length(name) + 2, RLENGTH - length(name) - 2) }
		function must(holds) { if (!holds && !wrong++) print "VM " int((NR + 5) / 6) ": " $0 }
		NR % 6 == 1 { must(value("rax") ~ /^0x([0-9a-f]|[1-5][0-9a-f]|6[0-3])$/) }	# less than 100
		NR % 6 == 2 { must(value("rax") == "0") }
		NR % 6 == 3 { must(value("rcx") ~ /^0x([0-9a-f]*[02468ace])?b$/) }	# approximate, not late
		NR % 6 == 5 { must(value("rax") == "0x7") }
		NR % 6 == 0 { must(!seen[value("rcx") value("rdx")]++) }
		END { exit wrong || NR != 6 * vms }' each
}

# Two at a time, and a third that is killed in the middle.
vms_come_and_go() {
	local n=0

	while [ $n -lt "$1" ]; do
		n=$((n + 1))
		vmm --vcpus 2 make hypercall 10 read count hypercall </dev/null >/dev/null &
		vmm spin 100000000000 </dev/null >/dev/null 2>&1 & killed=$!
		vmm make wrmsr 10 read count wrmsr </dev/null >/dev/null || return
		kill -KILL $killed
		wait
	done
}

# attached_vms N: as many VMs, with the module there
attached_vms() { attach && vms_come_and_go "$1" && detach; }

come_and_go() {
	local n=0

	while [ $n -lt "$1" ] && [ ! -e enough ]; do
		n=$((n + 1))
		attach "exit_stats_histograms=$((n % 2))" "exit_stats_details=$((n / 2 % 2))" || { echo "attach $n failed"; return 1; }
		[ $((n % 3)) = 0 ] || usleep $((n % 7 * 20000))
		[ $((n % 4)) != 0 ] || cat $debugfs/*/exit_stats $debugfs/*/vcpu*/exit_stats >/dev/null 2>&1
		detach || { echo "detach $n failed: $(cat /proc/modules)"; return 1; }
		[ "$(tables)" = 0 ] || { echo "detach $n left $(tables) tables"; return 1; }
	done
}

# Tortured all the while with all kinds of exits, without an end. Nothing is compared but that the guest goes on.
tortured() {
	local status

	vmm --vcpus 4 mix 1000000000000 $$ </dev/null >torture.out 2>&1 &
	vm=$!
	come_and_go "$1"
	status=$?
	kill -0 $vm || : >ended
	kill -KILL $vm
	wait $vm 2>/dev/null
	return $status
}

# What a module that is gone has left, nothing frees: so it is looked for when the VM is gone, too, with its pages and KVM's of it.
under_torture() {
	# What lies ready is 2.5 MiB.
	is "attached and detached $cycles times under torture, twice, it leaves nothing behind" \
		"$(leaks_of "$ours" $((cycles / 2 + 10)) $((cycles * 100 + 8192)) tortured "$cycles")" ""
	check "and the VM goes on" test ! -e ended
}

# Four vCPUs ask and ask, while the module comes and goes: an answer is the one or the other, and whole.
in_the_middle() {
	local vms=0

	come_and_go 1000 >/dev/null &
	loop=$!
	: >kinds
	# A VM may end before the module has come, or gone: then another one asks.
	until [ $vms = 200 ] || { [ $vms -gt 0 ] && [ "$(wc -l <kinds)" -gt 1 ]; }; do
		vms=$((vms + 1))
		vmm --vcpus 4 $(yes "read signature 0" | head -n 4000 | tr '\n' ' ') </dev/null >middle.out 2>&1
		sed 's/^vcpu=[0-9]* //' middle.out | sort -u - kinds >kinds.new
		mv kinds.new kinds
	done
	# Not killed: an insmod would go on without it, and into the next case.
	: >enough
	wait $loop
	rm enough
	diagnose "$(cat kinds)"
	is "in the middle of a question, the answer is KVM's or ours, and whole" \
		"$(grep -vcE "rax=$stock_regs\$|rax=0x4fffffff rbx=0x74697845 rcx=0x74617453 rdx=0x4d564b73$" kinds)" 0
	check "there were both" test "$(wc -l <kinds)" = 2
}

# More at once than memory lies ready for, and as real-time threads, so that the worker that makes more has to wait: those that
# found none are counted from an entry after that. On a slow machine the kernel would let the worker in between (RT throttling).
many_vcpus() {
	local round=0 rounds=10 throttling=/proc/sys/kernel/sched_rt_runtime_us runtime

	runtime=$(cat $throttling)
	echo -1 >$throttling
	attach
	wrapper="chrt -f 1"
	begin_vm many "--vcpus 100 $(yes "barrier wait" | head -n $rounds | tr '\n' ' ') read vcpu-count hypercall make hypercall 11 \
		read vcpu-count hypercall read features 0"
	wrapper=
	while [ $round -lt $rounds ]; do
		round=$((round + 1))
		await many $((100 * round))
		[ "$(tables)" = 101 ] || sleep 2
		yes '' | head -n 100 >&3
	done
	end_vm
	echo "$runtime" >$throttling
	is "100 vCPUs that come at once are all counted in the end" \
		"$(sed -n '/leaf=0x4fffff01/d; s/^\(vcpu=[0-9]*\) .*\(rax=\|n=\)\([^ ]*\).*/\1 \3/p' many.out |
			awk '{ all[$1] = all[$1] " " $2 } END { for (v in all) print v all[v] }' |
			while read -r v first n last; do [ $((last - first)) = $((n)) ] || echo "$v $first $n $last"; done)" ""
	is "and there are as many" "$(grep -c ' make ' many.out)" 100
	diagnose "entries for which no memory was ready: $(cat $parameters/uncounted)"
	check "entries for which no memory was ready are said" test "$(cat $parameters/uncounted)" -gt 0
	check "once in the log" test "$(dmesg | grep -c 'exitstat_attach: exits of a vCPU were not counted for lack of memory')" = 1
	is "and their VM is late" "$(sed -n 's/^vcpu=0 read leaf=0x4fffff01 .*rcx=\([^ ]*\) .*/\1/p' many.out |
		while read -r features; do echo $((features >> 4 & 1)); done)" 1
	detach
}

# count_while COMMAND: four vCPUs make exits while it runs; say where they did not count to the last one
count_while() {
	begin_vm counting "--vcpus 4 make hypercall 10000 wait read vcpu-count hypercall"
	"$@" >&2 || echo "$1 failed"
	await counting 4
	for _ in 1 2 3 4; do go_on; done
	end_vm
	sed -n 's/^\(vcpu=[0-9]*\) .*\(rax=\|n=\)\([^ ]*\).*/\1 \3/p' counting.out | awk '{ all[$1] = all[$1] " " $2 } END { for (v in all) print v all[v] }' |
		while read -r v n count; do [ $((count)) = $((n)) ] || echo "$v made $n, counted $((count))"; done
	[ "$(grep -c ' make ' counting.out)" = 4 ] || cat counting.out
}

cpu_goes_and_comes() {
	for _ in 1 2 3 4 5; do
		echo 0 >/sys/devices/system/cpu/cpu1/online || return
		echo 1 >/sys/devices/system/cpu/cpu1/online || return
	done
}

# All of it but that the machine goes down: KVM is told, and the other CPUs are taken offline.
suspend() {
	echo 0 >/sys/module/suspend/parameters/pm_test_delay
	echo core >/sys/power/pm_test
	echo mem >/sys/power/state
	set -- $?
	echo none >/sys/power/pm_test
	return "$1"
}

host_changes() {
	attach
	is "while a CPU of the host goes offline and comes back, every exit counts" "$(count_while cpu_goes_and_comes)" ""
	if grep -qs core /sys/power/pm_test && grep -qsF "[deep]" /sys/power/mem_sleep; then
		is "while the host is suspended and resumes, too" "$(count_while suspend)" ""
	else
		skip "while the host is suspended and resumes, too" "a kernel with CONFIG_PM_SLEEP_DEBUG on a machine with ACPI S3"
	fi
	detach
}

# The vendor's module may come after ours, and go before it.
vendor_later() {
	rmmod "$vendor"
	attach
	load-module "/lab/$vendor_module.ko"
	vmm make hypercall 9 read count hypercall </dev/null >later
	is "the vendor's module comes later, and its VMs count" "$(value 2 later)" 0x9
	rmmod "$vendor"
	load-module "/lab/$vendor_module.ko"
	vmm make hypercall 9 read count hypercall </dev/null >later
	is "it goes and comes, and its VMs count" "$(value 2 later)" 0x9
	detach
}

# Its structures are not where the headers said: the first exit shows it.
built_with_other_headers() {
	insmod other/exitstat_attach.ko
	vmm make hypercall 9 make hlt_timer 3 read signature 0 </dev/null >other.out
	is "built with headers that do not match KVM, it answers nothing" "$(of 0x4fffff00 rax other.out)" "${stock_regs%% *} "
	is "and says why, once" "$(cat $parameters/layout) $(dmesg | grep -c 'exitstat_attach: this KVM does not match the headers')" \
		"differs 1"
	detach
}

# The last one, since KVM is replaced.
beside_patched() {
	rmmod "$vendor" kvm
	insmod "$patched/kvm.ko" && load-module "$patched/$vendor_module.ko"
	check "beside the patched KVM it is refused" fails attach
	check "and says why" sh -c "dmesg | grep -q 'exitstat_attach: this KVM already counts exits and answers guests itself'"
	vmm make hypercall 9 read count hypercall </dev/null >ours
	is "which goes on answering" "$(value 2 ours)" 0x9
}

fails() { ! "$@" 2>/dev/null; }

# The caches of what the module keeps of a VM and a vCPU.
ours='^kmalloc-(192|8k)$'
plan $((26 + (${#patched} > 0 ? 3 : 0) + $([ -e other ] && echo 2 || echo 0)))
# Without the function tracer (lab/debug-kernel), kprobes shall stay INT3s, which lockdep takes for NMIs.
{ echo 0 >/proc/sys/debug/kprobes-optimization; } 2>/dev/null
stock_regs=$(vmm read signature 0 </dev/null | sed -n 's/.*rax=\(.*\)$/\1/p')
mark_log
while_it_runs
attach
check "attached twice, it is refused" fails attach
check "$vms VMs, four at a time, each begin at zero and in an epoch of their own" all_begin_at_zero
is "no entry was left uncounted for lack of memory" "$(cat $parameters/uncounted)" 0
is "what it believes of KVM holds" "$(cat $parameters/layout)" holds
detach
rounds=$((vms / 4))
[ $rounds -le 250 ] || rounds=250
is "VMs that come and go, and are killed, leave nothing behind" \
	"$(leaks_of "$ours" $rounds $((rounds * 16 + 8192)) attached_vms $rounds)" ""
under_torture
in_the_middle
many_vcpus
vendor_later
is "the log has nothing but what loading says" "$(logged 'out-of-tree|tainting|kvm: Nested|SVM: |kvm_amd: |kvm_intel|Nested Virt|Nested Paging|lack of memory')" ""
host_changes
[ ! -e other ] || built_with_other_headers
[ -z "$patched" ] || beside_patched
finish
