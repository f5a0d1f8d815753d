#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What exitstat --json prints is what docs/exitstat.schema.json says, and exitstat diff reads it.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
"$top/packaging/need" +python3-jsonschema || exit 1
# shellcheck source=tests/lib/exitstat.sh
. "$top/tests/lib/exitstat.sh"

recordings=$top/tests/fixtures/recordings
amd=$recordings/amd.rec
guest=$recordings/guest-amd.rec
# faults [--kinds] <LINES
faults() { python3 "$top/tests/lib/schema.py" "$top/docs/exitstat.schema.json" "$@"; }
model() { python3 "$top/tests/lib/detailed.py"; }
all_kinds() {
	exitstat -S "$amd" -j
	exitstat -S counts -j
	python3 "$top/tests/lib/second.py" late approximate | exitstat -S - -j
	exitstat -S "$guest" -j 1 3
	exitstat -S "$guest" -j -e io,hlt -n 1 -r 3 -o - -- true
	model | exitstat -S - -j why
	model | exitstat -S - -j -d 1 1
	exitstat report -j "$guest"
	exitstat report -j "$recordings/histograms-amd.rec"
	model | exitstat record -S - -d -o - 2>/dev/null | exitstat report -j -
	exitstat -S "$amd" check -j
	exitstat -S none check -j
	exitstat names -j
	exitstat leaf -j -S "$amd" 0x4fffff00
	exitstat diff -j a.json b.json
	exitstat profile -j -S stacks
	host -T -j
	host -j 0.1 1
	host --vm $pid -v all -j
	host --vm $pid check -j
}
host() { exitstat host -D vms "$@"; }
# changed PYTHON: what is wrong with the table if PYTHON changes it
changed() { exitstat -S "$amd" -j | python3 -c "import json, sys; d = json.loads(sys.stdin.read()); $1; print(json.dumps(d))" | faults; }

pid=4194305
python3 "$top/tests/lib/hosttree.py" vms --vms 2 --pid $pid
sed 's/\(4fffff01 00000000 -> 00000001 00000002\) 00000003/\1 00000000/' "$amd" >counts
sed 's/^\(1 0 -> .*\|00000001 00000000 -> .*\)$/00000001 00000000 -> 00000000 00000000 00000000 00000000/' "$amd" >none
printf '%s\n' "my prog 9    39 number=0x72 name=cpuid rip=0x401000 weight=5" "	ffffffff8156c0f7 io_serial_out ([kernel.kallsyms])" >stacks
exitstat -S "$guest" -r 3 -j -o a.json -- true
exitstat -S "$guest" -j 1 1 >b.json

plan 26
all_kinds >all 2>said
is "every line is what the schema says, and all kinds were there" "$(faults --kinds <all)" \
	"check command diff interval leaf name profile recording total"
is "a key that the schema does not know is seen" "$(changed 'd["time_ns"] = 1' | grep -c time_ns)" 1
is "so is one that is missing" "$(changed 'del d["duration_ns"]' | grep -c duration_ns)" 1
is "a wrong type" "$(changed 'd["total"]["count"] = "1"' | grep -c total)" 1
is "another schema" "$(changed 'd["schema"] = 1' | grep -c schema)" 1
is "the reader's own exits among the others" "$(changed 'd["exits"][0]["own"] = 1' | grep -c own)" 1
is "own exits have no row in CSV" "$(exitstat -S "$guest" -c -H -o - -- true | grep -c itself)" 0
is "all tables of CSV have the columns of their header" "$(for how in "" "1 2" "-r 2 -o - -- true"; do
	# shellcheck disable=SC2086 # words
	exitstat -S "$guest" -c $how | awk -F, 'NR == 1 { n = NF } NF != n'
done; exitstat check -S "$amd" -c | grep -cv ,; exitstat leaf -c -S "$amd" 0x4fffff00 | awk -F, '{ print NF }' | paste -sd ' '; exitstat names -c | awk -F, 'NF < 5')" "0
6 6"
is "repeated runs have one header, and a column for the run" \
	"$(exitstat -S "$guest" -r 3 -c -o - -- true | awk -F, 'NR == 1 { print $6 } NR > 1 { print $6 }' | uniq | paste -sd ' ')" "run 1 2 3"
