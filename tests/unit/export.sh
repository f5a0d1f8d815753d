#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# exitstat export with synthetic VMs, under ASan: what it serves, and what it refuses.
# shellcheck disable=SC2317 # functions are run through check
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/ktap.sh
. "$top/tests/lib/ktap.sh"
# shellcheck source=tests/lib/export.sh
. "$top/tests/lib/export.sh"

"$top/packaging/need" tools test || exit 1
build_checked || exit 1

# refuses SENTENCE STATUS WORDS ARGUMENT...: one line on stderr that contains the words
refuses() {
	local sentence=$1 wanted=$2 words=$3 said got

	shift 3
	said=$(timeout 300 "$exporter" "$@" 2>&1 </dev/null)
	got=$?
	if [ $got -eq "$wanted" ] && [[ $said == "exitstat: "*"$words"* && $said != *$'\n'* ]]; then
		pass "$sentence"
	else
		fail "$sentence" "exitstat-export $* returned $got and said:
$said"
	fi
}

# metrics [CURL-LIKE HEADER]: the page of the exporter that was started last.
metrics() { fetch "$url" "$@"; }

# sample SERIES: its value
sample() { metrics | grep -v '^#' | grep -F "$1 " | awk '{ print $NF }'; }

# lint: promtool finds nothing in the page
lint() { metrics >page && [ -s page ] && promtool check metrics <page; }

status_of() { python3 "$top/tests/lib/fetch.py" --method "$2" --status "${url%/metrics}$1"; }

plan 88

# --- what is refused
mkdir vms
refuses "an operand" 2 "takes options only, not 'now'" now
refuses "an option of another verb" 2 "no --sort" --sort name
refuses "a recording" 2 "no --source" --source recording
for address in 13948 127.0.0.1 127.0.0.1: :13948 localhost:13948 127.0.0.1:65536 127.0.0.1:-1 "127.0.0.1: 1" ::1:13948 '[::1]' '[127.0.0.1]x:1'; do
	refuses "the address '$address'" 2 "--listen takes ADDRESS:PORT" --debugfs vms --listen "$address"
done
refuses "an address that this machine lacks" 1 "no such address" --debugfs vms --listen 192.0.2.1:13948
refuses "both places to put it" 2 "not both" --listen 127.0.0.1:0 --textfile .
refuses "both places to read from" 2 "count twice" --debugfs vms --qmp socket
refuses "an interval without a file" 2 "with --textfile only" --interval 1
refuses "a directory that is not there" 1 "cannot read gone: No such file" --debugfs gone
refuses "a file in place of a directory" 1 "Not a directory" --debugfs /etc/passwd
refuses "a place for the file that is not there" 1 "directory gone: No such file" --debugfs vms --textfile gone
mkdir -p stock/5000000-11
refuses "a KVM without exit statistics" 77 "type: exitstat-kvm attach" --debugfs stock
if [ "$(id -u)" = 0 ]; then
	mkdir -m 700 secret
	chmod 755 .
	as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	is "a directory that only root may read, with what helps" \
		"$(ASAN_OPTIONS=detect_leaks=0 "${as_nobody[@]}" "$exporter" --debugfs "$PWD/secret" 2>&1 | grep -c 'CAP_DAC_READ_SEARCH; --qmp needs neither')" 1
else
	skip "a directory that only root may read, with what helps" "the right to become another user (root)"
fi

is "exitstat export is this program" "$("${exporter%-export}" export --version)" "$("$exporter" --version)"
is "so it is with options in front of it" "$("${exporter%-export}" -h export | head -n 1) $("${exporter%-export}" -D gone export -p 2>&1)" \
	"usage: exitstat export [-l ADDRESS:PORT] [SOURCE] [DETAIL...] exitstat: cannot read gone: No such file or directory"
cp "${exporter%-export}" lonely
is "and where it is not installed, exitstat says where it is to be had" "$(./lonely export 2>&1)" \
	"exitstat: export is in a separate package, exitstat-export, which 'make deb' builds"

