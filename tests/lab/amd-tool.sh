#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The command exitstat in a Linux guest, on an emulated AMD host.
set -u
machine=amd
# shellcheck source=tests/lab/tool.sh
. "$(dirname "$0")/tool.sh"
