#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a guest may ask, and no more, at random: on an emulated Intel host with kernel 6.1.
# lane: intel
# timeout: 14400
# soak: only
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=hostile.sh
. "$here/hostile.sh"
hostile intel 6.1 4000
