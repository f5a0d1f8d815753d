#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every exit and every cycle in exactly one place, under torture, attached to the distribution's KVM: on an emulated Intel host.
# timeout: 14400
# lane: intel
# soak: only
set -u
# shellcheck disable=SC2034 # of machine.sh
carrier=attached
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=torture.sh
. "$here/torture.sh"
torture intel 6.1 5 3000
