#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# record, report and top with recordings: one of a real guest in the lab, the others from a model.
# shellcheck disable=SC2317 # check() calls the functions
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/exitstat.sh
. "$top/tests/lib/exitstat.sh"

recordings=$top/tests/fixtures/recordings
guest=$recordings/guest-amd.rec
trap 'tmux -S "$work/tmux" kill-server 2>/dev/null; rm -rf "$work"' EXIT

# on_screen WORDS: wait until top shows them.
shown() { tmux -S tmux capture-pane -p -t top >screen && grep -q "$1" screen; }
on_screen() { wait_for shown "$1" || { cat screen; return 1; }; }

same_numbers() {
	local json_rows html_rows

	json_rows=$("$exitstat" report --json "$guest" | json '" ".join(e["name"] + "=" + str(e["count"]) for e in sorted(d["exits"], key=lambda e: -e["cycles"]))')
	html_rows=$(chromium --headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update \
		--disable-sync --no-first-run --user-data-dir="$work/chromium" --virtual-time-budget=5000 --dump-dom \
		"file://$work/$page" 2>/dev/null |
		grep -oE '<tr[^>]*><td>[^<]*</td><td>[0-9]+</td>' | sed -E 's/.*<td>([^<]*)<\/td><td>([0-9]+)<\/td>/\1=\2/' |
		grep -vE '^(total|exitstat itself)=' | paste -sd ' ')
	[ -n "$json_rows" ] && [ "$json_rows" = "$html_rows" ] && return
	echo "recording: $json_rows
page: $html_rows"
	return 1
}

plan 51
is "a report's exits are those of its intervals" \
	"$("$exitstat" report --json "$guest" | json 'd["total"]["count"] - sum(i["count"] for i in d["intervals"]), len(d["intervals"])')" "0 43"
is "from first reading to last there are as many exits as in between, and the reader's" \
	"$("$exitstat" report --json "$guest" | json 'd["before"] + d["total"]["count"] + d["own"]["count"]')" \
	"$("$exitstat" -S "$guest" --json | json 'd["total"]["count"]')"
check "a burst is found and told of" grep -q "^Burst at 5.204 s" <("$exitstat" report "$guest")
check "of one interval nobody knows whether it is steady" grep -q "Fewer than 5 intervals do not tell" <("$exitstat" report "$recordings/amd.rec")
# record_live EXITS SECONDS...: a recording of a VM with that many io exits per second, in intervals of these lengths
record_live() {
	python3 - "$@" <<-'END'
		import sys
		rate, lengths = int(sys.argv[1]), [float(length) for length in sys.argv[2:]]
		print("exitstat-recording 1\nframe 0.000000000 free")
		print("00000001 0 -> 0 0 80000000 0\n4fffff00 0 -> 4fffffff 74697845 74617453 4d564b73")
		print("4fffff01 0 -> 1 2 0 0\n4fffff02 0 -> 1 0 77 0\n4ffffff8 7c -> 0 0 0 ffffffff")
		now, count = 0, 1000
		print(f"4ffffff8 0 -> 7b 0 {count:x} 0\nend")
		for length in lengths:
		    now += length
		    count += round(rate * length)
		    print(f"frame {now:.9f} free\n4ffffff8 0 -> 7b 0 {count:x} 0\nend")
	END
}
says() { grep -qE "$2" <("$exitstat" report "$1" | tr '\n' ' '); }
record_live 1000 1 1 1 1 1 1 1 1 >steady.rec
check "a rate that does not change is steady" says steady.rec "The rate was steady: its standard deviation is 0 % of the mean"
record_live 1000 1 1 1 1 1 1 1 1 0.0004 >short.rec
check "so it is if one interval is too short for an exit" says short.rec "The rate was steady"
record_live 1000 1 1 1 30.5 1 1 1 1 >stopped.rec
check "so it is if the recorder was stopped" says stopped.rec "The rate was steady"
check "and the report says when that was" says stopped.rec "Readings were missed: at 3.000 s, for 30.500 s"
record_live 1000 1 1 1 1 1 1 1 1 | awk '$1 == "frame" { count += n++ % 2 ? 700 : 1300 } $5 == "0" && $4 == "7b" { $6 = sprintf("%x", count) } { print }' >less.rec
check "one that changes by a third either way is not" says less.rec "The rate was uneven, but without bursts"
check "the command that was recorded is named" grep -q "this ran: sh -c" <("$exitstat" report "$guest")
is "no line of a report is wider than 80 columns" "$("$exitstat" report "$guest" "$recordings/amd.rec" | awk 'length > 80')" ""
check "two recordings stand side by side" grep -q "^ *total  *[0-9.]*  *3124.8 " <("$exitstat" report "$guest" "$recordings/amd.rec")