is "and a key in JSON" "$(for n in 1 2 3; do sed -n ${n}p a.json | json 'd["run"]'; done | paste -sd ' ')" "1 2 3"
is "a moment of a recording has the date that it tells" "$(exitstat -S "$guest" -j 1 1 | json 'd["wall_clock"], d["timestamp_ns"], d["duration_ns"]')" \
	"$(sed -n 's/^note started \(.*\)Z/\1/p' "$guest" | sed "s/.*/&.412658947Z 412658947 412658947/")"
is "now is now" "$(host -T -j | json '0 <= __import__("time").time() - __import__("datetime").datetime.fromisoformat(d["wall_clock"][:26] + "+00:00").timestamp() < 60')" True

#
# diff
#
exitstat -S "$recordings/intel.rec" -j >intel.json
exitstat -S "$amd" -j >since.json
cp "$amd" . && exitstat names -j >names.json
sed 's/"schema":2/"schema":1/' a.json >old.json
host -T -j >vms.json
is "diff compares what differs most first, with one unit, and says what A and B are" \
	"$(python3 -c '
import json
d = json.load(open("since.json"))
for e in d["exits"] + [d["total"]]: e["count"] *= 2 if e.get("name") == "io" else 1; e["cycles"] *= 2 if e.get("name") == "io" else 1
json.dump(d, open("twice.json", "w"))'; exitstat diff since.json twice.json -n 2)" \
	"A is since.json
B is twice.json

exit             A         B    B/A      A(ms)      B(ms)    B/A
io           22014     44028   2.00    397.046    794.092   2.00
read_cr0       211       211   1.00      0.254      0.254   1.00
total        72730     72730   1.00    519.309    519.309   1.00"
is "of several tables it takes the mean" "$(exitstat diff a.json b.json | sed -n '1,2p'; exitstat diff -c a.json a.json | awk -F, 'NR > 1 && $4 != $5')" \
	"A is a.json, the mean of 3, $(exitstat diff a.json b.json | sed -n 's/^A is .* 3, //p')
B is b.json, 412.659 ms"
is "and its rows are sorted as asked" "$(exitstat diff -H -s name since.json twice.json | awk '{ print $1 }' | sort -c 2>&1; exitstat diff -H -s number -R since.json twice.json | awk 'NR == 1 { print $1 }')" other
is "what only one has is new, or gone" "$(exitstat -S "$amd" -e io -j >io.json; exitstat -S "$amd" -e hlt -j >hlt.json; exitstat diff -H -s name io.json hlt.json | awk '{ print $1, $2, $3, $4 }')" "hlt 0 4128 new
io 22014 0 0.00"
is "the last line is of all exits, also of those that were not saved" \
	"$(exitstat diff io.json io.json | tail -n 1 | awk '{ print $1, $2, $3 }'; exitstat diff since.json since.json | tail -n 1 | awk '{ print $1, $2 }')" \
	"all exits 72730
total 72730"
echo '{"schema":2,"kind":"total","vendor":"AMD","tsc_khz":1e9,"exits":[1,null,[],{"number":-1},{"number":1e300,"count":"x"},{"number":114,"count":7}],"total":5}' >odd.json
is "what is odd in a table is no count" "$(exitstat diff -H odd.json odd.json -s number | awk '{ print $1, $2 }' | paste -sd ' ')" "read_cr0 0 cpuid 7 other 0"
refuses "a table of schema 1 is refused, and it is said what to do" 1 "cannot compare old.json: it has schema 1, and this exitstat reads 2: save it again" diff old.json a.json
refuses "so are two vendors" 1 "their exits cannot be compared" diff since.json intel.json
refuses "several VMs in one" 1 "it holds tables of several VMs, CPUs or kinds" diff vms.json vms.json
refuses "what is no table" 1 "cannot compare amd.rec: it is not what exitstat --json prints" diff amd.rec a.json
refuses "the output of another verb" 1 "it is no table of exits" diff names.json a.json
refuses "an empty file" 1 "it is empty" diff /dev/null a.json
refuses "no file at all" 1 "cannot read gone: No such file" diff gone a.json
refuses "one file" 2 "diff takes two files" diff a.json
finish
