# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# The command exitstat in a Linux guest under stock QEMU, on a host whose vendor ${machine:?} names:
# counts to the last exit with its own taken out, and every verb.  Sourced.
# shellcheck disable=SC2317 # check() calls the functions
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/ktap.sh
. "$top/tests/lib/ktap.sh"

# The numbers whose details are added up: port I/O, MSR, hypercall, memory.
declare -A about=([amd]="0x7b 0x7c 0x81 0x400" [intel]="30 32 18 48 49")
declare -A cpuid=([amd]=114 [intel]=10) io=([amd]=123 [intel]=30)
# shellcheck source=tests/lab/stock_qemu.sh
. "$top/tests/lab/stock_qemu.sh"
sed -n '/^\.Bd -literal$/,/^\.Ed$/p' "$top/man/exitstat.7" | sed -e '1d;$d' -e 's/\\e/\\/g' >"$work/page.c"
cc -static -I"$top/include" -o "$work/page" "$work/page.c" || exit 1

# Results go to files first: the serial console is port I/O, and of another command's window.
cat >"$work/script" <<'END'
cd /tmp
# Three times each: whatever else the guest does only adds, so take the least.
thrice() {
	name=$1
	shift
	for i in 1 2 3; do
		"$@" && cat one >>"$name"
	done
}
thrice none exitstat --json -o one -- /root/exits 0 0
thrice some exitstat --json -o one -- /root/exits 1009 503
thrice more exitstat --json -o one -- /root/exits 10007 251
thrice static /root/static --json -o one -- /root/exits 0 503
thrice vcpu0 taskset 1 exitstat --json -v 0 -o one -- /root/exits 0 0
thrice vcpu0some taskset 1 exitstat --json -v 0 -o one -- /root/exits 1009 0
thrice aboutnone exitstat --json -d -o one -- /root/exits 0 0
thrice about exitstat --json -d -o one -- /root/exits 1009 503
# All that exits were about, between two readings of the number's count.
count_of() { exitstat leaf 0x4ffffffe $1 | sed 's/.*eax=\(0x[0-9a-f]*\).*/\1/'; }
for number in "$@"; do
	count_of $number >low
	exitstat why -j $number >one
	echo "{\"number\": $((number)), \"low\": $(($(cat low))), \"high\": $(($(count_of $number))), \"why\": $(cat one)}" >>sums
done
exitstat why -j >allwhy
exitstat why -j io >byclass
exitstat why -a | grep serial | sed 's/^/names /'
exitstat -v 0 why -j >vcpu0why
exitstat record -d -i 0.1 -o about.rec -- /root/exits 0 251 2>/dev/null; echo "recorded details: $?"
exitstat report --json about.rec >details
exitstat why hlt; echo "no details: $?"
exitstat -- sh -c 'exit 42' 2>/dev/null; echo "exited: $?"
exitstat -- nothing 2>/dev/null; echo "nothing: $?"
exitstat --json >table
exitstat --json --vcpu all >vcpus
exitstat --json 0.2 3 >intervals
exitstat record -i 0.1 -o killed.rec 2>/dev/null &
until [ "$(grep -cs '^end$' killed.rec)" -ge 2 ] 2>/dev/null; do sleep 0.1; done
kill -9 $!; wait
exitstat record -i 0.1 -o whole.rec -- /root/exits 503 0 2>/dev/null; echo "recorded: $?"
exitstat report killed.rec >/dev/null; echo "killed: $?"
exitstat report --json whole.rec >report
exitstat report --html page.html whole.rec >/dev/null; echo "page: $? $(grep -c Chart.js page.html)"
/root/page >asked; echo "asked: $? $(grep -c '^0x.*: [1-9]' asked)"
exitstat check >check; echo "checked: $?"
sed -n 's/^a reading costs  *\([0-9]*\) exits now, for \([0-9]*\) kinds of exits$/costs: \1 \2/p; s/^the next one  *\([0-9]*\) exits$/next: \1/p' check
exitstat top -i 0.1 </dev/null 2>/dev/null; echo "top: $?"
exitstat -v 99 2>&1
if [ -e /sys/devices/system/cpu/cpu1 ]; then
	taskset 1 exitstat -v 1 >beside 2>&1; echo "outside of the affinity: $? $(grep -c 'exits of CPU 1 (vCPU 1) since' beside)"
	mkdir -p /cg && mount -t cgroup2 cgroup2 /cg && echo +cpuset >/cg/cgroup.subtree_control && mkdir /cg/one && echo 0 >/cg/one/cpuset.cpus
	sh -c 'echo $$ >/cg/one/cgroup.procs; exitstat -v all >outside 2>why; echo "outside of the cpuset: $? $(grep -c "exits of CPU" outside)"; cat why'
	exitstat -v 1 -H 0.3 >off 2>why &
	until [ "$(wc -l <off)" -gt 1 ]; do sleep 0.1; done
	echo 0 >/sys/devices/system/cpu/cpu1/online
	until [ -s why ]; do sleep 0.1; done
	lines=$(wc -l <off)
	sleep 1; kill -TERM $!; wait $!
	echo "offline: $? $(($(wc -l <off) - lines)) more"; cat why
