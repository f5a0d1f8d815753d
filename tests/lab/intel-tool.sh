#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The command exitstat in a Linux guest, on an emulated Intel host.
# lane: intel
# timeout: 1200
set -u
machine=intel
# shellcheck source=tests/lab/tool.sh
. "$(dirname "$0")/tool.sh"
