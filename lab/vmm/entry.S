/* SPDX-License-Identifier: MIT */
/* What of the payload cannot be said in C. */

#define MSR_X2APIC_EOI	0x80b

	/* rdi = index, rsi = 1 on AMD, rsp = the vCPU's stack.  Does not return. */
	.section .start, "ax"
	.globl start
start:
	call run_steps
	hlt

	.text
	.globl interrupt
interrupt:
	push %rax
	push %rcx
	push %rdx
	mov $MSR_X2APIC_EOI, %ecx
	xor %eax, %eax
	xor %edx, %edx
	wrmsr
	pop %rdx
	pop %rcx
	pop %rax
	iretq

	/* #UD: step over the UD2. */
	.globl undefined
undefined:
	addq $2, (%rsp)
	iretq

	/* Call rdi with rsi at CPL 3, on the same stack: SYSRET goes there, SYSCALL comes back. */
	.globl at_cpl3, from_cpl3
at_cpl3:
	mov %rdi, %rax
	mov %rsi, %rdi
	lea 1f(%rip), %rcx
	mov $2, %r11d
	sysretq
1:	call *%rax
	syscall
from_cpl3:
	ret

	.section .note.GNU-stack, "", @progbits
