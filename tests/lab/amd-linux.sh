#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A Linux guest's boot against the kernel's own tracepoint, and the tools in the guest: on an emulated AMD host.
# within: lab/amd-kernel-6.1-bookworm
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
run_cases amd linux.sh
