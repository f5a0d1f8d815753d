#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Exact counts, registers, scopes and rights, on bare guests: on an emulated AMD host.
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
run_cases amd cases.sh 6.1 --smp 2
