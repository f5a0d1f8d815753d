/* SPDX-License-Identifier: MIT */
/* What all pages begin with. */
#include "../../command/embed.S"

	embed embed_page_js, "../command/page.js"
