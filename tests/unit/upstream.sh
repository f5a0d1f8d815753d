#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The change as mails, and porting to another series: the mails apply to each series' source, and
# porting to a supported series reproduces its patch.
# kvm/patched/upstream itself applies the mails again and runs checkpatch; it fails if either does.
# shellcheck disable=SC2317 # functions are run through check
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
repo=$tmp/repo

source_of() { "$top/kvm/fetch" source "$("$top/kvm/fetch" release "$1")"; }

# A copy of our tree in which 7.2 is not supported yet.
forget_series() {
	mkdir "$repo"
	cp -r "$top/kvm" "$top/include" "$top/packaging" "$repo/"
	install -D "$top/tests/unit/exit_tables.c" "$repo/tests/unit/exit_tables.c"
	sed -i '/^7\.2\t/d' "$repo/kvm/series.tsv"
	rm "$repo/kvm/patched/patches/7.2.patch"
}

# What a person does between the two steps; here, the answer is known.
place_by_hand() {
	(cd "$repo/build/port/7.2" && rm -r b && cp -r a b &&
		patch --silent -d b -p1 <"$top/kvm/patched/patches/7.2.patch")
}

new=$(source_of 7.2) || exit 1
mapfile -t patched < <(bash -c ". '$top/kvm/rules.sh' && series_with patched")
plan $((12 + ${#patched[@]}))
# Whatever the one who runs the tests told git, in this tree or elsewhere.
unset GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL
export GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0='' GIT_CONFIG_KEY_1=user.email GIT_CONFIG_VALUE_1=''
is "nobody sends no mails" "$("$top/kvm/patched/upstream" 6.1 2>&1)" \
	"kvm/upstream: the mails need a sender; type: git config user.name NAME, git config user.email ADDRESS"
export GIT_AUTHOR_NAME=Somebody GIT_AUTHOR_EMAIL=somebody@example.org
for series in "${patched[@]}"; do
	check "the mails for $series apply, and checkpatch has nothing to say" "$top/kvm/patched/upstream" "$series"
done
is "they are signed off by the one who makes them" \
	"$(grep -c '^Signed-off-by: Somebody <somebody@example.org>$' "$top"/build/upstream/6.12/000[123]-*)" \
	"$(printf '%s:1\n' "$top"/build/upstream/6.12/000[123]-*)"
is "no name of ours is left in them" "$(grep -lE '<exitstat/|EXITSTAT_VERSION|Kernel series' \
	"$top"/build/upstream/6.12/000[123]-*)" ""

forget_series
said=$("$repo/kvm/patched/port" "$new" 2>&1)
rejected=$(find "$repo/build/port/7.2/b" -name '*.rej' -exec grep -h '^@@' {} + | wc -l)
is "a port names each call that has no place yet, of which there are some" \
	"$(grep -c 'to place by hand:' <<<"$said") $((rejected > 0))" "$rejected 1"
check "a port compares the exit tables" grep -q "the exit tables agree" <<<"$said"
sed -i 's/"idle-halt"/"idle_hlt"/' "$repo/include/exitstat/svm_exits.h"
said=$("$repo/kvm/patched/port" "$new" 2>&1)
check "and says so when they do not agree" grep -q "the exit tables do not agree" <<<"$said"
sed -i '/^--- a.*tdx.c/,/^--- a.*vmx.c/{ /^--- a.*vmx.c/!d }' "$repo/kvm/patched/patches/7.3.patch"
said=$("$repo/kvm/patched/port" "$new" 2>&1)
is "a port names a file that enters a guest, and that no call is in" \
	"$(sed -n 's/^  enters a guest without a call of ours: //p' <<<"$said")" arch/x86/kvm/vmx/tdx.c
cp "$top/kvm/patched/patches/7.3.patch" "$repo/kvm/patched/patches/"
said=$("$repo/kvm/patched/port" "$new" 2>&1)
said=$("$repo/kvm/patched/port" --finish "$new" 2>&1)
is "a port that is not finished writes nothing" \
	"$? $(grep -c 'tdx.c.rej' <<<"$said") $(ls "$repo/kvm/patched/patches")" "1 1 6.1.patch
6.12.patch
7.3.patch"
check "the calls are placed" place_by_hand
check "then the patch is written" "$repo/kvm/patched/port" --finish "$new"
is "and it is the one we have" "$(diff "$repo/kvm/patched/patches/7.2.patch" "$top/kvm/patched/patches/7.2.patch")" ""
is "its row has its place, and the suite that the source is from" \
	"$(grep '^[0-9]' "$repo/kvm/series.tsv" | cut -f 1,4,6 | sed -n '/^7/p')" \
	"7.2	trixie-backports	yes
7.3	trixie-backports	yes"
finish
