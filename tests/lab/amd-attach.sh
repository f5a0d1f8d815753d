#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# exitstat-kvm attach and detach while a VM runs: on an emulated AMD host with kernel 6.1.
set -u
carrier=attached
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=exitstat_kvm.sh
. "$here/exitstat_kvm.sh"

build_for 6.1
run_with_exitstat_kvm attach_inside.sh "$attach:/root/module/exitstat_attach.ko" --
