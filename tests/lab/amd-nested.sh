#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# KVM inside KVM, ours both times: on an emulated AMD host with kernel 6.1.
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=nested.sh
. "$here/nested.sh"
nested 6.1
