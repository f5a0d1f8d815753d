# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# How a module of ours is built from a kernel's headers alone. Sourced by kvm/attached/build and guest/build, which first say
#
#	module=NAME		the module is build/$place/RELEASE/NAME.ko
#	place=DIRECTORY		under build/
#	target=TARGET		of the Makefile, for messages
#	lay_out DIRECTORY	a function: copy its files, all into one directory, so that a plain make -C can build it
#
# and then build_module "$@": [--sparse] [RELEASE | HEADERS]. With --sparse, also check it with sparse.
# Without an argument, build for the newest kernel of the default series. HEADERS is the directory that
# `make -C` takes to build modules for a kernel, such as /lib/modules/RELEASE/build. The only line on
# stdout is the path of the module. It is compiled in tree/ beside it, where only what changed is
# compiled again.

# shellcheck source-path=SCRIPTDIR source=rules.sh
. "$(dirname "${BASH_SOURCE[0]}")/rules.sh"
# shellcheck disable=SC2154 # of rules.sh
top=$(dirname "$here")

release_of() { sed -n 's/^#define UTS_RELEASE "\(.*\)"/\1/p' "$1/include/generated/utsrelease.h"; }

require_headers() {
	[ -e "$1/Module.symvers" ] || die "$1 holds no kernel headers to build modules with: Module.symvers is missing;" \
		"type: make ${target:?} HEADERS=/lib/modules/RELEASE/build"
}

# Do not mix these files with those of another version of ours, or with objects for another kernel.
prepare() {
	local made_with new=$out/tree.new

	rm -rf "$new"
	trap 'rm -rf "$out/tree.new"' EXIT
	lay_out "$new"
	made_with=$headers$(cat "$headers/include/generated/package.h" 2>/dev/null || true)$(ls "$new")
	[ "$(cat "$tree/.made-with" 2>/dev/null)" = "$made_with" ] || rm -rf "$tree"
	update "$new" "$tree"
	echo "$made_with" >"$tree/.made-with"
}

compile() {
	local first='error|not found|no space|\*\*\*'

	kernel_make "$headers" "$tree" W=1 "${sparse[@]}" modules >"$log" ||
		die "compiling failed with: $(grep -m 1 -iE "$first" "$log" || tail -n 1 "$log");" \
			"the whole log: less $log"
	! grep -F "$tree/" "$log" | grep 'warning:' >&2 ||
		die "our files compile with warnings (see above); the whole log: less $log"
}

build_module() {
	# Not local: the trap of prepare and all the functions above use them.
	sparse=()

	[ "${1:-}" != --sparse ] || { sparse=(C=2 CHECK=sparse); shift; }
	case ${1:-}/$# in
	/0 | [!-]*/1) ;;
	*) echo "usage: $0 [--sparse] [RELEASE | HEADERS]" >&2; exit 2 ;;
	esac
	"$top/packaging/need" modules
	if [[ ${1:-} == */* ]]; then
		headers=$(realpath -m "$1")
		require_headers "$headers"
		release=$(release_of "$headers")
	else
		release=${1:-$("$here/fetch" release)}
		headers=$("$here/fetch" headers "$release")/usr/src/linux-headers-$release
	fi
	out=$top/build/${place:?}/$release tree=$out/tree log=$out/build.log
	[[ $out != *[[:space:]:]* ]] ||
		die "cannot build in '$out': make cannot handle a blank or a colon in a name;" \
			"move to another directory"
	mkdir -p "$out"
	exec {lock}>"$out/.lock"
	flock "$lock"
	note_version
	prepare
	compile
	cmp -s "$tree/${module:?}.ko" "$out/.built.ko" || {
		cp "$tree/$module.ko" "$out/.built.ko"
		install_module "$tree/$module.ko" "$out"
	}
	echo "$out/$module.ko"
}
