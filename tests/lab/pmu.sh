# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# exitstat_pmu.ko in a Linux guest under stock QEMU, on a host whose vendor ${machine:?} names: what perf counts is what was
# made, to the last exit.  Sourced.
# shellcheck disable=SC2317 # check() calls the functions
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/ktap.sh
. "$top/tests/lib/ktap.sh"

# QEMU's CPU says that it is virtual, Bochs' does not.
declare -A refusals=([amd]="the hypervisor does not tell this machine its exits" [intel]="this is no virtual machine")
declare -A numbers=([amd]="cpuid io 114 123" [intel]="cpuid io_instruction 10 30")
# shellcheck source=tests/lab/stock_qemu.sh
. "$top/tests/lab/stock_qemu.sh"
read -r _ io _ _ <<<"${numbers[$machine]}"
guest_module=$("$top/guest/build" "$guest_release") && host_module=$("$top/guest/build" "$release") || exit 1
details=kvm
[ "${carrier:-patched}" = patched ] || details=exitstat_attach
adds=(--add "$guest_module" --add "$host_module:/root/host.ko" --add "$built/exits" --add "$built/events" --add "$top/tests/lab/pmu_guest.sh" --add "$top/tests/lab/pmu_crash.sh")
soak=0
# perf is too much for the slow machine, and so is unpacking a kernel.
[ "$machine" != amd ] || { adds+=(--add "$(command -v perf):/bin/perf"); soak=${EXITSTAT_SOAK:-0}; }
[ "$soak" = 0 ] || adds+=(--add "$built/kexec"
	--add "$("$top/kvm/fetch" image "$guest_release")/boot/vmlinuz-$guest_release:/root/vmlinuz")
cat >"$work/script" <<END
insmod /root/host.ko
dmesg | sed -n 's/.*exitstat_pmu: /host says /p' | tail -n 1
guest --smp $smp --kernel-arg tsc=reliable -- sh /root/pmu_guest.sh ${numbers[$machine]} $([ "${EXITSTAT_SOAK:-0}" = 0 ] || echo soak)
status=\$?
[ $machine != amd ] || guest --memory 512 --qemu -action --qemu reboot=reset --kernel-arg unknown_nmi_panic -- sh /root/pmu_crash.sh ${numbers[$machine]}
exit \$status
END
"$top/lab/run" --machine "$machine" --kernel "$release" --guest-kernel "$guest_release" --carrier "${carrier:-patched}" \
	--param "$details.exit_stats_details=1" --timeout 800 "${adds[@]}" --add "$work/script" \
	-- sh /root/script >"$work/said" 2>"$work/errors"
status=$?
tr -d '\r' <"$work/said" >"$work/answers"

said() { grep -x "$1" "$work/answers"; }
# value KEY [EVENT]
value() { awk -v key="$1" -v event="${2:-}" '$1 == key && (event == "" || $2 == event) { print $3 ? $3 : $2; exit }' "$work/answers"; }
# values KEY EVENT...: of one key, in one line
values() {
	local key=$1 event

	shift
	for event; do value "$key" "$event"; done | paste -sd ' '
}
sum() { awk -v key="$1" -v event="$2" '$1 == key && $2 == event { sum += $3 } END { print sum }' "$work/answers"; }
# Kernel and VMM are a time's parts, and no event is without its time.
times_agree() {
	awk -v io="$io" '$1 == "some" { t[$2] = $3 } END {
		rest = t[io "-time"] - t[io "-kvm"] - t[io "-vmm"]
		exit !(t[io "-kvm"] > 0 && t[io "-vmm"] > 0 && t["guest-time"] > 0 && rest < 5000 && rest > -5000) }' "$work/answers"
}

amd=0
[ "$machine" != amd ] || amd=1
plan $((15 + 12 * amd + 6 * soak))
is "the guest ran to its end" "$status" 0
[ $status -eq 0 ] || diagnose "$(tail -n 20 "$work/said" "$work/errors")"
is "where no hypervisor answers, the module refuses in one sentence" "$(sed -n 's/^host says //p' "$work/answers")" \
	"${refusals[$machine]}"
