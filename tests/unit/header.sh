#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317 # check() calls the function
# The installed headers compile as C99 and C++, each by itself and without warnings; a C++ program links with the library.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/unit.sh
. "$top/tests/lib/unit.sh"

make -s -C "$top/lib" BUILD="$work/build" install DESTDIR="$work/root" PREFIX=/usr || exit 1
include=$work/root/usr/include

cat >"$work/program.c" <<'END'
#include <exitstat.h>
#include <stdio.h>

static int ask(void *self, uint32_t leaf, uint32_t ecx, struct exitstat_regs *regs)
{
	(void)self;
	regs->eax = leaf;
	regs->ebx = ecx;
	regs->ecx = regs->edx = 0;
	return 0;
}

int main(void)
{
	struct exitstat_source_ops ops = { sizeof(ops), EXITSTAT_SOURCE_FREE, ask, 0, 0, 0, 0, 0, 0, 0 };
	struct exitstat_source *src;
	struct exitstat_description desc;
	int err = exitstat_source_open(&ops, NULL, &src);

	if (err)
		return 1;
	err = exitstat_description_read(src, &desc);
	exitstat_source_close(src);
	printf("%d\n", err);
	return 0;
}
END
cp "$work/program.c" "$work/program.cc"

plan 6
for standard in c99 c11 c17; do
	check "the headers are $standard" cc -std=$standard -pedantic -Wall -Wextra -Wconversion -Wstrict-prototypes -Werror \
		-I"$include" -fsyntax-only "$work/program.c"
done
for standard in c++98 c++20; do
	flags=("-std=$standard" -pedantic -Wall -Wextra -Wconversion -Werror)
	# long long is older than its standard.
	[ $standard != c++98 ] || flags+=(-Wno-long-long)
	check "and $standard" g++ "${flags[@]}" -I"$include" -fsyntax-only "$work/program.cc"
done
links() {
	g++ -I"$include" -o "$work/program" "$work/program.cc" -L"$work/root/usr/lib" -lexitstat &&
		[ "$(LD_LIBRARY_PATH=$work/root/usr/lib "$work/program")" = -19 ] &&
		objdump -p "$work/program" | grep -q "NEEDED *libexitstat.so.0$"
}
check "a program in C++ links with it, by a soname that promises nothing yet" links
finish
