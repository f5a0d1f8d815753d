// SPDX-License-Identifier: MIT
/* What all pages share.  Text only ever becomes the text of a node. */
"use strict";
const get = (id) => document.getElementById(id);

function element(parent, tag, text, className) {
	const e = document.createElement(tag);

	if (text !== undefined)
		e.textContent = text;
	if (className)
		e.className = className;
	parent.append(e);
	return e;
}
