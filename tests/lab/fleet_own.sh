# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a Linux guest: what exitstat says of it before and after exitstat export does.
hostname web1
exitstat --csv --no-header >before
exitstat export --textfile . --per-vcpu
mv exitstat.prom vcpu.prom
exitstat export --textfile .
exitstat --csv --no-header >after
for file in before exitstat.prom vcpu.prom after; do
	sed "s/^/$file: /" $file
done
