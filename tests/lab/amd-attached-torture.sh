#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every exit and every cycle in exactly one place, under torture, attached to the distribution's KVM: on an emulated AMD host.
# lane: any
# timeout: 14400
# soak: only
set -u
# shellcheck disable=SC2034 # of machine.sh
carrier=attached
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=torture.sh
. "$here/torture.sh"
torture amd 6.1 25 12500
