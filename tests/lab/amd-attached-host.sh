#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The command exitstat host, with a guest under stock QEMU, attached to the distribution's KVM: on an emulated AMD host.
# soak: only
set -u
machine=amd
# shellcheck disable=SC2034 # of host.sh
carrier=attached
# shellcheck source=tests/lab/host.sh
. "$(dirname "$0")/host.sh"
