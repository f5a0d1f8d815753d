#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What kvm/series.tsv says of kernel 6.12 from bookworm: on an emulated AMD host.
# lane: any
# timeout: 14400
set -u
# shellcheck source=kernels.sh
. "$(dirname "$0")/kernels.sh"
on_kernel amd 6.12 bookworm