sentence="without /proc it executes no program of that name that lies here"
if unshare -m mount -t tmpfs none /proc 2>/dev/null; then
	make -s -C "$top/tools/exitstat" || exit 1
	mkdir evil
	printf '#!/bin/sh\necho evil\n' >evil/exitstat-export
	chmod +x evil/exitstat-export
	# shellcheck disable=SC2016 # for the shell inside
	is "$sentence" "$(unshare -m sh -c 'mount -t tmpfs none /proc && cd evil && PATH=/none exec "$1" export --help 2>&1' sh "$top/build/exitstat" |
		grep -e evil -e "separate package" -e usage)" \
		"exitstat: export is in a separate package, exitstat-export, which 'make deb' builds"
else
	skip "$sentence" "the right to mount (root)"
fi

# --- what is served
python3 "$top/tests/lib/vms.py" vms 3
start --debugfs vms
refuses "a port that is taken" 1 "the port is in use; choose another one with --listen" --debugfs vms --listen "$(cut -d / -f 3 <<<"$url")"
check "promtool has nothing to say about the page" lint
is "a reason's exits are those of the VM's table" \
	"$(sample 'exitstat_exits_total{vm="5000001-11",id="5000001-11",reason="io",class="io"}')" 2002
is "every VM and reason has a series" "$(metrics | grep -c ^exitstat_exits_total)" 42
is "the modes of a reason: 2002000 cycles of 2 GHz each in KVM and in the VMM, twice as many waiting" \
	"$(metrics | sed -n 's/^exitstat_exit_seconds_total{vm="5000001-11",.*reason="io",class="io",mode="\(.*\)"} /\1 /p' | paste -sd ' ')" \
	"kernel 0.001001000 vmm 0.001001000 waiting 0.002002000"
is "all of the vCPUs' time in seconds, by mode" \
	"$(metrics | sed -n 's/^exitstat_vcpu_seconds_total{vm="5000001-11",id="5000001-11",mode="\(.*\)"} /\1 /p' | paste -sd ' ')" \
	"guest 10.000000000 kernel 0.014105000 vmm 0.014105000 waiting 0.028210000"
is "vCPUs" "$(sample 'exitstat_vcpus{vm="5000001-11",id="5000001-11"}')" 2
is "the source is up, with three VMs" "$(sample 'exitstat_source_up{source="vms"}') $(sample exitstat_vms)" "1 3"
is "a page says how often all was read" "$(($(sample exitstat_scrapes_total) - $(sample exitstat_scrapes_total)))" -1
is "no series is there twice" "$(metrics | grep -v '^#' | sed 's/ [^ ]*$//' | sort | uniq -d)" ""
is "who wants OpenMetrics gets it, to its end" \
	"$(metrics 'Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5' | sed -n '2p;$p')" "# TYPE exitstat_exits counter
# EOF"
is "who refuses it does not, nor who prefers the other, whatever the case and the blanks" \
	"$(for accept in '*/*;q=0.1, application/openmetrics-text;version=1.0.0;q=0' 'application/openmetrics-text; q=0.4 ,text/plain;q=0.5' \
		'text/plain;q=0.3,Application/OpenMetrics-Text ; version=1.0.0; Q=0.5' application/openmetrics-textual; do
		metrics "Accept: $accept" | tail -n 1 | grep -c '# EOF'; done | paste -sd ' ')" "0 0 1 0"
is "HTTP: GET, HEAD, another path, another method, the front" \
	"$(status_of /metrics GET) $(status_of /metrics HEAD) $(status_of /metric GET) $(status_of /metrics POST) $(status_of /metrics DELETE) $(status_of / GET)" \
	"200 200 404 405 405 200"
rm -r vms/5000001-11
is "a VM that ended has no series any more" "$(metrics | grep -c '5000001-11')" 0
sed -i 's/^tsc_khz .*/tsc_khz 0/' vms/5000002-11/exit_stats
is "without a known TSC frequency a VM has counts and no seconds" \
	"$(metrics | grep 5000002 | grep -c exitstat_exits_total) $(metrics | grep 5000002 | grep -c seconds) $(sample 'exitstat_tsc_frequency_hertz{vm="5000002-11",id="5000002-11"}')" "14 0 0"
echo "exit_stats 1" >vms/5000002-11/exit_stats
is "a broken table costs that VM's series, and is counted" \
	"$(metrics | grep -c 5000002) $(sample exitstat_vms) $(($(sample exitstat_vm_errors_total) > 0))" "0 1 1"
