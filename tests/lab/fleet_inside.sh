# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a machine of the lab: VMs that have made their exits and stay, an exporter of them, and perhaps a guest that exports
# its own.
#
#	fleet_inside.sh HYPERCALLS CPUIDS PORT-WRITES [GUEST-SCRIPT]
mkfifo stay
exec 3<>stay
vmm make pio_vmm "$3" make hypercall "$1" wait <stay &
vmm --vcpus 2 make cpuid "$2" wait <stay &
exitstat export --listen 10.0.2.15:13948 --per-vcpu --details &
[ $# -lt 4 ] || { guest -- sh "$4"; echo "the guest ended"; }
wait
