#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The way of an operator: on a Debian 12 host, install the packages, attach while a guest runs, load our
# KVM, run a guest, read its numbers, upgrade to the kernel of the other series, come back, purge;
# nothing is left behind.
# soak: only
# timeout: 5400
# The host is a Debian made with debootstrap that boots with systemd from a disk in QEMU's emulation
# of an AMD host. apt and DKMS run in the same root before it boots, outside of that slow machine.
# shellcheck disable=SC2317 # functions run through check
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"
# shellcheck source-path=SCRIPTDIR source=../../lab/files.sh
. "$top/lab/files.sh"
# shellcheck source-path=SCRIPTDIR source=../../lab/debian.sh
. "$top/lab/debian.sh"

[ "$(id -u)" = 0 ] || plan_skip "the right to make a root file system (root)"
"$top/packaging/need" modules tools deb lab operator || exit 1

work=$top/build/operator
mkdir -p "$work"
disk=$work/disk
root=$work/root

release_of() { "$top/kvm/fetch" release "$1"; }

# install PACKAGE...: what apt and its hooks say goes to the log, and what exitstat says out
install() {
	echo "# apt-get install $*"
	in_debian "$root" apt-get install -qq -y --no-install-recommends "$@" >"$work/apt.log" 2>&1 || {
		diagnose "$(tail -n 20 "$work/apt.log")"
		return 1
	}
	sed -n 's/^exitstat-kvm: /#   &/p' "$work/apt.log"
}

make_host() {
	make_debian "$work/base" "$root" --variant=minbase \
		--include=systemd-sysv,kmod,initramfs-tools,busybox-static,dkms,openssl || return 1
	install_machine_parts
	in_debian "$root" apt-get update -qq >"$work/apt.log" 2>&1
}

# A guest with the tool, and the script that is run after the boot.
install_machine_parts() {
	local guest

	guest=$(mktemp -d)
	mkdir -p "$guest/bin" "$guest/proc" "$root/opt/packages"
	install_file "$guest" /bin/busybox /bin/busybox
	install_file "$guest" "$top/build/exitstat" /bin/exitstat
	cat >"$guest/init" <<-'END'
		#!/bin/busybox sh
		/bin/busybox mount -t proc proc /proc
		echo "guest: begin"
		/bin/exitstat
		echo "guest: status $?"
		/bin/busybox poweroff -f
	END
	chmod 755 "$guest/init"
	pack "$guest" >"$root/opt/guest.initramfs"
	rm -rf "$guest"
	cp "$top"/build/deb/*.deb "$root/opt/packages/"
	rm "$root"/opt/packages/*-dbgsym_*
	cp "$top/tests/lab/operator-host" "$root/opt/operator-host"
}

# boot RELEASE STAGE: boot the host, take over what its script reports
boot() {
	local release=$1 stage=$2 shared line

	shared=$("$top/lab/image" "$release") || return 1
	cp "$shared/vmlinux" "$root/opt/guest.vmlinux"
	rm -f "$disk"
	mke2fs -q -t ext4 -d "$root" "$disk" 6G >/dev/null || return 1
	echo "# booting $release"
	timeout 1500 qemu-system-x86_64 -machine pc -accel tcg,thread=single -cpu EPYC,+svm -smp 1 -m 2048 \
		-nodefaults -no-user-config -no-reboot -display none -kernel "$shared/vmlinux" \
		-initrd "$root/boot/initrd.img-$release" -drive "file=$disk,format=raw,if=virtio,cache=unsafe" \
		-append "root=/dev/vda rw console=ttyS0 panic=-1 tsc=reliable no_timer_check systemd.run=\"/bin/sh /opt/operator-host $stage\"" \
		-serial "file:$work/boot-$stage.log" -serial "file:$work/report-$stage" </dev/null 2>"$work/emulator.log"
	while IFS= read -r line; do
		line=${line%$'\r'}
		case $line in
		"pass "*) pass "${line#pass }" ;;
		"fail "*) fail "${line#fail }" ;;
		*) echo "# $line" ;;
		esac
	done <"$work/report-$stage"
	grep -q '^done' "$work/report-$stage" || diagnose "lost: the host did not come to the end of $stage;
$(tail -n 15 "$work/boot-$stage.log")"
}

# The module in $root for kernel $1 is signed with the key that DKMS made there.
signed() {
	local signer

	signer=$(modinfo -F signer "$(echo "$root/lib/modules/$1/updates/dkms/exitstat_attach.ko"*)")
	[ -n "$signer" ] && in_debian "$root" openssl x509 -inform der -in /var/lib/dkms/mok.pub -noout -subject | grep -F "$signer"
}

# What the host changed on its disk is gone with it: each stage begins with what was installed here.
kernel() { install "linux-image-$1" "linux-headers-$1" "$2"; }

first=$(release_of 6.1) second=$(release_of 6.12) || exit 1
plan 32
version=$(sed -n 's/^VERSION := //p' "$top/tools/tool.mk")
ours=("/opt/packages/exitstat_${version}_amd64.deb" "/opt/packages/exitstat-kvm_${version}_amd64.deb"
	"/opt/packages/exitstat-kvm-dkms_${version}_all.deb" "/opt/packages/exitstat-dkms_${version}_all.deb")
make -s -C "$top" tools >/dev/null && "$top/packaging/deb" >"$work/deb.log" 2>&1
check "a Debian 12 is made with debootstrap" make_host
check "a kernel of series 6.1 with headers and source is installed" kernel "$first" linux-source-6.1
check "our packages are installed" install qemu-system-x86 "${ours[@]}"
check "DKMS built our KVM for it" test -e "$(echo "$root"/var/lib/dkms/exitstat-kvm/*/"$first"/x86_64/module/kvm.ko*)"
check "and puts it where modprobe does not find it" test -z "$(find "$root/lib/modules/$first/updates" -name 'kvm*')"
check "DKMS built and installed exitstat_attach for it" test -e "$(echo "$root/lib/modules/$first/updates/dkms/exitstat_attach.ko"*)"
check "signed with DKMS's key" signed "$first"
boot "$first" first

check "a kernel of series 6.12 is installed beside it" kernel "$second" linux-source-6.12
check "DKMS built our KVM for that one too" \
	test -e "$(echo "$root"/var/lib/dkms/exitstat-kvm/*/"$second"/x86_64/module/kvm.ko*)"
check "and exitstat_attach, of its own accord" test -e "$(echo "$root/lib/modules/$second/updates/dkms/exitstat_attach.ko"*)"
check "the unit is enabled" in_debian "$root" systemctl enable exitstat-attach
boot "$second" second
in_debian "$root" systemctl disable exitstat-attach
boot "$first" last
rm -rf "$root" "$disk"
finish
