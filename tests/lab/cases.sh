#!/bin/sh
# shellcheck shell=dash disable=SC2086 # lists of words are split
# SPDX-License-Identifier: MIT
# In a machine of the lab whose KVM answers: what every guest must see of its exits, and what none may.
#
# usage: cases.sh BUILD-ID PRIME: the build ID that our module has, the number of exits of each kind.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../lib/ktap.sh
. ./ktap.sh
# shellcheck source=ask.sh
. ./ask.sh
# shellcheck source=details.sh
. ./details.sh
# shellcheck source=samples.sh
. ./samples.sh

build_id=$1
prime=$2
parameter=$parameters/guest_exit_stats
cpuid=$(number_of cpuid)
kinds=$(vmm --list kinds | cut -d ' ' -f 1)
smp_kinds="hypercall wrmsr icr hlt wbinvd cr0"

# set_amount KIND: as many as it allows: guest pages are few, and a timer takes its time.
set_amount() {
	case $1 in
	npf) amount=1009 ;;
	hlt_timer) amount=101 ;;
	*) amount=$prime ;;
	esac
}

identity() {
	is "the $counter.ko that is loaded is ours" \
		"$(od -An -v -tx1 "/sys/module/$counter/notes/.note.gnu.build-id" | tr -d ' \n' | tail -c 40)" "$build_id"
}

discovery() {
	local epoch

	ask --vcpus 3 read signature 0 read features 0 read scope 0
	next_answer
	is "the signature is ExitStatsKVM, and the highest leaf of the block" \
		"$rax $(text "$rbx")$(text "$rcx")$(text "$rdx")" "0x4fffffff ExitStatsKVM"
	next_answer
	is "revision 2 of the ABI, this vendor's numbering, times and their split" \
		"$((rax)) $((rbx)) $((rcx & 3))" "2 $numbering 3"
	next_answer
	is "three vCPUs, and this is the first" "$((rax)) $((rbx))" "3 0"
	epoch=$second
	check "the epoch is not zero" test "$epoch" -ne 0
	next_answer 6
	is "the last vCPU is the third, in the same epoch" "$((rax)) $((rbx)) $second" "3 2 $epoch"
	ask read scope 0
	next_answer
	check "the next VM has another epoch" test "$second" -ne "$epoch"
}

# Exits of each kind, and the CPUIDs in between where these are the kind.
exact_counts() {
	local kind words='' vm vcpu own amount

	for kind in $kinds; do
		set_amount "$kind"
		words="$words read count $kind read vcpu-count $kind make $kind $amount"
		words="$words read count $kind read vcpu-count $kind"
	done
	ask $words
	for kind in $kinds; do
		set_amount "$kind"
		own=0
		[ "$kind" != cpuid ] || own=2
		next_answer
		vm=$count
		next_answer
		vcpu=$count
		next_answer 2
		vm=$((count - vm - own))
		next_answer
		vcpu=$((count - vcpu - own))
		is "$amount exits by $kind count as many, for the VM and for the vCPU" "$vm $vcpu" "$amount $amount"
	done
}

# An interrupt may exit while the numbers are read: one undisturbed round is enough.
sum_is_total() {
	local scope=$1 rounds="1 2 3 4 5 6 7 8" words='' sum total moving

	for _ in $rounds; do
		words="$words read ${scope}count all read ${scope}count 0xffffff00 read ${scope}total-count 0"
		words="$words read ${scope}count $interrupt read ${scope}count cpuid read ${scope}total-count 0"
	done
	ask make cpuid 3 make hypercall 5 make mmio 7 $words
	next_answer 3
	for _ in $rounds; do
		sum=0
		for _ in $numbers 0xffffff00; do
			next_answer
			case $((ecx)) in
			$((cpuid)) | $((interrupt_number))) ;;
			*) sum=$((sum + count)) ;;
			esac
		done
		next_answer
		total=$count
		next_answer
		moving=$count
		next_answer
		moving=$((moving + count))
		next_answer
		[ "$count" -ne $((total + 3)) ] || break
	done
	is "the counts of all numbers add up to the total, scope ${scope:-vm}" "$count $((sum + moving))" \
		"$((total + 3)) $((total + 2))"
}

