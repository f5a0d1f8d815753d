#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Whatever can go wrong between `make modules` and the modules is refused with one sentence that says
# what was found and what to type next, and leaves nothing behind that a later call would take for
# complete.
#
# The scripts are the real ones, and so are apt, patch and make. The archive and the kernel are our own
# small ones.
# shellcheck disable=SC2016 # the words of a message are searched as they are
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"
# shellcheck source-path=SCRIPTDIR source=../lib/archive.sh
. "$top/tests/lib/archive.sh"
# shellcheck source-path=SCRIPTDIR source=../lib/kernel.sh
. "$top/tests/lib/kernel.sh"

"$top/packaging/need" source modules test || exit 1
tmp=$(mktemp -d)
trap 'archive_stop; kill $(jobs -p) 2>/dev/null; wait; rm -rf "$tmp"' EXIT
repo=$tmp/repo
release=6.1.0-9-amd64
modules=$repo/build/modules/$release
export EXITSTAT_CACHE=$tmp/cache

# refuses NAME WORDS... -- COMMAND: it exits with 1, prints nothing on stdout, and its last line on
# stderr contains all the words.
refuses() {
	local name=$1 words=() out status said

	shift
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	out=$("$@" 2>"$tmp/stderr")
	status=$?
	said=$(tail -n 1 "$tmp/stderr")
	for word in "${words[@]}"; do
		[[ $said == *"$word"* ]] || status="$status, without '$word'"
	done
	if [ "$status" = 1 ] && [ -z "$out" ]; then
		pass "$name"
	else
		fail "$name" "$* exited with $status${out:+, and on stdout: $out}
$(<"$tmp/stderr")"
	fi
}

# says NAME WORDS -- COMMAND: it exits with 0, and its output, on stdout or stderr, contains the words.
says() {
	local name=$1 wanted=$2 said status

	shift 3
	said=$("$@" 2>&1)
	status=$?
	if [ $status = 0 ] && [[ $said == *"$wanted"* ]]; then
		pass "$name"
	else
		fail "$name" "$* exited with $status: $said"
	fi
}

# Run a command with a full disk that only it sees: $1 is a file system of $2 MiB.
on_disk() {
	local directory=$1 size=$2

	shift 2
	mkdir -p "$directory"
	unshare --mount sh -c 'mount -t tmpfs -o "size=$2m" tmpfs "$1" && shift 2 && exec "$@"' \
		sh "$directory" "$size" "$@"
}

can_mount() { [ "$(id -u)" = 0 ] && on_disk "$tmp/disk" 1 true 2>/dev/null; }
can_unplug() { [ "$(id -u)" = 0 ] && unshare --net true 2>/dev/null; }

fetch() { "$repo/kvm/fetch" "$@"; }
build() { "$repo/kvm/patched/build" "$@"; }
downloads() { grep -c "GET .*$1.* 200" "$archive/requests.log"; }
forget() { rm -rf "$EXITSTAT_CACHE"/{image,headers,source}; }

archive_make "$tmp/archive"
kernel_repository "$repo"
plan 54

# --- what the mirror has
refuses "a machine whose apt knows no mirror" \
	"apt has no Debian mirror" "sources.list" -- fetch release
refuses "a kernel asked for on a machine without a mirror" \
	"apt has no Debian mirror" -- fetch image $release

kernel_offer_image $release 6.1.180-1
kernel_offer_headers $release 6.1.180-1
kernel_offer_source 6.1 6.1.180-1
kernel_offer_image 6.1.0-8-amd64 6.1.179-1
kernel_offer_image 6.1.0-7-amd64 6.1.178-1
kernel_offer_headers 6.1.0-7-amd64 6.1.178-1
kernel_offer_image 6.1.0-6-amd64 6.1.177-1 900000
kernel_offer_image 6.1.0-5-amd64 6.1.176-1
rm "$archive/www/linux-image-6.1.0-5-amd64_6.1.176-1.deb"
kernel_offer_image 6.1.0-4-amd64 6.1.175-1
dd if=/dev/urandom of="$archive/www/linux-image-6.1.0-4-amd64_6.1.175-1.deb" conv=notrunc bs=64 \
	count=1 status=none
