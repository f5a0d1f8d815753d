# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a machine of the lab: what the kernel has logged since a moment.  Sourced.
#
#	mark_log		the moment
#	logged [EXPRESSION]	the lines since, without those that fit the expression

# What a kernel says about itself when the moment has come, early or late: calibrations, entropy, devices, and how slow the machine is.
anyway='random: |tsc: |clocksource: |input: |RT throttling|hrtimer: interrupt took|perf: interrupt took too long|hogged CPU for'
anyway="$anyway|increased min_delta_ns|NMI handler .* took too long|NOHZ tick-stop error"

mark_log() { logged_before=$(dmesg | wc -l); }
logged() { dmesg | tail -n +$((logged_before + 1)) | sed -E "/$anyway${1:+|$1}/d"; }
