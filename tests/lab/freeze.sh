# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# A guest's exits as KVM's own tracepoint counts them, up to the guest's last query (freeze.c).  Sourced, in a machine of
# the lab.
#
#	frozen GUEST-ARGUMENT...	run a guest, which runs freeze: $status, guest.out, and the files traced, of lines
#					`NUMBER COUNT`, and traced-ports, of lines `DETAIL COUNT`
#	$histograms			not empty where the kernel has histograms of events; traced-ports is empty elsewhere

events=/sys/kernel/tracing/events/kvm
# 5.10 has none (CONFIG_HIST_TRIGGERS): keep the events themselves there.
histograms=$(ls $events/kvm_exit/hist 2>/dev/null)

# The guest's last query, at which the tracepoint stops.
last="function == 0x4ffffffc && index == 0xf2ee2e"
by_port="hist:keys=info1 if exit_reason == $(($(vmm --list kinds | sed -n 's/^pio_vmm //p')))"

begin_trace() {
	if [ -n "$histograms" ]; then
		echo 'hist:keys=exit_reason' >$events/kvm_exit/trigger
		echo "$by_port" >>$events/kvm_exit/trigger
		echo "disable_hist:kvm:kvm_exit if $last" >$events/kvm_cpuid/trigger
	else
		echo 8192 >/sys/kernel/tracing/buffer_size_kb
		echo >/sys/kernel/tracing/trace
		echo "traceoff if $last" >$events/kvm_cpuid/trigger
		echo 1 >/sys/kernel/tracing/tracing_on
		echo 1 >$events/kvm_exit/enable
	fi
}

# A trigger holds KVM.
end_trace() {
	if [ -n "$histograms" ]; then
		echo "!disable_hist:kvm:kvm_exit if $last" >$events/kvm_cpuid/trigger
		echo "!$by_port" >>$events/kvm_exit/trigger
		echo '!hist:keys=exit_reason' >>$events/kvm_exit/trigger
	else
		echo 0 >$events/kvm_exit/enable
		echo "!traceoff if $last" >$events/kvm_cpuid/trigger
	fi
}

traced_numbers() {
	if [ -n "$histograms" ]; then
		sed -n 's/^{ exit_reason: *\([0-9]*\) } hitcount: *\([0-9]*\)$/\1 \2/p' $events/kvm_exit/hist
	else
		vmm --list numbers | cat - /sys/kernel/tracing/trace | awk '
			NF == 2 && !/kvm_exit:/ { number[$2] = $1 + 0 }
			sub(/.* kvm_exit: .*reason /, "") { n[number[$1]]++ }
			END { for (i in n) print i, n[i] }'
	fi | sort -n
}

# As the hardware told the tracepoint: the direction is bit 0 on AMD, 3 on Intel.
traced_ports() {
	sed -n 's/^{ info1: *\([0-9]*\) } hitcount: *\([0-9]*\)$/\1 \2/p' $events/kvm_exit/hist |
		awk -v bit="$(grep -qw svm /proc/cpuinfo && echo 1 || echo 8)" '
		{ n[int($1 / 65536) % 65536 + int($1 / bit) % 2 * 65536] += $2 }
		END { for (i in n) printf "0x%x %d\n", i, n[i] }' | sort
}

# Interrupts may come at the very moment when the tracepoint stops, and it is unknown which were before: start over.
frozen() {
	for _ in 1 2 3 4 5; do
		begin_trace
		guest "$@" >guest.out 2>&1
		status=$?
		traced_numbers >traced
		: >traced-ports
		[ -z "$histograms" ] || traced_ports >traced-ports
		end_trace
		grep -q 'freeze: .*; try again' guest.out || break
		diagnose "$(grep 'freeze: ' guest.out)"
	done
	[ "$status" -eq 0 ] || diagnose "$(tail -n 30 guest.out)"
}
