#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# exitstat why, and --details elsewhere, against recordings from a model of a VM and against a machine that is not a VM.
# shellcheck disable=SC2317 # wait_for calls functions
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/exitstat.sh
. "$top/tests/lib/exitstat.sh"

model() { python3 "$top/tests/lib/detailed.py" "$@"; }

# under REASON: the lines of its details, count and what it was, from a table on stdin
under() {
	awk -v reason="$1" '{ what = substr($0, 43) } on && what !~ /^  / { exit } on { print $1 " " substr(what, 3) } what == reason { on = 1 }'
}

model >amd.rec
model intel >intel.rec
model without >without.rec
model restart >restart.rec
sed 's/^\(4fffff01 .* \)00000023 /\100000003 /' amd.rec >off.rec
sed 's/^\(4fffff01 .*-> \)00000002/\100000001/; s/^\(4fffff01 .* \)00000023 /\100000003 /' amd.rec >first.rec

plan 71

#
# What is not there.
#
refuses "details that are off are no table of zeros: it is said who turns them on" 77 "the host turns them on with exit_stats_details=1" -S off.rec why
refuses "with every verb" 77 "no details: they are off for this VM" -S off.rec -d 1
refuses "revision 1 has none" 77 "no details: the hypervisor speaks revision 1" -S first.rec why
refuses "neither has a recording without them" 1 "the recording without.rec holds no details; record with --details" -S without.rec why
refuses "a reason that the vendor does not have" 2 "AMD has no exit reason 'IO_INSTRUCTION'; see exitstat names --vendor amd" -S amd.rec why IO_INSTRUCTION
refuses "a number that it does not have" 2 "Intel has no exit reason '35'; see exitstat names --vendor intel" -S intel.rec why 35
refuses "a reason that has no details" 1 "hlt has no details: nothing more is known of such an exit" -S amd.rec why hlt
refuses "two reasons" 2 "why takes one list of reasons, not 'msr' too" -S amd.rec why io msr
refuses "each of the vCPUs" 2 "not several" -S amd.rec why -v all
refuses "an option of another verb" 2 "why takes no --repeat; see exitstat why --help" -S amd.rec why -r 2

#
# The table.
#
is "under a reason there are the details that make 95 % of its time, then the others, and the rest" \
	"$(exitstat -S amd.rec why | under io)" "3066 out 0x3f8  serial port 1
633 in 0x3fd  serial port 1
87 13 others
21 rest  found no row in the host's table"
is "of several vCPUs they are added up" "$(exitstat -S amd.rec why io | under io | head -n 1)" "3066 out 0x3f8  serial port 1"
is "one other is shown instead of its line" "$(exitstat -S amd.rec why cpuid | under cpuid | wc -l)" 3
is "sorted by count, it is the count of which 95 % are shown" "$(exitstat -S amd.rec why npf -s count | under npf | cut -d ' ' -f 1 | paste -sd ' ')" "123 69 57 27"
is "--all shows all" "$(exitstat -S amd.rec why io -a | under io | wc -l)" 16
sums() { awk 'NR > 3 { what = substr($0, 43) } what == "total" { total = $1; exit } what ~ /^  / { parts += $1; next } what { sum += $1 } END { print sum - total, total - parts }'; }
is "the details add up to their reasons, these to the total: but for hlt, which has none" \
	"$(exitstat -S amd.rec -d | sums) $(exitstat -S amd.rec -d -b -H 1 1 | awk '$NF == "hlt" { print $1 }')" "0 87 29"
is "what has no details is one line of why, and each of the table" "$(exitstat -S amd.rec why | grep -c '1 reason without details$') $(exitstat -S amd.rec -d | grep -c ' hlt$')" "1 1"
is "a reason is found by its name in small letters, and by its number" \
	"$(for reason in io_instruction 30 0x1e; do exitstat -S intel.rec why $reason -H | head -n 1 | awk '{ print $1, $5 }'; done | sort -u)" "3807 IO_INSTRUCTION"
for class in io msr cpuid memory mmio; do
	is "the class $class is a reason on both vendors" "$(for file in amd intel; do exitstat -S $file.rec why $class -H | grep -cv '^.\{42\}  '; done | paste -sd ' ')" "$([ $class = msr ] && echo 1 2 || echo 1 1)"
done
is "several reasons are one list" "$(exitstat -S intel.rec why io,msr -H | awk '{ print $5 }' | grep -c '^IO_INSTRUCTION$\|^MSR_WRITE$')" 2
is "--limit is of reasons, and of details in each; what is left out is a line" \
	"$(exitstat -S amd.rec why -n 2 | sed '1,3d; s/^.\{42\}//' | paste -sd '|')" \
	"io|  out 0x3f8  serial port 1|  in 0x3fd  serial port 1|  13 others|  rest  found no row in the host's table|npf|  mmio 0xfebc3004|  mmio 0xfebff0c0|  2 others|2 other reasons|1 reason without details|total"