histograms=$recordings/histograms-amd.rec
is "a histogram holds the exits of its kind" \
	"$("$exitstat" report --json "$histograms" | json '[sum(l["buckets"]) for l in d["latencies"] if l["name"] == "io"], [e["count"] for e in d["exits"] if e["name"] == "io"]')" \
	"[503] [503]"
is "quantiles are the bounds of buckets" \
	"$("$exitstat" report "$histograms" | awk '$2 == "io" && $3 == "<"')" \
	"0x07b io                       <    524.288   <   2097.152   <  16777.216"
"$exitstat" -S "$guest" record -o again.rec 2>/dev/null
cp again.rec first.rec
# The moment of its beginning aside.
same() { diff <(grep -v "^note started" "$1") <(grep -v "^note started" "$2"); }
is "a recording that stands there is kept beside the new one" \
	"$("$exitstat" -S "$recordings/amd.rec" record -o again.rec 2>/dev/null; same again.rec.old first.rec 2>&1; "$exitstat" report --json again.rec | json 'len(d["intervals"])')" 1
"$exitstat" -S "$guest" record -o again.rec 2>/dev/null
rm again.rec.old
is "and stays where it is if the command does not exist" \
	"$("$exitstat" -S "$guest" record -o again.rec -- ./nothing 2>&1; echo $?; same again.rec first.rec; [ -e again.rec.old ] || echo gone)" \
	"exitstat: cannot run './nothing': No such file or directory
127
gone"
"$exitstat" -S "$guest" record -o none.rec -- ./nothing 2>/dev/null
check "or there is none then" test ! -e none.rec
mknod null c 1 3
mkfifo pipe
cp "$guest" target.rec
ln -s target.rec link.rec
for place in null pipe link.rec; do
	cat pipe >piped.rec &
	"$exitstat" -S "$recordings/amd.rec" record -o "$place" 2>/dev/null
	[ "$place" = pipe ] || : >pipe
	wait
	is "what is no plain file is written through, and stays what it is: $place" "$(stat -c %F "$place"; ls "$place.old" 2>/dev/null)" \
		"$(case $place in null) echo "character special file" ;; pipe) echo fifo ;; *) echo "symbolic link" ;; esac)"
done
is "and what a link leads to is the recording" "$("$exitstat" report --json target.rec | json 'len(d["intervals"])')" 1
is "--html and --output leave a device what it is, too" \
	"$("$exitstat" report --html null "$guest" >/dev/null; "$exitstat" -S "$guest" -o null -- true; stat -c %F null)" "character special file"
is "record writes to standard output, too, and messages go elsewhere" \
	"$("$exitstat" -S "$guest" record -o - 2>said >stream.rec; same stream.rec first.rec; cat said)" "exitstat: 44 readings in standard output"
is "report reads standard input, and writes the page to standard output" \
	"$("$exitstat" report --html - - <"$guest" | grep -c '^<!DOCTYPE html>\|"recording":"standard input"')" 2
is "what is recorded from a recording reports the same" \
	"$("$exitstat" report again.rec | grep -A 99 '^ code')" "$("$exitstat" report "$guest" | grep -A 99 '^ code')"
head -c -100 "$guest" >cut.rec
check "a recording that was cut is read up to its last whole reading" grep -q "ends inside a reading" <("$exitstat" report cut.rec)
is "and holds one interval less" "$("$exitstat" report --json cut.rec | json 'len(d["intervals"])')" 42
cat "$guest" "$guest" >twice.rec
check "two recordings in one file are refused with the line" one_line 1 "line $(($(wc -l <"$guest") + 1))" "$exitstat" report twice.rec
check "a recording that is not there is refused" one_line 1 "gone.rec: No such file" "$exitstat" report gone.rec
check "nor two in one CSV" one_line 2 "report takes one recording with --csv" "$exitstat" report -c "$guest" "$guest"
is "CSV of a report has its exits" "$("$exitstat" report -c -n 1 "$guest" | sed 1d | cut -d , -f 1,7-9)" recording,96,interrupt,interrupt
check "recordings of two vendors are not compared" one_line 1 "cannot be compared" "$exitstat" report --json "$recordings/amd.rec" "$recordings/intel.rec"
check "three recordings are refused" one_line 2 "one recording or two" "$exitstat" report 1 2 3
check "a full disk is told of" one_line 1 "No space left" "$exitstat" -S "$guest" record -o /dev/full
check "so it is of the page" grep -q "cannot write /dev/full: No space" <("$exitstat" report --html /dev/full "$guest" 2>&1 >/dev/null)

