# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Copy files into the tree of an initramfs, programs with their libraries, and pack it; find and unpack a kernel's modules.
# Sourced.

is_elf() { [ "$(head -c 4 "$1" | tr -d '\0')" = $'\x7fELF' ]; }

# The libraries of a program, including the loader; nothing for a static one.
libraries_of() { ldd "$1" 2>/dev/null | sed -nE 's/^.* => (\/[^ ]+) .*|^\t(\/[^ ]+) .*/\1\2/p'; }

# install_file TREE SRC DEST: install a file and the libraries it needs
install_file() {
	local tree=$1 library

	mkdir -p "$tree/$(dirname "$3")"
	cp -L "$2" "$tree/$3"
	is_elf "$2" || return 0
	for library in $(libraries_of "$2"); do
		[ -e "$tree/$library" ] || cp -L --parents "$library" "$tree"
	done
}

# install_any TREE SRC DEST: install a file, or a directory with all files in it
install_any() {
	local file

	[ -d "$2" ] || { install_file "$@"; return; }
	mkdir -p "$1/$3"
	while IFS= read -r -d '' file; do
		install_file "$1" "$2/$file" "$3/$file"
	done < <(cd "$2" && find . -type f -print0)
}

# stock_module DIRECTORY NAME: the file of a distribution's module, which may be compressed
stock_module() { find "$1" -name "${2//[-_]/?}.ko*" -print -quit; }

# unpack_module FILE >MODULE
unpack_module() {
	case $1 in
	*.xz) xz -dc "$1" ;;
	*) cat "$1" ;;
	esac
}

# pack TREE >ARCHIVE: reproducible, the same files give the same bytes
pack() {
	find "$1" -exec touch -hd @0 {} +
	(cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z | cpio --null --quiet --reproducible -o -H newc -R 0:0)
}
