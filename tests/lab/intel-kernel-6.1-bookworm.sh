#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What most of the tests without a kernel's name run in a machine each, in one: kernel 6.1 from bookworm, on an emulated Intel host.
# lane: intel
# timeout: 1800
set -u
# shellcheck source=kernels.sh
. "$(dirname "$0")/kernels.sh"
on_kernel intel 6.1 bookworm stock-bare patched-counts patched-linux attached-counts attach-brief
