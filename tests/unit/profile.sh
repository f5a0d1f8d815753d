#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# exitstat profile, from what perf script has printed: text, stacks for other programs, the page with the flame graph.
# shellcheck disable=SC2317 # check() calls the functions
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/exitstat.sh
. "$top/tests/lib/exitstat.sh"

# The first two samples have the NMI's frames on top, as it interrupts a program, and as it interrupts the kernel.
cat >samples <<'END'
true    38 number=0x72 name=cpuid rip=0x401000 weight=2
	ffffffffc0a01234 handle_nmi ([exitstat_pmu])
	ffffffff81a2c5a1 exc_nmi ([kernel.kallsyms])
	ffffffff81c016b3 asm_exc_nmi ([kernel.kallsyms])
	    7f1234567890 _dl_start (/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2)
	    7f1234567899 [unknown] (/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2)

my prog 9    39 number=0x72 name=cpuid rip=0x401000 weight=5
	ffffffff81a2c5a1 exc_nmi ([kernel.kallsyms])
	ffffffff81c016b3 asm_exc_nmi ([kernel.kallsyms])
	ffffffff81c01820 end_repeat_nmi ([kernel.kallsyms])
	ffffffff8156c0f7 io_serial_out ([kernel.kallsyms])
	ffffffff8156bdc2 uart_write ([kernel.kallsyms])
	ffffffff8156bdc2 uart_write ([kernel.kallsyms])
	    7f1234567899 main;x (/bin/my prog)
my prog 9    39 number=0x72 name=cpuid rip=0x401000 weight=1
	ffffffff81c01820 end_repeat_nmi ([kernel.kallsyms])
	ffffffff8156bdc2 uart_write ([kernel.kallsyms])
	    7f1234567899 main;x (/bin/my prog)
my prog 9    39 number=0x72 name=cpuid rip=0x401000 weight=1
	ffffffff81c01820 end_repeat_nmi ([kernel.kallsyms])
	ffffffff8156bdc2 uart_write ([kernel.kallsyms])
	    7f1234567899 main;x (/bin/my prog)
END
{ cat samples; sed -n '1,6s/0x72 name=cpuid/0x7b name=io/p; 2,6p' samples; } >two

page_says() {
	chromium --headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync \
		--no-first-run --user-data-dir="$work/chromium" --virtual-time-budget=5000 --dump-dom "file://$work/page.html" 2>/dev/null |
		grep -oE '<title>[^<]*: [0-9.]+ (exits|ms), [0-9.]+ %' | sed 's/<title>//' | sort
}

# Where all samples have a time.
sed -e 's/ weight=2/ time_ns=4000000 weight=2/; s/ weight=5/ time_ns=1000000 weight=5/; s/ weight=1/ time_ns=500000 weight=1/' samples >timed
{ cat timed; echo; sed -n '1,6s/time_ns=[0-9]*/time_ns=-1/p; 2,6p' timed; } >untimed

plan 19
is "stacks from the outside in, without the frames of the sampling, and their exits, not samples" \
	"$("$exitstat" profile --folded --source samples)" "my prog 9;main:x;uart_write 2
my prog 9;main:x;uart_write;uart_write;io_serial_out 5
true;[ld-linux-x86-64.so.2];_dl_start 2"
is "where several kinds of exits were sampled, the kind comes first" \
	"$("$exitstat" profile --folded --source two | sed 's/;.*//' | sort -u | paste -sd ' ')" "cpuid io"
"$exitstat" profile --source samples >text
is "the text says how many exits they were" "$(head -n 1 text)" "9 exits by cpuid, in 4 samples, from 3 places"
is "the stack that makes most of them comes first, from the inside out" "$(sed -n 4,5p text | tr -s ' ')" " 5 55.6 io_serial_out
 uart_write"
is "of functions, a recursive one has an exit once, and its own apart" \
	"$(awk '$NF == "uart_write" && NF == 5 { print $3, $1 }' text)" "7 2"
"$exitstat" profile --html page.html --source samples >/dev/null
is "the page draws them as wide" "$(page_says)" "[ld-linux-x86-64.so.2]: 2 exits, 22.2 %
_dl_start: 2 exits, 22.2 %
cpuid: 9 exits, 100.0 %
io_serial_out: 5 exits, 55.6 %
main:x: 7 exits, 77.8 %
my prog 9: 7 exits, 77.8 %
true: 2 exits, 22.2 %
uart_write: 5 exits, 55.6 %
uart_write: 7 exits, 77.8 %"
check "and holds the licences of what it holds" grep -q "Apache License" page.html
is "needing nothing from elsewhere" "$(grep -oE '(src|href)=[^ >]*' page.html | grep -v '^href="#' | grep -E '"?https?:')" ""
is "by time, the stack comes first that took most" "$("$exitstat" profile --time --source timed | sed -n '1p; 4,5p' | tr -s ' ')" \
	"9 exits by cpuid, 6.000 ms, in 4 samples, from 3 places
 4.000 66.7 _dl_start
 [ld-linux-x86-64.so.2]"
is "and the function" "$("$exitstat" profile -t -S timed | awk '$NF == "uart_write" && NF == 5 { print $3, $4, $1 }')" "2.000 33.3 1.000"
is "for other programs, in ns" "$("$exitstat" profile -ft -S timed | sed 's/.* //' | paste -sd ' ')" "1000000 1000000 4000000"
is "CSV has both" "$("$exitstat" profile --csv -S timed | cut -d , -f 1,2 | paste -sd ' ')" "exits,time_ns 2,1000000 5,1000000 2,4000000"
"$exitstat" profile -t --html page.html --source timed >/dev/null
is "the page draws time as wide" "$(page_says | grep -E 'cpuid|_dl_start')" "_dl_start: 4.000 ms, 66.7 %
cpuid: 6.000 ms, 100.0 %"
cp page.html by_time.html
"$exitstat" profile --html page.html --source timed >/dev/null
sed -i 's|</body>|<script>document.querySelector("[value=time_ns]").click()</script></body>|' page.html
is "and is a click away where it draws exits" "$(page_says)" "$(cp by_time.html page.html; page_says)"
check "where a sample has no time, there is no profile by time" one_line 1 "the samples have no times" "$exitstat" profile -t -S untimed
check "a file that is not there" one_line 1 "cannot read gone: No such file" "$exitstat" profile --source gone
check "a file without a sample" one_line 1 "no exit was sampled" "$exitstat" profile --source /dev/null
check "a period that is none" one_line 2 "--period takes a number of exits, 1 to 65535, not '0'" "$exitstat" profile -c 0
check "a command without the dashes" one_line 2 "exitstat profile -- true" "$exitstat" profile true
finish
