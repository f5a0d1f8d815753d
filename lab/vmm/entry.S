/* SPDX-License-Identifier: MIT */
/* The parts of the payload that cannot be written in C. */

	/* rdi to r8 = run_steps()'s arguments, rsp = the vCPU's stack.  Does not return. */
	.section .start, "ax"
	.globl start
start:
	call run_steps
	hlt

	.text
	/* The only HLT; at this address, an interrupt has arrived too early. */
	.globl halt, halt_hlt
halt:
	sti
halt_hlt:
	hlt
	cli
	ret

	/* Call rdi with rsi at CPL 3, on the same stack: SYSRET there, SYSCALL back. */
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