is "in the guest it can be loaded" "$(value insmod)" 0
is "while no event is open, it asks nothing" "$(values loaded cpuid io)" "$(values before cpuid io)"
check "there are events for each exit number" test "$(value names)" -gt 500
is "the event of a CPU and the leaf agree to the last exit" "$(said 'cpu .*')" "cpu 503 503"
diagnose "$(said 'switch .*')"
# shellcheck disable=SC2016 # awk's
check "being switched out and in costs two exits for each event that is open, and none without" \
	awk '$1 == "switch" { n++; wrong += !$3 || $4 != 2 * $2 * $3 } END { exit !(n == 3 && !wrong) }' "$work/answers"
is "refused are numbers that are not defined, counters of the whole VM, leaves that are no counter, and bits without a meaning" \
	"$(said 'open .*')" "open 0
open EINVAL
open EINVAL
open EINVAL
open EINVAL"
is "exits that an NMI would disturb, and names that are none, cannot be sampled" "$(value hlt) $(value nothing)" "refused refused"
is "each CPUID of a program is sampled, the loader's with them" "$(value each)" "$((1009 + $(value none cpuid)))"
is "every seventh, by its weight" "$(value seventh) $(value seventh-samples)" \
	"$(((1009 + $(value none cpuid)) / 7 * 7)) $(((1009 + $(value none cpuid)) / 7))"
is "each port write of the kernel, and nothing else" "$(value kernel) $(value none-more)" "503 0"
is "a sample has the time of its exits" "$(value kernel-untimed) $(value seventh-untimed)" "0 0"
is "of two reasons at once, each is sampled, and called by its name" "$(value several-cpuid) $(value several-io)" \
	"$((1009 + $(value none cpuid))) 503"
is "where the host counts details, a sample has the port that it was about" "$(value several-port)" 503
if [ "$machine" = amd ]; then
	is "a guest that crashes while it is armed, and boots again, gets no NMI, and can be sampled" "$(value again) $(value again-nmis)" "503 0"
	is "on both CPUs" "$(value both)" 754
	is "and on one that went and came back" "$(value back)" 251
	is "while somebody listens, the module cannot be unloaded" "$(value rmmod-while)" 1
	is "exitstat profile: the stacks have each exit, and its time, end where they were made, and go down to the user's frames" \
		"$(sed -n 's/^stack //p' "$work/answers" | tr -d '"' | awk -F '[,;]' 'NR > 1 { n += $1; if ($2 < 1) n = "untimed"; if (!/;[_a-z0-9]+;entry_SYSCALL_64/) n = "kernel only"; if (!($NF in seen)) ends = ends " " $NF; seen[$NF] } END { print n ends }')" \
		"503 write_port"
	is "perf stat of a task, in a group: each CPUID and port write that it made, and exitstat -- CMD says the same" \
		"$(values some cpuid io) $(values some-whole cpuid io)" "$((1009 + $(value none cpuid))) 503 $((1009 + $(value none cpuid))) 503"
	is "a raw event by its number counts the same" "$(value some number=123)" 503
	check "times are in ns, and have their parts" times_agree
	is "of a task and its children, all are counted, and nothing that another task makes on the same CPU" "$(values two cpuid io)" "$(values two-whole cpuid) 754"
	is "in a cgroup, nothing that is outside of it" "$(value cgroup io)" 503
	is "of all CPUs, the intervals add up" "$(sum all io)" 503
	is "it can be unloaded" "$(value rmmod)" 0
fi
if [ "$soak" = 1 ]; then
	is "four reasons at once, which perf itself makes in the NMI: no sample is lost, and no NMI is unknown" \
		"$(said "four .*")" "four 503 1"
	is "as text, it begins with how many there were" "$(sed -n 's/^profile //p' "$work/answers" | head -n 1 | cut -d , -f 1)" \
		"$((1009 + $(value none cpuid))) exits by cpuid"
	is "a guest that goes over to another kernel with kexec while it is armed gets no NMI there, and can be sampled" \
		"$(value kexeced) $(value kexeced-nmis)" "503 0"
	is "a CPU that goes and comes back changes nothing of all CPUs' count" "$(value hotplug io) $(value online)" "$(value hotplug-whole io) 1"
	is "-r tells the mean" "$(value repeat "$io")" 251
	is "an event for the user's part alone is refused" "$(value user "$io")" "<not"
fi
[ -z "${EXITSTAT_KEEP:-}" ] || cp "$work/answers" "$EXITSTAT_KEEP"
finish
