#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# exitstat_pmu.ko in a Linux guest: exits as events of perf, attached to the distribution's KVM, on an emulated Intel host.
# lane: intel
# timeout: 1500
# soak: only
set -u
machine=intel carrier=attached
# shellcheck source=tests/lab/pmu.sh
. "$(dirname "$0")/pmu.sh"
