#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The accounting that both carriers share, in user space; its files also compile for a 32-bit host.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)

"$top/packaging/need" tools || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$top/build/tests" || exit 1

# The kernel's headers that the core includes.
grep -ho '^#include <\(linux\|asm\)/[^>]*>' "$top"/kvm/core/*.[ch] | sed 's/.*<\(.*\)>/\1/' | sort -u >"$work/headers"
while read -r header; do
	mkdir -p "$work/include/$(dirname "$header")"
	echo '#include "core_kernel.h"' >"$work/include/$header"
done <"$work/headers"
flags=(-std=gnu11 -Wall -Wextra -Werror -Wno-sign-compare -Wno-unused-parameter
	-Wno-missing-field-initializers -fno-strict-aliasing -I"$work/include" -I"$top/tests/unit" -I"$top/include"
	-I"$top/kvm/core" "-DEXPORT_SYMBOL_FOR_KVM_INTERNAL(symbol)=extern char core_asserts[1]")

# Not for its addresses, but the hot path's code is the optimizer's.
cc "${flags[@]}" -g -O2 -fsanitize=address,undefined -fno-sanitize-recover=all -pthread \
	-o "$top/build/tests/core" "$top"/tests/unit/core{,_details,_samples}.c "$top"/kvm/core/*.c || exit 1
for file in "$top"/kvm/core/*.c; do
	cc "${flags[@]}" -m32 -ffreestanding -O2 -c -o "$work/$(basename "$file").o" "$file" ||
		{ echo "Bail out! $file does not compile for a 32-bit host"; exit 1; }
done
"$top/build/tests/core"