# The times move at each exit: the sum lies between the totals before and after.
time_sum_is_total() {
	local before after sum=0

	ask make pio_vmm 100 read total-time 0 read time all read time 0xffffff00 read total-time 0
	next_answer 2
	before=$cycles
	for _ in $numbers 0xffffff00; do
		next_answer
		sum=$((sum + cycles))
	done
	next_answer
	after=$cycles
	check "the times of all numbers add up to the total" test "$before" -le "$sum" -a "$sum" -le "$after"
	check "time passes" test "$before" -gt 0 -a "$after" -gt "$before"
}

# Except for interrupts: the first one may come between the two readings.
next_finds_all() {
	local seen='' wanted=''

	ask make hypercall 3 make mmio 5 read count all next next
	next_answer 2
	for _ in $numbers; do
		next_answer
		[ "$count" -eq 0 ] || [ "$ecx" = "$interrupt_number" ] || wanted="$wanted $((ecx))"
	done
	while next_answer && [ "$rdx" = 0 ]; do
		[ "$rax" = "$interrupt_number" ] || seen="$seen $((rax))"
	done
	is "the leaf for the next number finds those with a count, in ascending order" "$seen" "$wanted"
	is "after the last number there is none" "$rax $rbx $rcx $rdx" "0 0 0 0xffffffff"
}

# All 256 leaves.  Named are 00-04, 08-0b and, in the rows E and F, 2-f.
block() {
	local words='' leaf=$((0x4fffff00)) bad='' high='' hex='[0-9a-f]'

	while [ $leaf -le $((0x4fffffff)) ]; do
		words="$words read $leaf 0x1234"
		leaf=$((leaf + 1))
	done
	ask $words
	while next_answer; do
		case "$rax $rbx $rcx $rdx" in
		*0x$hex$hex$hex$hex$hex$hex$hex$hex$hex*) high="$high $leaf" ;;
		esac
		case $leaf in
		0x4fffff0[0-489ab] | 0x4fffff[ef][2-9a-f]) ;;
		*) [ "$rax $rbx $rcx $rdx" = "0 0 0 0" ] || bad="$bad $leaf" ;;
		esac
	done
	is "a leaf without a name is zero in all registers, whatever was in them" "$bad" ""
	is "no answer has a bit above the 32 of a register" "$high" ""
}

unused_registers() {
	local words='' leaf bad=''

	for leaf in total-count count total-time time time-vmm time-waiting time-guest; do
		words="$words read $leaf cpuid read vcpu-$leaf cpuid"
	done
	ask $words
	for leaf in total-count count; do
		for _ in vm vcpu; do
			next_answer
			[ "$rcx $rdx" = "0 0" ] && [ "$count" -gt 0 ] || bad="$bad $leaf"
		done
	done
	for leaf in total-time time time-vmm time-waiting time-guest; do
		for _ in vm vcpu; do
			next_answer
			[ "$rax $rdx" = "0 0" ] || bad="$bad $leaf"
		done
	done
	is "a count leaves ECX and EDX zero, a time EAX and EDX" "$bad" ""
}

