#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs/abi.md and exitstat(7) agree with the ABI's header, name by name; the man page's program compiles and runs.
# shellcheck disable=SC2016,SC2317 # sed's backquotes; check calls functions
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/unit.sh
. "$top/tests/lib/unit.sh"

header=$top/include/exitstat/abi.h
page=$top/man/exitstat.7
# Without the include guard, which has no value; a counter's leaf for the vCPU is EXITSTAT_VCPU lower.
names=$(sed -nE 's/^#define (EXITSTAT_[A-Z0-9_]+)[[:space:]]+[0-9].*/\1/p' "$header")

# values: of all names, as the compiler sees them: NAME VALUE
values() {
	{
		echo '#include <stdio.h>'
		echo '#include <exitstat/abi.h>'
		echo 'int main(void) {'
		for name in $names; do printf 'printf("%s %%lld\\n", (long long)%s);\n' "$name" "$name"; done
		echo '}'
	} >"$work/values.c"
	gcc -I"$top/include" -o "$work/values" "$work/values.c" && "$work/values"
}

# decimal: NAME VALUE with VALUE as C would read it
decimal() { while read -r name value; do echo "$name $((value))"; done; }

# Rows `| leaf | leaf of the vCPU | NAME |`, `| leaf | NAME |` and `| NAME | value |`.
said_by_document() {
	sed -nE -e 's/^\| `(0x[0-9a-f]+)` \|( `0x[0-9a-f]+` \|)? `(EXITSTAT_[A-Z0-9_]+)` \|.*/\3 \1/p' \
		-e 's/^\| `(EXITSTAT_[A-Z0-9_]+)` \| (0x[0-9a-f]+|[0-9]+) \|$/\1 \2/p' "$1" | decimal | sort
}

vcpu_leaves() {
	sed -nE 's/^\| `(0x[0-9a-f]+)` \| `(0x[0-9a-f]+)` \| `EXITSTAT_.*/\1 \2/p' "$1" |
		while read -r vm vcpu; do echo $((vm - vcpu)); done | sort -u
}

# A name and, on the same line or the next, its value in brackets or the column beside it.
said_by_page() {
	sed -nE -e 's/^\.It Dv (EXITSTAT_[A-Z_]+) Ta (0x[0-9a-f]+) .*/\1 \2/p' \
		-e '/^\.(Pq )?Dv EXITSTAT_/{N;s/^\.Dv (EXITSTAT_[A-Z0-9_]+)\n\((0x[0-9a-f]+|[0-9]+)\).*/\1 \2/p}' \
		-e 's/^\.Pq Dv (EXITSTAT_[A-Z0-9_]+) No is ([0-9]+) .*/\1 \2/p' "$1" | decimal
}

# The pairs on stdin that the header does not have.
unknown() { grep -vxFf "$work/header" || true; }

program() { sed -n '/^\.Bd -literal$/,/^\.Ed$/p' "$page" | sed -e '1d;$d' -e 's/\\e/\\/g'; }

plan 8
values | sort >"$work/header"
is "the header has values to compare" "$(grep -c . "$work/header")" "$(wc -w <<<"$names")"
sed 's/0x4ffffffc/0x4ffffffb/' "$top/docs/abi.md" >"$work/wrong.md"
check "a wrong value in the document would be seen" test "$(said_by_document "$work/wrong.md")" != "$(<"$work/header")"
is "docs/abi.md gives every name its value, and no other" "$(said_by_document "$top/docs/abi.md")" "$(<"$work/header")"
is "its leaves of a vCPU are those of the VM less EXITSTAT_VCPU" "$(vcpu_leaves "$top/docs/abi.md")" 16
sed 's/0x4ffffffc/0x4ffffffb/;s/^(24)/(25)/' "$page" >"$work/wrong.7"
is "wrong values in the page would be seen" "$(said_by_page "$work/wrong.7" | unknown)" "EXITSTAT_TOTAL_COUNT 1342177275
EXITSTAT_BUCKETS 25"
is "exitstat(7) names no value that the header does not" "$(said_by_page "$page" | unknown)" ""
is "and names all leaves" \
	"$(comm -23 <(awk '$2 >= 1342177024 && $2 < 2 ^ 32 { print $1 }' "$work/header" | grep -vE 'MAX_LEAF|BASE' | sort) <(grep -oE 'EXITSTAT_[A-Z0-9_]+' "$page" | sort -u))" ""
program >"$work/program.c"
compile_and_run() {
	gcc -std=c11 -Wall -Wextra -Werror -I"$top/include" -o "$work/program" "$work/program.c" || return 1
	"$work/program" || [ $? = 77 ]
}
check "exitstat(7)'s program compiles as it stands and runs" compile_and_run
finish
