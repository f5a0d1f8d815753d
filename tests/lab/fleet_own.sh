# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a Linux guest: what exitstat says of it before and after exitstat export does.
hostname web1
exitstat --csv --no-header >before
exitstat export --textfile . --per-vcpu
mv exitstat.prom vcpu.prom
exitstat export --textfile .
exitstat --csv --no-header >after
ip link set lo up
exitstat export --listen 127.0.0.1:13948 &
until wget -q -O vms.json http://127.0.0.1:13948/vms.json; do sleep 0.2; done
for file in before exitstat.prom vcpu.prom after vms.json; do
	sed "s/^/$file: /" $file
done
echo end
