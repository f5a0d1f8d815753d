# shellcheck shell=bash disable=SC2154 # $top, $here, $built and $said are of machine.sh and checked.sh
# SPDX-License-Identifier: MIT
# Hostile guests: random queries at the block and beside it, from every mode of the CPU and through KVM's emulator.
# Sourced.
#
#	hostile amd|intel SERIES QUERIES	queries of each vCPU and way to ask; there are 52 of these
#
# HOSTILE_SEED=N in the environment repeats the queries.

# shellcheck source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"
# shellcheck source=checked.sh
. "$here/checked.sh"

# compared WHAT SENTENCE [SECTION]
compared() {
	is "$2, the answers are those of the distribution's KVM" \
		"$(section "${3:-same}" | sed -n "s/^compared $1 \(different.*\|same\).*/\1/p")" same
}

# hostile_verdicts: 8 cases, of what the machine said; 12 where the module was attached
hostile_verdicts() {
	compared "off, CPL 0" "with the parameter at 0, at CPL 0 in every mode"
	compared "off, CPL 3" "with the parameter at 0, at CPL 3"
	compared "off, an entry without the signature" "with the parameter at 0 and a VMM that says no"
	compared "CPL 0 only, CPL 3" "with the parameter at 1, at CPL 3"
	compared "on, an entry without the signature" "with the parameter at 2 and a VMM that says no"
	echo "# $(section oracle | sed -n 's/.*checked=//p' | paste -sd+ | bc) queries before the oracle"
	is "every way to ask was tried" "$(section oracle | grep -c '^oracle ')" \
		"$([ "$carrier" = attached ] && echo 13 || echo 26)"
	is "no answer is one that the ABI does not know" \
		"$(section oracle | grep -vE '^way |^oracle faults=0 ')" ""
	is "the host's log has no line more" "$(section log)" ""
	[ "$carrier" = attached ] || return 0
	compared "on, by the emulator" "with the parameter at 2, by KVM's emulator"
	compared "CPL 0" "after detaching, at CPL 0" detached
	compared "CPL 3" "after detaching, at CPL 3" detached
	compared "an entry without the signature" "after detaching, with a VMM that says no" detached
}

hostile() {
	local machine=$1 series=$2 queries=$3 seed cases=8 adds=()

	seed=${HOSTILE_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
	[ "$carrier" != attached ] || cases=12
	plan $cases
	echo "# HOSTILE_SEED=$seed"
	build_for "$series"
	if [ "$carrier" = attached ]; then
		adds=(--add "$attach")
	else
		adds=(--add "$modules/kvm.ko" --add "$modules/kvm-$machine.ko")
	fi
	run_machine "hostile-$machine" --machine "$machine" --stock --timeout "$((900 + queries / 20))" \
		--add "$here/hostile_inside.sh" --add "$here/log.sh" --add "$built/oracle:/bin/oracle" \
		"${adds[@]}" -- sh /root/hostile_inside.sh "kvm-$machine" 1000 "$queries" "$seed" "$carrier"
	hostile_verdicts
	finish
}