is "--reverse is the other way round" "$(exitstat -S amd.rec why -R io -n 1 | under io | head -n 1 | cut -d ' ' -f 1)" "$(exitstat -S amd.rec why -a io | under io | grep -v rest | tail -n 1 | cut -d ' ' -f 1)"
is "the manuals' names are known on both vendors" "$(exitstat -S intel.rec why | grep -c 'wrmsr 0x6e0  IA32_TSC_DEADLINE$\|mmio 0xfee000b0  local APIC EOI$\|cpuid 0xd  XSAVE$')" 3
is "one vCPU has its own" "$(exitstat -S amd.rec why -v 0 2>&1)" "exitstat: there is no CPU 0 in the recording; --vcpu takes one that is online"

#
# Between two moments.
#
is "in an interval the reader's own exits are taken out of its own leaf, to the last one" \
	"$(exitstat -S amd.rec -d -b 1 1 | under cpuid; exitstat -S amd.rec -d -b 1 1 | grep -c ' exitstat itself$')" "70 cpuid 0xd  XSAVE
35 cpuid 0x1  version, features
1"
is "what happened between the two halves of a reading is in the details' half, and all adds up" \
	"$(model between | exitstat -S - -j -d 1 1 | json '[(e["name"], e["count"]) for e in d["exits"] if e["count"]], d["total"]["count"]')" "[] 0"
is "lines show the busiest details, and reasons without" "$(exitstat -S amd.rec -d -H 1 1 | awk '{ print $6, $7, $8, $9, $10, $11 }')" "out 0x3f8 1022 wrmsr 0x6e0 503"
is "a command's are what happened while it ran" "$(exitstat -S amd.rec -d -- true 2>&1 | under npf)" "41 mmio 0xfebc3004
9 mmio 0xfebff0c0
23 ram write
19 mmio 0xfee000b0  local APIC EOI"
is "counters that started anew count from zero" "$(exitstat -S restart.rec -d -b 1 | under io | tail -n 4 | head -n 1; exitstat -S restart.rec -d 1 2>&1 | grep -c restarted)" "1022 out 0x3f8  serial port 1
1"

#
# For programs.
#
is "JSON has them under each exit, and they add up to its count" \
	"$(exitstat -S amd.rec -j why | json '[(e["name"], sum(x["count"] for x in e["details"]) - e["count"], sum(x["cycles"] for x in e["details"]) - e["cycles"]) for e in d["exits"] if "details" in e]')" \
	"[('cpuid', 0, 0), ('io', 0, 0), ('msr', 0, 0), ('npf', 0, 0)]"
is "64 bits are text, and have a name" \
	"$(exitstat -S amd.rec -j why npf | json '[(x["detail"], x["name"], x.get("about")) for x in d["exits"][0]["details"]]')" \
	"[('0x2', 'ram write', None), ('0x80000000febc3004', 'mmio 0xfebc3004', None), ('0x80000000febff0c0', 'mmio 0xfebff0c0', None), ('0x80000000fee000b0', 'mmio 0xfee000b0', 'local APIC EOI')]"
is "without --details there are none" "$(exitstat -S amd.rec -j | json '[e for e in d["exits"] if "details" in e]')" "[]"
is "CSV has rows of details behind the row of their exit" "$(exitstat -S amd.rec -d --csv | awk -F, '$8 == "npf" { print $10, $14, $15 }')" "276  
69 \"ram write\" \"\"
123 \"mmio 0xfebc3004\" \"\"
27 \"mmio 0xfebff0c0\" \"\"
57 \"mmio 0xfee000b0\" \"local APIC EOI\""
is "and columns for them" "$(exitstat -S amd.rec -d --csv | head -n 1)" \
	"kind,wall_clock,timestamp_ns,duration_ns,tsc_khz,cpu,number,name,class,count,cycles,vmm_cycles,waiting_cycles,detail,about"

