# shellcheck shell=bash disable=SC2154 # $top, $here, $built and what is built are of machine.sh and build.sh
# SPDX-License-Identifier: MIT
# The life of the attached module: it comes and goes while VMs run, and leaves nothing.  Sourced.
#
#	attached_life amd|intel SERIES CYCLES VMS [patched]	with `patched', also beside the patched KVM; in a soak also
#							built with headers that do not match KVM

# The same module, from headers where struct kvm_vcpu_arch begins with other members.
build_with_other_headers() {
	local headers common other=$built/attach-other-$release

	headers=$("$top/kvm/fetch" headers "$release")/usr/src || exit
	common=$(ls -d "$headers"/linux-headers-*-common)
	rm -rf "$other"
	mkdir -p "$other"
	cp -r "$top/build/attach/$release/tree"/{*.[ch],Kbuild,include} "$other"
	sed 's/^\tunsigned long regs\[/\tunsigned long other[8];\n&/' "$common/arch/x86/include/asm/kvm_host.h" >"$other/other_kvm_host.h"
	# shellcheck disable=SC2016 # it is expanded by make
	echo 'ccflags-y += -include $(src)/other_kvm_host.h' >>"$other/Kbuild"
	"$top/kvm/kbuild" "$headers/linux-headers-$release" M="$other" CONFIG_DEBUG_INFO= CONFIG_DEBUG_INFO_BTF_MODULES= \
		modules >"$other.log" 2>&1 || { sed 's/^/# /' "$other.log"; exit 1; }
	adds+=(--add "$other/exitstat_attach.ko:/root/other/exitstat_attach.ko")
}

attached_life() {
	local machine=$1 series=$2 cycles=$3 vms=$4 adds=() file

	if [ "${5:-}" = patched ]; then
		carrier=patched build_for "$series"
		adds=(--add "$modules/kvm.ko:/root/patched/kvm.ko" --add "$modules/kvm-$machine.ko:/root/patched/kvm-$machine.ko")
	fi
	build_for "$series"
	[ "${EXITSTAT_SOAK:-0}" != 1 ] || build_with_other_headers
	adds+=(--add "$(command -v chrt):/bin/chrt")
	for file in "$attach" "$here"/{attached_inside,leaks,log}.sh "$top/tests/lib/ktap.sh"; do adds+=(--add "$file"); done
	exec "$top/lab/run" --machine "$machine" --kernel "$release" --stock --smp 2 --timeout $((900 + cycles * 20 + vms)) \
		"${adds[@]}" -- sh /root/attached_inside.sh "kvm-$machine" "$cycles" "$vms" ${5:+/root/patched}
}
