#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where the time goes, rule by rule, attached to the distribution's KVM: on an emulated AMD host with kernel 6.12.
# timeout: 14400
# soak: only
set -u
# shellcheck disable=SC2034 # of machine.sh
carrier=attached
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=times.sh
. "$here/times.sh"
times amd 6.12
