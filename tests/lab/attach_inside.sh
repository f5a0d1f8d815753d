#!/bin/sh
# shellcheck shell=dash disable=SC2317 # check calls the functions
# SPDX-License-Identifier: MIT
# In a machine of the lab with the distribution's KVM: exitstat-kvm attaches and detaches while a VM runs,
# which goes on, and counts to the last exit in between.
cd /root || exit
# shellcheck source=../lib/ktap.sh
. ./ktap.sh
# busybox's shell has programs of its own for what exitstat-kvm calls.
exitstat_kvm() { dash /bin/exitstat-kvm "$@"; }
await() { until "$@"; do sleep 0.1; done; }
attached() { [ -d /sys/module/exitstat_attach ]; }
status_says() { exitstat_kvm status | tee said | grep -q "$1" || { cat said; false; }; }

# The VM says when it waits for a line, and its answers at its end.
waits() { [ "$(grep -c waiting answers)" -ge "$1" ]; }
answers() { sed -n 's/.* read .*rax=\([^ ]*\) .*/\1/p' answers | while read -r rax; do echo $((rax)); done | paste -sd ' '; }
# go_on N: the VM takes its steps up to where it waits for the Nth time
go_on() {
	echo >&4
	await waits "$1"
}

# refuses WORDS VERB...
refuses() {
	wanted=$1
	shift
	! exitstat_kvm "$@" >said 2>&1 && grep -q "$wanted" said && return
	cat said
	return 1
}

plan 15
check "the host's own KVM is there" status_says "loaded KVM *the kernel's own: guests cannot ask"
mkfifo lines
vmm read signature 0 wait make hypercall 101 read count hypercall wait make hypercall 7 read count hypercall wait \
	read signature 0 <lines >answers 2>&1 &
vm=$!
exec 4>lines
await waits 1
check "status names that VM" status_says "^VMs *$vm vmm"
check "attach proves itself, with that VM running" exitstat_kvm attach --from ours
check "status says that it is attached" status_says "and exitstat .* attached: guests may ask"
go_on 2
check "attaching again changes a parameter" exitstat_kvm attach --from ours guest_exit_stats=1
is "which is there" "$(cat /sys/module/exitstat_attach/parameters/guest_exit_stats)" 1
go_on 3
exec 5<"$(ls -d /sys/kernel/debug/kvm/"$vm"-*/exit_stats)"
check "detach names who has a table open" refuses "in use by process $$" detach
exec 5<&-
check "detach, with that VM running" exitstat_kvm detach
check "nothing of it is there" test ! -d /sys/module/exitstat_attach
is "no table of it is there" "$(ls /sys/kernel/debug/kvm/"$vm"-*/exit_stats 2>/dev/null)" ""
echo >&4
exec 4>&-
wait $vm
is "the VM ends as if nothing had been" $? 0
is "it had no answer, counted 101 exits when attached, 7 more, to the last one, and had no answer again" "$(answers)" "0 101 108 0"
printf '#!/bin/sh\nexit 1\n' >/usr/lib/exitstat/kvm-probe
check "what does not prove itself" refuses "it was removed again" attach --from ours
check "is taken out again" test ! -d /sys/module/exitstat_attach
check "KVM is what it was" status_says "loaded KVM *the kernel's own: guests cannot ask"
finish
