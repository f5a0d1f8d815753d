#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The attached module comes and goes while VMs run, and leaves nothing: on an emulated AMD host with kernel 6.12.
# timeout: 14400
# soak: only
set -u
# shellcheck disable=SC2034 # of machine.sh
carrier=attached
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=attached_life.sh
. "$here/attached_life.sh"
attached_life amd 6.12 50 2000 patched
