# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced, with $top: build programs of cli/ under ASan and UBSan, into $BUILD.
#
#	build_asan PROGRAM...

BUILD=${top:?}/build/tests/cli

build_asan() {
	make -s -C "$top/cli" BUILD="$BUILD" CFLAGS="-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all" \
		"${@/#/$BUILD/}"
}
