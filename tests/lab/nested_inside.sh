#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a machine of the lab whose KVM answers: a Linux guest that runs a guest of its own under one that answers, too.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../lib/ktap.sh
. ./ktap.sh
# shellcheck source=details.sh
. ./details.sh
# shellcheck source=freeze.sh
. ./freeze.sh

said() { sed -n "/^== $1\$/,/^== /{/^== /d;p}" guest.out; }

# answer VCPU NTH: EAX of the nth read
answer() { echo $(($(said own | grep "^vcpu=$1 read" | sed -n "$2s/.*rax=\\([^ ]*\\).*/\\1/p"))); }

# Of the nested VM's vCPU: the counts of all numbers against the total.
sums() {
	said own | awk '/ snapshot / { split($3, a, "="); total += a[2] } / row / { split($4, a, "="); sum += a[2] }
		END { print (sum == total && total ? "equal" : sum " and " total) }'
}

plan 14
is "this KVM lets a guest have SVM" "$(cat /sys/module/kvm_amd/parameters/nested)" 1
echo 1 >"$(ls -d /sys/module/exitstat_attach/parameters 2>/dev/null || echo /sys/module/kvm/parameters)/exit_stats_details"
frozen --memory 384 -- sh /root/nested_guest.sh
is "the guest hypervisor runs its guest" "$status" 0
is "the nested KVM counts the CPUID exits of its guest's first vCPU, and the one that asks" "$(answer 0 1)" 1010
is "and of its second vCPU, which makes twice as many" "$(answer 1 1)" 2019
is "and the hypercalls" "$(answer 0 2) $(answer 1 2)" "503 1006"
is "and no exit of the guest hypervisor's own, like VMRUN" "$(answer 0 3)" 0
is "the nested KVM's sum is its total" "$(sums)" equal
is "the outer KVM counts the nested guest's hypercalls once, under the hardware's number" \
	"$(said below | sed -n 's/^hypercalls //p')" 1509
vmruns=$(said below | sed -n 's/^vmruns //p')
check "and a VMRUN for each time that the nested guest goes on" test "${vmruns:-0}" -ge $((3 * (1009 + 503 + 101)))
about=$(said why | sed -n 's/^about //p' | paste -sd ' ')
said own >nested
is "the nested KVM's details add up, in count and time" "$(detail_faults nested 0x72)" ""
is "in the outer KVM, the nested guest's hypercalls and port writes are about what its instructions named" \
	"${about% *}" "1509 303"
is "and so are its CPUIDs, with the guest hypervisor's own" "$((${about##* } >= 3027))" 1
is "the outer KVM's details add up, and have names" "$(said why | grep -v '^about ')" ""
diagnose "$(said below | tr '\n' ' '), in all $(said freeze | sed -n 's/^total //p') exits"
is "the outer KVM's tracepoint counted the same, to the last exit" "$(said freeze | grep -v total | sort -n)" "$(cat traced)"
finish
