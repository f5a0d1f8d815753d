#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The attached module comes and goes while VMs run, and leaves nothing: on an emulated AMD host with kernel 6.1.
# timeout: 14400
set -u
# shellcheck disable=SC2034 # of machine.sh
carrier=attached
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=attached_life.sh
. "$here/attached_life.sh"
if [ "${EXITSTAT_SOAK:-0}" = 1 ]; then attached_life amd 6.1 50 10000 patched; else attached_life amd 6.1 6 40 patched; fi
