/* SPDX-License-Identifier: MIT */
/* The files of the live page. */
#include "../../command/embed.S"

	embed embed_live_html, "live/live.html"
	embed embed_live_css, "live/live.css"
	embed embed_live_js, "live/live.js"
	embed embed_page_js, "../command/page.js"
