#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The command exitstat host, with a guest under stock QEMU, on an emulated Intel host.
# lane: intel
# timeout: 1200
set -u
machine=intel
# shellcheck source=tests/lab/host.sh
. "$(dirname "$0")/host.sh"
