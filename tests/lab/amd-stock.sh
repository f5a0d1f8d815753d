#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The distribution's KVM, and ours when it is off: on an emulated AMD host.
# within: lab/amd-kernel-6.1-bookworm
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
run_cases amd stock.sh 6.1 --stock
