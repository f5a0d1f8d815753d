/* SPDX-License-Identifier: MIT */
/* embed NAME, FILE: the file as a string. */
	.section .rodata

	.macro embed name:req, file:req
	.globl \name
	.type \name, @object
\name:
	.incbin "\file"
	.byte 0
	.size \name, . - \name
	.endm

	.section .note.GNU-stack, "", @progbits
	.section .rodata