else
	exitstat -v 1 2>&1
fi
# Packed: each byte is an exit to the VMM, or two.
echo packed
for file in none some more static vcpu0 vcpu0some table vcpus intervals report byclass aboutnone about sums allwhy vcpu0why details; do
	sed "s/^/$file /" $file
done | gzip | base64
echo unpacked
END
"$top/packaging/need" +python3-jsonschema || exit 1
static=$(make -s -C "$top/tools/exitstat" static | tail -n 1) || exit 1
adds=(--add "$static:/root/static" --add "$built/exits" --add "$work/page" --add "$work/script")
# A terminal for top, but not on the slow machine.
if [ "$machine" = amd ]; then
	terminfo=/lib/terminfo/s/screen
	[ -e $terminfo ] || terminfo=/usr/share/terminfo/s/screen # where Debian 13 has it
	for file in /usr/lib/locale/C.utf8/LC_CTYPE $terminfo; do
		adds+=(--add "$file:$file")
	done
	adds+=(--add "$(command -v tmux):/bin/tmux")
	cat >>"$work/script" <<'END'
export TERM=screen LC_ALL=C.UTF-8
mkdir -p /dev/pts && mount -t devpts devpts /dev/pts
tmux -S t -f /dev/null start-server \; set -g default-terminal screen \; new-session -d -s top -x 80 -y 24 \
	'exitstat top -i 0.3; echo "top ended: $?" >status'
# on_screen WORDS: within two minutes, if the machine is slow
on_screen() {
	for i in $(seq 240); do
		tmux -S t capture-pane -p -t top >screen && grep -q "$1" screen && echo "screen: $1" && return
		sleep 0.5
	done
	cat screen
}
on_screen "exits per second"
tmux -S t send-keys -t top v
on_screen "%waiting"
tmux -S t send-keys -t top q
for i in $(seq 240); do [ ! -s status ] || break; sleep 0.5; done
cat status
END
fi
# The guest's CPUs share one of the host's: QEMU 7.2 has trouble with a Linux guest on several emulated ones.
# shellcheck disable=SC2086 # words
"$top/lab/run" --machine "$machine" --kernel "$release" --timeout 800 --param kvm.exit_stats_details=1 "${adds[@]}" \
	-- guest --smp "$smp" --kernel-arg tsc=reliable -- sh /root/script ${about[$machine]} >"$work/said" 2>"$work/errors"
status=$?
tr -d '\r' <"$work/said" >"$work/lines"
{
	sed '/^packed$/,/^unpacked$/d' "$work/lines"
	sed -n '/^packed$/,/^unpacked$/{/^[a-z]*packed$/!p}' "$work/lines" | base64 -d | gzip -d
} >"$work/answers"

# answer EXPRESSION: what Python makes of the objects by their names, lists of one per line.
answer() {
	python3 - "$work/answers" "$1" <<'END'
import json, sys
d = {}
for line in open(sys.argv[1]):
    name, space, text = line.partition(" ")
    if text.startswith("{"):
        d.setdefault(name, []).append(json.loads(text))
def count(name, number):
    return min(sum(e["count"] for e in o["exits"] if e["number"] == number) for o in d[name])
def states(o):
    exits = (o["total"], o["own"])
    return o["guest_cycles"] + sum(e["cycles"] + e["waiting_cycles"] for e in exits)
print(eval(sys.argv[2]))
END
}

said() { grep -x "$1" "$work/answers"; }

if [ "$machine" = amd ]; then plan 35; else plan 32; fi
is "the guest ran to its end" "$status" 0
[ $status -eq 0 ] || diagnose "$(tail -n 20 "$work/said" "$work/errors")"
is "no command failed" "$(answer "[n for n in d for o in d[n] if o.get('status')]")" "[]"
is "1009 CPUIDs are 1009 exits, exitstat's own taken out" \
	"$(answer "count('some', ${cpuid[$machine]}) - count('none', ${cpuid[$machine]})")" 1009
is "10007 CPUIDs are 10007 exits" \
	"$(answer "count('more', ${cpuid[$machine]}) - count('none', ${cpuid[$machine]})")" 10007
is "503 and 251 port writes are as many exits" \
	"$(answer "count('none', ${io[$machine]}), count('some', ${io[$machine]}), count('more', ${io[$machine]})")" "(0, 503, 251)"
is "and to the static exitstat" "$(answer "count('static', ${io[$machine]})")" 503
is "1009 CPUIDs on CPU 0 are 1009 exits of vCPU 0" \
	"$(answer "count('vcpu0some', ${cpuid[$machine]}) - count('vcpu0', ${cpuid[$machine]})")" 1009
is "the entries add up to the total, everywhere" \
	"$(answer "[n for n in d for o in d[n] if n != 'sums' and 'selection' not in o and sum(e['count'] for e in o['exits']) != o['total']['count']]")" "[]"
is "there is an object for every CPU and interval" "$(answer "len(d['vcpus']), len(d['intervals'])")" "($smp, 3)"
sentence="time in the states is the TSC's of the vCPU, within 2 %"
if [ "$smp" -gt 1 ]; then
	skip "$sentence" "one vCPU: what another one waits is counted when it wakes, perhaps after the interval"
