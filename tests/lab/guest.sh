#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In the Linux guest: say, section by section, what it sees of its exits.  linux.sh and stock.sh compare.
cpuid=$(vmm --list kinds | sed -n 's/^cpuid //p')
io=$(vmm --list kinds | sed -n 's/^pio_vmm //p')

if [ "${1:-}" = stock ]; then
	exitstat
	echo "status $?"
	exitstat -- true
	echo "status $?"
	exit 0
fi

# shellcheck source=details.sh
. /root/details.sh
# First, and in one piece: it must cover the whole boot.
echo "== freeze"
/root/freeze "$cpuid" "$io" || exit
echo "== cpuid"
cpuid -1 -r -l 0x4ffffffe -s $((cpuid))
# A process for each takes long: take every eighth.
echo "== loop"
vmm --list numbers | awk 'NR % 8 == 1' | while read -r number _; do
	cpuid -1 -r -l 0x4ffffffe -s "$number"
done
echo "== undefined"
cpuid -1 -r -l 0x4ffffffe -s 0x1000a
echo "== leaf"
exitstat leaf 0x4fffff00
echo "== why"
exitstat why --json >/tmp/why
why_faults </tmp/why
grep -o '"name": *"out 0x3f8", *"about": *"[^"]*' /tmp/why
echo "== table"
exitstat
echo "== command"
exitstat -- sh -c 'exit 7' 2>&1
echo "status $?"
