# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In the machine: one small VM for each rule about time, between snapshots; times.py knows what must have moved.
cd /root || exit
parameters=/sys/module/kvm/parameters
[ ! -d /sys/module/exitstat_attach ] || parameters=/sys/module/exitstat_attach/parameters
ms=$(sed -n 's/^cpu MHz[^0-9]*\([0-9]*\).*/\1000/p' /proc/cpuinfo | head -n 1)	# in cycles

# rule NAME STEPS
rule() {
	echo "section $1"
	vmm --list kinds | sed 's/^/number /'
	echo "number interrupt $(vmm --list numbers | sed -nE 's/^(.*) (interrupt|EXTERNAL_INTERRUPT)$/\1/p')"
	# shellcheck disable=SC2086 # words
	$beside vmm snapshot $2 snapshot </dev/null
}

# For what compares times that are not measured beside: five times, each between snapshots of its own.
five() { echo "$1 snapshot $1 snapshot $1 snapshot $1 snapshot $1"; }

# A busy thread of the host on the same CPU as the vCPU.
beside_busy() {
	taskset -c 0 sh -c 'while :; do :; done' &
	busy=$!
	beside="taskset -c 0"
	rule "$@"
	beside=
	kill $busy
	wait $busy 2>/dev/null
}

beside=
rule halt "$(five "halt $((50 * ms))")"
rule sleep "vmm sleep 200"
rule kick "vmm kick 200"
rule immediate "vmm immediate 200"
beside_busy preempted "$(five "spin $((160 * ms))")"
beside_busy vmm-spins "vmm spin 500"
rule completion "vmm tally 0 make mmio_split 100 vmm tally 0"
rule ioctls "vmm ioctls 1000"
rule spin "$(five "spin $((240 * ms))")"

echo "section idle"
vmm --idle 3 read scope 0 read total-count 0 read vcpu-total-count 0 read total-count 0 make hypercall 100 \
	read total-time 0 read vcpu-total-time 0 read total-time 0 </dev/null
echo "section epochs"
vmm --vcpus 4 read scope 0 read vcpu-time-guest 0 </dev/null
echo "section other"
vmm --vcpus 2 read scope 0 read scope 0 </dev/null

# What the host reads, with and without histograms.
beside_host() {
	echo "section $1"
	vmm --list kinds | sed 's/^/number /'
	echo "number interrupt $(vmm --list numbers | sed -nE 's/^(.*) (interrupt|EXTERNAL_INTERRUPT)$/\1/p')"
	vmm --vcpus 3 make hypercall 101 make wrmsr 211 make pio_vmm 7 make npf 13 barrier snapshot vmm stats 0 </dev/null
}

beside_host host
echo 1 >$parameters/exit_stats_histograms
beside_host histograms