mv vms hidden
is "a source that went away is down" "$(sample 'exitstat_source_up{source="vms"}') $(sample exitstat_vms)" "0 0"
is "and said to be so, once" "$(grep -c "cannot read vms: No such file" "$log")" 1
mv hidden vms
is "and up when it is back" "$(sample 'exitstat_source_up{source="vms"}')" 1
stop
is "it ends at SIGTERM with nothing leaked" $? 0

# A name is untrusted text, from a process's arguments, like QEMU's.
python3 "$top/tests/lib/vmm.py" named.ready 9 -name $'guest=we\xffb "1"\\,,\xc3\xa9\e[31m\xe2\x80\xae' &
named=$!
wait_for test -e named.ready
mkdir named
python3 - "$top/tests/lib" $named <<-'END'
	import sys
	sys.path.insert(0, sys.argv[1])
	import vms
	vms.write_vm("named", f"{sys.argv[2]}-9", 0, 3, 3, histograms=True)
END
start --debugfs named --per-vcpu --histograms
is "a name is escaped, and UTF-8 without control characters whatever it was" \
	"$(metrics | sed -n 's/^exitstat_vcpus{vm="\(.*\)"}.*/\1/p')" 'we?b \"1\"\\,é?[31m?'
check "promtool takes it, with histograms" lint
is "per vCPU there is a series each, and none for the VM" \
	"$(metrics | sed -n 's/^exitstat_exits_total{vm="we.*",\(vcpu=.*\)reason="io",class="io"} /\1/p' | paste -sd ' ')" 'vcpu="0",1 vcpu="1",1 vcpu="2",1'
is "a histogram, with bounds in seconds that are the same on every host: 2000 cycles of 2 GHz took less than 1.024 us" \
	"$(metrics | sed -n 's/^exitstat_exit_duration_seconds_bucket{.*vcpu="0",reason="interrupt",class="interrupt",le="\(.*\)"} /\1 /p' | sed -n '1,4p;24p' | paste -sd ' ')" \
	"2.5e-07 0 5e-07 0 1e-06 0 2e-06 3 +Inf 3"
is "with its sum and its count" \
	"$(metrics | sed -n 's/^exitstat_exit_duration_seconds_\(sum\|count\){.*vcpu="0",reason="interrupt",class="interrupt"} /\1 /p' | paste -sd ' ')" "sum 0.000003000 count 3"
# Exits that only a newer kernel knows.
for table in "named/$named-9"/vcpu*/exit_stats; do
	sed -i '$p;$p' "$table"
	sed -i -e '$s/^0x[^ ]*/0xff/' -e "$(($(wc -l <"$table") - 1))s/^0x[^ ]*/0xfe/" "$table"
done
is "exits that have no name here are told apart by number" \
	"$(metrics | sed -n 's/^exitstat_exits_total{.*vcpu="0",reason="\(0x.*\)",class="other"} /\1 /p' | paste -sd ' ')" "0x0fe 2 0x0ff 2"
echo "exit_stats 1" >"named/$named-9/vcpu2/exit_stats"
is "a VM of which a vCPU cannot be read has no series at all" "$(metrics | grep -c 'vm="') $(sample exitstat_vms)" "0 0"
stop INT
is "it ends at SIGINT too" $? 0
kill $named

