/* SPDX-License-Identifier: MIT */
/* The payload's flat image, as data of the VMM. */
	.section .rodata
	.globl payload, payload_end
payload:
	.incbin PAYLOAD_FILE
payload_end:
	.section .note.GNU-stack, "", @progbits