elif [ "$(answer "'tsc_khz' in d['table'][0]")" = True ]; then
	is "$sentence" "$(answer "[r for r in (states(o) / (o['duration_ns'] * o['tsc_khz'] / 1e6) for o in d['intervals']) if abs(r - 1) > 0.02]")" "[]"
else
	skip "$sentence" "this host's TSC has no known frequency"
fi
check "a command's status is exitstat's" said "exited: 42"
check "a command that is not there gives 127" said "nothing: 127"
check "what a killed recorder wrote is readable" said "killed: 0"
check "a recording has its command's status and a page" eval 'said "recorded: 0" && said "page: 0 [1-9].*"'
check "the program in exitstat(7) prints the exits of several kinds" said "asked: 0 \([4-9]\|[1-9][0-9]\)"
check "check says that there is something" said "checked: 0"
check "top without a terminal says so" said "top: 1"
check "a CPU that is not there is refused by name" said "exitstat: there is no CPU 99 here.*"
# Other exits in between make the next one more expensive.
# shellcheck disable=SC2016 # awk's
check "a reading of everything costs 3k + 3 exits, and the next one 2k + 3 to 3k + 4" \
	awk '/^costs: / { k = $3; good = $2 == 3 * k + 3 } /^next: / { exit !(good && $2 >= 2 * k + 3 && $2 <= 3 * k + 7) }' "$work/answers"
if [ "$smp" -gt 1 ]; then
	check "a CPU outside of the affinity is read" said "outside of the affinity: 0 1"
	check "of all CPUs, one outside of the cpuset is left out, and said so in the end" \
		eval 'said "outside of the cpuset: 1 1" && said "exitstat: cannot run on CPU 1, which is needed to read its exits: the cpuset .*"'
	check "a CPU that goes offline ends no interval" \
		eval 'said "offline: 0 0 more" && said "exitstat: CPU 1 is no longer available; output resumes when it is"'
else
	for sentence in "a CPU outside of the affinity is read" "of all CPUs, one outside of the cpuset is left out, and said so in the end" \
		"a CPU that goes offline ends no interval"; do
		skip "$sentence" "one vCPU"
	done
fi
if [ "$machine" = amd ]; then
	check "top shows rates, in a terminal of the guest" said "screen: exits per second"
	check "and, at a key, the vCPUs" said "screen: %waiting"
	check "and ends at a key" said "top ended: 0"
fi
# Of an object, the counts of a number's details, by name.
details='lambda o, number: {x["name"]: x["count"] for e in o["exits"] if e["number"] == number for x in e.get("details", [])}'
is "503 port writes are 503 exits about that port" "$(answer "min(($details)(o, ${io[$machine]}).get('out 0xed', 0) for o in d['about'])")" 503
is "1009 CPUIDs are 1009 exits about that leaf, and exitstat's own are about none" \
	"$(answer "min(($details)(o, ${cpuid[$machine]})['cpuid 0x0'] for o in d['about']) - min(($details)(o, ${cpuid[$machine]})['cpuid 0x0'] for o in d['aboutnone']), [($details)(o, ${cpuid[$machine]}).get('cpuid 0x4fffff00') for o in d['about']]")" "(1009, [None, None, None])"
is "the details of each number add up to its count" \
	"$(answer "[(o['number'], o['low'], o['high']) for o in d['sums'] if not o['low'] <= sum(e['count'] for e in o['why']['exits']) <= o['high']]")" "[]"
is "and so they do in all that is printed" \
	"$(answer "[(n, e['name']) for n in ('about', 'allwhy', 'vcpu0why', 'details') for o in d[n] for e in o['exits'] if 'details' in e and sum(x['count'] for x in e['details']) != e['count']]")" "[]"
is "at least 99 % of port I/O, MSR, CPUID and memory exits have a detail of their own" \
	"$(answer "[e['name'] for o in d['allwhy'] for e in o['exits'] if 100 * sum(x['count'] for x in e.get('details', []) if x['name'] == 'rest') > e['count']]")" "[]"
check "the serial port is called by its name" grep -q "^names .*  out 0x3f9  serial$" "$work/answers"
is "the class io is the port I/O of this vendor" "$(answer "[e['number'] for e in d['byclass'][0]['exits']] == [${io[$machine]}]")" True
is "every object is what the schema says" "$(sed -n 's/^[a-z0-9]* \({"schema".*\)/\1/p' "$work/answers" | python3 "$top/tests/lib/schema.py" "$top/docs/exitstat.schema.json" --kinds)" \
	"command interval recording total"
is "251 port writes are in the report of a recording" "$(said "recorded details: 0" >&2; answer "($details)(d['details'][0], ${io[$machine]}).get('out 0xed')")" 251
check "a reason without details says so" said "exitstat: $([ "$machine" = amd ] && echo hlt || echo HLT) has no details: nothing more is known of such an exit"
[ -z "${EXITSTAT_KEEP:-}" ] || cp "$work/answers" "$EXITSTAT_KEEP"
finish
