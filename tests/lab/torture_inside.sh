# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In the machine: run tortured VMs, and at each of their stops print what the host's tracepoint counted.
#
#	torture_inside.sh STOPS EXITS SEED
#
# At a stop all vCPUs have just read their counters and are in the VMM, waiting for a line each.
#
# The tracepoint's histogram drops exits of a number that another CPU is about to enter there, and that CPU may stop meanwhile for as
# long as it likes. So a small VM enters them first, alone; what it counted is printed before the first stop.
cd /root || exit
stops=$1 exits=$2 seed=$3 vcpus=8
trace=/sys/kernel/tracing/events/kvm/kvm_exit
parameters=/sys/module/kvm/parameters
[ ! -d /sys/module/exitstat_attach ] || parameters=/sys/module/exitstat_attach/parameters

# list READ: the steps of a VM, with what is read at each stop
list() {
	local i=0

	echo "barrier $1"
	while [ $i -lt "$stops" ]; do
		i=$((i + 1))
		echo "mix $exits $((seed + i)) barrier $1"
	done
}

print_trace() {
	sed -nE -e 's/^[{] exit_reason: +([0-9]+) *[}] hitcount: +([0-9]+).*/trace number=\1 count=\2/p' \
		-e 's/^ +Dropped: ([0-9]+)/trace dropped=\1/p' $trace/hist
}

# At each stop: wait for all, look, let all continue.
follow() {
	local stop=0

	while [ $stop -le "$stops" ]; do
		stop=$((stop + 1))
		until [ "$(grep -c '^waiting$' answers)" = $((stop * vcpus)) ]; do
			kill -0 "$1" || return
			sleep 0.1
		done
		echo "stop $stop"
		print_trace
		yes '' | head -n $vcpus >&3
	done
}

# The host reads, too, while the VM starts, runs and ends.
read_along() {
	while :; do
		cat /sys/kernel/debug/kvm/*/exit_stats /sys/kernel/debug/kvm/*/vcpu*/exit_stats >/dev/null 2>&1
		usleep 100000
	done
}

# Each kind of exit a few times, with a pause for an interrupt.
enter_numbers() {
	local kind steps='' ms

	ms=$(sed -n 's/^cpu MHz[^0-9]*\([0-9]*\).*/\1000/p' /proc/cpuinfo | head -n 1)	# in cycles
	for kind in $(vmm --list kinds | cut -d ' ' -f 1); do steps="$steps make $kind 3"; done
	# shellcheck disable=SC2086 # words
	vmm $steps spin $((50 * ms)) </dev/null >/dev/null
}

# torture NAME READ [OPTION OF vmm...]
torture() {
	local vmm steps

	echo "section $1"
	steps=$(list "$2")
	shift 2
	: >answers
	echo 'hist:keys=exit_reason' >$trace/trigger || exit
	enter_numbers || exit
	print_trace
	# shellcheck disable=SC2086 # words
	vmm --vcpus $vcpus --disturb "$seed" "$@" $steps <lines >answers &
	vmm=$!
	exec 3>lines
	follow $vmm || exit
	wait $vmm || exit
	exec 3>&-
	echo '!hist:keys=exit_reason' >$trace/trigger
	vmm --list kinds | sed -n 's/^\(cpuid\|pio_vmm\) /number \1 /p'
	grep -v '^waiting$' answers
}

mkfifo lines
read_along &
torture plain "snapshot wait read vcpu-total-count 0 barrier"
echo 1 >$parameters/exit_stats_histograms
echo 1 >$parameters/exit_stats_details
torture histograms "histograms details vcpu snapshot wait read vcpu-total-count 0 barrier" --entry with
