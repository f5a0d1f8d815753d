#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What most of the tests without a kernel's name run in a machine each, in one: kernel 6.1 from bookworm, on an emulated AMD host.
# lane: any
# timeout: 1800
set -u
# shellcheck source=kernels.sh
. "$(dirname "$0")/kernels.sh"
on_kernel amd 6.1 bookworm stock-linux patched-linux attached-linux
