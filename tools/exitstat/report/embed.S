/* SPDX-License-Identifier: MIT */
/* The parts of the report's page: the template, Chart.js and its licence. */
#include "../../command/embed.S"

	embed embed_page, "report/report.html"
	embed embed_chart, CHART_JS
	embed embed_license, CHART_LICENSE
