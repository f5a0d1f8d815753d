# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced, with $top: build rooms of tools/ under ASan and UBSan, into $BUILD.
#
#	build_asan ROOM...

BUILD=${top:?}/build/tests/asan

build_asan() {
	make -s -C "$top/tools" BUILD="$BUILD" CFLAGS="-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all" "$@"
}