# --- which VM is which
uuid=7f3f4d5e-0b7c-4c6e-9d3a-2f1f6c1b2a3d
vmms=()
# vmm NAME FD[,FD...] ARGUMENT...: the process, as /proc shows it, of VMs with these descriptors
vmm() {
	python3 "$top/tests/lib/vmm.py" "$@" &
	vmms+=($!)
	wait_for test -e "$1"
}
# vm INDEX FD [EXITS]: a VM of the INDEX-th of them
vm() {
	python3 - "$top/tests/lib" who "${vmms[$1]}-$2" "${3:-0}" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[1])
		import vms
		vms.write_vm(sys.argv[2], sys.argv[3], int(sys.argv[4]), 3, 1)
	END
}
# labels: of each VM, without the PIDs, which are A, B and so on
labels() {
	local i script='' letters=ABCDEFGH

	for i in "${!vmms[@]}"; do
		script+="s/${vmms[i]}-/${letters:i:1}-/g;"
	done
	metrics | sed -n "s/^exitstat_vcpus{\(.*\)} .*/\1/p" | sed "$script" | sort | paste -sd ' '
}
mkdir who
vmm named.1 9 -name guest=web,debug-threads=on -uuid "${uuid^^}"
vmm named.2 9 --name web -uuid "${uuid/7/8}"
vmm named.3 9 -name web --uuid $uuid
vmm named.4 9 -name web
vmm named.5 9,10 -uuid 00000000-0000-0000-0000-000000000000 -name ""
vmm named.6 9 -uuid "$uuid,x" -name $'guest=web",,uuid="'
vmm named.7 9 -uuid ${uuid/3/4}
for i in 3 2 1 0 4 5 6; do vm $i 9; done
vm 4 10
start --debugfs who
is "a VM is its name and its UUID; a copy of one that runs is also its id, as is what has neither" "$(labels)" \
	"vm=\"python3\",id=\"E-10\" vm=\"python3\",id=\"E-9\" vm=\"python3\",uuid=\"${uuid/3/4}\" vm=\"web\" vm=\"web\",uuid=\"$uuid\" vm=\"web\",uuid=\"$uuid\",id=\"C-9\" vm=\"web\",uuid=\"${uuid/7/8}\" vm=\"web\\\",uuid=\\\"\""
is "which are all told apart, in every series" "$(metrics | grep -v '^#' | sed 's/ [^ ]*$//' | sort | uniq -d)" ""
is "PID and descriptor are in a series of their own" \
	"$(metrics | grep -cE "pid=\"($(IFS='|'; echo "${vmms[*]}"))\",fd=\"(9|10)\"") $(metrics | grep -v ^exitstat_vm_info | grep -c 'pid=\|fd=')" "8 0"
check "promtool takes it" lint
rm -r "who/${vmms[0]}-9"
is "when a VM ends, its copy stays what it is, lest their exits be added up" "$(labels | grep -o 'vm="web",uuid="7[^ ]*')" "vm=\"web\",uuid=\"$uuid\",id=\"C-9\""
vmm named.8 9 -name web -uuid $uuid
vm 7 9 5
is "started again, it goes on in its series, which begins at zero" \
	"$(labels | grep -o 'vm="web",uuid="7[^ ]*' | paste -sd ' ') $(sample "exitstat_exits_total{vm=\"web\",uuid=\"$uuid\",reason=\"interrupt\",class=\"interrupt\"}")" \
	"vm=\"web\",uuid=\"$uuid\" vm=\"web\",uuid=\"$uuid\",id=\"C-9\" 5003"
rm -r "who/${vmms[4]}-10"
vm 4 10 7
is "a VM of the same PID and descriptor as one before is another, with its exits" \
	"$(sample "exitstat_exits_total{vm=\"python3\",id=\"${vmms[4]}-10\",reason=\"interrupt\",class=\"interrupt\"}")" 7003
stop
is "it ends with nothing leaked of what it knew of VMs" $? 0
rm -r "who/${vmms[7]}-9"
vm 0 9
start --debugfs who
is "to another exporter, too, the oldest of two is the one without an id" "$(labels | grep -o 'vm="web",uuid="7[^ ]*' | paste -sd ' ')" \
	"vm=\"web\",uuid=\"$uuid\" vm=\"web\",uuid=\"$uuid\",id=\"C-9\""
stop
kill "${vmms[@]}"

# --- what the exits were about
mkdir about
python3 "$top/tests/lib/vms.py" about 2 --details
start --debugfs about
is "without --details nothing is read of them" "$(metrics | grep -c detail)" 0
stop
start --debugfs about --details
check "promtool has nothing to say about details" lint
is "a detail has its name and what the manuals call it, added up over the vCPUs" \
	"$(metrics | sed -n 's/^exitstat_exit_details_total{vm="5000001-11",id="5000001-11",\(.*\)/\1/p')" 'reason="cpuid",class="cpuid",detail="cpuid 0x1",about="version, features"} 1096
