# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Make a Debian 12 with debootstrap and run commands in it, for a whole system in the lab. Sourced.

# The archive that this machine's apt uses for Debian 12.
debian_archive() {
	# shellcheck disable=SC2016 # apt expands $(REPO_URI)
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' \
		'Component: main' | head -n 1
}

# make_debian BASE ROOT OPTION...: make ROOT a fresh copy of BASE, which debootstrap makes once, with these options
make_debian() {
	local base=$1 root=$2 file

	shift 2
	if [ ! -d "$base" ]; then
		rm -rf "$base.part"
		unshare --mount debootstrap "$@" bookworm "$base.part" "$(debian_archive)" >"$base.log" 2>&1 || {
			tail -n 5 "$base.log" >&2
			return 1
		}
		mv "$base.part" "$base"
	fi
	rm -rf "$root"
	cp -a "$base" "$root"
	# apt in it uses the same sources and settings as apt here.
	for file in /etc/resolv.conf /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources \
		/etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf.d/99*; do
		[ ! -e "$file" ] || cp "$file" "$root$file" || return 1
	done
	# The initrd needs few modules: a machine of the lab has only virtio disks.
	echo "MODULES=list" >"$root/etc/initramfs-tools/conf.d/lab"
	printf '%s\n' virtio_pci virtio_blk ext4 >>"$root/etc/initramfs-tools/modules"
}

# in_debian ROOT COMMAND...
in_debian() {
	# shellcheck disable=SC2016 # the inner shell expands
	DEBIAN_FRONTEND=noninteractive LC_ALL=C unshare --mount --pid --fork sh -c \
		'mount -t proc proc "$1/proc" && root=$1 && shift && exec chroot "$root" "$@"' sh "$@"
}
