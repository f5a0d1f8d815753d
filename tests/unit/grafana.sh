#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The dashboards have the types that Grafana publishes: @grafana/schema, from npm's registry, and the TypeScript compiler.
# soak: only
# shellcheck disable=SC2317 # functions are run through check
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/ktap.sh
. "$top/tests/lib/ktap.sh"

# Debian's npm brings 400 packages, so it is not on the list of needs.
command -v npm >/dev/null || { plan_skip "npm, which Debian has: apt-get install npm"; exit; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fetch() { echo '{}' >package.json && npm install --ignore-scripts --no-audit --no-fund @grafana/schema@13.2.3 typescript@5.9.3; }
compile() {
	python3 "$top/tests/lib/grafana.py" "$@" >check.ts &&
		node_modules/.bin/tsc --noEmit --strict --skipLibCheck --module esnext --moduleResolution bundler --target es2022 check.ts
}
refuses() { ! compile "$1" >said && grep -q "$2" said; }

plan 4
check "npm's registry has @grafana/schema and the compiler" fetch
check "the dashboards have its types" compile "$top"/tools/exporter/monitoring/grafana-*.json
sed 's/"graphMode"/"graphMood"/' "$top/tools/exporter/monitoring/grafana-vm.json" >wrong.json
check "an option that a panel does not have would be refused" refuses wrong.json graphMood
sed 's/"lastNotNull"/7/; s/"type": "bargauge"/"type": "bargouge"/' "$top/tools/exporter/monitoring/grafana-fleet.json" >wrong.json
check "and a panel that there is not" refuses wrong.json bargouge
finish
