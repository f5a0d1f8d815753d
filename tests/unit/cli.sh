#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The command exitstat against recordings from a model of both vendors' VMs, and against bad input.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/exitstat.sh
. "$top/tests/lib/exitstat.sh"

amd=$top/tests/fixtures/recordings/amd.rec
intel=$top/tests/fixtures/recordings/intel.rec
frames=$top/tests/fixtures/recordings/guest-amd.rec

# status COMMAND...: print the command's status, hide its output
status() {
	"$@" >/dev/null 2>&1
	echo $?
}

# rows COMMAND...: count and name of every row, by number
rows() {
	"$@" --no-header --sort number 2>&1 | awk '{ print $2, $3 }'
}

plan 110

is "AMD: the last frame holds the counts since the VM started" \
	"$(rows exitstat --source "$amd")" "read_cr0 211
write_cr0 307
interrupt 5254
vintr 1009
cpuid 2276
hlt 4128
io 22014
msr 7504
hypercall 13
npf 30011
other 3"

is "AMD: a command's exits are exact, CPUID among them" \
	"$(exitstat --source "$amd" -H --sort number -- true 2>&1 | awk '{ print $2, $3 }')" "interrupt 251
cpuid 1009
hlt 127
io 2003
msr 503
hypercall 13"

is "Intel: a command's exits are exact, CPUID among them" \
	"$(exitstat --source "$intel" -H --sort number -- true 2>&1 | awk '{ print $2, $3 }')" "EXTERNAL_INTERRUPT 101
CPUID 503
HLT 211
VMCALL 1009
IO_INSTRUCTION 1013
MSR_WRITE 251
EPT_MISCONFIG 7"

is "the rows are sorted by time unless told otherwise" \
	"$(exitstat --source "$intel" -H | awk 'NR <= 3 { print $2 }')" "IO_INSTRUCTION
EPT_MISCONFIG
EPT_VIOLATION"
is "--sort count sorts by count" \
	"$(exitstat --source "$intel" -H --sort count | awk 'NR == 1 { print $2, $3 }')" "EPT_VIOLATION 25013"
is "the total is the sum of the rows" \
	"$(exitstat --source "$amd" | awk '$1 == "total" { total = $2 } NR > 3 && $1 ~ /^(0x|-)/ { sum += $3 } END { print sum - total, total }')" "0 72730"
is "the exits that exitstat made are a line of their own, outside of the total" \
	"$(exitstat --source "$amd" -- true 2>&1 | awk '/exitstat itself/ { print $3 } $1 == "total" { print $2 }')" "3906
43"
is "--all shows every number that the vendor defines" \
	"$(exitstat --source "$intel" --all -H | wc -l)" 80
is "each column of times has one unit" \
	"$(exitstat --source "$amd" | awk '$2 == "exit" { print $5, $7 } $2 == "io" || $2 == "hypercall" { print $5, $7 }')" "time(ms) mean(us)
397.046 18.036
0.016 1.202"
sed 's/\(4fffff01 00000000 -> 00000001 00000002 00000003\) .*/\1 00000000/' "$amd" >cycles
is "which is cycles if the frequency is not known" \
	"$(exitstat --source cycles | awk '$2 == "exit" { print $5, $7 } $2 == "io" { print $5, $7 }')" "time(Mc) mean(kc)
990.630 45.000"
sed 's/\(4fffff01 00000000 -> 00000001 00000002\) 00000003/\1 00000000/' "$amd" >counts
is "without times there are counts alone" \
	"$(exitstat --source counts | awk 'NR == 3')" " code exit                   count %exits"
is "no line is wider than 80 columns" \
	"$( { exitstat --help; exitstat leaf --help; exitstat names --help; exitstat --source "$amd" --all; exitstat --source "$intel" --all -- true; } 2>&1 | awk 'length > 80')" ""
is "the states add up to the vCPUs' time" \
	"$(exitstat --source "$amd" | sed -n 's/^vCPU time 7.815 s: guest \(.*\) %, KVM \(.*\) %, VMM \(.*\) %, waiting \(.*\) %$/\1 \2 \3 \4/p' | awk '{ printf "%.1f", $1 + $2 + $3 + $4 }')" "100.0"

