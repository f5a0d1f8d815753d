#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The Debian packages: lintian is silent, everything is in its place, nothing replaces a kernel's own
# KVM, and one sentence says what cannot be built.
# shellcheck disable=SC2317 # functions are run through check
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
version=$(sed -n 's/^VERSION := //p' "$top/tools/tool.mk")

unpack() {
	local package

	for package in exitstat exitstat-export exitstat-kvm exitstat-dkms exitstat-pmu-dkms exitstat-kvm-dkms libexitstat0 libexitstat-dev; do
		dpkg-deb --raw-extract "$top/build/deb/${package}_${version}_"*.deb "$tmp/$package" || return 1
	done
}

# Units are in /lib on Debian 12, in /usr/lib on 13.
files_of() { (cd "$tmp/$1" && find . ! -type d ! -path './DEBIAN/*' ! -path './usr/share/doc/*' | sed 's|^./usr/lib/systemd/|./lib/systemd/|' | sort); }

# all_named DIRECTORY: objects that its Kbuild names are there as sources; it is compiled with what is in the directory.
all_named() {
	local object

	sed '/CFLAGS/d;s/exitstat_[a-z]*\.o//' "$1/Kbuild" | grep -o '[a-z_]*\.o\>' >"$tmp/objects"
	while read -r object; do
		test -f "$1/${object%.o}.c" || { echo "no ${object%.o}.c"; return 1; }
	done <"$tmp/objects"
	test -f "$1/include/exitstat/abi.h" && test -s "$tmp/objects"
}

# The list of installed packages and the directory of kernels are our own.
make_system() {
	mkdir -p "$tmp/bin"
	cat >"$tmp/bin/dpkg-query" <<-'END'
		#!/bin/sh
		for package; do :; done
		sed -n "s/^$package /ii  /p" "$installed"
	END
	chmod 755 "$tmp/bin/dpkg-query"
	export PATH=$tmp/bin:$PATH installed=$tmp/installed
	sed -i "s|/lib/modules|$tmp/modules|" "$dkms/dkms/rules.sh"
	sed -i "s|^tree=.*|tree=$dkms|" "$tmp/exitstat-kvm-dkms/usr/lib/exitstat/kvm-build"
}

# system RELEASE PACKAGE VERSION...: what is installed
system() {
	rm -rf "$tmp/modules"
	mkdir -p "$tmp/modules/$1/build" "$tmp/modules/$1/kernel"
	touch "$tmp/modules/$1/build/Module.symvers"
	shift
	printf '%s %s\n' "$@" >"$installed"
}

unit_of() { find "$tmp/$1" -name "$2.service"; }

# says NAME RELEASE WHAT: kvm-build --check prints that, and its exit status
says() {
	local said

	said=$("$tmp/exitstat-kvm-dkms/usr/lib/exitstat/kvm-build" --check "$2" 2>&1; echo $?)
	is "$1" "$said" "$3"
}

plan 33
check "make deb builds them, and lintian has nothing to say" "$top/packaging/deb"
check "there are eight packages, all of the tool's version" unpack
check "exitstat holds the tool" test -x "$tmp/exitstat/usr/bin/exitstat"
is "the tool says the version of its package" "$("$tmp/exitstat/usr/bin/exitstat" --version | cut -d ' ' -f 2)" "$version"
is "exitstat-export holds the exporter, its page, its completions, its unit, and what Prometheus and Grafana need" "$(files_of exitstat-export)" \
	"./lib/systemd/system/exitstat-export.service
./usr/bin/exitstat-export
./usr/share/bash-completion/completions/exitstat-export
./usr/share/exitstat/grafana-fleet.json
./usr/share/exitstat/grafana-vm.json
./usr/share/exitstat/rules.yml
./usr/share/man/man1/exitstat-export.1.gz
./usr/share/zsh/vendor-completions/_exitstat-export"
unit=$(unit_of exitstat-export exitstat-export)
is "the exporter's unit is enabled by nobody but its user" \
	"$(grep -B 1 'helper enable\|invoke enable' "$tmp/exitstat-export/DEBIAN/postinst" | grep -c 'was-enabled\|# Create new symlinks')" 1
