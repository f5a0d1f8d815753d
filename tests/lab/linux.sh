#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a machine of the lab with our KVM: a Linux guest under stock QEMU, from its first exit on.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../lib/ktap.sh
. ./ktap.sh
# shellcheck source=ask.sh
. ./ask.sh
# shellcheck source=freeze.sh
. ./freeze.sh

# The section $1 of what the guest printed.
said() {
	sed -n "/^== $1\$/,/^== /{/^== /d;p}" guest.out
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
echo 1 >$parameters/exit_stats_details
frozen -- sh /root/guest.sh
is "the guest boots and ends well" "$status" 0

counts=$(said freeze | grep -v '[a-z]' | sort -n)
total=$(said freeze | sed -n 's/^total //p')
diagnose "the guest's boot: ${total:-unknown} exits"
is "the tracepoint's count of each exit number is ours, for the whole boot, to the last exit" "$counts" "$(cat traced)"
ports="its count of each port is ours, to the last exit"
if [ -n "$histograms" ]; then
	our_ports=$(said freeze | sed -n 's/^detail //p')
	rest=$(echo "$our_ports" | sed -n 's/^0xffffffffffffffff //p')
	diagnose "$(wc -l <traced-ports) ports and directions, of which the rest has ${rest:-0} exits"
	check "a boot uses many ports" test "$(echo "$our_ports" | wc -l)" -gt 50
	is "$ports" "$(port_faults "$our_ports" "$(cat traced-ports)")" ""
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
