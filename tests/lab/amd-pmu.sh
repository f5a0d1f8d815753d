#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# exitstat_pmu.ko in a Linux guest: exits as events of perf, on an emulated AMD host.
# timeout: 1500
# soak: only
set -u
machine=amd carrier=patched
# shellcheck source=tests/lab/pmu.sh
. "$(dirname "$0")/pmu.sh"
