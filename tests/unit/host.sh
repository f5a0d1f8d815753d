#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# exitstat host against a debugfs and QMP servers that are neither KVM's nor QEMU's, under ASan and UBSan.
# shellcheck disable=SC2317 # a trap and check() call the functions
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/exitstat.sh
. "$top/tests/lib/exitstat.sh"

servers=()
cleanup() {
	[ -z "${terminal:-}" ] || tmux -S "$terminal" kill-server 2>/dev/null
	[ ${#servers[@]} -eq 0 ] || kill "${servers[@]}" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT

# The first PID that no process can have.
pid=4194305
tree() { python3 "$top/tests/lib/hosttree.py" "$@"; }
host() { "$BUILD/exitstat" host --debugfs vms "$@"; }
qmp() { local how=$1; shift; "$BUILD/exitstat" host --qmp "$how.qmp" "$@"; }

# json EXPRESSION: what Python says of the objects on stdin, a list of one per line.
json() {
	python3 -c "import json, sys; d = [json.loads(line) for line in sys.stdin]; print($1)"
}

# rows COMMAND...: count and name of every row, by number.
rows() {
	"$@" --no-header --sort number 2>&1 | awk '{ print $2, $3 }'
}

# table SED: the VM's table, changed so, is the only VM of the directory "bad".
table() {
	rm -rf bad
	mkdir -p "bad/$pid-10"
	sed "$1" "vms/$pid-10/exit_stats" >"bad/$pid-10/exit_stats"
}
bad() { "$BUILD/exitstat" host --debugfs bad "$@"; }

# What follows runs while exitstat does, and so waits for what it prints: nobody knows how long that takes on a busy machine.

# watching ARGUMENT...: exitstat host in the background, as $watcher, with its output in out and err
watching() {
	# It empties them itself, perhaps after the first look at them.
	rm -f out err
	"$BUILD/exitstat" host -D vms "$@" >out 2>err &
	watcher=$!
}
# lines FILE N [PATTERN]: it has as many lines that match, or more
lines() { [ "$(grep -c -e "${3:-}" "$1")" -ge "$2" ]; }
# holds PYTHON: true for the objects of JSON that were printed
holds() { [ "$(json "bool($1)" <out)" = True ]; }
# done_watching: end it; what is in the files is whole then
done_watching() {
	kill "$watcher"
	wait "$watcher"
}

plan 129

#
# Before there is a VM.
#
refuses_command "a host without KVM or debugfs is not here" 77 "no nowhere, so KVM is not loaded or debugfs is not mounted" \
	"$BUILD/exitstat" host --debugfs nowhere
mkdir none
refuses_command "a host without a VM says so, and that is no error" 0 "no VM is running here: none has none" "$BUILD/exitstat" host -D none
refuses_command "a verb that needs a VM has none then" 1 "no VM is running here" "$BUILD/exitstat" host -D none show
mkdir -p "stock/$pid-10/vcpu0"
refuses_command "a stock KVM is not here, and the list says what to do" 77 "no exit statistics; type: exitstat-kvm attach" \
	"$BUILD/exitstat" host -D stock
refuses_command "and so does a verb" 77 "$pid-10/exit_stats, so this host's KVM has no exit statistics" \
	"$BUILD/exitstat" host -D stock show
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	mkdir -m 700 roots
	chmod 755 .
	unprivileged() { setpriv --reuid 65534 --clear-groups "$BUILD/exitstat" "$@"; }
	refuses_command "debugfs is root's, and QMP is the way without" 1 "only root can (try sudo); --qmp SOCKET needs no root" \
		unprivileged host --debugfs "$work/roots"
else
	skip "debugfs is root's, and QMP is the way without" "this is not root, or setpriv is missing"
fi

#
# The list.
#
tree vms --vms 3
mkdir "vms/$pid-1x" "vms/0$pid-10" "vms/-$pid-10" vms/exits "vms/$pid" vms/99999999999-1
is "the list holds VMs, vCPUs and exits since their start, the busiest first" "$(host --total -H | awk '{ print $1, $3, $4, $9 }')" \
	"$((pid + 2)) 2 243 cpuid
$((pid + 1)) 2 162 cpuid
$pid 2 81 cpuid"
is "with -t, the time is a line above the list, and -n leaves the busiest" \
	"$(host -t -n 1 0.1 1 | sed 's/^20[0-9-]* [0-9:]*$/now/' | awk '{ print $1 }' | paste -sd ' ')" "now VM $pid total"
is "the shares of the states add up" "$(host -T -H | awk '{ print ($5 + $6 + $7 + $8 > 99.7 && $5 + $6 + $7 + $8 < 100.3) }' | sort -u)" 1
is "the total is of all VMs" "$(host -T | awk '$1 == "total" { print $2, $3, $4 }')" "3 6 486"
is "--sort number sorts by pid" "$(host -T -H --sort number | awk '{ print $1 }' | paste -sd ' ')" "$pid $((pid + 1)) $((pid + 2))"
watching --json 0.2
wait_for lines out 3
tree vms --vms 3 --tick 101
sums='[(vm, sum(o["total"]["count"] for o in d if o["vm"]["pid"] == vm), sum(o["guest_cycles"] for o in d if o["vm"]["pid"] == vm)) for vm in sorted({o["vm"]["pid"] for o in d})]'
wait_for holds "sum(o['total']['count'] for o in d) >= 48600"
done_watching
is "an interval holds what happened in it, JSON an object per VM" "$(json "$sums" <out)" \
	"[($pid, 8100, 300000000), ($((pid + 1)), 16200, 600000000), ($((pid + 2)), 24300, 900000000)]"
# stopped FILE PATTERN ARGUMENT...: stop exitstat for 14 intervals behind its first such line in FILE, and end it after 25 more
stopped() {
	local file=$1 pattern=$2 before

	shift 2
	watching "$@"
	wait_for lines "$file" 1 "$pattern"
	kill -STOP "$watcher"
	sleep 1.5
	before=$(grep -c "$pattern" "$file")
	kill -CONT "$watcher"
	wait_for lines "$file" $((before + 25)) "$pattern"
	done_watching
}
# On a busy machine it is late at other times, too. What it missed while it was stopped is one interval (if it had begun to read, the
# next one says so), and what it would have printed then does not come in a burst: the last 20 intervals are half as long as 20 at least.
burst='sum(lengths[-20:]) < 10 * 0.1'
stopped out . --vm $pid --json 0.1
is "an interval in which exitstat was stopped is one, and says how many are missed" \
	"$(json "(lambda lengths, at: (sum(o.get('missed', 0) for o in d[at:at + 2]) >= 13, $burst))(*(lambda l: (l, l.index(max(l))))([o['duration_ns'] / 1e9 for o in d]))" <out)" \
	"(True, False)"
stopped out . --vm $pid 0.1
check "so does its line" grep -qE ' \((1[3-9]|[2-9][0-9]|[0-9]{3,}) intervals missed\)$' out
stopped out ' total ' 0.1
check "and the list" grep -qE '^exitstat: (1[3-9]|[2-9][0-9]|[0-9]{3,}) intervals were missed while this process was stopped$' err
stopped stopped.rec ^end --vm $pid record -i 0.1 -o stopped.rec
is "record says how many readings are missed, and takes none too many" \
	"$(grep -cE '^exitstat: [0-9]* readings in stopped.rec, (1[3-9]|[2-9][0-9]|[0-9]{3,}) missed while this process was stopped' err) $("$BUILD/exitstat" \
	report --json stopped.rec | json "(lambda lengths: $burst)([i['length_s'] for i in d[0]['intervals']])")" "1 False"
is "CSV has the VM in front of every row" "$(host -T --csv | sed -n '1p;2p' | sed 's/20[0-9-]*T[0-9:.]*Z/CLOCK/; s/[0-9]\{9,\}/TIME/')" \
	"kind,wall_clock,timestamp_ns,duration_ns,tsc_khz,pid,fd,vm,cpu,number,name,class,count,cycles,vmm_cycles,waiting_cycles
total,CLOCK,TIME,,2000000,$pid,10,\"\",,96,interrupt,interrupt,2121,4242000,0,0"
watching 0.2
wait_for grep -q "^ *$((pid + 1)) " out
mv "vms/$((pid + 1))-10" gone
wait_for grep -q ended err
cp out before
tree vms --vms 1 --pid $((pid + 9))
wait_for grep -q "^ *$((pid + 9)) .* 0 " out
done_watching
is "a VM that ends is said, a new one appears, and neither is an error" \
	"$? $(cat err) $(tail -n +$(($(wc -l <before) + 1)) out | grep -c "^ *$((pid + 1)) ") $(awk '$1 == '$((pid + 9))' { print $4 }' out | uniq | paste -sd ' ')" \
	"0 exitstat: VM $((pid + 1))-10 ended 0 - 0"
rm -rf gone "vms/$((pid + 9))-10"
tree vms --vms 3

write_vm() { python3 -c "import sys; sys.path[:0] = ['$top/tests/lib']; import hosttree; hosttree.write_vm('vms', $pid, 10, $1)"; }
write_vm "vcpus=0, epoch=0"
watching --json 0.2
wait_for lines out 3
write_vm "vcpus=2"
wait_for holds "[o for o in d if 'since' in o]"
done_watching
is "a VM that has no vCPU yet is a VM, and what it counts later is since then" \
	"$(json '[(o["vcpus"], o["total"]["count"], o["since"]) for o in d if o["vm"]["pid"] == '$pid' and "since" in o]' <out)" "[(2, 81, ['vcpus'])]"

#
# Names.
#
vmm() { python3 "$top/tests/lib/vmm.py" "$@" & servers+=($!); }
vmm started1 10 -name guest=web1,debug-threads=on
vmm started2 10,11 -name "$(printf 'web,,\e[31m2\302\233')"
vmm started3 10 -name web1
vmm started4 10 -name 'say "hi",,twice'
for i in 1 2 3 4; do wait_for test -e started$i; done
mkdir named
tree named --vms 1 --pid "${servers[0]}"
tree named --vms 2 --same-pid --pid "${servers[1]}"
named() { "$BUILD/exitstat" host --debugfs named "$@"; }
is "a VM has QEMU's name for it, and no character of it reaches the terminal as more" \
	"$(named -T -H --json --sort number | json '[o["vm"]["name"] for o in d]')" "['web1', 'web,?[31m2?', 'web,?[31m2?']"
is "two VMs of a process are told apart by descriptor" "$(named -T -H | awk '{ print $1 }' | sort | paste -sd ' ')" \
	"$(printf '%s\n' "${servers[0]}" "${servers[1]}-10" "${servers[1]}-11" | sort | paste -sd ' ')"
is "--vm takes a name, a pid, or PID-FD" \
	"$(for vm in web1 "${servers[0]}" "${servers[1]}-11"; do named --vm "$vm" -j | json 'd[0]["total"]["count"]'; done | paste -sd ' ')" "81 81 162"
rm -r "named/${servers[1]}-11"
is "a name is taken as it is shown, and as its VMM has it" \
	"$(for vm in 'web,?[31m2?' "$(printf 'web,\e[31m2\302\233')"; do named --vm "$vm" -j | json 'd[0]["total"]["count"]'; done | paste -sd ' ')" "81 81"
tree named --vms 2 --same-pid --pid "${servers[1]}"
refuses_command "a pid with two VMs is refused with both of them" 1 \
	"2 VMs are called '${servers[1]}': web,?[31m2? (${servers[1]}-10), web,?[31m2? (${servers[1]}-11)" named --vm "${servers[1]}"
tree named --vms 1 --pid "${servers[2]}"
refuses_command "and so is a name that two VMs have" 1 "2 VMs are called 'web1': web1 (${servers[0]}-10), web1 (${servers[2]}-10)" named --vm web1
refuses_command "a VM that is not there is refused by name" 1 "no VM 'web9' in named; exitstat host lists them" named --vm web9 1
refuses_command "without --vm a verb says which VMs there are" 2 "4 VMs; choose one with --vm VM: web1 (${servers[0]}-10)" named show
tree foreign --vms 1 --pid "${servers[0]}"
mv "foreign/${servers[0]}-10" "foreign/${servers[0]}-12"
is "a process that does not have the VM, as of another PID namespace, does not name it" \
	"$("$BUILD/exitstat" host -D foreign -T -H -j | json 'd[0]["vm"]')" "{'pid': ${servers[0]}, 'fd': 12, 'name': ''}"
refuses_command "what a message repeats controls no terminal" 1 "there is no VM '?[31m?' in named" named --vm $'\e[31m\n'
tree quoted --vms 1 --pid "${servers[3]}"
is "CSV doubles the quotes in a name" "$("$BUILD/exitstat" host -D quoted -T --csv | sed -n '2s/^total,.*,[0-9]*,10,\(".*"\),,96,.*/\1/p')" '"say ""hi"",twice"'
rm -r named/"${servers[1]}"-* named/"${servers[2]}"-*
is "and takes the only one" "$(rows named show)" "$(rows named --vm web1)"

#
# One VM, with the verbs of a guest.
#
is "the table is the VM's" "$(rows host --vm $pid)" "interrupt 21
cpuid 33
hlt 15
io 9
invalid_guest_state 3"
is "--vcpu takes KVM's number" "$(rows host --vm $pid --vcpu 1)" "interrupt 14
cpuid 22
hlt 10
io 6
invalid_guest_state 2"
is "--vcpu takes a list, and each of it has a table of its own" \
	"$(host --vm $pid --vcpu 0-1 -j | json '[(o["vcpu"], o["total"]["count"]) for o in d]') $(host --vm $pid -v 1 -j | json '[o["cpu"] for o in d]')" "[(0, 27), (1, 54)] [1]"
check "a CPU of the list that is not there is an error" one_line 1 "there is no vCPU 9 in this VM" "$BUILD/exitstat" host -D vms --vm $pid --vcpu 0,9 -o /dev/null -- true
is "with an interval, each of them has a line" "$(host --vm $pid --vcpu 1,0 0.1 2 | awk '{ print $1 }' | paste -sd ' ')" "CPU 0 1 0 1"
is "and while a command runs a table" "$(host --vm $pid --vcpu all -o /dev/stdout -- true | grep -c 'of vCPU [01] while this ran: true$')" 2
is "--pid is the VM of that process" "$(host -p $pid -j | json '[(o["vm"]["pid"], o["total"]["count"]) for o in d]')" "[($pid, 81)]"
is "--vcpu all has each of them" "$(host --vm $pid --vcpu all -j | json '[(o["vcpu"], o["total"]["count"]) for o in d]')" "[(0, 27), (1, 54)]"
refuses_command "a vCPU that is not there is refused" 1 "there is no vCPU 2 in this VM" host --vm $pid --vcpu 2
is "the leaves are the guest's: the count of an exit" "$(host --vm $pid leaf 0x4ffffffe 0x7b)" \
	"leaf=0x4ffffffe ecx=0x0000007b: eax=0x00000009 ebx=0x00000000 ecx=0x00000000 edx=0x00000000"
is "a number that names nothing is undefined, one that never happened 0" \
	"$(host --vm $pid leaf 0x4ffffffe 0xa7 | cut -d: -f2; host --vm $pid leaf 0x4ffffffe 0x73 | cut -d: -f2)" \
	" eax=0x00000000 ebx=0x00000000 ecx=0x00000000 edx=0xffffffff
 eax=0x00000000 ebx=0x00000000 ecx=0x00000000 edx=0x00000000"
is "the totals, the time in the guest, and a leaf that has no name" \
	"$(for leaf in c d 7 1; do host --vm $pid leaf 0x4ffffff$leaf | cut -d: -f2; done)" \
	" eax=0x00000051 ebx=0x00000000 ecx=0x00000000 edx=0x00000000
 eax=0x00000000 ebx=0x00000000 ecx=0x00046c08 edx=0x00000000
 eax=0x00000000 ebx=0x00000000 ecx=0x002dc6c0 edx=0x00000000
 eax=0x00000000 ebx=0x00000000 ecx=0x00000000 edx=0x00000000"
is "a command's exits are the VM's, and nothing is taken out as the reader's own" \
	"$(host --vm $pid -j -o one -- python3 "$top/tests/lib/hosttree.py" vms --vms 3 --tick 11; json '(d[0]["total"]["count"], "own" in d[0])' <one)" "(810, False)"
host --vm $pid record -i 0.1 -o rec -- sh -c "for i in 21 31 41 51; do sleep 0.2; python3 $top/tests/lib/hosttree.py vms --vms 3 --tick \$i; done" 2>/dev/null
is "a recording holds the VM's exits, of which none were the reader's" \
	"$("$BUILD/exitstat" report --json rec | json '(d[0]["before"], d[0]["total"]["count"], "own" in d[0])')" "(891, 3240, False)"
is "and says which VM it is of" "$("$BUILD/exitstat" report rec | grep -c "of VM $pid-10, taken on its host")" 1
is "and can be asked again" "$("$BUILD/exitstat" --source rec -j | json '(d[0]["total"]["count"], "own" in d[0])')" "(4131, False)"
tree vms --vms 3 --histograms
host --vm $pid record -i 0.2 -o hist -- python3 "$top/tests/lib/hosttree.py" vms --vms 3 --histograms --tick 2 2>/dev/null
is "histograms are read, one bucket where it is" \
	"$("$BUILD/exitstat" report --json hist | json '[(l["name"], l["buckets"].index(sum(l["buckets"])), sum(l["buckets"])) for l in d[0]["latencies"]]')" \
	"[('interrupt', 2, 21), ('cpuid', 1, 33), ('hlt', 0, 15), ('io', 6, 9), ('invalid_guest_state', 0, 3)]"
is "Intel's numbers are Intel's" "$(rm -rf intel; tree intel --vms 1 --numbering vmx; rows "$BUILD/exitstat" host -D intel show)" "EXTERNAL_INTERRUPT 21
CPUID 33
HLT 15
IO_INSTRUCTION 9"
tree vms --vms 3
watching --vm $pid 0.2
wait_for lines out 3
rm -r vms/$pid-10
wait $watcher
status=$?
is "a VM that ends while it is watched is said in a line, with what was there before" \
	"$status $(cat err) $(head -n 1 out | awk '{ print $1 }') $(($(wc -l <out) > 1))" "0 exitstat: VM $pid-10 ended exits/s 1"
# What removes it may be held up for longer than exitstat waits for the rest to go: not five times.
for _ in 1 2 3 4 5; do
	tree vms --vms 3
	watching --vm $pid --vcpu 0 0.02
	wait_for lines out 3
	python3 -c 'import shutil, sys, time; shutil.rmtree(sys.argv[1] + "/vcpu0"); time.sleep(0.03); shutil.rmtree(sys.argv[1])' vms/$pid-10
	wait $watcher
	status=$?
	[ $status -ne 0 ] || break
done
is "and so is one that goes piece by piece, the vCPU first" "$status $(cat err)" "0 exitstat: VM $pid-10 ended"
tree vms --vms 3
watching --vm $pid record -i 0.2 -o ended
wait_for lines ended 3 ^end
rm -r vms/$pid-10
wait $watcher
is "a recording ends with its VM" "$? $(head -n 1 err) $("$BUILD/exitstat" report ended | grep -c 'From the VM')" "0 exitstat: VM $pid-10 ended 1"
tree vms --vms 3
refuses_command "a VM that ends before the command is an error: what happened is lost" 1 "VM $pid-10 ended before the command did" \
	host --vm $pid -- rm -r vms/$pid-10
tree vms --vms 3
is "what restarted in place is counted from zero" \
	"$(export -f write_vm; export top pid; host --vm $pid -j -o one -- bash -c 'write_vm epoch=7'
	json '(d[0]["since"], d[0]["total"]["count"])' <one)" "(['restart'], 81)"
tree vms --vms 3

tree vms --vms 3 --tick 5
is "counters that went back are said to have" "$(host --vm $pid -j -o one -- python3 "$top/tests/lib/hosttree.py" vms --vms 3
	json '(d[0]["since"], d[0]["total"]["count"])' <one)" "(['backward'], 81)"

write_vm "keys=('late 1', 'age_cycles 4000000000', 'approximate 1')"
cp -r vms/$pid-10/vcpu1 vms/$pid-10/vcpu16383
is "a VM that was counted late says since when, and that its times are approximate" \
	"$(host --vm $pid | sed -n '1p' | grep -o 'since .*') $(host --vm $pid check | grep -c -e 'approximate') $(host --vm $pid leaf 0x4ffffff3 0x72 | cut -d: -f2)" \
	"since it was attached, 2 s ago 1  eax=0x00000021 ebx=0x00000000 ecx=0x000080e8 edx=0x00000000"
is "vCPUs have numbers up to KVM's last" "$(host --vm $pid --vcpu all -j | json '[o["cpu"] for o in d]') $(host --vm $pid --vcpu 16383 -H | wc -l)" "[0, 1, 16383] 5"
rm -r vms/$pid-10
tree vms --vms 3
is "check says what the host has of a VM" "$(host --vm $pid check | sed -n '1p;$p')" \
	"VM of this host      $pid-10
a reading costs      no exit"

terminal=
# on_screen WORDS: sooner or later, while the VMs make exits.
shown() {
	tree vms --vms 3 --tick $((tick += 10))
	tmux -S "$terminal" capture-pane -p -t top >screen && grep -q -e "$1" screen
}
on_screen() { wait_for shown "$1" || { cat screen; return 1; }; }
# in_terminal ARGUMENT...: exitstat host, in a terminal of its own.
in_terminal() {
	tick=1
	# A server that is going would take the next one with it.
	terminal+=t
	env TERM=screen tmux -S "$terminal" -f /dev/null new-session -d -s top -x 90 -y 12 \
		"$BUILD/exitstat host --debugfs vms $*; echo ended: \$?; sleep 600"
}
in_terminal top -i 0.3
check "top without a VM is the list" on_screen "$((pid + 1)) - .* [1-9][0-9]* .* cpuid"
rm -r vms/$((pid + 1))-10
tmux -S "$terminal" send-keys -t top q
check "and ends at a key" on_screen "ended: 0"
tmux -S "$terminal" kill-server
in_terminal --vm $pid top -i 0.3
check "top with a VM has its exits" on_screen "0x07b io "
tmux -S "$terminal" send-keys -t top v
check "and its vCPUs" on_screen "%waiting"
rm -r vms/$pid-10
says_ended() { tmux -S "$terminal" capture-pane -p -t top | grep -q "the VM ended"; }
check "and says that it ended" wait_for says_ended
# A hangup while the sanitizer looks for leaks would have it wait for ever.
tmux -S "$terminal" send-keys -t top q
check "and ends at a key after that" on_screen "ended: 0"
tmux -S "$terminal" kill-server
tree vms --vms 3

#
# Usage.
#
refuses_command "--vm is for a host" 2 "--vm is for 'exitstat host'" "$BUILD/exitstat" --vm 1
refuses_command "a recording is no host" 2 "leave out --source" host --vm $pid --source rec show
refuses_command "the list takes no --vcpu" 2 "the list of VMs takes no --vcpu" host --vcpu 1
refuses_command "and no --total with an interval" 2 "it takes no INTERVAL" host --total 1
refuses_command "a verb that is none is refused" 2 "there is no verb 'tops'; to measure a command: exitstat host -- tops" host tops
refuses_command "host is no verb of host" 2 "there is no verb 'host'" host host
refuses_command "top needs a terminal" 1 "top needs a terminal" host --vm $pid top
is "help is the host's" "$(host --help | head -n 1 | cut -d ' ' -f 1-3)" "usage: exitstat host"

#
# Tables that are none.
#
table ''
is "a table is read" "$(rows bad show | wc -l)" 5
table 's/^tsc_khz.*/&\ncolour blue/; s/waiting_cycles/& future/; s/^0x.*/& 17/'
is "keys and columns that are not known are passed over" "$(rows bad show | wc -l)" 5
while IFS='|' read -r sentence line rule change; do
	table "$change"
	refuses_command "refused: $sentence" 1 "line $line: $rule" bad show
done <<'END'
an empty file|0|a table begins with 'exit_stats 1'|d
another version|1|a table begins with 'exit_stats 1'|1s/1/2/
a numbering that is none|2|numbering is vmx or svm|s/svm/arm/
a key without a value|3|a line has a key and a value|s/^tsc_khz.*/tsc_khz/
a frequency beyond 32 bits|3|the value of this key is a number|s/^tsc_khz.*/tsc_khz 4294967296/
a negative epoch|5|the value of this key is a number|s/^epoch.*/epoch -1/
no guest_cycles|6|before the rows come numbering|/guest_cycles/d
a missing column|8|the columns are number, count|s/vmm_cycles/mmm_cycles/
a row that is too short|9|a row has a value for each column|9s/ [0-9]* *$//
a row that is too long|9|a row has a value for each column|9s/$/ 1/
a count that is none|9|a value is a number|9s/ 21 / x1 /
a count beyond 64 bits|9|a value is a number|9s/ 21 / 18446744073709551616 /
rows that do not ascend|10|the rows are in ascending order|9s/0x60/0xffffffff/
END
table ''
truncate -s -1 "bad/$pid-10/exit_stats"
refuses_command "refused: a line without its end" 1 "line 13: the table ends inside a line" bad show
truncate -s +1 "bad/$pid-10/exit_stats"
refuses_command "refused: a zero byte" 1 "a table has no zero bytes" bad show
table 8q
seq 257 | sed 's/$/ name 1 1 1 1/' >>"bad/$pid-10/exit_stats"
refuses_command "refused: more rows than there are exits" 1 "line 265: a table has at most 256 rows" bad show
table ''
yes 'key value' | head -c 2000000 >>"bad/$pid-10/exit_stats"
refuses_command "refused: a table of megabytes" 1 ": File too large" bad show
table ''
mkdir -p "bad/$pid-10/vcpu0"
cp "bad/$pid-10/exit_stats" "bad/$pid-10/vcpu0"
refuses_command "refused: a vCPU's table that is a VM's" 1 "and vcpus or vcpu" bad --vm $pid --vcpu 0
table 1d
cp -r "vms/$((pid + 1))-10" bad
bad -T >out 2>err
is "the list holds the VMs that can be read, and says what is wrong with the other" \
	"$? $(grep -c "line 1: a table begins" err) $(awk '{ print $4 }' out | paste -sd ' ')" "1 1 exits 162"

#
# QMP.
#
serve() {
	python3 "$top/tests/lib/qmp.py" "$1.qmp" "$@" >"$1.ready" &
	servers+=($!)
	server[$1]=$!
}
declare -A server
for how in well backwards histograms intel hang mute close garbage no-qmp flood endless old stock tcg error ragged no-vcpu short ends rude late pretty; do
	serve $how
done
for how in *.ready; do wait_for test -s "$how"; done
# Those that take their time go on meanwhile.
declare -A slow
for how in hang mute flood endless; do
	(
		timeout 300 "$BUILD/exitstat" host --qmp $how.qmp >$how.out 2>$how.err
		echo "$? $(wc -l <$how.err)" >$how.status
	) &
	slow[$how]=$!
done
is "QMP: the table is the sum of the vCPUs" "$(rows qmp well)" "interrupt 21
cpuid 33
hlt 15
io 9
invalid_guest_state 3"
is "each vCPU is found by its path" "$(qmp well --vcpu all -j | json '[(o["vcpu"], o["total"]["count"]) for o in d]')" "[(0, 27), (1, 54)]"
is "an epoch of 64 bits is exact, the name and the pid are QEMU's" \
	"$(qmp well -j | json "(d[0]['epoch'], d[0]['vm']['name'], d[0]['vm']['pid'] in [$(printf '%s,' "${servers[@]}")])")" \
	"('0xfedcba9876543210', 'web, 1', True)"
is "a name that QEMU tells is cleaned like any other" "$(qmp rude -j | json 'ascii(d[0]["vm"]["name"])')" "'we?[31mb??1?'"
is "in the table too" "$(qmp rude | sed -n '1s/ (.*//p')" "we?[31mb??1?"
qmp rude record -i 0.1 -o rude.rec -- true 2>/dev/null
is "and a recording can be made of it" "$("$BUILD/exitstat" report rude.rec | grep -c 'of VM we?\[31mb??1? (')" 1
is "an interval is the time between two answers" "$(qmp well -j 0.1 2 | json '[o["total"]["count"] for o in d]')" "[81, 81]"
is "lists that QEMU prints backwards are turned" "$(rows qmp backwards)" "$(rows qmp well)"
for how in histograms backwards; do qmp $how record -i 0.1 -o $how.rec -- true 2>/dev/null; done
buckets() { "$BUILD/exitstat" report --json "$1.rec" | json '[(l["name"], l["buckets"].index(sum(l["buckets"]))) for l in d[0]["latencies"]]'; }
is "histograms are found by name" "$(buckets histograms)" "[('interrupt', 2), ('cpuid', 1), ('hlt', 0), ('io', 6), ('invalid_guest_state', 0)]"
is "and turned with the rest" "$(buckets backwards)" "$(buckets histograms)"
is "so does one that prints for people, over many lines" "$(rows qmp pretty)" "$(rows qmp well)"
is "what counts late is said by QEMU, too" "$(qmp late | head -n 1 | grep -o 'since .*')" "since counting began, 2 s ago"
is "Intel's QEMU has Intel's numbers" "$(rows qmp intel | head -n 1)" "EXTERNAL_INTERRUPT 21"
qmp ends 0.1 >out 2>err
is "a QEMU that ends is said in a line, and is no error" "$? $(sed 's/([0-9]*)/(PID)/' err) $(wc -l <out)" "0 exitstat: VM web, 1 (PID) ended 2"
wait "${server[ends]}"
refuses_command "refused: no socket" 1 "cannot use the QMP socket nowhere.qmp: No such file" qmp nowhere
refuses_command "refused: one whose server is gone" 1 "cannot use the QMP socket ends.qmp: Connection refused" qmp ends
refuses_command "refused: a path that is no socket's" 1 "cannot open" qmp "$(printf '%0200d' 1)"
refuses_command "refused: one that closes" 1 "was closed before it answered" qmp close
refuses_command "refused: garbage" 1 "what it sends is not a JSON object" qmp garbage
refuses_command "refused: a server of something else" 1 "it does not greet as a QMP server does" qmp no-qmp
refuses_command "refused: QEMU before 7.1" 77 "QEMU is older than 7.1" qmp old
refuses_command "refused: a stock KVM" 77 "its KVM has no exit statistics" qmp stock
refuses_command "refused: no KVM at all" 77 "its KVM has no exit statistics" qmp tcg
refuses_command "refused: QEMU's error, in one line" 1 "it answers: no?statistics ?[31mtoday" qmp error
refuses_command "refused: lists of different lengths" 1 "not lists of the same length" qmp ragged
refuses_command "refused: a list too few" 1 "not lists of the same length" qmp short
refuses_command "refused: no vCPU" 1 "reports no vCPU" qmp no-vcpu
refuses_command "--qmp takes no --vm" 2 "it takes no --vm" qmp well --vm 1
for how in hang mute flood endless; do
	wait "${slow[$how]}"
	is "refused, and not waited for: $how" "$(cat $how.status) $(grep -c -e "does not answer" -e "more at once than thousands" -e "events and no answer" $how.err)" "1 1 1"
done
for seed in 1 2 3 4; do
	python3 "$top/tests/lib/qmp.py" mutate$seed.qmp mutate $seed >mutate$seed.ready 2>/dev/null & servers+=($!)
done
for seed in 1 2 3 4; do wait_for test -s mutate$seed.ready; done
odd=
declare -A ends=([0]=0 [1]=0)
for i in $(seq 15); do
	for seed in 1 2 3 4; do
		timeout 300 "$BUILD/exitstat" host --qmp mutate$seed.qmp --vcpu all >out 2>err
		status=$?
		case $status in 0 | 1 | 77) ends[$status]=$((${ends[$status]:-0} + 1)) ;; *) odd+="$i $seed: $(cat err)" ;; esac
		! grep -q -e Sanitizer -e "runtime error" err || odd+="$i $seed: $(cat err)"
	done
done
is "answers with random faults end in a table or in an error" "$odd" ""
is "in either often enough, so that there were answers" "$((ends[0] > 5)) $((ends[1] > 5))" "1 1"
diagnose "${ends[0]} tables, ${ends[1]} errors"

#
# Thousands.
#
tree many --vms 4096 --vcpus 1
TIMEFORMAT=%U
{ time "$BUILD/exitstat" host -D many --total -H >out; } 2>cpu_s
is "4096 VMs are listed, with less than ten seconds of CPU time even here" "$(wc -l <out) $(awk '{ print ($1 < 10) }' cpu_s)" "4096 1"
diagnose "$(<cpu_s) s under ASan"
rm out
"$BUILD/exitstat" host -D many 0.5 >out 2>err & watcher=$!
wait_for test -s out
for i in $(seq 4000); do rm -r "many/$((pid + i))-10"; done & churn=$!
wait_for lines err 30
named=$?
kill $churn
wait $churn 2>/dev/null
wait_for lines out $(($(wc -l <out) + 2))
goes_on=$?
done_watching
is "while VMs end all the time, the list says which, and goes on" \
	"$? $named $goes_on $(grep -vcE 'exitstat: VM [0-9-]* ended|intervals were missed' err)" "0 0 0 0"
finish
