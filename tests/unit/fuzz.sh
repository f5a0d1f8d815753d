#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fuzz the parsers of recordings and of the host's tables with libFuzzer under ASan and UBSan: seconds here, minutes with --soak.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/unit.sh
. "$top/tests/lib/unit.sh"

: "${EXITSTAT_SOAK:=0}"
out=$top/build/tests/fuzz
mkdir -p "$out/corpus" "$out/tables" || exit 1
cd "$work" || exit 1
# Tables for the VM and a vCPU at once, with histograms and without.
for numbering in svm vmx; do
	for histograms in '' --histograms; do
		python3 "$top/tests/lib/hosttree.py" vms --vms 1 --pid 1 --numbering $numbering $histograms
		sed 's/^vcpus.*/&\nvcpu 0/' vms/1-10/exit_stats >"$out/tables/$numbering$histograms"
	done
done
clang -std=gnu11 -g -O1 -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	-I"$top/include" -I"$top/lib" -o "$out/fuzz" "$top/tests/unit/fuzz.c" "$top"/lib/*.c "$top"/lib/host/{debugfs,tables,vms}.c || exit 1

plan 3
check "the tables of the tests are read" "$out/fuzz" "$out"/tables/*
check "the recordings of the tests are read" "$out/fuzz" "$top"/tests/fixtures/recordings/*.rec
check "no input makes the parser go wrong" "$out/fuzz" -max_total_time=$((EXITSTAT_SOAK ? 240 : 10)) \
	-max_len=8192 -timeout=120 -rss_limit_mb=2048 -verbosity=0 -artifact_prefix="$out/" \
	"$out/corpus" "$top/tests/fixtures/recordings" "$out/tables"
finish
