# shellcheck shell=bash disable=SC2154 # $top and $archive are of those who source this
# SPDX-License-Identifier: MIT
# Tiny kernel packages for tests of kvm/: like Debian's in all that kvm/fetch and the scripts of kvm/patched look at,
# but with a KVM of one file, and a kernel Makefile of one rule. Needs archive.sh. Sourced.
#
#	kernel_offer_image RELEASE VERSION [INSTALLED_KIB]
#	kernel_offer_headers RELEASE VERSION
#	kernel_offer_source SERIES VERSION
#	kernel_repository DIRECTORY	a copy of our tree, with a patch that fits that KVM

kernel_offer_image() {
	mkdir -p "$archive/files/boot" "$archive/files/lib/modules/$1"
	echo kernel >"$archive/files/boot/vmlinuz-$1"
	archive_offer "linux-image-$1" "$2" libc6 "${3:-1}"
}

kernel_offer_headers() {
	local release=$1 version=$2 headers=linux-headers-$1 common=linux-headers-${1%-amd64}-common
	local kbuild=linux-kbuild-${1%%.0-*} src=$archive/files/usr/src

	mkdir -p "$src/$common"
	kernel_makefile "$release" >"$src/$common/Makefile"
	archive_offer "$common" "$version"

	mkdir -p "$archive/files/usr/lib/$kbuild/scripts"
	archive_offer "$kbuild" "$version"

	mkdir -p "$src/$headers/include/generated/uapi/linux" "$archive/files/lib/modules/$release"
	echo "include /usr/src/$common/Makefile" >"$src/$headers/Makefile"
	echo 0x0 >"$src/$headers/Module.symvers"
	kernel_numbers '#define LINUX_VERSION_%s %s\n' MAJOR "$version" \
		>"$src/$headers/include/generated/uapi/linux/version.h"
	echo "#define LINUX_PACKAGE_ID \" Debian $version\"" \
		>"$src/$headers/include/generated/package.h"
	ln -s "../../lib/$kbuild/scripts" "$src/$headers/scripts"
	ln -s "/usr/src/$headers" "$archive/files/lib/modules/$release/build"
	archive_offer "$headers" "$version" "$common (= $version), $kbuild (>= $version), gcc-12"
}

# Print the version $3 as three lines in the printf format $1; $2 is the name of its first number.
kernel_numbers() {
	local numbers

	IFS=.- read -ra numbers <<<"$3"
	# shellcheck disable=SC2059 # the format is an argument
	printf "$1" "$2" "${numbers[0]}" PATCHLEVEL "${numbers[1]}" SUBLEVEL "${numbers[2]}"
}

# The rule compiles our file, and makes modules that name their kernel. Its KVM is one in which W=1 finds
# something, with warnings as errors.
kernel_makefile() {
	cat <<-END
		.RECIPEPREFIX := >
		modules:
		> @test -z "\$(W)" || { echo "x86.c:1: error: no previous prototype"; exit 1; }
		> @echo "  CC [M]  \$(M)/exit_stats.o"
		> gcc -Wall -I\$(M)/../../../include -c -o \$(M)/exit_stats.o \$(M)/exit_stats.c
		> for module in kvm kvm-intel kvm-amd; do \\
		>	echo 'char v[] __attribute__((section(".modinfo"))) = "vermagic=$1 SMP";' | \\
		>	gcc -x c -c -o \$(M)/\$\$module.ko - || exit 1; \\
		> done
	END
}

kernel_offer_source() {
	local package=linux-source-$1 tree=$archive/$1 version=${2%%-*}

	kernel_tree "$tree/$package" "$version"
	mkdir -p "$archive/files/usr/src"
	tar -C "$tree" -cJf "$archive/files/usr/src/$package.tar.xz" "$package"
	rm -r "$tree"
	archive_offer "$package" "$2"
}

# kernel_tree DIRECTORY VERSION
kernel_tree() {
	mkdir -p "$1"/{LICENSES,include,scripts,usr,virt/kvm,Documentation/virt/kvm} \
		"$1"/arch/x86/{kvm,include/asm} "$1"/tools/{arch/x86,build,include,lib,scripts} \
		"$1"/tools/testing/selftests/{kvm,rseq}
	touch "$1"/{Kconfig,Kbuild,COPYING,MAINTAINERS,tools/lib/rbtree.c} \
		"$1"/tools/testing/selftests/{lib.mk,kselftest.h,kselftest_harness.h}
	kernel_numbers '%s = %s\n' VERSION "$2" >"$1/Makefile"
	echo "kvm-y += x86.o" >"$1/arch/x86/kvm/Makefile"
	seq -f 'int line_%g;' 40 >"$1/arch/x86/kvm/x86.c"
	seq -f 'int member_%g;' 40 >"$1/arch/x86/include/asm/kvm_host.h"
}

kernel_repository() {
	mkdir -p "$1"
	cp -r "$top/kvm" "$top/include" "$top/packaging" "$1/"
	rm -rf "$1/kvm/patched/patches"
	mkdir "$1/kvm/patched/patches"
	cat >"$1/kvm/series.tsv" <<-END
		series	from	before	suite	package	patched	attached	tested
		6.1	6.1.170	6.2	$archive_codename	linux-source-6.1	yes	yes	full
	END
	echo 'int exit_stats;' >"$1/kvm/core/exit_stats.c"
	echo 'extern int exit_stats;' >"$1/kvm/core/exit_stats.h"
	cat >"$1/kvm/patched/patches/6.1.patch" <<-END
		--- a/arch/x86/include/asm/kvm_host.h
		+++ b/arch/x86/include/asm/kvm_host.h
		@@ -9,4 +9,5 @@
		 int member_9;
		 int member_10;
		+int exit_stats;
		 int member_11;
		 int member_12;
		--- a/arch/x86/kvm/x86.c
		+++ b/arch/x86/kvm/x86.c
		@@ -18,6 +18,7 @@
		 int line_18;
		 int line_19;
		 int line_20;
		+#include "exit_stats.h"
		 int line_21;
		 int line_22;
		 int line_23;
	END
}
