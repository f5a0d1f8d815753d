#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317,SC2119 # functions are run through check, stop may have an argument
# exitstat export with slow and broken clients, with VMs that begin and end, and with thousands of them.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/ktap.sh
. "$top/tests/lib/ktap.sh"
# shellcheck source=tests/lib/export.sh
. "$top/tests/lib/export.sh"

"$top/packaging/need" tools test || exit 1

clients() { python3 "$top/tests/lib/clients.py" "$1" "$url" "${@:2}"; }
sample() { fetch "$url" | sed -n "s/^$1 //p"; }
resident_kib() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status"; }

threads() { find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l; }

# grown KIB: how many percent more than that is resident
grown() { echo $((100 * $(resident_kib) / $1 - 100)); }

# comes: there is a page, though others, who do not give up, would make it wait for ever
comes() { fetch "$url" >/dev/null; }
has_threads() { [ "$(threads)" = "$1" ]; }

plan 32
build_checked || exit 1
python3 "$top/tests/lib/vms.py" vms 20
start --debugfs vms --per-vcpu || exit 1
keep asan
clients trickle 200 enough >trickled &
trickling=$!
wait_for test -s trickled
check "200 clients that send a byte a second make nobody wait" comes

build_plain || exit 1
python3 "$top/tests/lib/vms.py" many 4096
start --debugfs many || exit 1
keep many
# Itself, so that it can be killed.
python3 "$top/tests/lib/clients.py" deaf "$url" 100 enough >deafness &
deafening=$!
wait_for test -s deafness
check "nor do 100 that ask for a page of 22 MB and never read" comes
touch enough

use asan
is "420 broken requests later it answers" "$(clients broken 30; clients good 10 1)" 10
is "VMs that start, change and end while they are read are whole or absent" "$(clients churn 6 vms)" "nothing wrong with many"

mkdir few
python3 "$top/tests/lib/vms.py" few 10
start --debugfs few || exit 1
is "1000 requests are answered" "$(clients good 1000 4)" 1000
before=$(resident_kib)
is "10000 more are" "$(clients good 10000 4)" 10000
is "and it is not larger by a tenth for it ($before KiB, then $(resident_kib))" "$(($(grown "$before") < 10))" 1
stop
is "it ends well" $? 0

# VMMs that misbehave in every way, and one that does not.
for how in hang mute close garbage no-qmp flood endless old stock well; do
	python3 "$top/tests/lib/qmp.py" "$work/$how.qmp" $how >"$how.ready" &
	wait_for test -s $how.ready
done
mkdir sockets
build_checked || exit 1
mapfile -t sockets < <(printf -- '--qmp=%s.qmp\n' hang mute close garbage no-qmp flood endless old stock well gone)
# One of them twice, under another name.
ln -s "$work/well.qmp" also.qmp
start "${sockets[@]}" --qmp also.qmp --qmp sockets || exit 1
check "of eleven QMP sockets nine are no good, and a page comes nevertheless" comes
fetch "$url" >page
is "it has the VM of the one that is, by its name and its VMM's PID" "$(grep -c "^exitstat_exits_total{vm=\"web, 1\",reason=\"cpuid\",class=\"cpuid\"} [1-9]" page)" 1
is "and says of the others that they are down" \
	"$(sed -n 's/^exitstat_source_up{source="\(.*\).qmp"} /\1 /p' page | sort | paste -sd ' ')" \
	"also 1 close 0 endless 0 flood 0 garbage 0 gone 0 hang 0 mute 0 no-qmp 0 old 0 stock 0 well 1"
check "promtool has nothing to say about it" promtool check metrics <page
python3 "$top/tests/lib/qmp.py" sockets/new well >new.ready &
new=$!
wait_for test -s new.ready
is "a VM whose socket appears in a directory is there" "$(fetch "$url" | grep -c '^exitstat_vcpus')" 2
kill -KILL $new
wait $new 2>/dev/null
is "one that was killed is not, and its socket is no source that is down" \
	"$(fetch "$url" | grep -c '^exitstat_vcpus\|source="sockets')" 1
stop
is "it ends well, with threads that wait for a VMM" $? 0

# VMMs that mean harm, in the end a thousand, and one that does not.
mkdir harm
harming=()
# harm MUTE FLOODING
harm() {
	mkdir -p "$work/harm$1"
	python3 "$top/tests/lib/hostile.py" "$work/harm$1" "$1" "$2" >"harm$1.ready" &
	harming+=($!)
	wait_for test -s "harm$1.ready"
	mv "$work/harm$1"/* harm/
}
python3 "$top/tests/lib/qmp.py" harm/well well >harm.ready &
harming+=($!)
wait_for test -s harm.ready
build_plain || exit 1
start --qmp harm || exit 1
seen() { fetch "$url" | grep -c '^exitstat_vcpus{vm="web, 1"} 2'; }
harm 0 16
is "a VMM that answers is in the page, beside 16 that send a gigabyte each" "$(seen) $(seen) $(seen)" "1 1 1"
peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status")
is "of which the exporter takes less than 512 MiB ($peak KiB)" "$((peak < 512 << 10))" 1
harm 984 0
is "and beside 984 that never answer" "$(seen) $(seen)" "1 1"
is "for which there are no more than 16 threads" "$(($(threads) <= 20))" 1
is "they are down, each of them" "$(fetch "$url" | grep -c '^exitstat_source_up{.*} 0')" 1000
stop
is "it ends well in the midst of it" $? 0
kill "${harming[@]}"
wait "${harming[@]}" 2>/dev/null

wait $trickling
is "who trickles is cut off" "$(($(head -n 1 trickled) > 0)) $(tail -n 1 trickled)" "1 0"
use many
check "who is deaf has no thread any more" wait_for has_threads 3
kill $deafening
fetch "$url" >page
is "4096 VMs are in one page" "$(grep -c ^exitstat_vcpus page) $(grep -c ^exitstat_exits_total page)" "4096 57344"
diagnose "$(stat -c '%s bytes' page), $(grep -vc '^#' page) series, read in $(sed -n 's/^exitstat_scrape_duration_seconds //p' page) s"
clients good 5 1 >/dev/null
before=$(resident_kib)
scrapes=$(sample exitstat_scrapes_total)
is "ten scrapes at a time are answered" "$(clients together 10 "$pid")" 10
is "with readings that they share: fewer than half as many" "$(($(sample exitstat_scrapes_total) - scrapes < 6))" 1
clients good 5 1 >/dev/null
is "and it is not larger by a tenth for it ($before KiB, then $(resident_kib))" "$(($(grown "$before") < 10))" 1
stop
is "that one ends well too" $? 0
use asan
stop
is "and the first one, with nothing leaked" $? 0

# A reading that hangs: instead of a table there is a FIFO, to which nothing is ever written. That it can be opened says that it is read.
mkdir -p stuck/5000001-10
mkfifo stuck/5000001-10/exit_stats
"$exporter" --debugfs stuck --textfile few >stuck.log 2>&1 &
pid=$!
exec {fifo}>stuck/5000001-10/exit_stats
kill -TERM $pid
wait $pid
is "SIGTERM ends it in the middle of a reading that hangs" $? 143
exec {fifo}>&-
rm -r stuck
log=$(mktemp "$work/log.XXXXXX")
nohup "$exporter" --listen 127.0.0.1:0 --debugfs vms >"$log" 2>&1 &
pid=$!
wait_for grep -q "listening on" "$log"
url=$(sed -n 's/^exitstat: listening on //p' "$log")
kill -HUP $pid
sleep 0.5
check "nohup protects it from SIGHUP" comes
stop
is "and not from SIGTERM" $? 0
finish
