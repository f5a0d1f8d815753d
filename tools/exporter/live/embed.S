/* SPDX-License-Identifier: MIT */
/* The files of the live page. */
	.section .rodata

	.macro embed name:req, file:req
	.globl \name
	.type \name, @object
\name:
	.incbin "\file"
	.byte 0
	.size \name, . - \name
	.endm

	embed embed_live_html, "live/live.html"
	embed embed_live_css, "live/live.css"
	embed embed_live_js, "live/live.js"

	.section .note.GNU-stack, "", @progbits