is "an interval is a line: the rates of what happened in it" \
	"$(exitstat -S "$intel" 1 | awk '{ print $1, $2, $5, $6, $7 }')" "exits/s %gst %wait busiest exits
1548 20.2 78.6 IO_INSTRUCTION 506"
is "--by-reason makes a table of it" \
	"$(exitstat -S "$intel" --by-reason -H 1 | awk 'NR == 1 { print $2, $3 }')" "IO_INSTRUCTION 1013"
is "-t begins each line with the time that it was" "$(TZ=UTC exitstat -S "$frames" -t 1 2 | awk '{ print $1 }' | paste -sd ' ')" "time 05:13:12 05:13:12"
is "of a recording without a date with its seconds" "$(sed '/^note started/d' "$frames" | exitstat -S - -t -H 1 1 | awk '{ print $1 }')" 0.4
is "-e takes names, numbers and classes, of either vendor, and the total stays" \
	"$(exitstat -S "$intel" -e io,0x30,Hlt -s number | awk 'NR > 3 { print $1, $2 ($1 == "all" ? " " $3 : "") }' | sed '$d' | paste -sd '|')" "12 HLT|30 IO_INSTRUCTION|48 EPT_VIOLATION|all exits 70669"
refuses "what neither is nor has a name is refused" 2 "AMD has no exit reason 'nonsense'; see exitstat names --vendor amd" -S "$amd" -e io,nonsense
refuses "an empty one" 2 "AMD has no exit reason ''" -S "$amd" -e io,
is "-n leaves the first rows, and one for the others" "$(exitstat -S "$amd" -n 2 | awk 'NR > 3 { print $1, $2, $3 }' | sed '$d' | paste -sd '|')" \
	"0x07b io 22014|0x400 npf 30011|9 others 20705|total 72730 100.0"
is "-R turns the order" "$(exitstat -S "$amd" -R -H -n 1 | awk '{ print $2 }') $(exitstat -S "$amd" -s name -R -H -n 1 | awk '{ print $2 }')" "other write_cr0"
is "the errors of means are those of perf stat: deviation / sqrt(runs) / mean" \
	"$(exitstat -S "$frames" -r 4 -o one -- true; awk '$1 == "total" { print $2, $5 }' one)" \
	"$(exitstat -S "$frames" -r 4 -j -o all -- true; python3 -c '
import json, statistics
n = [json.loads(line)["total"]["count"] for line in open("all")]
print("%.1f %.2f%%" % (statistics.mean(n), 100 * statistics.stdev(n) / len(n) ** 0.5 / statistics.mean(n)))')"
for bad in 0-16384 3-1 "1," ",1" 1- 1--2 a; do
	refuses "--vcpu $bad is refused" 2 "--vcpu takes the number of a CPU, 0 to 16383, several as in '0-3,7', or 'all', not '$bad'" --vcpu "$bad"
done
is "COUNT ends it" "$(exitstat -S "$top/tests/fixtures/recordings/guest-amd.rec" -H 1 7 | wc -l)" 7
is "JSON holds what the table holds" \
	"$(exitstat -S "$amd" --json -- true 2>&1 |
	json 'd["schema"], d["kind"], d["vendor"], d["total"]["count"], d["own"]["count"], d["command"], d["status"]')" \
	"2 command AMD 3906 43 ['true'] 0"
is "JSON holds every exit with its number" \
	"$(exitstat -S "$intel" --json | json 'sum(e["count"] for e in d["exits"]) - d["total"]["count"], len(d["exits"]), [e["name"] for e in d["exits"] if e["number"] == 48]')" \
	"0 14 ['EPT_VIOLATION']"
is "JSON of an argument that is not UTF-8 is still JSON" \
	"$(exitstat -S "$amd" --json -- true $'\xff' 2>&1 | json 'd["command"][1]')" "?"
is "CSV has a row per exit and one of names" "$(exitstat -S "$amd" --csv | awk -F, 'NR == 1 || $8 == "npf"')" \
	"kind,wall_clock,timestamp_ns,duration_ns,tsc_khz,cpu,number,name,class,count,cycles,vmm_cycles,waiting_cycles
