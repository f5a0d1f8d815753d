#!/bin/sh
# shellcheck shell=dash disable=SC2317 # check calls the functions
# SPDX-License-Identifier: MIT
# In a machine of the lab with the distribution's KVM, not of the default parameters: what holds kvm.ko
# alone is noticed, and something that takes hold of it between two steps leaves KVM intact.
cd /root || exit
# shellcheck source=../lib/ktap.sh
. ./ktap.sh
mkdir ours bin
mv kvm.ko kvm-amd.ko ours
# busybox's shell has programs of its own for what exitstat-kvm calls.
exitstat_kvm() { dash /bin/exitstat-kvm "$@"; }

is_free() { [ "$(cat /sys/module/kvm/refcnt)" = 1 ]; }
holds() { [ "$(cat /sys/module/kvm/refcnt)" = 2 ]; }
await() { until "$@"; do sleep 0.1; done; }

# The version, and the parameters that differ from the defaults.
loaded() {
	echo "$(cat /sys/module/kvm/version 2>/dev/null || echo stock)" "$(cat /sys/module/kvm_amd/parameters/nested)" \
		"$(cat /sys/module/kvm/parameters/halt_poll_ns)"
}

# refuses WORDS COMMAND...: it fails, with these words, and KVM is as it was
refuses() {
	wanted=$1
	shift
	was=$(loaded)
	! "$@" >said 2>&1 && grep -q "$wanted" said && [ "$(loaded)" = "$was" ] && [ -c /dev/kvm ] && return
	cat said
	echo "loaded: $was, then $(loaded)"
	return 1
}
runs_a_vm() { vmm make hypercall 3 </dev/null >/dev/null; }

plan 11
is "the host has its own KVM, with parameters of its own" "$(loaded)" "stock 0 12345"
pin "$(cat /sys/kernel/tracing/events/kvm/kvm_exit/id)" &
await holds
check "a perf event on kvm_exit holds kvm.ko: load refuses, and names the process" \
	refuses "perhaps process $! pin (perf events)" exitstat_kvm load --from ours
kill $!
wait
await is_free
tail -f /sys/kernel/debug/kvm/exits >/dev/null &
await holds
check "an open file of debugfs holds it: load refuses, and names the process" \
	refuses "process $! tail (a file of debugfs)" exitstat_kvm load --from ours
kill $!
wait
await is_free

# Something else is quicker between two steps.
cat >bin/rmmod <<'INNER'
#!/bin/sh
[ "$1" != kvm ] || {
	pin "$(cat /sys/kernel/tracing/events/kvm/kvm_exit/id)" &
	until [ "$(cat /sys/module/kvm/refcnt)" != 0 ]; do sleep 0.1; done
}
exec /bin/rmmod "$@"
INNER
chmod 755 bin/rmmod
PATH=/root/bin:$PATH
check "kvm.ko gets held when kvm_amd is gone already: both return, with their parameters" \
	refuses "nothing was changed" exitstat_kvm load --from ours
check "and run VMs" runs_a_vm
PATH=${PATH#/root/bin:}
killall -KILL pin
await is_free
check "load" exitstat_kvm load --from ours
is "ours has the parameters" "$(loaded | sed 's/ [^ ]* / /')" "exitstat 0 12345"
PATH=/root/bin:$PATH
rm -r ours
check "the same with ours, though the directory it was loaded from is gone" refuses "type the same command again" exitstat_kvm unload
check "and it runs VMs" runs_a_vm
PATH=${PATH#/root/bin:}
killall -KILL pin
await is_free
check "the same command again goes back" exitstat_kvm unload
is "to the host's own KVM, with its parameters" "$(loaded)" "stock 0 12345"
finish
