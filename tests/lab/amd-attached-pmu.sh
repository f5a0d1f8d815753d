#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# exitstat_pmu.ko in a Linux guest: exits as events of perf, attached to the distribution's KVM, on an emulated AMD host.
set -u
machine=amd carrier=attached
# shellcheck source=tests/lab/pmu.sh
. "$(dirname "$0")/pmu.sh"