total,,1250000000,,2495000,,1024,npf,memory,30011,240088000,120000,0"
is "CSV leaves out what is not known" "$(exitstat -S counts --csv -H | awk -F, '$8 == "npf"')" "total,,1250000000,,2495000,,1024,npf,memory,30011,,,"
is "repeated runs have a mean and a deviation" \
	"$(exitstat -S "$top/tests/fixtures/recordings/guest-amd.rec" -r 43 -- true 2>&1 | awk '$1 == "total" { print $2 }')" "100.9"
is "the last run that a recording holds is the last" "$(status exitstat -S "$amd" -r 2 -- true)" 1
is "check says what is offered" "$(exitstat -S "$amd" check | awk -F '  +' '$1 == "times by state" { print $2 }')" "yes: guest, KVM, VMM, waiting"
is "check says what a reading costs" "$(exitstat -S "$amd" check | awk '/a reading costs/ { print $4, $8 }')" "43 10"
is "a broken terminal is no place for top" "$(status exitstat -S "$amd" top </dev/null)" 1

is "leaf prints the raw registers" "$(exitstat --source "$amd" leaf 0x4fffff00)" \
	"leaf=0x4fffff00 ecx=0x00000000: eax=0x4fffffff ebx=0x74697845 ecx=0x74617453 edx=0x4d564b73"
is "leaf takes ECX, also negative" "$(exitstat leaf --source "$amd" 0x4ffffff8 0x73)" \
	"leaf=0x4ffffff8 ecx=0x00000073: eax=0x00000078 ebx=0x00000000 ecx=0x00000fa1 edx=0x00000000"
is "names prints what both manuals define" "$(exitstat names | wc -l) $(exitstat names --vendor intel | wc -l) $(exitstat names --vendor amd | wc -l)" "255 80 175"
check "--version names the ABI's revision" grep -q "^exitstat [0-9.]* (ABI revision 2)$" <(exitstat --version)

#
# A hypervisor that implements revision 2.
#
second() { python3 "$top/tests/lib/second.py" "$@"; }
second >plain.rec
second late >late.rec
second late approximate >attached.rec
is "counters of a VM's whole life are since it started" "$(exitstat -S plain.rec | sed -n 1p)" "AMD, 1 vCPU: exits since the VM started"
is "late ones since counting began, of which the age is known at every moment" \
	"$(exitstat -S late.rec | sed -n 1p; exitstat -S late.rec check | sed -n 's/^counting since  *//p')" \
	"AMD, 1 vCPU: exits since counting began, 2 min ago
counting began, 2 min ago"
is "an attached module's since it was attached" "$(exitstat -S attached.rec | sed -n 1p)" \
	"AMD, 1 vCPU: exits since it was attached, 2 min ago"
sed 's/\(4fffff01 .* \)000f4240$/\100000000/' attached.rec >unknown.rec
is "how long ago is not said where the TSC has no frequency" "$(exitstat -S unknown.rec | sed -n 1p)" "AMD, 1 vCPU: exits since it was attached"
is "that times are approximate is a line under every table" \
	"$(for how in "" "-n" "--by-reason 1 2" "-- true" "report attached.rec"; do
		# shellcheck disable=SC2086 # words
		if [ "${how#report}" = "$how" ]; then exitstat -S attached.rec $how; else exitstat $how; fi 2>&1 | grep -c "^Approximate: "
	done | paste -sd ' ')" "1 0 2 1 1"
is "where they are exact there is none" "$(exitstat -S late.rec | grep -c Approximate)" 0
is "JSON says both" "$(exitstat -S attached.rec -j | json 'd["late"], d["approximate"], d["age_cycles"]') $(exitstat -S plain.rec -j |
	json '[key for key in d if key in ("late", "approximate", "age_cycles")]')" "True True 125000000000 []"
is "check explains both" "$(exitstat -S attached.rec check | grep -c "^Counting began while\|^Approximate: the counts are exact\|^times  *yes, approximate")" 3
is "a recording of it says both" "$(exitstat -S attached.rec record -o - 2>/dev/null | exitstat -S - | sed -n '1p;$p')" \
	"AMD, 1 vCPU: exits since it was attached, 2 min ago
