# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a machine with the distribution's KVM, ours beside this: one after the other, in brief, what the machines of other
# tests do at length.
#
#	brief_inside.sh kvm-amd|kvm-intel SEED
cd /root || exit
parameters=/sys/module/kvm/parameters

# Our modules are loaded at the end.
sh ./hostile_inside.sh "$1" 100 100 "$2"
echo 2 >$parameters/guest_exit_stats
echo 0 >$parameters/exit_stats_histograms
sh ./times_inside.sh
sh ./tsc_inside.sh
echo "section life"
sh ./life_inside.sh "$1" 3 200 3 /root
exit 0 # the lines are the verdict
