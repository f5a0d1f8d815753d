#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# KVM's own selftests on our KVM: on an emulated AMD host with kernel 6.1.
set -u
# shellcheck source=machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=selftests.sh
. "$here/selftests.sh"
tests=(kvm_binary_stats_test x86_64/{cpuid_test,hyperv_cpuid,tsc_msrs_test})
[ "${EXITSTAT_SOAK:-0}" != 1 ] || tests+=(set_memory_region_test
	x86_64/{cr4_cpuid_sync_test,debug_regs,hyperv_clock,hyperv_features,kvm_clock_test,kvm_pv_test,platform_info_test}
	x86_64/{set_boot_cpu_id,set_sregs_test,state_test,svm_int_ctl_test,svm_nested_soft_inject_test,svm_vmcall_test}
	x86_64/{sync_regs_test,userspace_io_test,userspace_msr_exit_test,xapic_state_test})
selftests amd "${tests[@]}"
