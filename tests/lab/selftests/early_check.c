// SPDX-License-Identifier: GPL-2.0-only
/*
 * With the library of KVM's selftests: a guest hypervisor that enters its guest many times, and
 * asks how many of its entries KVM had the hardware fail first (nested_early_check=1).
 */
#include <kvm_util.h>
#include <processor.h>
#include <test_util.h>
#include <vmx.h>

#define ENTRIES		101
#define COUNT_LEAF	0x4fffffee
#define INVALID_STATE	33

static u64 count_of(u32 number)
{
	u32 eax, ebx, ecx, edx;

	asm volatile("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx)
		     : "a"(COUNT_LEAF), "c"(number));
	return eax;
}

static void l2_guest_code(void)
{
	for (;;)
		asm volatile("vmcall");
}

static void l1_guest_code(struct vmx_pages *pages)
{
	unsigned long stack[64];
	u64 failed, launched, resumed;

	GUEST_ASSERT(prepare_for_vmx_operation(pages));
	GUEST_ASSERT(load_vmcs(pages));
	prepare_vmcs(pages, l2_guest_code, &stack[64]);

	failed = count_of(INVALID_STATE);
	launched = count_of(EXIT_REASON_VMLAUNCH);
	resumed = count_of(EXIT_REASON_VMRESUME);
	if (vmlaunch()) {
		ucall(UCALL_SYNC, 3, count_of(INVALID_STATE) - failed,
		      count_of(EXIT_REASON_VMLAUNCH) - launched, 0);
		GUEST_DONE();
	}
	for (int i = 1; i < ENTRIES; i++) {
		GUEST_ASSERT(vmreadz(VM_EXIT_REASON) == EXIT_REASON_VMCALL);
		vmwrite(GUEST_RIP, vmreadz(GUEST_RIP) + vmreadz(VM_EXIT_INSTRUCTION_LEN));
		GUEST_ASSERT(!vmresume());
	}
	ucall(UCALL_SYNC, 3, count_of(INVALID_STATE) - failed,
	      count_of(EXIT_REASON_VMLAUNCH) - launched,
	      count_of(EXIT_REASON_VMRESUME) - resumed);
	GUEST_DONE();
}

int main(void)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = vm_create_with_one_vcpu(&vcpu, l1_guest_code);
	vm_vaddr_t pages;
	struct ucall uc;

	vcpu_alloc_vmx(vm, &pages);
	vcpu_args_set(vcpu, 1, pages);
	vcpu_run(vcpu);
	if (get_ucall(vcpu, &uc) != UCALL_SYNC)
		TEST_FAIL("the guest hypervisor failed, ucall %lu, %s:%ld", uc.cmd,
			  (char *)uc.args[0], uc.args[1]);
	printf("failed=%lu entered=%lu\n", uc.args[0], uc.args[1] + uc.args[2]);
	return 0;
}
