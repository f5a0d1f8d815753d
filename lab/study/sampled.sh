#!/bin/sh
# SPDX-License-Identifier: MIT
# In a small guest of the study, without perf: sampled.sh REASON,... samples some work with ftrace. Prints `before {...}` and
# `after {...}`, what was counted, and the stacks, a line for each: `exits ...` by exits, `time ...` by their time in ns.
set -u
cd /root || exit 1
tracing=/sys/kernel/tracing

work() {
	head -c 500 /dev/zero | tr '\0' . >/dev/ttyS0
	for _ in 1 2 3 4 5; do exitstat --version; done
	sleep 1
}

# From ftrace's lines to those of perf script: the event, then a line for each frame.
as_perf() {
	awk '/ exit: number=/ { comm = $0; sub(/-[0-9]+ .*/, "", comm); sub(/^ +/, "", comm); sub(/.* exit: /, ""); printf "\n%s 1 %s\n", comm, $0 }
		$1 == "=>" { printf "\t0 %s ([kernel.kallsyms])\n", $2 }'
}

insmod exitstat_pmu.ko || exit
echo "$1" >/sys/module/exitstat_pmu/parameters/sample_exit || exit
echo 32768 >$tracing/buffer_size_kb
echo 1 >$tracing/options/stacktrace
exitstat --json >before
echo 1 >$tracing/events/exitstat/exit/enable
work >/dev/null
echo 0 >$tracing/events/exitstat/exit/enable
exitstat --json >after
sed 's/^/before /' before
sed 's/^/after /' after
as_perf <$tracing/trace >samples
exitstat profile --source samples --folded | sed 's/^/exits /'
exitstat profile --source samples --folded --time | sed 's/^/time /'
