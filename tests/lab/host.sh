# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the host sees of a guest under stock QEMU, in debugfs and by QMP, on a host whose vendor ${machine:?} names: it
# is what the guest sees.  Sourced.  The attached module adds nothing to what QMP tells.
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/ktap.sh
. "$top/tests/lib/ktap.sh"

timeout=800
[ "${machine:?}" = amd ] || timeout=1100
# shellcheck source=tests/lab/stock_qemu.sh
. "$top/tests/lab/stock_qemu.sh"

"$top/packaging/need" +python3-jsonschema || exit 1
module=kvm
[ "${carrier:=patched}" != attached ] || module=exitstat_attach
"$top/lab/run" --machine "$machine" --kernel "$release" --carrier "$carrier" --timeout "$timeout" \
	--param $module.exit_stats_histograms=1 \
	--add "$built/exits" --add "$top/tests/lab/host_inside.sh" --add "$top/tests/lab/host_guest.sh" \
	--add "$(command -v socat):/bin/socat" --add "$top/build/exitstat-export:/bin/exitstat-export" \
	-- sh /root/host_inside.sh "$smp" >"$work/said" 2>"$work/errors"
status=$?
tr -d '\r' <"$work/said" >"$work/answers"

# answer EXPRESSION: what Python makes of the objects by their labels, lists of one per line.
answer() {
	python3 - "$work/answers" "$machine" "$1" <<'END'
import json, sys
d, text = {}, {}
for line in open(sys.argv[1]):
    name, space, rest = line.rstrip("\n").partition(" ")
    text.setdefault(name, []).append(rest)
    if rest.startswith("{"):
        d.setdefault(name, []).append(json.loads(rest))
cpuid = {"amd": 114, "intel": 10}[sys.argv[2]]
def entry(o, number):
    return next(e for e in o["exits"] if e["number"] == number)
# What a snapshot asks after the count of CPUID: the rest of its times, three times for each later entry, and that there is no more.
def asked_behind(o):
    return 1 + 3 * sum(e["number"] > cpuid for e in o["exits"]) + 1
def what(o):
    return {key: o[key] for key in ("vendor", "vcpus", "epoch", "guest_cycles", "total", "exits")}
def moved(a, b, state):
    """What the host reads later is not less, for any kind of exit."""
    return [e["name"] for e in a["exits"] if entry(b, e["number"])[state] < e[state]]
def schema(name):
    returned = [o["return"] for o in d["schemas"] if isinstance(o.get("return"), list)][0]
    stats = [s for of in returned if of["target"] == "vcpu" for s in of["stats"] if s["name"] == name]
    return {key: s[key] for s in stats for key in sorted(s) if key != "name"}
guest = d["guest"][0] if "guest" in d else None
debugfs = d["debugfs"][0] if "debugfs" in d else None
qmp = d["qmp"][0] if "qmp" in d else None
print(eval(sys.argv[3]))
END
}

by_qmp() { [ "$carrier" = patched ]; }

plan "$(by_qmp && echo 25 || echo 17)"
is "the host ran to its end" "$status" 0
is "without a VM the exporter runs, and says that there is none" "$(sed -n 's/^export //p' "$work/answers" | paste -sd ' ' | tr -s ' ')" "0 exitstat_vms 0"
[ $status -eq 0 ] || diagnose "$(tail -n 20 "$work/said" "$work/errors")"
is "before there is a VM, the list says so" "$(sed -n 's/^empty //p' "$work/answers")" \
	"0 exitstat: no VM is running here: /sys/kernel/debug/kvm has none"
is "the list has the VM by QEMU's name, with its vCPUs" "$(answer "text['list'][1].split()[1:3]")" "['web1', '$smp']"
is "the guest's CPUIDs, to the last one, are what debugfs counts" \
	"$(answer "entry(debugfs, cpuid)['count'] - entry(guest, cpuid)['count'] - asked_behind(guest)")" 0
is "no other count, time, or part of it is less than the guest read before" \
	"$(answer "[moved(guest, debugfs, state) for state in ('count', 'cycles', 'vmm_cycles', 'waiting_cycles')]")" "[[], [], [], []]"
