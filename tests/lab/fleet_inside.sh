# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a machine of the lab: VMs that have made their exits and stay, an exporter of them, and perhaps a guest that exports
# its own.
#
#	fleet_inside.sh HYPERCALLS CPUIDS PORT-WRITES [GUEST-SCRIPT]
ip link set lo up
mkfifo stay
exec 3<>stay
vmm make pio_vmm "$3" make hypercall "$1" wait <stay &
vmm --vcpus 2 make cpuid "$2" wait <stay &
exitstat export --listen 10.0.2.15:13948 --per-vcpu --details &

scrapes() { wget -q -O - http://10.0.2.15:13948/metrics | sed -n 's/^exitstat_scrapes_total //p'; }

# The VM stays when its kernel has gone, until Prometheus has asked three times more.
if [ $# -gt 3 ]; then
	guest --qemu -no-shutdown -- sh "$4" >guest.out &
	until grep -q '^end' guest.out; do kill -0 $! || break; sleep 1; done
	cat guest.out
	own=0
	before=$(scrapes)
	while :; do
		sleep 2
		own=$((own + 1))
		[ $(($(scrapes) - before - own)) -lt 3 ] || break
	done
	killall qemu-system-x86_64
	wait $!
	echo "the guest ended"
fi
wait
