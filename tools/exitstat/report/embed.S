/* SPDX-License-Identifier: MIT */
/* The parts of the report's page: the template, Chart.js and its licence. */
	.section .rodata

	.macro embed name:req, file:req
	.globl \name
	.type \name, @object
\name:
	.incbin "\file"
	.byte 0
	.size \name, . - \name
	.endm

	embed embed_page, "report/report.html"
	embed embed_chart, CHART_JS
	embed embed_license, CHART_LICENSE

	.section .note.GNU-stack, "", @progbits