sed "s|/usr/bin|$tmp/exitstat-export/usr/bin|" "$unit" >"$tmp/exitstat-export.service"
is "systemd has nothing to say about it" "$(systemd-analyze verify --man=no "$tmp/exitstat-export.service" 2>&1)" ""
check "and little exposure to find: at most 2.0 of 10" \
	systemd-analyze security --offline=true --threshold=20 "$tmp/exitstat-export.service"
is "exitstat needs the C library, and no server's" \
	"$(dpkg-deb -f "$top"/build/deb/exitstat_"$version"_*.deb Depends | grep -o 'libc6\|microhttpd')" libc6
is "exitstat-kvm holds what attaches and swaps, its page, its completions, its units and its probe" "$(files_of exitstat-kvm)" \
	"./lib/systemd/system/exitstat-attach.service
./lib/systemd/system/exitstat-kvm.service
./usr/lib/exitstat/kvm-probe
./usr/sbin/exitstat-kvm
./usr/share/bash-completion/completions/exitstat-kvm
./usr/share/man/man8/exitstat-kvm.8.gz
./usr/share/zsh/vendor-completions/_exitstat-kvm"
for name in exitstat-attach exitstat-kvm; do
	unit=$(unit_of exitstat-kvm "$name")
	check "$name comes before every service that may start a VM: before what they all come after" \
		sh -c "grep -q '^Before=.*\<sysinit.target' $unit && grep -qx DefaultDependencies=no $unit"
	sed "s|/usr/sbin/exitstat-kvm|$tmp/exitstat-kvm&|" "$unit" >"$tmp/$name.service"
	is "systemd has nothing to say about it" "$(systemd-analyze verify --man=no "$tmp/$name.service" 2>&1)" ""
done
check "the build takes its lock where every system has a directory" \
	sh -c "grep -q /run/ \$1 && ! grep -n '>/run/lock/' \$1" sh "$tmp/exitstat-kvm-dkms/usr/lib/exitstat/kvm-build"
is "the library's package holds the library only" "$(files_of libexitstat0 | sed 's/[^/]*-linux-gnu/*/')" \
	"./usr/lib/*/libexitstat.so.0
./usr/lib/*/libexitstat.so.$version"
compile() {
	echo '#include <exitstat.h>
		int main(void) { return exitstat_exit_cpuid(EXITSTAT_NUMBERING_VMX) != 10; }' >"$tmp/user.c"
	gcc -I"$tmp/libexitstat-dev/usr/include" -o "$tmp/user" "$tmp/user.c" \
		"$tmp"/libexitstat-dev/usr/lib/*/libexitstat.a && "$tmp/user"
}
check "a program compiles and links with the development package alone" compile

attach=$tmp/exitstat-dkms/usr/src/exitstat-$version
# shellcheck disable=SC1091,SC2016,SC2034 # it is expanded there
# as_dkms EXPRESSION: what dkms.conf makes of it, which it reads as a shell does
as_dkms() { (dkms_tree=/var/lib/dkms kernel_source_dir=/headers; . "${2:-$attach}/dkms.conf"; eval "echo \"$1\""); }
# shellcheck disable=SC2016
is "exitstat-dkms is an ordinary module of DKMS: installed for every kernel, and called as its file is" \
	"$(as_dkms '$AUTOINSTALL $PACKAGE_NAME/$PACKAGE_VERSION ${BUILT_MODULE_NAME[0]} ${DEST_MODULE_LOCATION[0]}')" \
	"yes exitstat/$version exitstat_attach /updates/dkms"
