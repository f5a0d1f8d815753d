/* SPDX-License-Identifier: MIT */
/* What the profile's page is made of: the template, d3-flame-graph and what it needs of D3, and their licences. */
#include "../../command/embed.S"

	embed embed_profile, "profile/profile.html"
	embed embed_selection, "profile/d3-selection-3.0.0.min.js"
	embed embed_flamegraph, "profile/d3-flamegraph-4.1.3.min.js"
	embed embed_flamegraph_license, "profile/LICENSE.txt"
