#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317 # check() calls the functions
# The static exitstat, for both word sizes and C libraries, in a root directory that contains nothing else.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/unit.sh
. "$top/tests/lib/unit.sh"

[ "$(id -u)" = 0 ] || plan_skip "root, for chroot"
make -s -C "$top/tools/exitstat" || exit 1
amd=$top/tests/fixtures/recordings/amd.rec
dynamic=$top/build/exitstat

# says SENTENCE STATUS ARGUMENT...: in that one line, and with that status
says() {
	local words=$1 wanted=$2 said got

	shift 2
	said=$(inside "$@" 2>&1 </dev/null)
	got=$?
	[ "$got" -eq "$wanted" ] && [ "$said" = "exitstat: $words" ] && return
	echo "returned $got and said: $said"
	return 1
}
inside() { chroot "$work/root" /exitstat "$@"; }

# The same from a recording, counters of 64 bits among them, as from the exitstat that is linked dynamically.
alike() {
	python3 "$top/tests/lib/second.py" huge late approximate >"$work/huge.rec"
	for arguments in "-S -" "-S - --json" "-S - 1" "-S - -o - -- /exitstat --version" "report -" "report --json -"; do
		for recording in "$amd" "$work/huge.rec"; do
			# shellcheck disable=SC2086 # words
			diff <(inside $arguments <"$recording" 2>&1 | sed 's|/exitstat|exitstat|; /^elapsed/d; s/"user_s.*//') \
				<(cd "$work/root" && PATH=$work/root:$PATH "$dynamic" ${arguments/\/exitstat/exitstat} <"$recording" 2>&1 |
					sed '/^elapsed/d; s/"user_s.*//') || { echo "$arguments"; return 1; }
		done
	done
}

plan 29
for what in "" BITS=32 CC=musl-gcc; do
	file=$(make -s -C "$top/tools/exitstat" static BUILD="$top/build/tests/static" $what | tail -n 1)
	rm -rf "$work/root"
	mkdir "$work/root"
	check "make static $what: one file" cp "$file" "$work/root/exitstat"
	is "that loads no other" "$(readelf -lW "$work/root/exitstat" | grep -c INTERP)" 0
	check "says of recordings what the other exitstat says" alike
	is "and of this CPU" "$(inside leaf 0; inside leaf 1 | sed 's/ebx=[^ ]*//')" "$("$dynamic" leaf 0; "$dynamic" leaf 1 | sed 's/ebx=[^ ]*//')"
	inside -S - record -o /a.rec <"$amd" 2>/dev/null
	is "records, with neither /dev nor /tmp" "$(inside -S /a.rec -H | wc -l)" 11
	check "and says what it lacks" eval 'says "the static exitstat is built without top; try: exitstat 1" 1 top &&
		says "the static exitstat is built without --html; make the page from the recording with another exitstat" 1 report --html a.html /a.rec &&
		says "the static exitstat is built without diff; compare the files with another exitstat" 1 diff a b'
	is "in its help, too, which does not list that" \
		"$(for verb in top diff; do inside help $verb | grep -c "^The static exitstat is built without $verb"; done; diff <(inside --help) <("$dynamic" --help) | sed -n 's/^[<>] *//p')" "1
1
diff FILE FILE        compare two tables that --json saved
top                   the rates on a full screen"
	check "a VM by QMP among it" sh -c "chroot $work/root /exitstat host --qmp q 2>&1 | grep -qi '^exitstat: cannot open q: .*not supported$'"
done

# What musl has not: headers of libraries, which their packages have, and those of the kernel.
mkdir "$work/headers"
for header in jansson.h jansson_config.h json-c ncurses.h ncurses_dll.h unctrl.h curses.h microhttpd.h linux asm asm-generic; do
	for from in /usr/include /usr/include/x86_64-linux-gnu; do
		[ ! -e "$from/$header" ] || ln -sf "$from/$header" "$work/headers/"
	done
done
with_musl() {
	local file

	cd "$top" && find lib tools -name '*.c' ! -path '*/examples/*' | while read -r file; do
		musl-gcc -std=gnu11 -Wall -Wextra -Werror -DVERSION='"0"' -Iinclude -Ilib -Itools -Itools/exitstat \
			-isystem "$work/headers" -fsyntax-only "$file" || exit 1
	done
}
check "all of the library and the tools is C that musl takes" with_musl
library() { "$top/tests/unit/lib.sh" -m32 >"$work/lib"; }
check "the library passes its tests with 32 bits" library
is "all of them" "$(grep -c '^ok' "$work/lib")" "$(sed -n 's/^1\.\.//p' "$work/lib")"
built() { make --no-print-directory -C "$top/tools/swap" BUILD="$work/swap" "$@" 2>&1; }
is "make says in a line what it builds, with -s nothing, and with V=1 the command" \
	"$(built -B) $(built -B -s) $(built -B V=1 | grep -c "^cc .* -o $work/swap/kvm-probe probe.c")" "  LD   $work/swap/kvm-probe  1"
is "so does every Makefile" "$(find "$top"/{lib,tools,lab,bench,tests} -name Makefile -exec grep -nE '^	\$\((CC|COMPILE|AR)\)' {} +)" ""
finish
