#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# No include runs up, or uses another directory's private header.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/unit.sh
. "$top/tests/lib/unit.sh"

arrows() { python3 "$top/tests/lib/arrows.py" "$@"; }

# wrong FILE INCLUDE: the output for a copy of the tree in which FILE also has that include
wrong() {
	local file=$work/$1

	mkdir -p "$(dirname "$file")"
	[ ! -e "$file" ] || cp "$file" "$work/kept"
	echo "#include $2" >>"$file"
	arrows "$work" | sed "s|^$1: ||"
	if [ -e "$work/kept" ]; then mv "$work/kept" "$file"; else rm "$file"; fi
}

plan 10
git -C "$top" ls-files -z --cached --others --exclude-standard '*.[chS]' |
	while IFS= read -r -d '' file; do [ ! -e "$top/$file" ] || printf '%s\0' "$file"; done |
	tar -C "$top" -c --null --files-from - | tar -C "$work" -x
is "an include of the verbs by what they measure is seen" "$(wrong tools/exitstat/target/target.c '"verbs/verbs.h"')" \
	"verbs/verbs.h runs up or aside, from tools/exitstat/target to tools/exitstat/verbs"
is "of one program by the other" "$(wrong tools/exporter/page.c '"../exitstat/target/target.h"')" \
	"../exitstat/target/target.h runs up or aside, from tools/exporter to tools/exitstat/target"
is "of the library's inside by a tool, however it is spelled" \
	"$(wrong tools/exitstat/output/rows.c '"source.h"'; wrong tools/exporter/page.c '<host/tables.h>')" \
	"source.h is private to lib
host/tables.h is private to lib/host"
is "of a host's tables by the library" "$(wrong lib/source.c '"host/tables.h"')" \
	"host/tables.h runs up or aside, from lib to lib/host"
is "of what is not there" "$(wrong bench/reader.c '"gone.h"')" "gone.h leads nowhere"
is "and a room that nobody gave a place" "$(wrong attic/new.c '<exitstat.h>')" "stands in no room that this test knows"
is "two files that know each other are seen" "$(wrong tools/exitstat/target/vm.c '"target/target.h"')" \
	"tools/exitstat/target/target: includes what includes it
tools/exitstat/target/vm: includes what includes it"
is "in this tree, every arrow runs down" "$(arrows "$work")" ""
is "every room is made alone, where nothing is built" \
	"$(cd "$top" && for room in $(git ls-files --cached --others --exclude-standard '*/Makefile'); do
		make -n -C "${room%/*}" BUILD="$work/build" >"$work/said" 2>&1 || { grep -F '***' "$work/said"; }
	done)" ""
make -s -C "$top/lib" || exit 1
is "libexitstat links no library but C's: JSON is beside it" \
	"$(objdump -p "$top/build/libexitstat.so" | awk '$1 == "NEEDED" { print $2 }')" libc.so.6
finish