Approximate: what KVM does close to an entry or exit is guest time here."
is "and its report does not speak of the VM's start" "$(exitstat report late.rec | grep -c "^From when counting began to the end")" 1
is "counters above 2^63 are not negative" "$(second huge | exitstat -S - --json | json 'd["total"]["count"] == 2 ** 64 - 2 ** 20 + 2050')" True
is "text in JSON holds no tag, and is text" "$(exitstat -S attached.rec -j -o - -- true "<!--<script>\"\\" | tee tag | json 'd["command"][1]'; grep -c '<' tag)" \
	'<!--<script>"\
0'
second moves >moves.rec
is "after a migration to a stock KVM nothing is believed any more" \
	"$(exitstat -S moves.rec -H 1 2>said | awk '{ print $1, $6, $7 }'; cat said)" "100 io 100
100 io 100
100 io 100
100 io 100
exitstat: not reported: hypervisor 'KVMKVMKVM' has no exit statistics for this program (no signature in CPUID leaf 0x4fffff00); type: exitstat check"

is "a command's status is exitstat's" "$(status exitstat -S "$amd" -- sh -c 'exit 42')" 42
is "a command that is killed by signal 9 gives 137" "$(status exitstat -S "$amd" -- sh -c 'kill -9 $$')" 137
is "a command that does not exist gives 127" "$(status exitstat -S "$amd" -- ./nothing)" 127
is "and nothing was measured, however often: one line" "$(exitstat -S "$amd" -r 3 -- ./nothing 2>&1 | wc -l)" 1
touch plain
is "a command that is not executable gives 126" "$(status exitstat -S "$amd" -- ./plain)" 126
is "a command's output is its own: the table goes to stderr" "$(exitstat -S "$amd" -- echo hello 2>/dev/null)" hello
exitstat -S "$amd" -o table -- true
check "--output puts the table into a file" grep -q hypercall table
is "and leaves it as it was if there is no table" "$(cp table before; status exitstat -S "$amd" -o table -- ./nothing; cmp before table)" 127
is "or is not there then" "$(status exitstat -S "$amd" -o none -- ./nothing; [ -e none ] || echo gone)" "127
gone"
is "--output - is standard output" "$(exitstat -S "$amd" -o - -- true 2>/dev/null | grep -c hypercall)" 1
is "--source - is standard input" "$(exitstat -S - -H <"$amd" | wc -l)" 11
is "and is called so" "$(exitstat -S - 2>&1 </dev/null)" \
	"exitstat: cannot read the recording standard input: line 1: a recording begins with the line 'exitstat-recording 1'"
closed() { sh -c "\"\$@\" $1" sh "${@:2}"; }
closed '<&- 2>&-' "$BUILD/exitstat" -S "$frames" record -o closed
is "what was closed at the start is no place for a file: no message lands in it" \
	"$(grep -c exitstat: closed; exitstat report --json closed | json 'len(d["intervals"])')" "0
43"
is "and what cannot be written is said" "$(closed '>&-' "$BUILD/exitstat" -S "$amd" 2>&1)" "exitstat: cannot write the result: Bad file descriptor"
# signalled WHO SIGNAL ARGUMENT...: exitstat's status if it gets that signal once the file "ready" exists. Only exitstat gets it: in
# the background it is not a group leader, and only itself passes signals on.
signalled() {
	local signal=$1 pid

	shift
	rm -f ready
	env --default-signal=INT,QUIT "$BUILD/exitstat" "$@" >said 2>&1 </dev/null &
	pid=$!
	wait_for test -s ready
	kill -"$signal" "$pid"
	timeout 300 tail -s 0.1 -f /dev/null --pid="$pid" || kill -KILL "$pid"
	wait "$pid"
	echo $?
}
# shellcheck disable=SC2016
for signal in HUP TERM USR1 USR2; do
	is "SIG$signal is passed on to the command" "$(signalled $signal -S "$amd" -o /dev/null -- \
		sh -c "trap 'exit 33' $signal; echo >ready; while :; do sleep 0.05; done")" 33
done
# In a terminal, both get them; here, as from a supervisor, only exitstat does.
for signal in INT QUIT; do
	both+="$(signalled $signal -S "$amd" -o /dev/null -- sh -c "trap 'exit 33' $signal; echo >ready; sleep 1; exit 44") "
