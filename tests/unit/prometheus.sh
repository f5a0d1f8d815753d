#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317,SC2119 # functions are run through check, stop may have an argument
# Debian's Prometheus scrapes two exporters, with our rules; its answers are the exits that were made.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/ktap.sh
. "$top/tests/lib/ktap.sh"
# shellcheck source=tests/lib/export.sh
. "$top/tests/lib/export.sh"
# shellcheck source=tests/lib/prometheus.sh
. "$top/tests/lib/prometheus.sh"

"$top/packaging/need" tools test || exit 1
build_plain || exit 1

# exits VMS: of VMs 0 to VMS - 1, each with two vCPUs and 14 reasons
exits() { echo $((14 * 1000 * $1 * ($1 - 1) + 2 * 105 * $1)); }

panels() { python3 "$top/tests/lib/prom.py" "$prometheus" panels "$@" "$top"/tools/exporter/monitoring/grafana-*.json; }

# From then on, queries are about that moment.
both_up() { at=$(moment); [ "$(query 'sum(up)')" = 2 ]; }
faults() { panels "$top/tools/exporter/monitoring/rules.yml" page 2>said || cat said; }
recorded() { [ -n "$(query 'instance_reason:exitstat_exits:rate5m')" ]; }

plan 20
# --- the rules
cp "$top"/tools/exporter/monitoring/rules*.yml .
sed -i 's/class!="hlt"/class!="halt"/' rules.yml
is "the tests of the rules can fail" "$(promtool test rules rules_test.yml >/dev/null 2>&1; echo $?)" 1
check "promtool takes the rules" promtool check rules "$top/tools/exporter/monitoring/rules.yml"
check "and their tests pass" promtool test rules "$top/tools/exporter/monitoring/rules_test.yml"

# --- two exporters and a Prometheus
mkdir a b
python3 "$top/tests/lib/vms.py" a 20
python3 "$top/tests/lib/vms.py" b 30 --histograms --details
start --debugfs a || exit 1
keep a
a=$(cut -d / -f 3 <<<"$url")
start --debugfs b --per-vcpu --histograms --details || exit 1
keep b
b=$(cut -d / -f 3 <<<"$url")
fetch "$url" >page
start_prometheus "$a" "$b" || exit 1
wait_for both_up
is "Prometheus scrapes both" "$(query 'sum(up)')" 2
is "each host has the exits that were made there" "$(query 'sum by (instance) (exitstat_exits_total)' | sort)" \
	"$(printf '{instance="%s"} %s\n' "$a" "$(exits 20)" "$b" "$(exits 30)" | sort)"
is "both have the sum" "$(query 'sum(exitstat_exits_total)')" $(($(exits 20) + $(exits 30)))
is "a VM has its reason's" "$(query "exitstat_exits_total{instance=\"$a\", id=\"5000007-11\", reason=\"npf\"}" | cut -d ' ' -f 2)" 14008
is "its vCPUs, where they are exported, add up to it" "$(query "sum by (reason) (exitstat_exits_total{instance=\"$b\", id=\"5000007-11\", reason=\"npf\"})")" '{reason="npf"} 14008'
is "each exit took half a microsecond of the kernel's and of the VMM's and waited for one" \
	"$(query 'round(sum by (mode) (exitstat_exit_seconds_total) * 1e9 / scalar(sum(exitstat_exits_total)), 0.001)' | paste -sd ' ')" \
	'{mode="kernel"} 500 {mode="vmm"} 500 {mode="waiting"} 1000'
is "50 VMs have 100 vCPUs, and each was 5 s in guest mode" "$(query 'sum(exitstat_vcpus)') $(query 'sum(exitstat_vcpu_seconds_total{mode="guest"})')" "100 500"
is "what the exits were about adds up to the reason's" "$(query 'sum by (reason) (exitstat_exit_details_total) - sum by (reason) (exitstat_exits_total{instance="'"$b"'"} and on (reason) exitstat_exit_details_total)' | sort)" '{reason="cpuid"} 0
{reason="io"} 0'
is "the histograms say that no exit took longer than 2 us" \
	"$(query 'histogram_quantile(1, sum by (le) (exitstat_exit_duration_seconds_bucket))')" 0.000002
at=
check "the rules record" wait_for recorded
is_soon "no rule and no panel of a dashboard is refused, empty or about what nobody exports" "" faults
sed 's/exitstat_vcpus/exitstat_vcpu/' "$top/tools/exporter/monitoring/rules.yml" >wrong.yml
is "and it would be said" "$(panels wrong.yml page 2>/dev/null | grep -c "about exitstat_vcpu,")" 3

# --- what changes
python3 - "$top/tests/lib" <<-'END'
	import sys
	sys.path.insert(0, sys.argv[1])
	import vms
	vms.write_vm("a", "5000000-11", 100, 14, 2)
	vms.write_vm("a", "7000007-11", 0, 14, 2)
END
rm -r a/5000007-11
# VM 0 now has what VM 100 would have, VM 7 ended and another one began.
now=$(($(exits 20) + 2 * 14 * 100000 - 2 * 14 * 7000))
changed() { at=$(moment); [ "$(query "sum(exitstat_exits_total{instance=\"$a\"})")" = "$now" ]; }
wait_for changed
is "exits that were made since, and a VM's restart, are in the sum after the next scrapes" "$(query "sum(exitstat_exits_total{instance=\"$a\"})")" "$now"
is "the ended VM's series are stale" "$(query 'exitstat_exits_total{id="5000007-11"}' | grep -c "$a")" 0
rises=$(query "sum(increase(exitstat_exits_total{instance=\"$a\", id=\"5000000-11\"}[5m]))")
at=
is "the increase is no less than what was added to one scrape" "$(awk -v n="$rises" 'BEGIN { print (n >= 2800000) }')" 1
use b
stop
down() { [ "$(query 'count(up == 0)')" = 1 ] && [ -z "$(query "exitstat_vcpus{instance=\"$b\"}")" ]; }
check "an exporter that ended is down, and its series end" wait_for down
is "Prometheus said nothing of duplicates, or of samples out of order" "$(grep -ciE 'duplicate|out of order|level=error' prometheus.log)" 0
finish
