#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The distribution's KVM, and ours when it is off: on an emulated Intel host.
# lane: intel
# timeout: 1800
# within: lab/intel-kernel-6.1-bookworm
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
run_cases intel stock.sh 6.1 --stock
