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

compared() {
	is "$2, the answers are those of the distribution's KVM" \
		"$(section same | sed -n "s/^compared $1 \(different.*\|same\).*/\1/p")" same
}

# hostile_verdicts: 8 cases, of what the machine said
hostile_verdicts() {
	compared "off, CPL 0" "with the parameter at 0, at CPL 0 in every mode"
	compared "off, CPL 3" "with the parameter at 0, at CPL 3"
	compared "off, an entry without the signature" "with the parameter at 0 and a VMM that says no"
	compared "CPL 0 only, CPL 3" "with the parameter at 1, at CPL 3"
	compared "on, an entry without the signature" "with the parameter at 2 and a VMM that says no"
	echo "# $(section oracle | sed -n 's/.*checked=//p' | paste -sd+ | bc) queries before the oracle"
	is "every way to ask was tried" "$(section oracle | grep -c '^oracle ')" 26
	is "no answer is one that the ABI does not know" \
		"$(section oracle | grep -vE '^way |^oracle faults=0 ')" ""
	is "the host's log has no line more" "$(section log)" ""
}

hostile() {
	local machine=$1 series=$2 queries=$3 seed

	seed=${HOSTILE_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
	plan 8
	echo "# HOSTILE_SEED=$seed"
	build_for "$series"
	run_machine "hostile-$machine-$series" --machine "$machine" --stock --timeout "$((900 + queries / 20))" \
		--add "$here/hostile_inside.sh" --add "$built/oracle:/bin/oracle" \
		--add "$modules/kvm.ko" --add "$modules/kvm-$machine.ko" \
		-- sh /root/hostile_inside.sh "kvm-$machine" 1000 "$queries" "$seed"
	hostile_verdicts
	finish
}
