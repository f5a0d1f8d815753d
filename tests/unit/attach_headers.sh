#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# exitstat_attach.ko is built from whatever headers it is given: of Debian's flavours, and of a distribution that has all of
# them in one directory, elsewhere, and names its kernels in another way.
# soak: only
# shellcheck disable=SC2317 # check() calls the functions
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp" "$top/build/attach/$foreign"' EXIT
release=$("$top/kvm/fetch" release 6.1) || exit 1
debian=$("$top/kvm/fetch" headers "$release")/usr/src || exit 1
foreign=${release%%-*}-1007-generic

# As in an Ubuntu or a Fedora: one tree, with the programs that build a module in it.
make_foreign() {
	local headers=$tmp/opt/linux-headers-$foreign

	mkdir -p "$tmp/opt"
	cp -rL "$debian/linux-headers-${release%-amd64}-common" "$headers"
	cp -rL "$debian/linux-headers-$release"/{.config,Module.symvers,arch,include} "$headers/"
	sed -i "s/$release/$foreign/" "$headers"/include/{generated/utsrelease.h,config/kernel.release}
	! grep -rIl "$HOME" "$headers" | grep .
}

# vermagic RELEASE: the kernel that its module is for
vermagic() { modinfo -F vermagic "$top/build/attach/$1/exitstat_attach.ko" | cut -d ' ' -f 1; }

plan 5
check "headers in one directory, elsewhere, of a kernel with a foreign name" make_foreign
check "make attach HEADERS=... builds with them" make -s -C "$top" attach "HEADERS=$tmp/opt/linux-headers-$foreign"
is "for that kernel" "$(vermagic "$foreign")" "$foreign"
for flavour in rt cloud; do
	check "it is built for the flavour $flavour" make -s -C "$top" attach "KERNEL=${release%amd64}$flavour-amd64"
done
finish
