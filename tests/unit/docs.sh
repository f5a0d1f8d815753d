#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The documents are consistent: links are valid, and what they repeat agrees with the sources.
# shellcheck disable=SC2016 # backquotes of Markdown
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/ktap.sh
. "$top/tests/lib/ktap.sh"
cd "$top" || exit 1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
documents=(*.md docs/*.md)

# broken_links DOCUMENT...: links to files that do not exist
broken_links() {
	local document target

	for document; do
		grep -oE '\]\([^)#]+' "$document" | sed 's/^](//' | grep -v '^https\{0,1\}:' | while read -r target; do
			[ -e "$(dirname "$document")/$target" ] || echo "$document: $target"
		done
	done
}

# headings DOCUMENT: as links name them
headings() { sed -n 's/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'; }

# broken_anchors DOCUMENT...: links to headings that do not exist
broken_anchors() {
	local document file heading

	for document; do
		grep -oE '\]\([^):]*#[^)]+' "$document" | sed 's/^](//' | while IFS='#' read -r file heading; do
			file=${file:+$(dirname "$document")/$file}
			headings "${file:-$document}" | grep -qxF -e "$heading" || echo "$document: $file#$heading"
		done
	done
}

# not_listed DOCUMENT...: those without a link in the README
not_listed() {
	local document

	for document; do
		grep -q "(\(docs/\)\{0,1\}${document##*/})" README.md || echo "$document"
	done
}

targets_of() { sed -n 's/^\([a-z-]*\):.*## .*/\1/p' Makefile | sort -u; }

plan 12
echo '[x](gone.md) [y](https://example.org/) [z](README.md#here)' >"$work/bad.md"
is "a link to nowhere is seen" "$(broken_links "$work/bad.md" | sed 's/.*: //')" "gone.md
README.md"
is "every link of a document leads to a file" "$(broken_links "${documents[@]}")" ""
printf '# A name (2)\n[x](#a-name-2) [y](#a-name)\n' >"$work/bad.md"
is "a link to no heading is seen" "$(broken_anchors "$work/bad.md" | sed 's/.*#//')" "a-name"
is "every link to a heading leads to one" "$(broken_anchors "${documents[@]}")" ""
is "the README leads to every document" "$(not_listed CONTRIBUTING.md CHANGELOG.md docs/*.md)" ""
is "docs/kernels.md has the kernels of kvm/series.tsv" \
	"$(sed -nE 's/^\| ([0-9.]+) \| from ([0-9.]+), below ([0-9.]+) \| /\1\t\2\t\3\t/p' docs/kernels.md | sed 's/ | /\t/g; s/[`|]//g; s/ $//')" \
	"$(grep '^[0-9]' kvm/series.tsv)"
# A row of the README: series, suite, patched, attached, and what runs on AMD and on Intel.
matrix() {
	local series suite patched attached tested

	while IFS=$'\t' read -r series _ _ suite _ patched attached tested; do
		if [ "$series" = 6.1 ]; then
			echo "| 6.1 | $suite | $patched | $attached | everything | everything |"
		elif grep -q '^# soak: only' "tests/lab/intel-kernel-$series-$suite.sh"; then
			echo "| $series | $suite | $patched | $attached | $tested | soak |"
		else
			echo "| $series | $suite | $patched | $attached | $tested | counts |"
		fi
	done < <(grep '^[0-9]' kvm/series.tsv)
}
is "the README's matrix is that of kvm/series.tsv, and of the tests" "$(grep -E '^\| [5-9]\.[0-9]+ \|' README.md)" "$(matrix)"
is "each kernel has its tests" "$(ls tests/lab/*-kernel-*)" \
	"$(awk -F'\t' '/^[0-9]/ { print "tests/lab/amd-kernel-" $1 "-" $4 ".sh\ntests/lab/intel-kernel-" $1 "-" $4 ".sh" }' kvm/series.tsv | sort)"
is "the changelog's first version is the tool's" \
	"$(sed -nE 's/^## ([0-9.]+).*/\1/p' CHANGELOG.md | head -n 1)" "$(sed -n 's/^VERSION := //p' tools/tool.mk)"
is "what the documents have make do, it can do" \
	"$(grep -hoE '(^    |`)make [a-z][a-z-]*' "${documents[@]}" | awk '{ print $NF }' | sort -u | grep -vx C | comm -23 - <(targets_of))" ""
is "CONTRIBUTING.md has a row for every directory" "$(sed -n '/^## The directories/,/^## How/s/^| `\([a-z]*\)\/`.*/\1/p' CONTRIBUTING.md | sort)" \
	"$(git ls-files --cached --others --exclude-standard | sed -n 's|^\([a-z]*\)/.*|\1|p' | sort -u)"
is "the pages of the manual are all in packages" \
	"$(for page in man/*.[1-9]; do grep -q "$(basename "$page")" lib/Makefile tools/*/Makefile || echo "$page"; done)" ""
finish
