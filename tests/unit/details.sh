#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The details of libexitstat against a model of a virtual machine, under ASan and UBSan.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)

"$top/packaging/need" tools || exit 1
# The manuals' names: each table ascends, and no two ranges overlap.
python3 - "$top/lib/detail_terms.h" <<'END' || exit 1
import re, sys
for table, terms in re.findall(r"#ifdef TERMS_(\w+)\n(.*?)#endif", open(sys.argv[1]).read(), re.S):
    last = -1
    for first, end in re.findall(r"TERM\((\w+), (\w+),", terms):
        if not last < int(first, 0) <= int(end, 0):
            sys.exit(f"lib/detail_terms.h: TERMS_{table}: {first} is out of order")
        last = int(end, 0)
END
mkdir -p "$top/build/tests" || exit 1
cc -std=gnu11 -g -O1 -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all \
	-I"$top/include" -I"$top/lib" -o "$top/build/tests/details" "$top/tests/unit/details.c" \
	"$top"/lib/{answers,clean,detail_names,details,exits,recorder,recording,source}.c || exit 1
exec "$top/build/tests/details"
