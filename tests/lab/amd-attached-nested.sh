#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# KVM inside KVM, the distribution's both times and the module attached to each: on an emulated AMD host with kernel 6.1.
# soak: only
set -u
# shellcheck disable=SC2034 # of machine.sh
carrier=attached
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=nested.sh
. "$here/nested.sh"
nested 6.1
