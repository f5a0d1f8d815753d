# shellcheck shell=bash disable=SC2154 # $top, $here and $built are of machine.sh and checked.sh
# SPDX-License-Identifier: MIT
# KVM's own selftests, from the kernel's source package, on the distribution's KVM and on ours.  Sourced.
#
#	selftests amd|intel NAME...
#	build_selftests NAME...	into $built/selftests, from $source, or those of ours from ./selftests

# shellcheck source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"
# shellcheck source=checked.sh
. "$here/checked.sh"

# Like their Makefile, which wants a configured kernel tree; the ABI's headers are those of libc.
build_selftests() {
	local kvm=$source/tools/testing/selftests/kvm out=$built/selftests name file
	local flags=(-O1 -std=gnu99 -w -U_FORTIFY_SOURCE -fno-stack-protector -fno-PIE -no-pie -static
		-I"$source/tools/include" -I"$source/tools/arch/x86/include" -I"$kvm/include" -I"$kvm/include/x86_64"
		-I"$kvm/lib" -I"$kvm/../rseq" -I"$kvm/..")

	rm -rf "${out:?}"
	mkdir -p "$out/lib"
	(cd "$out/lib" && cc "${flags[@]}" -c "$kvm"/lib/{assert,elf,guest_modes,io,kvm_util,perf_test_util,rbtree}.c \
		"$kvm"/lib/{sparsebit,test_util}.c "$kvm"/lib/x86_64/{apic,processor,svm,ucall,vmx}.c \
		"$kvm"/lib/x86_64/handlers.S && cc "${flags[@]}" -ffreestanding -c "$kvm/lib/string_override.c") || return
	for name; do
		file=$kvm/$name.c
		[ -f "$file" ] || file=$here/selftests/$name.c
		cc "${flags[@]}" -o "$out/${name#*/}" "$file" "$out"/lib/*.o -lpthread || return
	done
	rm -r "${out:?}/lib"
}

selftests() {
	local machine=$1 name on_stock

	shift
	build_for 6.1
	source=$("$top/kvm/fetch" source "$release") || exit
	[ -f "$source/tools/lib/rbtree.c" ] ||
		plan_skip "the source of $release in the cache is of an older kvm/fetch; type: rm -r $source"
	plan $#
	build_selftests "$@" >"$built/selftests.log" 2>&1 || { diagnose "$(tail -n 20 "$built/selftests.log")"; exit 1; }
	run_machine "selftests-$machine" --machine "$machine" --stock --timeout 900 --add "$built/selftests" \
		--add "$here/selftests_inside.sh" --add "$modules/kvm.ko" --add "$modules/kvm-$machine.ko" \
		-- sh /root/selftests_inside.sh "kvm-$machine"
	for name; do
		name=${name#*/}
		on_stock=$(section stock | grep "^$name ")
		is "${on_stock:-$name} on our KVM as on the distribution's" "$(section ours | grep "^$name ")" \
			"${on_stock:-a result on stock KVM}"
	done
	echo "# $(section ours | grep -c ' passes$') of $# pass, $(section ours | grep -c ' is skipped$') do not apply to this CPU"
	finish
}
