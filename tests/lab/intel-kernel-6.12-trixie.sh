#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What kvm/series.tsv says of kernel 6.12 from trixie: on an emulated Intel host.
# lane: intel
# timeout: 14400
set -u
# shellcheck source=kernels.sh
. "$(dirname "$0")/kernels.sh"
on_kernel intel 6.12 trixie