check "it has every file that its Kbuild names, in one directory" all_named "$attach"
pmu=$tmp/exitstat-pmu-dkms/usr/src/exitstat-pmu-$version
# shellcheck disable=SC2016
is "so is exitstat-pmu-dkms" \
	"$(as_dkms '$AUTOINSTALL $PACKAGE_NAME/$PACKAGE_VERSION ${BUILT_MODULE_NAME[0]} ${DEST_MODULE_LOCATION[0]}' "$pmu")" \
	"yes exitstat-pmu/$version exitstat_pmu /updates/dkms"
check "it has every file that its Kbuild names, too" all_named "$pmu"
dkms=$tmp/exitstat-kvm-dkms/usr/src/exitstat-kvm-$version
check "the DKMS package has one patch for each series" \
	sh -c "cd '$dkms/kvm' && for s in \$(awk '\$6 == \"yes\" { print \$1 }' series.tsv); do test -f patched/patches/\$s.patch || exit 1; done"
is "DKMS never installs it on its own" "$(grep -c AUTOINSTALL= "$dkms/dkms.conf")" 0
is "no script of the package installs a module or loads one" \
	"$(grep -lE 'dkms install|modprobe|insmod|depmod' "$tmp"/exitstat-kvm*/DEBIAN/*)" ""
# shellcheck disable=SC1091,SC2034 # DKMS sets kernelver and reads the file like this
matches() { (. "$dkms/dkms.conf" && [[ $1 =~ $BUILD_EXCLUSIVE_KERNEL ]]); }
is "DKMS would build it for supported series and flavours only" \
	"$(for release in 6.1.0-56-amd64 6.1.0-56-cloud-amd64 6.12.117+deb12-amd64 6.1.0-56-rt-amd64 6.12.117+deb12-rt-amd64 \
		7.3.4+deb13-amd64 6.10.1-amd64 6.6.13-amd64 5.10.0-46-amd64 6.1.0-56-arm64; do
		export kernelver=$release
		! matches $release || echo $release
	done)" "6.1.0-56-amd64
6.1.0-56-cloud-amd64
6.12.117+deb12-amd64
7.3.4+deb13-amd64"

# --- what can be built, and what is said otherwise
make_system
release=6.1.0-56-amd64
system $release linux-image-$release 6.1.192-2 linux-headers-$release 6.1.192-2+b1 linux-source-6.1 6.1.192-2
says "kernel, headers and source of one version: nothing against it" $release 0
says "a series without a patch" 6.6.13-amd64 \
	"kernel 6.6.13-amd64 is not of a supported series (6.1 6.12 7.2 7.3); it keeps its own KVM
1"
says "the flavour rt" 6.1.0-56-rt-amd64 \
	"kernel 6.1.0-56-rt-amd64 is of flavour rt, whose KVM is built from different source; supported are amd64 and cloud-amd64; it keeps its own KVM
1"
cloud=6.1.0-56-cloud-amd64
system $cloud linux-image-$cloud 6.1.192-2 linux-headers-$cloud 6.1.192-2 linux-source-6.1 6.1.192-2
says "the flavour cloud: nothing against it" $cloud 0
says "no headers" 6.1.0-57-amd64 \
	"the headers of kernel 6.1.0-57-amd64 are missing; type: apt-get install linux-headers-6.1.0-57-amd64
1"
system $release linux-headers-$release 6.1.192-2
says "no source" $release \
	"the source of kernel $release is missing; type: apt-get install linux-source-6.1=6.1.192-2
1"
system $release linux-headers-$release 6.1.192-2 linux-source-6.1 6.1.191-1
says "source of another version" $release \
	"kernel $release is version 6.1.192-2 and the installed linux-source-6.1 is 6.1.191-1; type: apt-get install linux-source-6.1=6.1.192-2, or upgrade the kernel
1"
system $release linux-headers-$release 6.1.100-1 linux-source-6.1 6.1.100-1
says "a version before the first supported one" $release \
	"kernel $release is version 6.1.100-1, but supported are 6.1.170 up to, but not including, 6.2 and 6.12.107 up to, but not including, 6.13 and 7.2.6 up to, but not including, 7.3 and 7.3.4 up to, but not including, 7.4; it keeps its own KVM
1"
finish
