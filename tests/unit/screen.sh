#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What exitstat shows in a terminal: names that are not ASCII, narrow and short screens, no colours; under ASan and UBSan.
# shellcheck disable=SC2317 # a trap and check() call the functions
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/exitstat.sh
. "$top/tests/lib/exitstat.sh"

vmms=()
terminal=
cleanup() {
	[ -z "$terminal" ] || tmux -S "$terminal" kill-server 2>/dev/null
	kill "${vmms[@]}" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT

# No locale is set, as for root in a cron job or over a plain ssh.
# in_terminal COLUMNS ROWS COMMAND: in a terminal of its own
in_terminal() {
	[ -z "$terminal" ] || tmux -S "$terminal" kill-server 2>/dev/null
	# A new name, because the server that is ending would end the next one, too.
	terminal+=t
	# A hangup while the sanitizer looks for leaks would have it wait for ever.
	env -u NO_COLOR ASAN_OPTIONS=detect_leaks=0 LC_ALL=C TERM=screen tmux -u -S "$terminal" -f /dev/null new-session -d -s top -x "$1" -y "$2" "$3; echo ended; sleep 600"
}
screen() { tmux -u -S "$terminal" capture-pane -p "$@" -t top; }
keys() { tmux -S "$terminal" send-keys -t top "$@"; }

# on_screen WORDS [OPTION]: sooner or later
looks() { screen "${@:2}" >shown && grep -q -e "$1" shown; }
on_screen() { wait_for looks "$@" || { cat shown; return 1; }; }

# shows SENTENCE WANTED COMMAND: what the command makes of the file shown. The screen may be caught while it is being drawn, so wait for it.
shows() { is_soon "$1" "$2" look "$3"; }
look() { screen >shown; eval "$1"; }

# The columns at which each line's $1th separate number begins: there should be only one.
column_of() {
	python3 -c '
import re, sys, unicodedata
def width(text):
	return sum(0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)
lines = [line.rstrip("\n") for line in open("shown", encoding="utf-8") if re.match(" *[0-9]+ .* 64\\.6 ", line)]
print(len(lines), {width(line[:line.index(" 64.6 ")]) for line in lines}, max(map(width, lines)))'
}

long=$(printf 'x%.0s' $(seq 70))
names=(web-日本語サーバー db-🖥-é $'cafe\u0301' "$long" $'bad\xff\xfename' normal 長長長長長長長長長長長長長長長長長長長長)
for i in "${!names[@]}"; do
	python3 "$top/tests/lib/vmm.py" "ready$i" 10 -name "guest=${names[i]}" &
	vmms+=($!)
done
for i in "${!names[@]}"; do wait_for test -e "ready$i"; done
tree() { python3 "$top/tests/lib/hosttree.py" "$@"; }
for i in "${!vmms[@]}"; do tree vms --vms 1 --pid "${vmms[i]}" --tick $((i + 1)); done
# The first PID that no process can have.
tree many --vms 60

plan 36

#
# The list.
#
in_terminal 80 24 "$BUILD/exitstat host -D vms -T"
check "the list is shown" on_screen ended
is "names of all scripts line up, and within 80 columns no number is missing" "$(column_of | cut -d ' ' -f 1,2 | tr -d '{}')" "7 $(grep -o '^total .* 64.6 ' shown | wc -c | awk '{ print $1 - 7 }')"
is "a name is shown as it is" "$(grep -c 'web-日本語サーバー  *2 ' shown) $(grep -c 'bad??name  *2 ' shown)" "1 1"
is "one that is too long is cut between characters" "$(grep -c 'xxxxx…  *2 ' shown) $(grep -c '長長…  *2 ' shown)" "1 1"
in_terminal 40 24 "$BUILD/exitstat host -D vms -T"
on_screen ended >/dev/null
is "at 40 columns each line is one line, with its numbers" "$(grep -cE '^ *[0-9]+ .* [0-9]+  65   2   4   29$' shown) $(grep -c . shown)" "7 10"
is "where no terminal is, a name is whole" "$("$BUILD/exitstat" host -D vms -T | grep -c " $long  *2 ")" 1

#
# top.
#
in_terminal 80 24 "$BUILD/exitstat host -D many top -i 0.5"
check "60 VMs on 24 rows: top says which are shown" on_screen "60 VMs, 1 to 20 of 60"
shows "with all of them in the total" 1 "grep -c '^ *total 60 ' shown"
keys End
check "and goes to the last ones" on_screen "41 to 60 of 60"
keys Home NPage Down
check "by page and by line" on_screen "21 to 40 of 60"
shows "the last line has the keys" "t c m w x n sort  R reverse  / filter  d details  v vCPUs  h keys  q quit" "tail -n 1 shown"
keys d
check "a key that is for one VM says so" on_screen "^this is for one VM: exitstat host --vm VM top$"
keys / 419435 Enter
check "a filter leaves the VMs with that in their pid" on_screen "60 VMs, every"
shows "and says so, with the total still of all" "10 1 only what has '419435' in it; / changes that, Esc ends it" \
	"echo \$(grep -c '^ *419435[0-9] ' shown) \$(grep -c '^ *total 60 ' shown) \$(tail -n 1 shown)"
keys Escape R
check "Esc shows all again, and R turns the order" on_screen "^ *4194364 "
keys q
check "top ends" on_screen ended
in_terminal 60 14 "$BUILD/exitstat host -D vms --vm ${vmms[3]} top -i 0.5"
check "a name of 70 characters leaves room for what is said of it" on_screen "xxx: AMD, 2 vCPUs, every 500.000 ms"

# What the exits were about.
python3 "$top/tests/lib/detailed.py" frames=200 >about.rec
python3 "$top/tests/lib/detailed.py" note memory "+febc3000-febc3fff $(printf '長%.0s' $(seq 12)), 0000:00:02.0 BAR 1" >named.rec
in_terminal 70 40 "$BUILD/exitstat -S $PWD/named.rec why"
on_screen ended >/dev/null
is "at 70 columns each line of why is one line, and what it was about is cut, not the numbers" \
	"$(grep -c . shown) $(grep -c '^ *123 *7.380 *[0-9.]* *60.000    mmio 0xfebc3004  長長長長…$' shown) $(grep -c '^ *3066 .*    out 0x3f8  serial port 1$' shown)" "22 1 1"
in_terminal 50 40 "$BUILD/exitstat -S $PWD/named.rec why npf"
on_screen ended >/dev/null
is "at 50 as well" "$(grep -c . shown) $(grep -c ' 60.000    mmio …$' shown)" "8 2"
in_terminal 80 24 "$BUILD/exitstat -S $PWD/about.rec top -i 0.3"
check "top shows reasons" on_screen "^ *0x07b io "
is "and not what they were about" "$(grep -c 'out 0x3f8' shown)" 0
keys d
check "but for the key d" on_screen "^  out 0x3f8  serial port 1  *[0-9]* *81.[0-9] *50.000$"
keys / mmio Enter
check "a filter leaves the details with that word, under their reason" on_screen "^  mmio 0xfebc3004 "
shows "and nothing else" "4 1" "echo \$(grep -c '^0x\|^  [a-z]* 0x' shown) \$(grep -c '^0x400 npf ' shown)"
keys / BSpace BSpace BSpace BSpace i o Enter
check "a reason has all of its own" on_screen "^  out 0x3f8  serial port 1 "
keys Escape
keys v
check "a recording of the whole VM has no vCPUs to go with it" on_screen "CPU  vCPU"
keys v
check "and it is back" on_screen "^  out 0x3f8  serial port 1 "
keys d
without() { ! screen | grep -q "out 0x3f8" && screen | grep -q "0x07b io "; }
check "d takes them away again" wait_for without
in_terminal 80 24 "$BUILD/exitstat -S $top/tests/fixtures/recordings/guest-amd.rec top -i 0.3"
check "of a recording without them" on_screen "^ *0x07c msr "
keys d
check "top says that there are none" on_screen "there are no details"

# What was recorded has more exits than fit.
guest=$top/tests/fixtures/recordings/guest-amd.rec
in_terminal 40 14 "$BUILD/exitstat -S $guest top -i 0.2"
check "at 40 columns" on_screen "guest [0-9]*% KVM [0-9]*% VMM [0-9]*% waiting [0-9]*%"
shows "no number is cut" 1 "grep -cE '^[a-z_0-9]+ +[0-9]+ +[0-9.]+ +[0-9.]+\$' shown | awk '{ print (\$1 > 2) }'"
in_terminal 80 14 "NO_COLOR=1 $BUILD/exitstat -S $guest top -i 0.2"
check "without colours the bars are seen" on_screen '\.\.\.'
in_terminal 80 14 "NO_COLOR= $BUILD/exitstat -S $guest top -i 0.2"
check "an empty NO_COLOR is none" on_screen $'\e\\[44m' -e
in_terminal 80 14 "TERM=dumb $BUILD/exitstat -S $guest top"
check "a terminal whose cursor cannot be moved is refused" on_screen "^exitstat: top cannot use the terminal: TERM is 'dumb'; without one"
in_terminal 80 14 "TERM=\$(printf 'x\\033[41m') $BUILD/exitstat -S $guest top"
check "and what TERM says is cleaned" on_screen "TERM is 'x?\[41m'"
finish