# One query for two values is answered like the two queries: nothing changes these counters meanwhile.
two_at_once() {
	local kind scope leaf words='' bad='' one_count one_time

	for kind in hypercall pio_vmm hlt_timer; do
		for scope in '' vcpu-; do
			words="$words read ${scope}count $kind read ${scope}time $kind read ${scope}count-time $kind"
			words="$words read ${scope}time-vmm $kind read ${scope}time-waiting $kind read ${scope}vmm-waiting $kind"
		done
	done
	ask make hypercall 3 make hlt_timer 2 make pio_vmm 5 make cpuid 1 $words
	next_answer 4
	for kind in hypercall pio_vmm hlt_timer; do
		for scope in vm vcpu; do
			next_answer
			one_count=$count
			next_answer
			one_time=$cycles
			next_answer
			[ "$count $second" = "$one_count $one_time" ] && [ "$one_time" -gt 0 ] || bad="$bad $scope:$kind"
			next_answer
			one_count=$cycles
			next_answer
			one_time=$cycles
			next_answer
			[ "$count $second" = "$one_count $one_time" ] || bad="$bad $scope:$kind:split"
		done
	done
	is "two values in one answer are those of two questions" "$bad" ""
	words=
	for leaf in count-time vmm-waiting; do
		words="$words read $leaf $((last_small)) read vcpu-$leaf 0x1000a"
	done
	ask $words
	bad=
	while next_answer; do
		[ "$rax $rbx $rcx $rdx" = "0 0 0 0xffffffff" ] || bad="$bad $leaf:$ecx"
	done
	is "and of a number that is not defined there are none" "$bad" ""
}

# Without details, no place exists.
no_details() {
	local words='' leaf place bad=''

	for leaf in detail detail-count detail-time; do
		for place in 0 0xffff 0x10000 0xffffffff; do
			words="$words read $leaf $place read vcpu-$leaf $place"
		done
	done
	ask $words
	while next_answer; do
		[ "$rax $rbx $rcx $rdx" = "0 0 0 0xffffffff" ] || bad="$bad $leaf:$ecx"
	done
	is "where details are off, no place is that of one" "$bad" ""
}

# details_add_up SENTENCE WORDS...: of what the steps print
details_add_up() {
	local sentence=$1

	shift
	ask "$@"
	is "$sentence" "$(detail_faults answers "$cpuid")" ""
}

# Which port, MSR, leaf, address: every exit has its place.
details() {
	local to

	echo 1 >$parameters/exit_stats_details
	ask read features 0
	next_answer
	is "a VM that begins with exit_stats_details=1 has details" "$((rcx & 32))" 32
	details_add_up "the details of each number add up to it, in count and time" make npf 100 mix 2000 7 details vcpu
	details_add_up "so they do on vCPUs that run at once" --vcpus 3 mix 1000 8 details vcpu
	ask --vcpus 2 mix 500 9 barrier make cpuid 5 barrier details vm barrier
	is "and for the VM, whose vCPUs' details come one after the other" "$(detail_faults answers "$cpuid" all)" ""
	is "there are those of both vCPUs" "$(grep -c 'vcpu=0 detail place=0x[0-9a-f]\{1,3\} .*detail=0x4fffff00' answers) \
$(grep -c 'vcpu=0 detail place=0x1[0-9a-f]\{4\} .*detail=0x4fffff00' answers)" "1 1"
	for to in port msr leaf mmio; do
		details_add_up "of exits to 300 targets ($to), the details add up" read signature 0 spread $to details vcpu
		is "each target with a row has its prime of exits, and the rest has what is over" "$(spread_faults $to answers)" ""
	done
	ask mix 500 10 details vcpu mix 500 11 spread port details vcpu
	is "no detail moves" "$(moved_places answers)" ""
	details_add_up "leaves where hypervisors are looked for have one row" sample 500 20261125 details vcpu
	is "as many as are asked" "$(grep -c "number=$cpuid detail=0x4[0-9a-f]\{7\} " answers)" 2
	ask spread leaf spread port details vcpu
	is "a number that takes its quarter leaves the rest to others" "$(grep -c "number=$cpuid detail=0xffffffffffffffff" answers) \
$(spread_faults port answers)" "1 "
	host_reads_details
	is "the host's table has the same details, count and time" "$(host_details table)" "$(guest_details answers)"
	if [ "$counter" = kvm ]; then
		is "and so have the statistics" "$(stat_details answers)" "$(guest_details answers)"
	else
		skip "and so have the statistics" "our KVM"
	fi
	echo 0 >$parameters/exit_stats_details
	ask make pio_vmm 7 details vcpu
	is "a VM that begins with exit_stats_details=0 has none" "$(grep -c ' detail ' answers) $(grep -c 'details .*sum=0 ' answers)" \
		"0 $(grep -c ' details ' answers)"
}

