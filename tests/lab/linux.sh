#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a machine of the lab with our KVM: a Linux guest under stock QEMU, from its first exit on.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../lib/ktap.sh
. ./ktap.sh
# shellcheck source=ask.sh
. ./ask.sh

events=/sys/kernel/tracing/events/kvm

# The section $1 of what the guest printed.
said() {
	sed -n "/^== $1\$/,/^== /{/^== /d;p}" guest.out
}

# The guest's last query, at which the tracepoint stops.
last="function == 0x4ffffffc && index == 0xf2ee2e"

# 5.10 has no event histograms (CONFIG_HIST_TRIGGERS): keep the events themselves there.
begin_trace() {
	if [ -e $events/kvm_exit/hist ]; then
		echo 'hist:keys=exit_reason' >$events/kvm_exit/trigger
		echo "hist:keys=info1 if exit_reason == $io" >>$events/kvm_exit/trigger
		echo "disable_hist:kvm:kvm_exit if $last" >$events/kvm_cpuid/trigger
	else
		echo 8192 >/sys/kernel/tracing/buffer_size_kb
		echo "traceoff if $last" >$events/kvm_cpuid/trigger
		echo 1 >$events/kvm_exit/enable
	fi
}

# A trigger holds KVM.
end_trace() {
	if [ -e $events/kvm_exit/hist ]; then
		echo "!disable_hist:kvm:kvm_exit if $last" >$events/kvm_cpuid/trigger
		echo "!hist:keys=info1 if exit_reason == $io" >>$events/kvm_exit/trigger
		echo '!hist:keys=exit_reason' >>$events/kvm_exit/trigger
	else
		echo 0 >$events/kvm_exit/enable
		echo "!traceoff if $last" >$events/kvm_cpuid/trigger
	fi
}

# `NUMBER COUNT`, as the kernel's own tracepoint counted the exits until the guest's last query.
traced() {
	if [ -e $events/kvm_exit/hist ]; then
		sed -n 's/^{ exit_reason: *\([0-9]*\) } hitcount: *\([0-9]*\)$/\1 \2/p' $events/kvm_exit/hist
	else
		vmm --list numbers | cat - /sys/kernel/tracing/trace | awk '
			NF == 2 && !/kvm_exit:/ { number[$2] = $1 + 0 }
			sub(/.* kvm_exit: .*reason /, "") { n[number[$1]]++ }
			END { for (i in n) print i, n[i] }'
	fi | sort -n
}

# `DETAIL COUNT` of each port and direction, as the hardware told the tracepoint: bit 0 on AMD, 3 on Intel.
traced_ports() {
	sed -n 's/^{ info1: *\([0-9]*\) } hitcount: *\([0-9]*\)$/\1 \2/p' $events/kvm_exit/hist |
		awk -v bit="$([ "$numbering" = 2 ] && echo 1 || echo 8)" '
		{ n[int($1 / 65536) % 65536 + int($1 / bit) % 2 * 65536] += $2 }
		END { for (i in n) printf "0x%x %d\n", i, n[i] }' | sort
}

# port_faults OURS TRACED: what has a row is the same, and the rest is what has none.
port_faults() {
	{ echo "$1" | sed 's/^/ours /'; echo "$2" | sed 's/^/traced /'; } | awk '
		{ n[$1, $2] = $3; if ($2 != "0xffffffffffffffff") seen[$2] = 1 }
		END {
			for (port in seen) {
				if (!(("ours", port) in n))
					missing += n["traced", port]
				else if (n["ours", port] != n["traced", port])
					print port ": " n["ours", port] ", traced " n["traced", port] + 0
			}
			if (n["ours", "0xffffffffffffffff"] != missing + 0)
				print "rest: " n["ours", "0xffffffffffffffff"] + 0 ", traced " missing + 0
		}'
}

sum_of_column() {
	awk '{ sum += $'"$1"' } END { print sum + 0 }'
}

# The raw line of the program cpuid: leaf, subleaf and four registers.
raw() {
	grep -cE "^ *0x4ffffffe 0x$1: eax=0x[0-9a-f]{8} ebx=0x[0-9a-f]{8} ecx=0x00000000 edx=0x$2\$"
}

plan 14
io=$(($(number_of pio_vmm)))
echo 1 >$parameters/exit_stats_details
begin_trace
guest -- sh /root/guest.sh >guest.out 2>&1
status=$?
[ $status -eq 0 ] || diagnose "$(tail -n 30 guest.out)"
is "the guest boots and ends well" $status 0

counts=$(said freeze | grep -v '[a-z]' | sort -n)
total=$(said freeze | sed -n 's/^total //p')
traced=$(traced)
traced_ports=$([ ! -e $events/kvm_exit/hist ] || traced_ports)
end_trace
diagnose "the guest's boot: ${total:-unknown} exits"
is "the tracepoint's count of each exit number is ours, for the whole boot, to the last exit" "$counts" "$traced"
ports="its count of each port is ours, to the last exit"
if [ -e $events/kvm_exit/hist ]; then
	our_ports=$(said freeze | sed -n 's/^detail //p')
	rest=$(echo "$our_ports" | sed -n 's/^0xffffffffffffffff //p')
	diagnose "$(echo "$traced_ports" | wc -l) ports and directions, of which the rest has ${rest:-0} exits"
	check "a boot uses many ports" test "$(echo "$our_ports" | wc -l)" -gt 50
	is "$ports" "$(port_faults "$our_ports" "$traced_ports")" ""
else
	skip "a boot uses many ports" "histograms of events in this kernel"
	skip "$ports" "histograms of events in this kernel"
fi
is "and the sum is the total" "$(echo "$counts" | sum_of_column 2)" "$total"
check "a boot has exits of several kinds" test "$(echo "$counts" | wc -l)" -ge 5

is "the program cpuid prints the leaf for CPUID exits" "$(said cpuid | raw "$(printf %02x $(($(number_of cpuid))))" 00000000)" 1
is "and every eighth number's" "$(said loop | raw '[0-9a-f]+' 00000000)" "$(vmm --list numbers | awk 'NR % 8 == 1' | wc -l)"
is "and says EDX = 0xffffffff of one that is not defined" "$(said undefined | raw '[0-9a-f]+' ffffffff)" 1

is "exitstat leaf prints the same registers" "$(said leaf | grep -cE '0x4fffff00.*0x4fffffff.*0x74697845.*0x74617453.*0x4d564b73')" 1
is "exitstat why: the sums are exact, and at least 99 % of port I/O, MSR, CPUID and memory exits have a detail of their own" \
	"$(said why | grep -v '^"')" ""
check "the serial console is called by its name" test "$(said why | grep -c '^"name": *"out 0x3f8", *"about": *"serial')" = 1
check "exitstat prints a table that has CPUID in it" grep -qi cpuid <<-END
	$(said table)
END
is "exitstat -- CMD exits with the status of CMD" "$(said command | tail -n 1)" "status 7"
finish
