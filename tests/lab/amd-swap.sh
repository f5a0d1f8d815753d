#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# exitstat-kvm where something holds kvm.ko alone: on an emulated AMD host with kernel 6.1.
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=exitstat_kvm.sh
. "$here/exitstat_kvm.sh"

build_for 6.1
run_with_exitstat_kvm swap_inside.sh "$modules"/kvm{,-amd}.ko -- --param kvm_amd.nested=0 --param kvm.halt_poll_ns=12345