kernel_offer_image 6.1.0-1-amd64 6.1.100-1
kernel_offer_image 6.6.13-amd64 6.6.13-1
archive_serve || plan_skip "no archive could be served on the loopback interface"

is "the newest kernel of the default series" "$(fetch release)" $release
refuses "a release that the suite does not have" \
	"there is no kernel 6.1.0-99-amd64 in $archive_codename" "6.1.0-8-amd64 $release" \
	"type: make modules KERNEL=$release" -- build 6.1.0-99-amd64
refuses "a suite that does not ship the series" \
	"known from $archive_codename, not from 'potato'" -- fetch release 6.1 potato
refuses "a name that is no kernel's" \
	"'banana' is not the name" "type: kvm/fetch release" -- build banana
refuses "a flavour whose KVM is from another source" \
	"of flavour rt" "type: make modules KERNEL=6.1.0-9-amd64" -- build 6.1.0-9-rt-amd64
refuses "a series that no patch supports" \
	"no patch supports kernel series 6.6" "only 6.1" "type: make modules" \
	-- build 6.6.13-amd64
refuses "a version before the first that is supported" \
	"has version 6.1.100-1" "6.1.170 up to, but not including, 6.2" \
	"type: make modules" -- build 6.1.0-1-amd64
refuses "a kernel without headers" \
	"no linux-headers-6.1.0-8-amd64" "type: kvm/fetch release" -- build 6.1.0-8-amd64
refuses "a kernel whose source has another version" \
	"linux-source-6.1 in version 6.1.180-1 but not 6.1.178-1" \
	"make modules KERNEL=$release" -- build 6.1.0-7-amd64
check "nothing was built for any of them" test ! -e "$repo/build/modules"

# --- the way to the servers
refuses "packages that the servers no longer have" \
	"no longer have linux-image-6.1.0-5-amd64" "new lists have been fetched" \
	-- fetch image 6.1.0-5-amd64
refuses "a package damaged on its way" \
	"apt-get download linux-image-6.1.0-4-amd64=6.1.175-1 failed" "type the same command again" \
	-- fetch image 6.1.0-4-amd64
archive_stop
refuses "servers that do not answer" \
	"no network" "type the same command again" -- fetch image $release
if can_unplug; then
	refuses "no network at all" "no network" "type the same command again" \
		-- unshare --net "$repo/kvm/fetch" headers $release
else
	skip "no network at all" "the right to make a network namespace (root)"
fi
is "a failed fetch leaves nothing that could be taken for a kernel" \
	"$(cd "$EXITSTAT_CACHE" && find image headers/$release* ! -name '*.lock')" image
archive_serve

# --- the disk, and what a killed fetch leaves
if can_mount; then
	refuses "a disk too small for the download" \
		"needs 1099 MiB in $EXITSTAT_CACHE" "MiB are available" \
		"export EXITSTAT_CACHE=" \
		-- on_disk "$EXITSTAT_CACHE" 8 "$repo/kvm/fetch" image 6.1.0-6-amd64
	refuses "a disk too small for the build" \
		"building KVM needs 100 MiB" "only 8 MiB are available" \
		-- on_disk "$repo/build" 8 "$repo/kvm/patched/build" $release
else
	skip "a disk too small for the download" "the right to mount (root)"
	skip "a disk too small for the build" "the right to mount (root)"
fi
forget
kill -STOP "$archive_server"
"$repo/kvm/fetch" image $release >/dev/null 2>&1 &
wait_for test -e "$EXITSTAT_CACHE/image/$release.part/apt.log"
kill -KILL $!
wait $! 2>/dev/null
check "a fetch that is killed leaves no kernel" test ! -e "$EXITSTAT_CACHE/image/$release"
kill -CONT "$archive_server"
is "the next fetch is not disturbed by what it left" \
	"$(fetch image $release 2>/dev/null)" "$EXITSTAT_CACHE/image/$release"
