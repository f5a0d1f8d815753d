#!/bin/sh
# shellcheck shell=dash disable=SC2086,SC2119,SC2317 # lists of words are split; next_answer takes none of ours
# SPDX-License-Identifier: MIT
# In a machine of the lab with the distribution's KVM: what our tools say there, and that ours answers the same when off.
#
# usage: stock.sh BUILD-ID PRIME kvm-amd|kvm-intel [bare]: beside this lie our modules. bare: without a Linux guest.
cd "$(dirname "$0")" || exit 1
# shellcheck source=../lib/ktap.sh
. ./ktap.sh
# shellcheck source=ask.sh
. ./ask.sh

vendor_module=$3
samples="sample 12000 20261123 user read 0x40000000 0 user read 0x4ffffffe 10"

sampled() {
	vmm $samples </dev/null >"$1"
}

same_samples() { [ "$(wc -l <stock)" -ge 12000 ] && cmp stock ours; }

in_linux() {
	guest -- sh /root/guest.sh stock >guest.out 2>&1
	is "exitstat exits with 77 where KVM does not report exits" "$(grep -c '^status 77$' guest.out)" 2
	check "and says so in one line" test "$(grep -c 'not report' guest.out)" -eq 2
}

if [ "${4:-}" = bare ]; then plan 4; else plan 6; fi
check "the KVM that is loaded is the distribution's" test ! -e /sys/module/kvm/parameters/guest_exit_stats

ask read 0x4ffffdfe 3 read signature 3 read count 3 read vcpu-count 3
next_answer
stock="$rax $rbx $rcx $rdx"
alike=
for _ in 1 2 3; do
	next_answer
	[ "$rax $rbx $rcx $rdx" = "$stock" ] && alike="$alike yes"
done
is "the leaves of the block are like any unknown leaf" "$alike" " yes yes yes"

[ "${4:-}" = bare ] || in_linux
sampled stock
rmmod "$(echo "$vendor_module" | tr - _)" kvm
insmod kvm.ko guest_exit_stats=0
load-module "$vendor_module.ko"
check "our KVM takes the place of the distribution's" test "$(cat /sys/module/kvm/parameters/guest_exit_stats)" = 0
sampled ours
check "switched off, it answers 12000 random leaves from 0x40000000 to 0x4fffffff like the distribution's" \
	same_samples
finish
