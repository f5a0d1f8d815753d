#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every exit and every cycle in exactly one place, under torture: on an emulated Intel host with kernel 6.1.
# lane: intel
# timeout: 14400
# soak: only
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=torture.sh
. "$here/torture.sh"
torture intel 6.1 5 5000
