#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Hostile guests, attached to the distribution's KVM, which answers as before when detached: on an emulated Intel host.
# timeout: 14400
# lane: intel
# soak: only
set -u
# shellcheck disable=SC2034 # of machine.sh
carrier=attached
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=hostile.sh
. "$here/hostile.sh"
hostile intel 6.1 1000
