# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In the machine: turn its TSC back again and again while the vCPUs of a VM watch their counters; times.py checks
# what became of the time.
cd /root || exit
ms=$(sed -n 's/^cpu MHz[^0-9]*\([0-9]*\).*/\1000/p' /proc/cpuinfo | head -n 1)	# in cycles

insmod ./msr.ko || exit
echo "section tsc"
turn_back 100 $((10 * ms)) >turned &
vmm --vcpus 4 snapshot mix 6000 1 snapshot </dev/null
wait $!
cat turned
