#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a guest may ask, and no more, at random, and the distribution's answers after detaching: on an emulated AMD host with
# kernel 6.1, attached to the distribution's KVM.
# timeout: 3600
set -u
# shellcheck disable=SC2034 # of machine.sh
carrier=attached
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=hostile.sh
. "$here/hostile.sh"
if [ "${EXITSTAT_SOAK:-0}" = 1 ]; then hostile amd 6.1 8000; else hostile amd 6.1 1000; fi