check "the fetch after a killed one is whole" \
	test -s "$EXITSTAT_CACHE/image/$release/boot/vmlinuz-$release"
rm "$EXITSTAT_CACHE/image/$release/boot/vmlinuz-$release"
says "a cached kernel that lost its files is fetched anew, which is said" \
	"is incomplete: fetching it again" \
	-- fetch image $release
forget
: >"$archive/requests.log"
both=$(fetch image $release 2>/dev/null & fetch image $release 2>/dev/null; wait)
is "two fetches at once give the same directory" \
	"$both" "$(printf '%s\n' "$EXITSTAT_CACHE/image/$release"{,})"
is "two fetches at once download once" "$(downloads linux-image)" 1

# --- the build
says "a kernel for which all is there is built, though its own KVM has what W=1 warns of" "$modules" -- build $release
is "a source is fetched from where the script is, too" \
	"$(cd "$repo" && EXITSTAT_CACHE=$tmp/other kvm/fetch source $release 2>/dev/null)" "$tmp/other/source/$release"
archive_stop
before=$(stat -c %Y.%i "$modules"/*.ko)
is "the second call builds nothing, and needs no network" "$(build $release 2>&1)" "$modules"
is "the second call leaves the modules as they are" "$(stat -c %Y.%i "$modules"/*.ko)" "$before"
echo 'int exit_stats; /* changed */' >"$repo/kvm/core/exit_stats.c"
says "a change of our file builds again" "built kvm-amd.ko kvm-intel.ko kvm.ko" -- build $release
rm "$modules/kvm-intel.ko"
says "a module that is gone is built again" "built kvm-amd.ko kvm-intel.ko kvm.ko" -- build $release
echo 'int exit_stats = ;' >"$repo/kvm/core/exit_stats.c"
refuses "a file that does not compile" \
	"exit_stats.c:1:" "error" "less $modules/build.log" -- build $release
refuses "a file that did not compile is not taken for built by the next call" \
	"exit_stats.c:1:" -- build $release
echo 'static int exit_stats;' >"$repo/kvm/core/exit_stats.c"
refuses "a warning in our file" \
	"our files compile with warnings" "less $modules/build.log" -- build $release
echo 'int exit_stats;' >"$repo/kvm/core/exit_stats.c"

# A pipe instead of a file blocks the build in the middle, until something is written to it.
mkfifo "$tmp/pipe"
echo "#include \"$tmp/pipe\"" >"$repo/kvm/core/exit_stats.c"
start_caught_build() {
	setsid "$repo/kvm/patched/build" $release >"$1" 2>&1 &
	wait_for grep -q 'exit_stats.o' "$modules/build.log"
}
: >"$modules/build.log"
start_caught_build "$tmp/first"
touch "$modules/tree/half-made"
kill -KILL -- -$!
wait $! 2>/dev/null
check "a build that is killed is not taken for done" test ! -e "$modules/.state"
echo 'int exit_stats;' >"$repo/kvm/core/exit_stats.c"
says "the build after a killed one builds" "built kvm-amd.ko kvm-intel.ko kvm.ko" -- build $release
check "the build after a killed one keeps nothing that was half made" \
	test ! -e "$modules/tree/half-made"

echo "#include \"$tmp/pipe\"" >"$repo/kvm/core/exit_stats.c"
: >"$modules/build.log"
start_caught_build "$tmp/first"
"$repo/kvm/patched/build" $release >"$tmp/second" 2>&1 &
wait_for grep -q waiting "$tmp/second"
echo 'int exit_stats;' >"$tmp/pipe"
wait
is "of two builds at once the second waits, and builds nothing" "$(<"$tmp/second")" \
	"kvm/build: waiting for another build for $release ...
$modules"
check "of two builds at once the first builds" \
	grep -qF "built kvm-amd.ko kvm-intel.ko kvm.ko" "$tmp/first"

echo "#include \"$tmp/pipe\" /* again */" >"$repo/kvm/core/exit_stats.c"
: >"$modules/build.log"
start_caught_build "$tmp/first"
echo 'int exit_stats; /* changed meanwhile */' >"$repo/kvm/core/exit_stats.c"
echo 'int exit_stats;' >"$tmp/pipe"
wait
says "what is changed during a build is built by the next call" "built kvm-amd.ko kvm-intel.ko kvm.ko" -- build $release
echo 'int exit_stats;' >"$repo/kvm/core/exit_stats.c"

# --- the patch
source=$EXITSTAT_CACHE/source/$release
headers=$EXITSTAT_CACHE/headers/$release/usr/src/linux-headers-$release
sed -i '1i int inserted;' "$source/arch/x86/kvm/x86.c"
says "a hunk at another line applies, and is counted" "hunks at another line: 1" \
	-- "$repo/kvm/patched/compile" "$source" "$headers" "$tmp/out"
sed -i 's/line_18;/line_18_changed;/' "$source/arch/x86/kvm/x86.c"
rm -f "$modules/.state"
refuses "a patch that would need fuzz is refused" "6.1.patch does not apply to the 6.1.180 source" \
	"arch/x86/kvm/x86.c: Hunk #1 FAILED" "adapt the patch" -- build $release
check "a patch that does not apply leaves no state of a finished build" test ! -e "$modules/.state"
sed -i 's/line_18_changed;/line_18;/' "$source/arch/x86/kvm/x86.c"
cp "$repo/kvm/patched/patches/6.1.patch" "$tmp/6.1.patch"
printf '%s\n' '--- a/kernel/fork.c' '+++ b/kernel/fork.c' '@@ -1 +1 @@' '-a' '+b' \
	>>"$repo/kvm/patched/patches/6.1.patch"
refuses "a patch for what is not KVM, and would have no effect" \
	"kernel/fork.c is neither in KVM nor a header" -- build $release
rm "$repo/kvm/patched/patches/6.1.patch"
refuses "a patch that is missing" \
	"the patch for kernel 6.1.180 is missing" "kvm/patched/patches/6.1.patch" -- build $release
mv "$tmp/6.1.patch" "$repo/kvm/patched/patches/6.1.patch"
says "with its patch back, the kernel is built again" "$modules" -- build $release
echo 6.1.179-1 >"$source/.version"
refuses "source and headers of different versions" \
	"6.1.179-1" "6.1.180-1" "type: rm -r" -- build $release

# --- plain directories
make_attach() { make -s -n -C "$top" attach "$1"; }
is "make attach takes a directory of this one, too, as headers or as a tree that was built" \
	"$(make_attach HEADERS=here; make_attach SOURCE=here)" "kvm/attached/build $top/here
kvm/attached/build $top/here"
refuses "a source that is no kernel tree" \
	"is not the root of a kernel tree" -- "$repo/kvm/patched/compile" "$tmp" "$headers" "$tmp/out"
refuses "headers that are none" \
	"no kernel headers" -- "$repo/kvm/patched/compile" "$source" "$tmp" "$tmp/out"
kernel_tree "$tmp/6.1.181" 6.1.181
refuses "a tree of another version than the headers" "6.1.181" "6.1.180" \
	-- "$repo/kvm/patched/compile" "$tmp/6.1.181" "$headers" "$tmp/out"
kernel_tree "$tmp/6.6.1" 6.6.1
refuses "a tree of a series that no patch supports" "no patch supports kernel series 6.6" \
	"type: make modules" -- build --source "$tmp/6.6.1"
kernel_tree "$tmp/6.1.180" 6.1.180
refuses "a tree that was never built" "$tmp/6.1.180 was never built" "HEADERS=/lib/modules" \
	-- build --source "$tmp/6.1.180"
echo '#define UTS_RELEASE "6.1.180-mine"' >"$headers/include/generated/utsrelease.h"
says "a tree of one's own is built for its own release" "$repo/build/modules/6.1.180-mine" \
	-- build --source "$tmp/6.1.180" "$headers"
finish
