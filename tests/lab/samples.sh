# shellcheck shell=dash disable=SC2086,SC2154 # lists of words are split; ask.sh and cases.sh have the variables
# SPDX-License-Identifier: MIT
# Samples, in a bare guest that has a handler for NMIs: sourced by cases.sh.

# Exits of each kind that can be sampled, the instructions that made them, and none of another kind.
sampled_kinds() {
	local kind words='' wanted='' got

	for kind in cpuid hypercall pio_kvm pio_vmm mmio rdmsr wrmsr icr deadline wbinvd cr0 cr4; do
		words="$words arm $kind 1 make $kind 101 samples arm $kind 0 make $kind 5 samples"
		wanted="$wanted 101:$(($(number_of $kind))) 0"
	done
	ask $words
	got=$(awk '/ samples / { split($4, exits, "="); split($5, ahead, "="); split($6, number, "=")
		printf " %s", exits[2] ? exits[2] ":" number[2] : 0
		if (ahead[2] > 15) printf "(%s bytes behind)", ahead[2] }' answers)
	wanted=$(for word in $wanted; do
		case $word in *:*) printf ' %s:%#x' ${word%:*} ${word#*:} ;; *) printf ' %s' "$word" ;; esac
	done)
	is "101 exits of each of twelve kinds are 101 in samples, each seen at the instruction that made it or the next, and none when disarmed" \
		"$got" "$wanted"
}

sampled_some() {
	ask arm cpuid 7 make cpuid 101 samples make hypercall 50 samples
	is "of every seventh, there are so many" "$(sed -n 's/.* samples nmis=[0-9]* exits=\([0-9]*\) .*/\1/p' answers | paste -sd ' ')" "14 0"
}

# The handler asks once, as each NMI here is about one number.
sampled_several() {
	ask arm cpuid 1 arm hypercall 2 make cpuid 11 samples make hypercall 20 samples make wrmsr 3 samples arm cpuid 0 \
		make cpuid 5 samples make hypercall 4 samples
	is "of two numbers at once, each is sampled by its own period, until it is disarmed" \
		"$(sed -n 's/.* samples nmis=[0-9]* exits=\([0-9]*\) .*/\1/p' answers | paste -sd ' ')" "11 10 0 0 2"
}

next_time() {
	leaf=''
	until [ "$leaf" = 0x4fffffff ]; do next_answer || return; done
}

# Where a preemption comes between an exit and the look at it, the time before is in no sample: so not to the cycle.
sampled_times() {
	local kind before after sampled got='' said=''

	for kind in wrmsr pio_vmm; do
		ask timed arm $kind 7 read time $kind make $kind 105 samples read time $kind
		next_time
		before=$cycles
		next_time
		after=$cycles
		sampled=$(sed -n 's/.* samples .*cycles=//p' answers)
		said="$said $kind: $((after - before)) cycles, $sampled in samples;"
		[ "$sampled" -le $((after - before)) ] && [ "$sampled" -gt $(((after - before) / 2)) ] && got="$got $kind"
	done
	diagnose "$said"
	is "samples tell the time of the exits that they stand for, the VMM's with it" "$got" " wrmsr pio_vmm"
}

# The handler stays silent, until the guest arms again.
unheard_samples() {
	ask arm cpuid 1 unheard make cpuid 101 samples make cpuid 101 samples arm cpuid 1 make cpuid 101 samples
	is "a guest that asks nothing gets one NMI, and no more until it arms again" \
		"$(sed -n 's/.* samples nmis=\([0-9]*\) .*/\1/p' answers | paste -sd ' ')" "1 0 1"
}

sampling_refused() {
	local got

	ask arm hlt 1 arm $interrupt 1 arm 0x1234 1 make hlt 3 samples user read sample-arm $((1 << 16 | cpuid)) \
		user read sample-take 0 make cpuid 50 samples
	got=$(awk '/leaf=/ { split($5, rax, "="); split($8, rdx, "="); printf " %s,%s", rax[2], rdx[2] }
		/ samples / { split($3, nmis, "="); printf " %s", nmis[2] }' answers)
	is "HLT, interrupts and numbers that are none are refused, and programs hear nothing" "$got" \
		" 0,0xffffffff 0,0xffffffff 0,0xffffffff 0 0,0 0,0 0"
}

samples_off() {
	local bit armed

	echo 0 >"$parameters/exit_stats_samples"
	ask read features 0 arm cpuid 1 make cpuid 50 samples
	echo 1 >"$parameters/exit_stats_samples"
	next_answer
	bit=$((rcx & 64))
	next_answer
	armed=$((rax))
	is "with exit_stats_samples=0 there are none, and the features say so" \
		"$bit $armed $(sed -n 's/.* samples nmis=\([0-9]*\) .*/\1/p' answers)" "0 0 0"
}

# until_waits N: until the vmm behind waits for the Nth time, or has died
until_waits() {
	until [ "$(grep -c waiting answers)" -ge "$1" ] || ! kill -0 "$vmm_pid"; do sleep 0.1; done
}

# The guest is armed when the module goes, and not when it is back.
armed_and_detached() {
	local name="nobody samples after the module went, or came back, until the guest arms again" module=/lab/exitstat_attach.ko

	if [ "$counter" != exitstat_attach ]; then
		skip "$name" "the attached module"
		return
	fi
	[ -f $module ] || module=exitstat_attach.ko
	mkfifo samples.in
	vmm arm cpuid 1 make cpuid 5 samples wait make cpuid 50 samples wait make cpuid 50 samples \
		arm cpuid 1 make cpuid 7 samples <samples.in >answers 2>&1 &
	vmm_pid=$!
	exec 6>samples.in
	until_waits 1
	rmmod exitstat_attach
	echo >&6
	until_waits 2
	insmod $module
	echo >&6
	wait $vmm_pid
	exec 6>&-
	rm samples.in
	is "$name" "$(sed -n 's/.* samples nmis=\([0-9]*\) .*/\1/p' answers | paste -sd ' ')" "5 0 0 7"
}

# A million in a soak.
sampled_many() {
	local n=$((prime > 10000 ? 100 * prime : prime))

	ask arm cpuid 1 make cpuid $n samples
	is "of $n, none is lost" "$(sed -n 's/.* samples nmis=\([0-9]*\) exits=\([0-9]*\) .*/\1 \2/p' answers)" "$n $n"
}

# 9 cases
samples() {
	sampled_kinds
	sampled_some
	sampled_several
	sampled_times
	sampled_many
	unheard_samples
	sampling_refused
	samples_off
	armed_and_detached
}