reason="cpuid",class="cpuid",detail="cpuid 0xd",about="XSAVE"} 914
reason="io",class="io",detail="out 0x3f8",about="serial port 1"} 1334
reason="io",class="io",detail="rest"} 668'
is "and its time, which is that of the reason in KVM and in the VMM" \
	"$(metrics | awk '/5000001/ && /reason="io"/ && /^exitstat_exit_detail_seconds/ { about += $NF } /5000001/ && /reason="io"/ && /mode="(kernel|vmm)"/ { all += $NF } END { printf "%.9f %.9f", about, all }')" "0.002002000 0.002002000"
rm about/*/exit_details
is "a VM that has none has its other series" "$(metrics | grep -c exitstat_exit_detail) $(sample exitstat_vms)" "0 2"
echo "exit_details 1" >about/5000001-11/exit_details
is "a broken table costs that VM's" "$(metrics | grep -c 5000001) $(sample exitstat_vms)" "0 1"
stop
python3 "$top/tests/lib/vms.py" about 2 --details
start --debugfs about --details --per-vcpu
is "each vCPU has its own" "$(sample 'exitstat_exit_details_total{vm="5000001-11",id="5000001-11",vcpu="1",reason="io",class="io",detail="rest"}')" 334
stop
is "it ends with nothing leaked" $? 0

# --- the file
mkdir text
check "--textfile writes once and ends" "$exporter" --debugfs vms --textfile text
file=$(echo text/exitstat-vms-*.prom)
is "what node_exporter may read, and nothing else" "$(stat -c '%a' text/*)" 644
check "it is a page of metrics" promtool check metrics <"$file"
no_room() {
	cp "$file" before
	python3 "$top/tests/lib/vms.py" vms 50
	# Bash's unit is 1 KiB; what does not fit is refused as on a full disk.
	said=$(trap '' XFSZ; ulimit -f 16; "$exporter" --debugfs vms --textfile text 2>&1)
	[ $? -eq 1 ] && [[ $said == *"cannot write $file: File too large"* ]] &&
		cmp before "$file" && [ "$(ls -A text)" = "${file#text/}" ]
}
check "without room for it the old file stays, and no piece of the new one" no_room
check "another source has a file of its own" "$exporter" --debugfs named --textfile text
is "and no series is in both" "$(cat text/*.prom | grep -v '^#' | sed 's/ [^ ]*$//' | sort | uniq -d) $(stat -c x text/* | wc -l)" " 2"
rm text/exitstat-named-*
# As the name of the new file was.
echo secret >hidden
chmod 600 hidden
ln hidden "$file.new"
ln hidden text/exitstat.prom.new
check "what somebody else put there" "$exporter" --debugfs vms --textfile text
is "is not written through" "$(stat -c %a hidden) $(cat hidden)" "600 secret"
rm text/*.new
mv "$file" whole
for make in mkfifo "ln -s $PWD/hidden"; do
	$make "$file"
	refuses "a file that is none is left alone: ${make%% *}" 1 "it exists and is not a regular file" --debugfs vms --textfile text
	is "and stays" "$(stat -c %F "$file" | cut -d ' ' -f 1) $(cat hidden)" "$([ "$make" = mkfifo ] && echo fifo || echo symbolic) secret"
	rm "$file"
done
writers=()
for i in 1 2; do
	"$exporter" --debugfs vms --textfile text --interval 0.01 2>writer$i &
	writers+=($!)
done
wait_for test -e "$file"
is "of two writers none publishes half a page" "$(python3 - "$file" <<-'END'
	import sys
	bad = 0
	for _ in range(3000):
	    text = open(sys.argv[1]).read()
	    bad += not (text.endswith("\n") and text.count("exitstat_vcpus{") == 50 and "exitstat_build_info" in text)
	print(bad)
	END
)" 0
kill "${writers[@]}"
wait "${writers[0]}" "${writers[1]}"
is "and none hinders the other" "$? $(cat writer1 writer2) $(ls -A text)" "0  "
"$exporter" --debugfs vms --textfile text --interval 0.1 2>"$log" &
pid=$!
check "--interval writes it again and again" wait_for grep -qE '^exitstat_scrapes_total.* ([3-9]|[1-9][0-9]+)$' "$file"
stop
is "at its end it takes it away, lest it be read for ever" "$? $(ls -A text)" "0 "
finish
