# shellcheck shell=bash disable=SC2154 # $top, $here and $said are of machine.sh and checked.sh
# SPDX-License-Identifier: MIT
# Torture the accounting: random exits of all kinds on 8 vCPUs, which the host signals, pauses, moves between its CPUs
# and keeps waiting, while root turns over the parameter and all vCPUs watch the counters.  Sourced.
#
#	torture amd|intel SERIES STOPS EXITS	exits of each vCPU from one stop to the next
#
# TORTURE_SEED=N in the environment repeats what the VMs and the host do, as far as the order of threads allows.

# shellcheck source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"
# shellcheck source=checked.sh
. "$here/checked.sh"

# verdicts VM CHECK...: of what the machine printed in the section of that VM
verdicts() {
	local vm=$1 what

	section "$vm" >"$said.$vm"
	echo "# $vm: $(python3 "$here/torture.py" summary "$said.$vm")"
	while read -r what sentence; do
		check "$vm: $sentence" python3 "$here/torture.py" "$what" "$said.$vm"
	done
}

common="complete every vCPU came to every stop
sum the counts of the numbers add up to the total
times the times of the numbers add up to the total, and the VMM's part is a part
trace the tracepoint kvm_exit counted the same
conservation guest mode, processing and waiting add up to the elapsed TSC
monotonic no counter ever fell"

torture() {
	local machine=$1 series=$2 stops=$3 exits=$4 seed smp=2

	seed=${TORTURE_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
	[ "$machine" = amd ] || smp=1
	plan 14
	echo "# TORTURE_SEED=$seed"
	build_for "$series"
	run_machine "torture-$machine" --machine "$machine" --smp "$smp" --timeout "$((600 + stops * exits / 60))" \
		--add "$here/torture_inside.sh" -- sh /root/torture_inside.sh "$stops" "$exits" "$seed"
	verdicts plain <<<"$common"
	verdicts histograms <<<"$common
histograms every exit is in one bucket
details each number's details add up to it, in count and time"
	finish
}
