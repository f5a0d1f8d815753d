#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What exitstat adds to a VM exit stays within the budget: instructions, counted exactly by an emulator, and TSC reads.
# lane: any
# timeout: 1800
# shellcheck disable=SC2317 # check() calls the functions
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"
# shellcheck source-path=SCRIPTDIR source=build.sh
. "$top/tests/lab/build.sh"
# shellcheck source-path=SCRIPTDIR source=../../lab/files.sh
. "$top/lab/files.sh"

# kind, then the most that may be added: off, on, with histograms; by the attached module, with histograms, after its removal;
# and what details may add to on, and to the attached module. HLT has none; for memory, the slots are looked up.
# An exit to the VMM also begins and ends KVM_RUN.
budget='cpuid 8 24 39 100 130 0 25 25
hypercall 8 24 39 100 130 0 25 25
pio_kvm 8 24 39 100 130 0 25 26
wrmsr 8 24 39 100 130 0 25 25
hlt 8 24 39 100 130 0 18 18
npf 8 24 39 100 130 0 47 49
pio_vmm 16 110 125 240 270 0 25 26'

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# measured MACHINE FILE LAB-OPTION... -- WAY...
measured() {
	local machine=$1 file=$1.$2 options=() exits=(--vcpus 24 --exits 480)

	shift 2
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	[ "$machine" = amd ] && options+=(--icount) || exits=(--exits 100)
	"$top/lab/run" --machine "$machine" --kernel "$release" --timeout 800 --add "$top/bench/measure" "${options[@]}" -- \
		sh -c "sh measure ${exits[*]} --sustained 0 $* || exit; $attach_again; vmm $interrupted" >"$tmp/$file" 2>"$tmp/$file.log" ||
		{ cat "$tmp/$file" "$tmp/$file.log"; return 1; }
}

# The last way is `detached'.
attach_again='[ ! -e /lab/exitstat_attach.ko ] || insmod /lab/exitstat_attach.ko'

# Exits by interrupt, which the host handles in thousands of instructions, and by hypercall, which take KVM as many.
interrupted='make hypercall 100 spin 200000000 read vcpu-count-time 0x60 read vcpu-count-time hypercall'

# The mean cycles of an exit of either kind.
means() {
	sed -n 's/.* read .* rax=\([^ ]*\) rbx=\([^ ]*\) rcx=\([^ ]*\) rdx=\([^ ]*\)$/\1 \2 \3 \4/p' "$tmp/amd.$1" |
		while read -r count _ low high; do echo $(((high << 32 | low) / count)); done
}

# Where KVM reports an exit later than that, the module must know when the exit was; otherwise this would be hundreds.
interrupts_count() {
	local interrupt hypercall

	{ read -r interrupt; read -r hypercall; } < <(means "$1")
	echo "instructions of an exit by interrupt: $interrupt, by hypercall: $hypercall"
	[ "$interrupt" -ge "$hypercall" ]
}

# measured_all MACHINE
measured_all() {
	local stock

	measured "$1" stock --stock -- plain &
	stock=$!
	measured "$1" ours -- off on histograms details && wait "$stock" &&
		measured "$1" attached --carrier attached -- attached attached-histograms attached-details detached
}

# added MACHINE WAY KIND: the instructions beyond stock KVM's
added() {
	awk -F'\t' -v way="$2" -v kind="$3" '
	$2 == kind { cost[$1] = $4 }
	END { if ((way in cost) && ("plain" in cost)) print cost[way] - cost["plain"] }' "$tmp/$1".{stock,ours,attached}
}

# details_add MACHINE WAY WITHOUT KIND MOST: compared with the way without
details_add() {
	local got=$(($(added "$1" "$2" "$4") - $(added "$1" "$3" "$4")))

	echo "added: $got, budget: $5"
	[ "$got" -le $(($5 + 1)) ]
}

# One instruction more or less is KVM's own, not ours: docs/overhead.md, "How it is measured".
within() {
	local got

	got=$(added "$1" "$2" "$3")
	[ -n "$got" ] || { echo "$2 $3 was not measured"; return 1; }
	echo "added: $got, budget: $4"
	[ "$got" -le $(($4 + 1)) ]
}

