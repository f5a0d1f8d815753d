#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Who builds while another builds the same waits for his end, wherever both write the same files.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=../ktap.sh
. "$top/tests/ktap.sh"

"$top/packaging/need" tools lab || exit 1
cd "$top" || exit 1
directories=(cli lab/vmm tests/lab bench)
plan $((2 * ${#directories[@]}))
for directory in "${directories[@]}"; do
	make -s -C "$directory" || exit 1
	exec {other}<"$directory"
	flock "$other"
	timeout 1 make -s -C "$directory" >/dev/null 2>&1
	is "make -C $directory waits while another one has its turn" $? 124
	flock -u "$other"
	check "and then has its own" timeout 60 make -s -C "$directory"
done
finish
