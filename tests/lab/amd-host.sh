#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The command exitstat host, with a guest under stock QEMU, on an emulated AMD host.
set -u
machine=amd
# shellcheck source=tests/lab/host.sh
. "$(dirname "$0")/host.sh"