# If nothing is added, it was not our KVM that counted.
counted() { [ "$(added "$1" on cpuid)" -gt 0 ]; }

# reads FUNCTION: lines of bench/hotpath as `RDTSC, locked` of stock, then of ours
reads() { awk -v f="$1" '$2 == f { print $5, $6, $7, $8 }' "$tmp/hotpath"; }

# Counters are added to in memory by one instruction, so that a reader elsewhere never sees half of it. Print how often, in
# the entry and exit of FUNCTION in MODULE; a counter that is loaded, changed and stored is not among them.
additions() {
	objdump -d --no-show-raw-insn --disassemble="$2" "$modules/$1.ko" | grep -cE '\sadd[lq]? +.*,(-?0x[0-9a-f]+)?\('
}

# The version of the GCC that compiled a module.
compiler_of() {
	unpack_module "$1" >"$tmp/module"
	readelf -p .comment "$tmp/module" | sed -n 's/.*GCC: (.*) \([0-9.]*\).*/\1/p' | sort -u | tail -n 1
}

# As check, of our KVM compared with the distribution's: if another compiler made that, ours is not all that they differ by.
check_ours() {
	if [ "$our_compiler" = "$stock_compiler" ]; then
		check "$@"
	else
		skip "$1" "the distribution's compiler: its KVM is of GCC $stock_compiler, ours of GCC $our_compiler"
	fi
}

kept_within_budget() {
	local machine=$1 kind off on histograms attached attached_histograms detached details attached_details

	check "$machine: the machines measure" measured_all "$machine"
	check "$machine: counting exits costs something, so it was measured" counted "$machine"
	while read -r kind off on histograms attached attached_histograms detached details attached_details; do
		check_ours "$machine, $kind: off adds at most $off instructions" within "$machine" off "$kind" "$off"
		check_ours "$machine, $kind: counts and times add at most $on instructions" within "$machine" on "$kind" "$on"
		check_ours "$machine, $kind: histograms add at most $histograms instructions" \
			within "$machine" histograms "$kind" "$histograms"
		check "$machine, $kind: attached, counts and times add at most $attached instructions" \
			within "$machine" attached "$kind" "$attached"
		check "$machine, $kind: attached, histograms add at most $attached_histograms instructions" \
			within "$machine" attached-histograms "$kind" "$attached_histograms"
		check "$machine, $kind: detached, it costs what it cost, to the instruction" \
			within "$machine" detached "$kind" "$detached"
		check "$machine, $kind: details add at most $details more" \
			details_add "$machine" details on "$kind" "$details"
		check "$machine, $kind: attached, details add at most $attached_details more" \
			details_add "$machine" attached-details attached "$kind" "$attached_details"
	done <<<"$budget"
}

plan 122
build_for 6.1
"$top/kvm/attached/build" "$release" >"$tmp/attach.log" 2>&1 || { cat "$tmp/attach.log"; exit 1; }
our_compiler=$(compiler_of "$modules/kvm.ko")
stock_compiler=$(compiler_of "$(stock_module "$("$top/kvm/fetch" image "$release")" kvm)")
kept_within_budget amd
for way in ours attached; do
	check "amd, $way: the host's service of an interrupt is in the time of the exit" interrupts_count "$way"
done
kept_within_budget intel

"$top/bench/hotpath" "$release" >"$tmp/hotpath"
# One of the two reads before the entry is for histograms; the one after the exit takes the place of vcpu_enter_guest()'s,
# which stays there for when counting is off.
for function in svm_vcpu_enter_exit vmx_vcpu_enter_exit; do
	is "$function() reads the TSC once before the entry (in two forms) and once after the exit, and locks nothing" \
		"$(reads $function)" "0 3 0 0"
done
is "what counts is added in memory, by one instruction each, with histograms and without, before first entries and after" \
	"$(additions kvm-amd svm_vcpu_enter_exit) $(additions kvm-intel vmx_vcpu_enter_exit)" "16 14"
is "the rest of KVM_RUN reads the TSC as often as before, and has not one locked operation more" \
	"$(reads kvm_arch_vcpu_ioctl_run)" "$(reads kvm_arch_vcpu_ioctl_run | awk '{ print $1, $1, $3, $3 }')"
finish
