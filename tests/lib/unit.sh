# shellcheck shell=bash disable=SC2154 # $top is of those who source this
# SPDX-License-Identifier: MIT
# What a unit test begins with: KTAP, the packages it needs, and a directory $work that is removed at the end. Sourced.

# shellcheck source=tests/lib/ktap.sh
. "$top/tests/lib/ktap.sh"
"$top/packaging/need" tools test || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
