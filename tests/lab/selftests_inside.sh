# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a machine with the distribution's KVM, ours beside this: run the programs in selftests/ on one, then on the other.
cd /root || exit
vendor_module=$1

# Their status: 0 passed, 4 skipped (kselftest.h).
run_all() {
	local program status

	echo "section $1"
	for program in selftests/*; do
		timeout 120 "$program" >said 2>&1 </dev/null
		status=$?
		case $status in
		0) echo "${program##*/} passes" ;;
		4) echo "${program##*/} is skipped" ;;
		*)
			echo "${program##*/} fails with $status"
			sed "s/^/# ${program##*/}: /" said
			;;
		esac
	done
}

run_all stock
rmmod "$(echo "$vendor_module" | tr - _)" kvm || exit
insmod kvm.ko && load-module "$vendor_module.ko" || exit
[ -e /sys/module/kvm/parameters/guest_exit_stats ] || exit
run_all ours
echo "section end"
