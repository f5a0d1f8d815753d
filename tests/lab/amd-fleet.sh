#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Two emulated AMD hosts at a time, each with an exporter of its VMs, and Debian's Prometheus out here, which scrapes both:
# its answers are the exits that were made in the VMs.  A Linux guest exports its own.
# shellcheck disable=SC2317 # functions are run through wait_for
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/ktap.sh
. "$top/tests/lib/ktap.sh"
# shellcheck source=tests/lib/export.sh
. "$top/tests/lib/export.sh"
# shellcheck source=tests/lib/prometheus.sh
. "$top/tests/lib/prometheus.sh"
# shellcheck source=tests/lab/build.sh
. "$top/tests/lab/build.sh"

"$top/packaging/need" tools modules lab test || exit 1
build_for 6.1

# boot NAME PORT ARGUMENT...: a host whose script has these arguments
boot() {
	local name=$1 port=$2

	shift 2
	"$top/lab/run" --machine amd --kernel "$release" --timeout 550 --param kvm.exit_stats_details=1 \
		--forward "$port:13948" --add "$top/tests/lab/fleet_inside.sh" \
		--add "$top/build/exitstat-export:/bin/exitstat-export" ${own:+--add "$own"} \
		-- sh fleet_inside.sh "$@" >"$name.out" 2>&1 &
}

# by_detail REASON DETAIL: exits with that detail on each host
by_detail() { query "sum by (instance) (exitstat_exit_details_total{vm=\"vmm\", reason=\"$1\", detail=~\"$2\"})" | sort; }
counted() { query "sum by (instance) (exitstat_exits_total{vm=\"vmm\", reason=\"$1\"})" | sort; }
wanted() { printf '{instance="%s"} %s\n' "$one" "$1" "$two" "$2" | sort; }
is_counted() { [ "$(counted "$1")" = "$(wanted "$2" "$3")" ]; }
is_detailed() { [ "$(by_detail "$1" "$2")" = "$(wanted "$3" "$4")" ]; }
details_add_up() { [ "$(counted "$1")" != "" ] && [ "$(by_detail "$1" .+)" = "$(counted "$1")" ]; }
sees_guest() { [ "$(query "exitstat_vcpus{instance=\"$one\", vm=~\"qemu.*\"}" | cut -d ' ' -f 2)" = 1 ]; }
# It may have ended when this is asked.
saw_guest() { [ "$(query "max_over_time(exitstat_vcpus{instance=\"$one\", vm=~\"qemu.*\"}[1h])" | cut -d ' ' -f 2)" = 1 ]; }
is_up() { [ "$(query "count(exitstat_vcpus{instance=\"$one\", vm=\"vmm\"})")" = 2 ]; }
guest_ended() { grep -q '^the guest ended' one.out && is_up && ! sees_guest; }

# own FILE: `reason count` of the guest's own
own_counts() {
	case $1 in
	*.prom) sed -n "s/^$1: exitstat_exits_total{vm=\"web1\"\\(,vcpu=\"0\"\\)*,reason=\"\\([^\"]*\\)\",class=.*} /\\2 /p" one.clean ;;
	*) sed -n "s/^$1: //p" one.clean | awk -F, '{ print $8, $10 }' ;;
	esac | sort
}

# no_less FILE FILE: no reason of the first has more in it than in the second
no_less() { [ -n "$(own_counts "$1")" ] && join -a 1 <(own_counts "$1") <(own_counts "$2") | awk '$2 > $3 { print; n++ } END { exit n > 0 }'; }

plan 15
mapfile -t ports < <(python3 "$top/tests/lib/ports.py" 2)
one=127.0.0.1:${ports[0]} two=127.0.0.1:${ports[1]}
own=$top/tests/lab/fleet_own.sh
boot one "${one#*:}" 10007 503 1511 fleet_own.sh
own=
boot two "${two#*:}" 1009 2003 499
# An emulated exporter takes its time.
scrape_interval=4s
start_prometheus "$one" "$two" || exit 1
check "two hosts boot, and Prometheus sees their hypercalls to the last one: 10007 and 1009" \
	wait_for is_counted hypercall 10007 1009
check "and their CPUIDs, of two vCPUs each" wait_for is_counted cpuid $((503 * 3)) $((2003 * 3))
is_soon "each vCPU has its own" '{vcpu="0"} 2003
{vcpu="1"} 4006' query "sum by (vcpu) (exitstat_exits_total{instance=\"$two\", vm=\"vmm\", reason=\"cpuid\"})"
check "where the host counts details, each port write is under its port, to the last one: 1511 and 499" \
	wait_for is_detailed io "out 0xf0f0" 1511 499
for reason in io hypercall cpuid; do
	check "and $reason is the sum of its details" wait_for details_add_up $reason
done
ids() { query 'count by (instance) (count by (instance, id) (exitstat_exits_total{vm="vmm"}))' | sort; }
is_soon "two VMs on each host are two VMs, by their ids" "$(wanted 2 2)" ids
is_soon "their times are known" 6 query 'count(exitstat_vcpu_seconds_total{vm="vmm", mode="guest"} > 0)'
check "a Linux guest under QEMU is a VM of its host" wait_for saw_guest
check "when it has ended it is none, and its series are stale" wait_for guest_ended
tr -d '\r' <one.out >one.clean
check "in the guest, exitstat export has no exits less than exitstat had before" no_less before exitstat.prom
check "nor more than it had after" no_less exitstat.prom after
check "and the vCPU's, which were read before the VM's, are no more" no_less vcpu.prom exitstat.prom
is "its live page has the guest alone, with no exits less" "$(sed -n 's/^vms.json: //p' one.clean | python3 -c '
import json, sys
d = json.load(sys.stdin)
vm, = d["vms"]
before = dict(line.split() for line in sys.argv[1].splitlines())
print(d["guest"], vm["vm"], [n for n, count in before.items() if count.isdigit() and int(count) > sum(e[1] for e in vm["exits"] if d["names"]["%s %u" % (vm["vendor"], e[0])][0] == n)])
' "$(own_counts exitstat.prom)")" "True web1 []"
[ "$ktap_failed" -eq 0 ] || diagnose "$(tail -n 20 one.out two.out)"
kill %1 %2 2>/dev/null
wait %1 %2
finish
