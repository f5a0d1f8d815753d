#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# packaging/need prints nothing if nothing is missing, one sentence if it cannot help, and lists only packages that
# Debian has.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"

# A copy of the script with package $2 in group $1.
need_with() {
	sed "s/^table='/&\n$1\t$2/" "$top/packaging/need" >"$tmp/need"
	chmod 755 "$tmp/need"
}

groups() { sed -n "/^table='/,/^'/s/^\([a-z]*\)\t.*/\1/p" "$tmp/need" | uniq | paste -sd ' '; }

# Not while a concurrent install fetches new lists.
unknown_package() {
	[ "$(id -u)" != 0 ] || { exec {lists}>/run/exitstat-need.lock; flock "$lists"; }
	apt-cache dumpavail | sed -nE 's/^(Package|Provides): //p' | sed -E 's/ *\([^)]*\)//g; s/, */\n/g' | sort -u >"$tmp/known"
	"$top/packaging/need" --list | sort -u | comm -23 - "$tmp/known"
}

# An apt-get whose first attempt to install fails.
fake_apt() {
	mkdir -p "$tmp/bin"
	cat >"$tmp/bin/apt-get" <<-END
		#!/bin/sh
		for word; do
			case \$word in indextargets) echo lists ;; install | update) echo \$word >>"$tmp/called" ;; esac
		done
		case \$* in *install*) [ "\$(grep -c install "$tmp/called")" != 1 ] ;; esac
	END
	chmod +x "$tmp/bin/apt-get"
}

need_absent() { PATH=$tmp/bin:$PATH "${@}" "$tmp/need" absent >/dev/null 2>&1; }

plan 8
need_with present dpkg
is "says nothing when nothing is missing" "$("$tmp/need" present 2>&1; echo $?)" 0
is "refuses a group that does not exist, and names those that do" \
	"$("$tmp/need" banana 2>&1; echo $?)" \
	"packaging/need: there is no group 'banana'; the groups are: $(groups)
2"
is "refuses to be called without a group" "$("$top/packaging/need" 2>/dev/null; echo $?)" 2

need_with absent exitstat-no-such-package
as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
if [ "$(id -u)" = 0 ] && "${as_nobody[@]}" true 2>/dev/null; then
	is "tells a user who is not root what to type" \
		"$("${as_nobody[@]}" "$tmp/need" absent 2>&1; echo $?)" \
		"packaging/need: missing for absent: exitstat-no-such-package; only root can install packages; type: sudo apt-get install exitstat-no-such-package
1"
else
	skip "tells a user who is not root what to type" "the right to become another user (root)"
fi

if [ "$(id -u)" = 0 ]; then
	fake_apt
	check "one that fails is tried again" need_absent env
	is "with new lists of packages" "$(paste -sd ' ' "$tmp/called")" "install update install"
	exec {other}>/run/exitstat-need.lock
	flock "$other"
	need_absent timeout 1
	is "a concurrent install is waited for" $? 124
	exec {other}>&-
else
	for sentence in "one that fails is tried again" "with new lists of packages" \
		"a concurrent install is waited for"; do
		skip "$sentence" "the right to install packages (root)"
	done
fi

# shellcheck disable=SC2016 # apt expands $(FILENAME)
if [ -n "$(apt-get indextargets --format '$(FILENAME)' 'Created-By: Packages')" ]; then
	is "every package of the table is one of Debian's" "$(unknown_package)" ""
else
	skip "every package of the table is one of Debian's" "apt's lists; type: apt-get update"
fi
finish
