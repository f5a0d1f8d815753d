#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every exit and every cycle in exactly one place, under torture: on an emulated AMD host with kernel 6.12.
# timeout: 14400
# soak: only
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=torture.sh
. "$here/torture.sh"
if [ "${EXITSTAT_SOAK:-0}" = 1 ]; then torture amd 6.12 15 12500; else torture amd 6.12 1 2000; fi