#
# What the machine has there.
#
machine() {
	mkdir -p "$1/proc" "$1/sys/bus/pci/devices/0000:00:02.0/virtio0" "$1/sys/bus/platform/devices/LNRO0005:00/virtio3"
	printf '%s\n' "0000-0cf7 : PCI Bus 0000:00" "  03f8-03ff : serial" "  0700-070f : bad"$'\e'"[2J name" "0d00-ffff : PCI Bus 0000:00" "  c000-c03f : 0000:00:02.0" >"$1/proc/ioports"
	printf '%s\n' "00001000-0009fbff : System RAM" "c0000000-febfffff : PCI Bus 0000:00" "  febc0000-febc3fff : 0000:00:02.0" \
		"  febff000-febfffff : LNRO0005:00 LNRO0005:00" "fee00000-fee00fff : Local APIC" >"$1/proc/iomem"
	printf '0x%016x 0x%016x 0x%016x\n' 0xc000 0xc03f 0x40101 0xfebc3000 0xfebc3fff 0x40200 0 0 0 >"$1/sys/bus/pci/devices/0000:00:02.0/resource"
	ln -s ../../../bus/virtio/drivers/virtio_net "$1/sys/bus/pci/devices/0000:00:02.0/virtio0/driver"
	ln -s ../../../bus/pci/drivers/virtio-pci "$1/sys/bus/pci/devices/0000:00:02.0/driver"
	ln -s ../../../bus/virtio/drivers/virtio_blk "$1/sys/bus/platform/devices/LNRO0005:00/virtio3/driver"
}
machine here
notes() { EXITSTAT_ROOT=$1 exitstat -S amd.rec record -d -o - 2>/dev/null; }
notes here >noted.rec
is "a recording notes what the machine has at its ports" "$(sed -n 's/^note ports //p' noted.rec)" "+c000-c03f virtio_net, 0000:00:02.0 BAR 0;3f8-3ff serial;700-70f bad?[2J name;c000-c03f 0000:00:02.0"
is "a port has the name that the guest's kernel gave it, or its PCI device's" "$(exitstat -S noted.rec why io -a | under io | grep -c '  serial$\|0xc012  virtio_net, 0000:00:02.0 BAR 0 + 0x12$')" 3
is "an address its PCI device, the BAR and where in it; or a virtio device without a bus" \
	"$(exitstat -S noted.rec why npf | under npf)" "123 mmio 0xfebc3004  virtio_net, 0000:00:02.0 BAR 1 + 0x4
27 mmio 0xfebff0c0  virtio_blk, LNRO0005:00 + 0xc0
69 ram write
57 mmio 0xfee000b0  local APIC EOI"
is "a copy of a machine's /proc and /sys names what was recorded without" "$(EXITSTAT_ROOT=here exitstat -S amd.rec why npf | under npf | head -n 1)" \
	"123 mmio 0xfebc3004  virtio_net, 0000:00:02.0 BAR 1 + 0x4"
is "names of the kernel's are cleaned" "$(EXITSTAT_ROOT=here exitstat -S amd.rec why io -a | grep -c '  bad?\[2J name$')" 12
cp -r here hidden
sed -i -E 's/^( *)[0-9a-f]+-[0-9a-f]+/\100000000-00000000/' hidden/proc/ioports hidden/proc/iomem
is "where only root sees addresses, those on a PCI bus are named, and it is said once" \
	"$(EXITSTAT_ROOT=hidden exitstat -S amd.rec why -a | grep -c 'virtio_net\|^Only root sees which device'; EXITSTAT_ROOT=hidden exitstat -S amd.rec why -H | grep -c '^Only root')" "3
0"
is "not where nothing of it is shown" "$(EXITSTAT_ROOT=hidden exitstat -S amd.rec why msr | grep -c '^Only root')" 0
EXITSTAT_ROOT=nowhere exitstat -S amd.rec why >out
is "a machine without /proc and /sys is no error" "$(under npf <out | head -n 1)" "123 mmio 0xfebc3004"
for i in $(seq 400); do printf '%04x-%04x : port %d of a machine with many\n' "$((i * 16))" "$((i * 16 + 7))" "$i"; done >here/proc/ioports
is "a note that would be too long for its line is cut between two" "$(notes here | awk '/^note ports/ { print (length < 4094), ($NF == "many" || $NF == "0") }')" "1 1"
is "what others noted is cleaned as well, and what is no range is left out" "$(model note ports $'3f8-3ff a\e[31mb;zz;5-4 x;700-800' | exitstat -S - why io | grep -c 'a?\[31mb$')" 2

#
# Recordings.
#
is "a recording of a recording holds them, to the last exit" \
	"$(exitstat -S amd.rec record -d -o copy.rec 2>/dev/null; for file in amd copy; do exitstat -S $file.rec -d -b -H 1 2 | md5sum; done | sort -u | wc -l)" 1

model frames=1100 >long.rec
is "a report says what took most of the exits' time" "$(exitstat report noted.rec | sed -n '/^What took most/,/[.]$/p' | paste -sd ' ')" \
	"What took most of it: out 0x3f8 (serial), 2044 exits in 102.200 ms; in 0x3fd (serial), 422 exits in 12.660 ms; mmio 0xfebc3004 (virtio_net, 0000:00:02.0 BAR 1 + 0x4), 82 exits in 4.920 ms."
