# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What kvm/fetch and the scripts of kvm/patched and kvm/attached share: which kernels are supported, how
# a module is built, how an error is reported. Sourced.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034 # for those who source this
core=$here/core
patched=$here/patched
# shellcheck disable=SC2034
attached=$here/attached

say() { echo "kvm/${0##*/}: $*" >&2; }
die() { say "$@"; exit 1; }

# The table without its comments; the first row names the columns. A series has one row for each suite
# that ships it; the rows differ in the suite and in how they are tested.
series_table() { grep -v '^#' "$here/series.tsv"; }

# rows_with COLUMN: series and suite of each row with yes in that column
rows_with() {
	series_table | awk -F'\t' -v column="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == column) c = i; next }
		$c == "yes" { print $1, $4 }'
}

# series_with COLUMN: the series of these rows
series_with() { rows_with "$1" | cut -d ' ' -f 1 | uniq; }

# The release of Debian that this machine runs; nothing on another system.
machine_suite() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release | tr -d '"'; }

# The first that this machine's own release ships; on one that the table does not have, the newest.
default_series() {
	series_table | awk -F'\t' -v suite="$(machine_suite)" '
		$6 == "yes" { newest = $1; if ($4 == suite && !own) own = $1 }
		END { print own ? own : newest }'
}

supported() {
	series_table | awk 'NR > 1 && $6 == "yes" && !seen[$1]++ {
		printf "%s%s up to, but not including, %s", and, $2, $3; and = " and " }'
}

# series_field SERIES COLUMN
series_field() {
	series_table | awk -F'\t' -v series="$1" -v column="$2" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == column) c = i }
		$1 == series { print $c; exit }'
}

# suites_of SERIES: this machine's own first
suites_of() {
	series_table | awk -F'\t' -v series="$1" -v own="$(machine_suite)" '
		$1 != series { next }
		index($4, own) == 1 { print 0, $4; next }
		{ print 1, $4 }' | sort -s -k 1,1n | cut -d ' ' -f 2
}

patch_of() { echo "$patched/patches/$1.patch"; }

# 6.1.0-56-amd64 and 6.1.192-2 -> 6.1; nothing if it is not a kernel version
series_of() { sed -nE 's/^([0-9]+\.[0-9]+)([.+~-].*)?$/\1/p' <<<"$1"; }

# Why KVM cannot be built for this flavour of Debian's kernel: one sentence, or nothing. The rt flavour is
# compiled from source with another patch applied, which also changes KVM.
flavour_problem() {
	case $1 in
	*-rt-amd64)
		echo "kernel $1 is of flavour rt, whose KVM is built from different source;" \
			"supported are amd64 and cloud-amd64"
		;;
	esac
}

# require_series SERIES
require_series() {
	[ -n "$(series_field "$1" series)" ] ||
		die "no patch supports kernel series $1, only $(series_with patched | paste -sd ' ');" \
			"type: make modules, for the newest $(default_series) kernel"
}

# require_patched SERIES
require_patched() {
	require_series "$1"
	[ "$(series_field "$1" patched)" = yes ] ||
		die "no patch supports kernel series $1, only $(series_with patched | paste -sd ' ');" \
			"exitstat_attach supports it; type: make attach KERNEL=RELEASE"
}

# require_supported VERSION WHOSE
require_supported() {
	local series

	series=$(series_of "$1")
	require_series "$series"
	dpkg --compare-versions "$1" ge "$(series_field "$series" from)" &&
		dpkg --compare-versions "$1" lt "$(series_field "$series" before)" && return
	die "$2 has version $1, but supported are $(series_field "$series" from)" \
		"up to, but not including, $(series_field "$series" before);" \
		"type: make modules, for the newest $(default_series) kernel"
}

# The version, such as 6.1.192, from a kernel's top Makefile
source_version() {
	awk '/^(VERSION|PATCHLEVEL|SUBLEVEL) =/ { print $3 }' "$1/Makefile" | paste -sd .
}

# require_tree DIRECTORY: the root of the source of a supported kernel
require_tree() {
	[ -f "$1/arch/x86/kvm/Makefile" ] ||
		die "$1 is not the root of a kernel tree: arch/x86/kvm/Makefile is missing;" \
			"type: kvm/fetch source RELEASE"
	require_supported "$(source_version "$1")" "the kernel tree $1"
}

# require_space DIRECTORY MIB WHAT NEXT: refuse before anything is written
require_space() {
	local available

	available=$(df --output=avail -BM "$1" | tail -n 1 | tr -dc 0-9)
	[ "$available" -ge "$2" ] ||
		die "$3 needs $2 MiB in $1, but only $available MiB are available; $4"
}

# Copy $1 to $2 without touching files that are the same, so that make sees what changed.
update() {
	local file

	(cd "$1" && find . -type f) | while read -r file; do
		cmp -s "$1/$file" "$2/$file" || install -D -m 644 "$1/$file" "$2/$file"
	done
}

# kernel_make HEADERS DIRECTORY ARGUMENT...: build the modules in DIRECTORY
#
# The variables of a make that called us must not reach the kernel's. Leave out debug information, which
# would be stripped, and BTF, which needs pahole and a vmlinux that not all headers have. Modules load
# without both.
kernel_make() {
	local headers=$1 directory=$2

	shift 2
	"$here/kbuild" --prepare "$headers"
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL EXITSTAT_VERSION="${EXITSTAT_VERSION:-unknown}" \
		"$here/kbuild" "$headers" M="$directory" -j"$(nproc)" \
		CONFIG_DEBUG_INFO= CONFIG_DEBUG_INFO_BTF_MODULES= "$@" </dev/null 2>&1
}

# install_module FILE DIRECTORY
install_module() {
	strip --strip-debug -o "$2/.new.ko" "$1"
	mv "$2/.new.ko" "$2/$(basename "$1")"
}

note_version() {
	EXITSTAT_VERSION=$(git -C "$here" describe --always --dirty 2>/dev/null || echo unknown)
	export EXITSTAT_VERSION
}
