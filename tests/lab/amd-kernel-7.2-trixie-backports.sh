#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What kvm/series.tsv says of kernel 7.2 from trixie-backports: on an emulated AMD host.
# lane: any
# timeout: 14400
set -u
# shellcheck source=kernels.sh
. "$(dirname "$0")/kernels.sh"
on_kernel amd 7.2 trixie-backports