# After its last query, the VM does nothing but exit to the VMM.
host_reads_details() {
	start_vm make pio_vmm 7 make hypercall 11 details vcpu vmm stats 0 wait
	until cat /sys/kernel/debug/kvm/*/vcpu0/exit_details >table 2>/dev/null || ! kill -0 "$vmm_pid"; do sleep 0.1; done
	end_vm
}

# Of the last list in FILE, what neither our own queries nor exits to the VMM change: place, number, detail, count, time.
guest_details() {
	grep '^vcpu=0 detail ' "$1" | grep -vE "number=$cpuid |detail=0xf0f[27] |number=$interrupt_number " | sed 's/[a-z]*=//g' | cut -d ' ' -f 3-7
}

host_details() {
	sed -n 's/^0  *\([0-9]* .*0x\)/\1/p' "$1" | while read -r row number _ detail n time; do
		printf '%#x %#x %#x %u %u\n' "$row" "$number" "$detail" "$n" "$time"
	done | grep -vE " $cpuid 0x| 0xf0f[27] | $interrupt_number 0x"
}

# The same of the statistics, by rows.
stat_details() {
	sed -n 's/^stat vcpu=0 name=exit_\(detail[a-z_]*\) .* values=/\1,/p' "$1" | awk -F , '
		{ for (i = 2; i <= NF; i++) v[$1, i] = $i; last = NF }
		END { for (i = 2; i <= last; i++) if (v["detail_count", i] != 0)
			print i - 2, v["detail_number", i], v["detail", i], v["detail_count", i], v["detail_cycles", i] }' |
		while read -r row number detail n time; do
			printf '%#x %#x %#x %u %u\n' "$row" "$number" "$detail" "$n" "$time"
		done | grep -vE " $cpuid 0x| 0xf0f[27] | $interrupt_number 0x"
}

# Small numbers one by one, then what only looks like a number.
inputs() {
	local words='' input=0 bad='' wanted

	while [ $input -le $last_small ]; do
		words="$words read count $input"
		input=$((input + 1))
	done
	for input in 0x1000a 0x10072 0x80000001 0x80000021 0x8000ffff 0xdead 0xf0000000 0xfffffefe 0xfffffeff \
		0xffffff01 0xfffffffb 0xfffffffc 0xfffffffd 0xfffffffe 0xffffffff 0x7fffffff 0x80000000; do
		words="$words read count $input read time $input read vcpu-time-vmm $input read vcpu-time-waiting $input"
	done
	ask $words read count 0xffffff00
	while next_answer; do
		wanted=0xffffffff
		! is_number "$ecx" || wanted=0
		[ "$rdx" = "$wanted" ] && { [ "$wanted" = 0 ] || [ "$rax $rbx $rcx" = "0 0 0" ]; } ||
			bad="$bad $leaf:$ecx"
	done
	is "an input that names nothing has EDX = 0xffffffff and zeros, any other EDX = 0" "$bad" ""
}

buckets() {
	ask read bucket 0x180000 read bucket 0xffff0000 read bucket "$((last_small & 0xffff))" read bucket 0xff00 \
		read bucket 0x17ff00 read next 0xffffffff
	next_answer
	is "there is no 25th bucket" "$rax $rbx $rcx $rdx" "0 0 0 0xffffffff"
	next_answer
	is "and no last one at the end of 16 bits" "$rax $rbx $rcx $rdx" "0 0 0 0xffffffff"
	next_answer
	is "a bucket of a number that is not defined names nothing" "$rax $rbx $rcx $rdx" "0 0 0 0xffffffff"
	next_answer
	is "the pseudo-number for others has a first bucket" "$rdx" 0
	next_answer
	is "and a last one" "$rdx" 0
}

# The kinds that no barrier or other step makes.
four_vcpus() {
	local kind words='' n vcpu wrong='' before vm each=211

	for kind in $smp_kinds; do
		words="$words barrier read vcpu-count $kind read count $kind barrier make $kind $each barrier"
		words="$words read vcpu-count $kind read count $kind"
	done
	ask --vcpus 4 $words
	for vcpu in 0 1 2 3; do
		n=$((each * (vcpu + 1)))
		for kind in $smp_kinds; do
			next_answer
			before=$count
			next_answer
			vm=$count
			next_answer 2
			[ $((count - before)) -eq $n ] || wrong="$wrong $kind: $((count - before)) on vCPU $vcpu;"
			next_answer
			[ $((count - vm)) -eq $((each * 10)) ] || wrong="$wrong $kind: $((count - vm)) in all;"
		done
	done
	is "four vCPUs at once: each has its own $smp_kinds exits, the VM their sum" "$wrong" ""
}

# The first VM stops in the middle of its steps; meanwhile the second begins and ends.
two_vms() {
	local first

	start_vm read count hypercall make hypercall "$prime" wait read count hypercall
	ask read count hypercall read total-count 0 make hypercall 211 read count hypercall
	next_answer
	is "a new VM has no exits of another VM" "$count" 0
	next_answer
	check "and starts with those of its own start" test "$count" -lt 100
	next_answer 2
	is "and counts its own" "$count" 211
	end_vm
	next_answer
	first=$count
	next_answer 2
	is "the other VM counts its own all the while" "$((count - first))" "$prime"
}

# What a KVM without all this answers: the leaf just below the block says it.
privileges() {
	local value who seen

	for value in 0 1 2; do
		echo $value >$parameter
		ask read 0x4ffffdfe 3 read signature 3 read count 3 user read 0x4ffffdfe 3 user read signature 3 user read count 3
		seen=
		for who in kernel user; do
			next_answer
			stock="$rax $rbx $rcx $rdx"
			next_answer
			if [ "$(text "$rbx")$(text "$rcx")$(text "$rdx")" = ExitStatsKVM ]; then
				next_answer
				[ "$rdx" = 0 ] && seen="$seen $who"
			elif [ "$rax $rbx $rcx $rdx" = "$stock" ]; then
				next_answer
				[ "$rax $rbx $rcx $rdx" = "$stock" ] || seen="$seen $who:$rax,$rbx,$rcx,$rdx"
			else
				seen="$seen $who:$rax,$rbx,$rcx,$rdx"
			fi
		done
		case $value in
		0) is "guest_exit_stats=0: nobody sees more than of any KVM" "$seen" "" ;;
		1) is "guest_exit_stats=1: the guest's kernel alone may ask" "$seen" " kernel" ;;
		2) is "guest_exit_stats=2: kernel and programs may ask" "$seen" " kernel user" ;;
		esac
	done
	(echo 3 >$parameter) 2>/dev/null
	is "another value is refused, and changes nothing" "$? $(cat $parameter)" "1 2"
}

vmm_decides() {
	echo 0 >$parameter
	ask --entry with read signature 0
	next_answer
	is "the VMM's entry with the signature means on, even where the parameter says off" "$(text "$rbx")" Exit
	echo 2 >$parameter
	ask --entry without read 0x4ffffdfe 3 read count 3
	next_answer
	stock="$rax $rbx $rcx $rdx"
	next_answer
	is "an entry without it means off, even where the parameter says on" "$rax $rbx $rcx $rdx" "$stock"
}

# Counting continues while reading is refused.
flip() {
	local before

	start_vm read count hypercall wait make hypercall "$prime" read signature 0 wait read count hypercall
	echo 0 >$parameter
	go_on
	echo 2 >$parameter
	end_vm
	next_answer
	before=$count
	next_answer 2
	check "switched off, a running VM sees no signature" test "$(text "$rbx")" != Exit
	next_answer
	is "switched on again, it has missed no exit" "$((count - before))" "$prime"
}

# Counting begins in the middle of a VM's life, and the VM is told; a VM that its VMM switched on is not late.
late() {
	local began age

	echo 0 >$parameter
	start_vm tsc make hypercall 5 wait read features 0 read age 0 tsc read count hypercall make hypercall "$prime" \
		read count hypercall read features 0
	echo 2 >$parameter
	end_vm
	next_answer
	began=$((rax))
	next_answer 2
	is "where counting begins after the VM's first entry, it is late" "$((rcx & 16))" 16
	next_answer
	age=$cycles
	next_answer
	diagnose "the VM's age: more than $((rax - began)), counting since $age"
	check "and younger than the VM" test "$age" -gt 0 -a "$age" -lt $((rax - began))
	next_answer
	is "exits before do not count" "$count" 0
	next_answer 2
	is "and those after do" "$count" "$prime"

	echo 0 >$parameter
	ask --entry with make hypercall 3 read features 0 read age 0 read count hypercall
	next_answer 2
	is "a VM whose VMM says on, where nobody counted, is not late" "$((rcx & 16)) " "0 "
	next_answer
	check "it has an age" test "$cycles" -gt 0
	next_answer
	is "and all its exits" "$count" 3
	echo 2 >$parameter
}

# The sums of what vmm's snapshots say: the TSC, what is told of it, and by how much a snapshot may be late.
told() {
	awk '
		function of(name) { match($0, " " name "=[0-9]+"); return substr($0, RSTART + length(name) + 2, RLENGTH - length(name) - 2) }
		/ snapshot / { n++; if (n == 2) print line; line = of("tsc") " " of("guest") " " of("time") " " of("slack") }
		/ row / { line = line " " of("waiting") }
		END { print line }' answers | while read -r tsc guest time slack rows; do
		for row in $rows; do time=$((time + row)); done
		echo "$tsc $guest $time $slack"
	done | paste -sd ' '
}

# This needs one TSC for all: while KVM adjusts a guest's, RDTSC there measures nothing.
conservation() {
	local name="guest + sum of (processing + waiting) = elapsed TSC, to 0.01 %" elapsed residual

	ask read features 0
	next_answer
	if [ "$rdx" = 0 ]; then
		skip "$name" "a constant TSC on this host"
		return
	fi
	ask snapshot make pio_vmm "$prime" make hlt_timer 101 make hypercall "$prime" snapshot
	# shellcheck disable=SC2046 # words
	set -- $(told)
	elapsed=$(($5 - $1)) residual=$(($5 - $1 - ($6 - $2) - ($7 - $3)))
	diagnose "elapsed $elapsed, guest $(($6 - $2)), processing and waiting $(($7 - $3)): residual $residual, of which a snapshot may be $8"
	check "$name" test $((residual - $8)) -le $((elapsed / 10000)) -a $((-residual - $4)) -le $((elapsed / 10000))
}

plan $((1 + 6 + $(echo "$kinds" | wc -l) + 2 + 2 + 2 + 2 + 1 + 1 + 2 + 1 + 5 + 1 + 4 + 4 + 2 + 2 + 7 + 1 + 20 + 9))
identity
discovery
exact_counts
sum_is_total ""
sum_is_total vcpu-
time_sum_is_total
next_finds_all
block
unused_registers
two_at_once
no_details
inputs
buckets
four_vcpus
two_vms
privileges
vmm_decides
flip
late
details
samples
conservation
finish
