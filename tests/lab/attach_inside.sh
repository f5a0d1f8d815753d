#!/bin/sh
# shellcheck shell=dash disable=SC2317 # check calls the functions
# SPDX-License-Identifier: MIT
# In a machine of the lab with the distribution's KVM: exitstat-kvm attaches and detaches while a VM runs,
# which goes on, and counts to the last exit in between, for its guest and for the host.
#
#	attach_inside.sh [brief]	the module is module/exitstat_attach.ko
cd /root || exit
# shellcheck source=../lib/ktap.sh
. ./ktap.sh
brief=${1:-}
# busybox's shell has programs of its own for what exitstat-kvm calls.
exitstat_kvm() { dash /bin/exitstat-kvm "$@"; }
await() { until "$@"; do sleep 0.1; done; }
attached() { [ -d /sys/module/exitstat_attach ]; }
status_says() { exitstat_kvm status | tee said | grep -q "$1" || { cat said; false; }; }
hypercalls() { exitstat host --vm "$vm" | tee said | grep -qiE " (hypercall|vmcall) +$1 " || { cat said; false; }; }

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

plan "$([ -n "$brief" ] && echo 6 || echo 16)"
[ -n "$brief" ] || check "the host's own KVM is there" status_says "loaded KVM *the kernel's own: guests cannot ask"
mkfifo go
vmm read signature 0 wait make hypercall 101 read count hypercall wait make hypercall 7 read count hypercall wait \
	read signature 0 <go >answers 2>&1 &
vm=$!
exec 4>go
await waits 1
[ -n "$brief" ] || check "status names that VM" status_says "^VMs *$vm vmm"
check "attach proves itself, with that VM running" exitstat_kvm attach --from module
[ -n "$brief" ] || check "status says that it is attached" status_says "and exitstat .* attached: guests may ask"
go_on 2
check "exitstat host counts that VM's exits, to the last one" hypercalls 101
if [ -z "$brief" ]; then
	check "attaching again changes a parameter" exitstat_kvm attach --from module guest_exit_stats=1
	is "which is there" "$(cat /sys/module/exitstat_attach/parameters/guest_exit_stats)" 1
fi
go_on 3
if [ -z "$brief" ]; then
	exec 5<"$(ls -d /sys/kernel/debug/kvm/"$vm"-*/exit_stats)"
	check "detach names who has a table open" refuses "in use by process $$" detach
	exec 5<&-
fi
check "detach, with that VM running" exitstat_kvm detach
check "nothing of it is there" test ! -d /sys/module/exitstat_attach
[ -n "$brief" ] || is "no table of it is there" "$(ls /sys/kernel/debug/kvm/"$vm"-*/exit_stats 2>/dev/null)" ""
echo >&4
exec 4>&-
wait $vm
is "the VM ends as if nothing had been" $? 0
is "it had no answer, counted 101 exits when attached, 7 more, to the last one, and had no answer again" "$(answers)" "0 101 108 0"
[ -z "$brief" ] || finish
printf '#!/bin/sh\nexit 1\n' >/usr/lib/exitstat/kvm-probe
check "what does not prove itself" refuses "it was removed again" attach --from module
check "is taken out again" test ! -d /sys/module/exitstat_attach
check "KVM is what it was" status_says "loaded KVM *the kernel's own: guests cannot ask"
finish