is "with --details, its table has them" "$(exitstat report -d amd.rec | under msr)" "1006 wrmsr 0x6e0  IA32_TSC_DEADLINE
8 2 others"
refuses "which a recording without them has not" 1 "the recording without.rec holds no details" report -d without.rec
is "a report without is as it was" "$(exitstat report without.rec | grep -c 'What took'; exitstat report --json without.rec | grep -c details)" "0
0"
# consistent: of a report's JSON on stdin, the details of each exit add up to it, and over the intervals to themselves
consistent() {
	json '[len(d["intervals"]), all(sum(x["count"] for x in e["details"]) == e["count"] for e in d["exits"] if "details" in e),
		all(sum(i["details"].get("%d:%s" % (e["number"], x["detail"]), 0) for i in d["intervals"]) == x["count"] for e in d["exits"] for x in e.get("details", []))]'
}
is "JSON has them for each interval, and all of it adds up" "$(exitstat report --json long.rec | consistent)" "[1099, True, True]"
exitstat report --html long.html long.rec >/dev/null
is "so it does where neighbours are one point of the page's" \
	"$(sed -n 's/.*id="data">\[\(.*\)\]<\/script>$/\1/p' long.html | consistent)" "[550, True, True]"

#
# On a host.
#
pid=4194305
tree() { python3 "$top/tests/lib/hosttree.py" "$@"; }
host() { exitstat host -D "$@"; }
tree vms --details
tree plain
is "a host's VM is the first operand, the reason the second" "$(host vms why $pid | under io; host vms why $((pid + 1)) io -H | head -n 1 | awk '{ print $1, $NF }')" "6 out 0x3f8  serial port 1
3 rest  found no row in the host's table
18 io"
is "behind --vm there is only the reason; a vCPU has its own table" "$(host vms -m $((pid + 1)) why -v 1 io | under io | head -n 1)" "8 out 0x3f8  serial port 1"
# The files are written one after the other, so perhaps in two intervals.
rm -f out
"$exitstat" host -D vms -m $pid -d -b 0.2 >out & watcher=$!
wait_for grep -q total out
tree vms --details --tick 101
happened() { awk '/ cpuid 0x/ { sum[substr($0, 45)] += $1 } END { for (what in sum) print sum[what], what }' out | sort -k 3; }
all_happened() { [ "$(happened | awk '{ sum += $1 } END { print sum }')" = 3300 ]; }
wait_for all_happened
kill $watcher
wait $watcher
is "intervals have what happened in them, and no exits of the reader's" "$(happened; grep -c itself out)" "1800 cpuid 0x1  version, features
1500 cpuid 0xd  XSAVE
0"
refuses "a VM without details says so, with the host's parameter" 77 "no details: they are off for this VM; the host turns them on" host -D plain -m $pid why
is "check says whether there are any" "$(for dir in vms plain; do host $dir -m $pid check | sed -n 's/^details  *//p'; done)" "yes: see exitstat why
no: off on the host"
# bad SENTENCE WORDS SED: a table of details that is changed so is refused, in these words; and is not read where nothing asks for it
bad() {
	rm -rf bad
	tree bad --vms 1 --details
	sed -i "$3" "bad/$pid-10/exit_details"
	host bad >/dev/null -T || fail "$1" "the list reads it"
	refuses "refused: $1" 1 "$2" host -D bad why
}
bad "another version" "line 1: a table of details begins with 'exit_details 1'" '1s/1/2/'
bad "a head without its epoch" "before the details come numbering, tsc_khz, epoch" '/^epoch/d'
bad "a column that is missing" "line 9: the columns of details are vcpu, row, number, detail, count, cycles" '9s/detail//'
bad "a row of the table before the one above it" "line 11: the details are in ascending order of vCPU and row" '11s/^0 *5/0 3/'
bad "a vCPU that KVM cannot have" "line 17: a value is a number" '17s/^1 /16384 /'
bad "a row that no place has" "line 17: a value is a number" '17s/265/65536/'
bad "an exit number of 33 bits" "line 10: a value is a number" '10s/0x72/0x100000072/'
bad "a detail of 65 bits" "line 10: a value is a number" '10s/0x1 /0x10000000000000000 /'
bad "a cell too many" "line 10: a row has a value for each column" '10s/$/ 7/'
head -c -3 "vms/$pid-10/exit_details" >"bad/$pid-10/exit_details"
refuses "refused: a line without its end" 1 "line 17: the table ends inside a line" host -D bad why
tree bad --vms 1 --details
sed -i 's/^epoch.*/epoch 0x5/' "bad/$pid-10/exit_details"
is "a table of other counters than the exits' holds nothing, which is no error" "$(host bad why | sed -n 4p | cut -c 43-)" "5 reasons without details"

finish