done
is "what the terminal sends to both is not sent to the command twice" "$both" "44 44 "
for signal in HUP TERM USR1 USR2; do
	is "and ends what is repeated, with the command's status" "$(signalled $signal -S "$frames" -o runs -r 40 -- \
		sh -c 'echo $$ >>ready; exec sleep 600'; wc -l <ready; cat said)" "$((128 + $(kill -l $signal)))
1
exitstat: signal $(kill -l $signal) ($(python3 -c "import signal; print(signal.strsignal(signal.SIG$signal))")) ended this after 1 of 40 runs"
done
# shellcheck disable=SC2016
is "what it cut short is in no mean" "$(signalled TERM -S "$frames" -o runs -r 40 -- \
	sh -c 'echo x >>begun; [ "$(wc -l <begun)" -lt 3 ] || { echo >ready; exec sleep 600; }'; head -n 1 runs)" "143
2 runs: the mean, and its standard error"
is "a command that lives through the signal is the last one all the same" "$(signalled TERM -S "$frames" -o runs -r 40 -- \
	sh -c 'trap "exit 0" TERM; echo >>ready; while :; do sleep 0.05; done'; cat said)" "143
exitstat: signal 15 (Terminated) ended this after 1 of 40 runs"
# started HOW COMMAND...: with SIGCHLD blocked or ignored, as inherited from a parent
started() {
	timeout -s KILL 300 python3 -c 'import os, signal, sys
if sys.argv[1] == "blocked":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
else:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[2], sys.argv[2:])' "$@"
}
for how in blocked ignored; do
	is "SIGCHLD that whoever started it left $how does no harm" \
		"$(started $how "$BUILD/exitstat" -S "$amd" -o /dev/null -- sh -c 'sleep 0.2; exit 42'; echo $?)" 42
done
is "the command does not inherit that SIGINT is ignored" \
	"$(exitstat -S "$amd" -o /dev/null -- sh -c 'kill -INT $$; echo survived'; echo $?)" 130

refuses "an option that is not there" 2 "'--frobnicate'" --frobnicate
refuses "an option that lacks its value" 2 "'--sort' needs a value" --sort
refuses "a key that nothing is sorted by" 2 "'colour'" --sort colour
refuses "a verb that is not there" 2 "'frobnicate'" frobnicate
refuses "nothing behind --" 2 "the command to measure" --
refuses "a leaf that is no number" 2 "'cpuid'" leaf cpuid
refuses "a negative leaf, as an option that is not there" 2 "there is no option '-1'" leaf -1
refuses "a leaf wider than 32 bits" 2 "'0x100000000'" leaf 0x100000000
refuses "an interval of 0" 2 "INTERVAL is 0.01 to 86400 seconds, not '0'" 0
refuses "a negative interval" 2 "not '-1'" -1
refuses "an interval of 1e99" 2 "not '1e99'" 1e99
refuses "a COUNT of 0" 2 "'0'" 1 0
refuses "an option behind INTERVAL" 2 "options come before INTERVAL, not '-t' behind it" 1 -t
refuses "runs of no command" 2 "the table takes no --repeat; see exitstat --help" -r 3
refuses "a vendor that is none" 2 "--vendor takes intel or amd, not 'via'" names --vendor via
refuses "no runs" 2 "'0'" -r 0 -- true
refuses "an option of another verb" 2 "--all" leaf --all 1
refuses "a recording that is not there" 1 "./gone: No such file" --source ./gone
refuses "a file that is no recording" 1 "line 1: a recording begins with" --source /etc/passwd
refuses "a leaf that the recording does not hold" 1 "0x40000000" --source "$amd" leaf 0x40000000
refuses "a vCPU that the recording does not hold" 1 "no CPU 5" --source "$amd" --vcpu 5
refuses "all vCPUs of a recording that holds none" 1 "holds the exits of the whole VM only" \
	--source "$top/tests/fixtures/recordings/guest-amd.rec" --vcpu all
refuses "an output that cannot be written" 1 "./no/where" --source "$amd" -o ./no/where -- true

sed 's/\(4fffff00 00000000 ->\).*/\1 00000000 00000000 00000000 00000000/' "$amd" >stock
refuses "a hypervisor without the signature is not applicable" 77 "not reported" --source stock
finish
