#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where the time goes, rule by rule: on an emulated Intel host with kernel 6.1.
# lane: intel
# timeout: 14400
# soak: only
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=times.sh
. "$here/times.sh"
times intel 6.1