"$exitstat" report --html page.html "$guest" >/dev/null
sed "s/^note command .*/note command \x1b[31m\xff/" "$guest" >rude.rec
is "what a recording says controls no terminal" "$("$exitstat" report rude.rec | grep -a 'this ran')" "While it was recorded, this ran: ?[31m?"
sed "s/^note command .*/note command <!--<script>/" "$guest" >rude.rec
"$exitstat" report --html rude.html rude.rec >/dev/null
page=rude.html
check "nor does it hide the page's data" same_numbers
page=page.html
check "the page asks the network for nothing" sh -c '! grep -qE "(src|href)=|url\(" page.html && test -s page.html'
check "the page holds the licence of what it holds" grep -q "Permission is hereby granted" page.html
# A day would be 86400.
python3 "$top/tests/lib/day.py" 4321 >day.rec
"$exitstat" report --html day.html day.rec >/dev/null
data() { sed -n 's/.*<script type="application\/json" id="data">\(.*\)<\/script>$/\1/p' day.html | json "$1"; }
is "of many intervals the page holds as many as a chart has columns" "$(data 'len(d[0]["intervals"]), d[0]["neighbours"]')" "865 5"
is "and their sums are exact" \
	"$(data '[sum(i["count"] for i in d[0]["intervals"]), [sum(i["counts"].get(str(e["number"]), 0) for i in d[0]["intervals"]) for e in d[0]["exits"]], sum(i["length_s"] for i in d[0]["intervals"]), [sum(i["state_cycles"][n] for i in d[0]["intervals"]) for n in range(4)]]')" \
	"$("$exitstat" report --json day.rec | json '[d["total"]["count"], [e["count"] for e in d["exits"]], 4321, [d["guest_cycles"], d["total"]["cycles"] - d["total"]["vmm_cycles"], d["total"]["vmm_cycles"], d["total"]["waiting_cycles"]]]')"
is "for programs there are all of them" "$("$exitstat" report --json day.rec | json 'len(d["intervals"]), "neighbours" in d')" "4321 False"
echo old >kept.html
chmod 600 kept.html
half() { (trap '' XFSZ; ulimit -f 16; "$exitstat" report --html kept.html "$guest" 2>half.said >/dev/null; cat half.said); }
is "a page for which there is no room leaves the old one, and no piece" "$(half) $(cat kept.html) $(stat -c %n kept.html*)" \
	"exitstat: cannot write kept.html: File too large old kept.html"
mkdir -p through
mkfifo through/page
cat through/page >page.copy &
"$exitstat" report --html through/page "$guest" >/dev/null
wait $!
is "what is no regular file is written through" "$(stat -c %F through/*) $(cmp page.copy page.html && echo same)" "fifo same"
check "a browser shows the recording's numbers" same_numbers

# Ends with the status of top, and says how the terminal is.
tmux -S tmux -f /dev/null new-session -d -s top -x 80 -y 24 \
	"stty -a >before; $exitstat top -S $guest -i 0.2; echo status \$? >status; stty -a >stty; touch ended; sleep 600"
check "top shows rates" on_screen "exits per second"
tmux -S tmux send-keys -t top h
check "h shows the keys" on_screen "longer, shorter intervals"
tmux -S tmux send-keys -t top h
tmux -S tmux resize-window -t top -x 60 -y 12
check "top fits another size" on_screen "exitstat itself"
tmux -S tmux send-keys -t top C-c
wait_for test -e ended
is "Ctrl-C ends top with 130" "$(cat status)" "status 130"
# All but the size, which was changed meanwhile.
is "and the terminal is as it was" "$(sed 's/rows [0-9]*; columns [0-9]*;//' stty)" "$(sed 's/rows [0-9]*; columns [0-9]*;//' before)"
is_soon "with its cursor, and without the other screen" "1 0" tmux -S tmux display-message -p -t top '#{cursor_flag} #{alternate_on}'
finish
