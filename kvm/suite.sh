# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Ask the machine's Debian mirror about packages of any Debian suite, in an apt root of our own: with the
# machine's mirror, keyring and proxy, but without touching its lists, its cache or its installed packages.
# Sourced, after rules.sh.
#
#	use_suite SUITE		make apt_get and apt_cache use this suite (bookworm, trixie-backports)
#	refresh_suite		fetch its package lists again, unless that was just done
#
# Lists are fetched once a day.

cache=$(realpath -m "${EXITSTAT_CACHE:-$HOME/.cache/exitstat}")
lists_minutes=$((24 * 60))
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

apt_get() { apt-get -c "$apt_root/apt.conf" "$@"; }
apt_cache() { apt-cache -c "$apt_root/apt.conf" "$@"; }

# mirror_of NAME...: the archive from which this machine gets a suite of one of these names. Other
# vendors also name suites after Debian's, but have no NAME-updates.
mirror_of() {
	local name uris

	uris=$(apt-get -q update --print-uris 2>/dev/null |
		sed -nE "s|^'([^']*/)dists/([^/']+)/InRelease'.*|\1 \2|p")
	for name; do
		awk -v name="$name" '
			$2 == name { uri[++n] = $1 }
			$2 == name "-updates" || name ~ /-security$/ { whole[$1 name] }
			END {
				for (i = 1; i <= n; i++) if (uri[i] "" name in whole) { print uri[i]; exit }
				if (n) print uri[1]
			}' <<<"$uris"
	done | grep -m 1 .
}

# The sources may name the suite by its code name or by its status, such as stable.
main_mirror() {
	mirror_of "$(machine_suite)" stable oldstable testing unstable sid ||
		die "apt has no Debian mirror to get kernels from; add one to /etc/apt/sources.list"
}

security_mirror() {
	mirror_of "$(machine_suite)-security" {stable,oldstable,testing}-security && return
	[[ $1 != http*://deb.debian.org/debian/ ]] || echo "${1%/}-security/"
}

# A suite's sources: its own and, for a release, those of its security updates.
sources_of() {
	local suite=$1 signed='' main security

	[ ! -f $keyring ] || signed=" signed-by=$keyring"
	main=$(main_mirror) || exit
	security=$(security_mirror "$main") || true
	echo "deb [arch=amd64 target=Packages$signed] $main $suite main"
	[[ $suite != *-* && -n $security ]] || return 0
	echo "deb [arch=amd64 target=Packages$signed] $security $suite-security main"
}

# #clear: do not run the machine's hooks for apt-get update here.
write_apt_conf() {
	cat >"$apt_root/apt.conf" <<-END
		#clear APT::Update;
		APT::Default-Release "";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Dir::Cache "$apt_root/cache";
		Dir::Cache::pkgcache "pkgcache.bin";
		Dir::Cache::srcpkgcache "srcpkgcache.bin";
		Dir::Etc::Preferences "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
		Dir::Etc::SourceList "$apt_root/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::State "$apt_root";
		Dir::State::Lists "$apt_root/lists";
		Dir::State::Status "$apt_root/status";
	END
}

has_lists() { [ -n "$(find "$apt_root/lists" -maxdepth 1 -name '*_Packages*' 2>/dev/null)" ]; }
is_fresh() { [ -n "$(find "$apt_root/updated" -mmin "-$1" 2>/dev/null)" ]; }

# One of the sources may be gone (at a release's end of life, security is kept longer): what is left is
# enough.
update_lists() {
	local log=$apt_root/update.log

	write_apt_conf
	sources_of "$suite" >"$apt_root/sources.list" || exit
	if apt_get update -q >"$log" 2>&1 && has_lists; then
		touch "$apt_root/updated"
		return
	fi
	has_lists || die "apt cannot get the package lists of $suite; connect, or fix its sources, and type the same" \
		"command again (apt says: $(grep -m 1 -E '^(Err|[EW]):' "$log" | tr -s ' '))"
	say "apt cannot get all package lists of $suite; going on with what there is, see $log"
	touch "$apt_root/updated"
}

# with_lock COMMAND...: one caller at a time
with_lock() {
	local lock

	exec {lock}>"$apt_root.lock"
	flock "$lock"
	"$@"
	exec {lock}>&-
}

update_if_older() {
	if ! is_fresh "$1" || ! has_lists; then
		update_lists
	fi
}

use_suite() {
	suite=$1 apt_root=$cache/apt/$1
	mkdir -p "$apt_root"/{lists/partial,cache/archives/partial} ||
		die "cannot make the cache directory $apt_root (see above)"
	: >>"$apt_root/status"
	if ! is_fresh $lists_minutes || ! has_lists; then
		with_lock update_if_older $lists_minutes
	fi
}

refresh_suite() { with_lock update_if_older 5; }
