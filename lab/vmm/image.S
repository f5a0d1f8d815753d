/* SPDX-License-Identifier: MIT */
/* The payload's flat images, as data of the VMM. */
	.macro image name, file
	.globl \name, \name\()_end
\name:
	.incbin "\file"
\name\()_end:
	.endm

	.section .rodata
	image payload, payload.bin
	image payload32, payload32.bin
	image payload16, payload16.bin
	.section .note.GNU-stack, "", @progbits
