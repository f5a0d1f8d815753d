# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In the guest hypervisor: load a KVM that answers here too, run a small VM in it, and say what it counts here and there.
cd /root || exit
# shellcheck source=details.sh
. ./details.sh

# What the KVM below counts of the exits with this number.
below() { cpuid -1 -r -l 0x4ffffffe -s "$1" | sed -n 's/.*: eax=\(0x[0-9a-f]*\) .*/\1/p'; }
hypercall=$(vmm --list kinds | sed -n 's/^hypercall //p')
vmrun=$(vmm --list numbers | sed -n 's/ vmrun$//p')

echo "== load"
for module in irqbypass ccp kvm kvm-amd; do
	insmod $module.ko || exit
done
[ ! -f exitstat_attach.ko ] || insmod exitstat_attach.ko || exit
echo 1 >"$(ls -d /sys/module/exitstat_attach/parameters 2>/dev/null || echo /sys/module/kvm/parameters)/exit_stats_details"
echo "== own"
hypercalls=$(below "$hypercall") vmruns=$(below "$vmrun")
# shellcheck disable=SC2046 # words
vmm --vcpus 2 barrier make cpuid 1009 make hypercall 503 make pio_vmm 101 \
	read vcpu-count cpuid read vcpu-count hypercall read vcpu-count "$vmrun" snapshot details vcpu </dev/null || exit
echo "== below"
echo "hypercalls $(($(below "$hypercall") - hypercalls))"
echo "vmruns $(($(below "$vmrun") - vmruns))"
echo "== freeze"
/root/freeze "$(vmm --list kinds | sed -n 's/^cpuid //p')" || exit
echo "== why"
exitstat why --json >why.json
why_faults <why.json
# about DETAIL: how many exits were about that
about() { echo "about $(grep -o "\"name\": *\"$1\"[^}]*" why.json | sed 's/.*"count": *\([0-9]*\).*/\1/')"; }
about "call 0xffff"
about "out 0xf0f0"
about "cpuid 0x0"
