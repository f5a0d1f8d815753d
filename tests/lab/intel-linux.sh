#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A Linux guest's boot against the kernel's own tracepoint, and the tools in the guest: on an emulated Intel host.
# lane: intel
# timeout: 1800
# within: lab/intel-kernel-6.1-bookworm
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
run_cases intel linux.sh
