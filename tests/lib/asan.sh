# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Build directories of tools/ under ASan and UBSan, in $BUILD. Sourced, with $top.
#
#	build_asan DIRECTORY...

BUILD=${top:?}/build/tests/asan

build_asan() {
	make -s -C "$top/tools" BUILD="$BUILD" CFLAGS="-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all" "$@"
}
