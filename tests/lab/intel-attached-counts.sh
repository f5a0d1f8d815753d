#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Exact counts, registers, scopes and rights, on bare guests, attached to the distribution's KVM: on an emulated Intel host.
# lane: intel
# timeout: 1800
set -u
carrier=attached
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
run_cases intel cases.sh