is "the epoch, the frequency and the vCPUs are the guest's" \
	"$(answer "all(guest.get(key) == debugfs.get(key) for key in ('vendor', 'epoch', 'tsc_khz', 'vcpus'))")" True
is "the sum over the exits is the total" "$(answer "sum(e['count'] for e in debugfs['exits']) == debugfs['total']['count']")" True
if by_qmp; then
	is "of a VM that stands still, unmodified QEMU tells the same by QMP, to the cycle" "$(answer "what(qmp) == what(debugfs)")" True
	is "and of each vCPU" "$(answer "[what(o) | {'vcpu': o['vcpu']} for o in d['qmp-vcpus']] == [what(o) | {'vcpu': o['vcpu']} for o in d['debugfs-vcpus']]")" True
	is "there are as many as there are" "$(answer "len(d['qmp-vcpus']), len(d['debugfs-vcpus'])")" "($smp, $smp)"
	is "the histograms are the same" "$(answer "text['qmp-buckets'] == text['debugfs-buckets']")" True
else
	check "by QMP, there is nothing to see" grep -q "^qmp exitstat: .*its KVM has no exit statistics" "$work/answers"
fi
is "the histograms hold every exit but the one that each vCPU is at" \
	"$(answer "0 <= debugfs['total']['count'] - sum(int(line.split()[3], 16) for line in text['debugfs-buckets']) <= $smp")" True
is "while it stands still, reading it ten times makes no exit" "$(answer "d['still-report'][0]['total']['count']")" 0
if by_qmp; then
	is "the schema has the counts as they are" "$(answer "schema('exit_count')")" "{'exponent': 0, 'type': 'cumulative'}"
	is "the times in cycles" "$(answer "schema('exit_kernel_cycles'), schema('exit_guest_cycles')")" \
		"({'exponent': 0, 'type': 'cumulative', 'unit': 'cycles'}, {'exponent': 0, 'type': 'cumulative', 'unit': 'cycles'})"
	is "the epoch as an instant" "$(answer "schema('exit_epoch')")" "{'exponent': 0, 'type': 'instant'}"
	is "a histogram as a logarithmic one of 2^9 cycles" "$(answer "schema('exit_time_other')")" \
		"{'base': 2, 'exponent': 9, 'type': 'log2-histogram', 'unit': 'cycles'}"
fi
is "a command on the host is measured by the VM's exits" "$(answer "d['running'][0]['status'], 'own' in d['running'][0]")" "(0, False)"
is "every object is what the schema says" "$(sed -n 's/^[a-z0-9-]* \({"schema".*\)/\1/p' "$work/answers" | python3 "$top/tests/lib/schema.py" "$top/docs/exitstat.schema.json" --kinds)" \
	"command interval recording total"
is "the list has an object per VM and interval" "$(answer "[o['vm']['name'] for o in d['interval']]")" "['web1', 'web1']"
check "a VM that is not there is refused by name" grep -q "^stranger exitstat: there is no VM 'web2'" "$work/answers"
check "a VM that ends while it is watched is said, and is no error" grep -qE "^watched 0 ([3-9]|[1-9][0-9]+) exitstat: VM web1 .* ended$" "$work/answers"
if by_qmp; then
	check "by QMP as well" grep -qE "^asked 0 ([2-9]|[1-9][0-9]+) exitstat: VM web1 .* ended$" "$work/answers"
fi
is "and then there is none" "$(sed -n 's/^gone //p' "$work/answers")" "0 exitstat: no VM is running here: /sys/kernel/debug/kvm has none"
if by_qmp; then
	diagnose "QEMU prints its lists $(answer "'backwards' if [s['value'][0] > s['value'][-1] for o in d['raw'] if isinstance(o.get('return'), list) for r in o['return'] for s in r['stats']][0] else 'in order'")"
fi
[ -z "${EXITSTAT_KEEP:-}" ] || cp "$work/answers" "$EXITSTAT_KEEP"
finish
