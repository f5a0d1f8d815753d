# shellcheck shell=bash disable=SC2154 # $top, $here and $said are of machine.sh and checked.sh
# SPDX-License-Identifier: MIT
# The rules about time, one case each.  Sourced.
#
#	times amd|intel SERIES

# shellcheck source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"
# shellcheck source=checked.sh
. "$here/checked.sh"

rules="halt idle time is waiting under HLT
sleep the VMM's sleep is VMM time under the I/O that led there
kick the time from a signal to the next KVM_RUN is waiting
immediate so is that after an immediate exit
preempted a busy thread on the same CPU makes the vCPU wait under the interrupt
vmm-spins the VMM's time is VMM time, also while another thread has its CPU
completion an access that the VMM completes in two pieces is one exit with the time of both
ioctls ioctls between two KVM_RUNs are VMM time, and no exits and no waiting
spin a guest that computes is in guest mode"

# times_verdicts: 22 cases, of what the machine said
times_verdicts() {
	local rule sentence

	while read -r rule sentence; do
		section "$rule" >"$said.$rule"
		check "$sentence" python3 "$here/times.py" "${rule//-/_}" "$said.$rule"
		check "$rule: no cycle is lost" python3 "$here/times.py" conservation "$said.$rule"
	done <<<"$rules"
	section idle >"$said.idle"
	check "a vCPU that never ran has no exits and no time" python3 "$here/times.py" idle "$said.idle"
	check "all vCPUs of a VM have one epoch, and another VM has another" python3 "$here/times.py" epochs <(
		grep -E '^section (epochs|other)|leaf=0x4fffff02' "$said" | sed '1,/^section epochs/ { /^section epochs/!d }')
	for rule in host histograms; do
		{ echo "section $rule"; section $rule; } >"$said.$rule"
		check "$rule: debugfs and KVM's statistics, if they are ours, say what the guest reads" \
			python3 "$here/host.py" "$said.$rule" "$carrier"
	done
}

times() {
	local machine=$1 series=$2

	plan 22
	build_for "$series"
	run_machine "times-$machine" --machine "$machine" --timeout 900 \
		--add "$here/times_inside.sh" -- sh /root/times_inside.sh
	times_verdicts
	finish
}
