#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where the time goes, rule by rule, attached to the distribution's KVM: on an emulated Intel host.
# timeout: 14400
# lane: intel
# soak: only
set -u
# shellcheck disable=SC2034 # of machine.sh
carrier=attached
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=times.sh
. "$here/times.sh"
times intel 6.1
