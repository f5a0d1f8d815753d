#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs/troubleshooting.md has all error messages of exitstat, exitstat-kvm, the build and the lab.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/unit.sh
. "$top/tests/lib/unit.sh"

document=$top/docs/troubleshooting.md

plan 3
sed -e 's/numbering is vmx or svm//; s/reports no vCPU//' "$document" | grep -v "top needs a terminal\|VMs are running" >"$work/less.md"
is "messages that the document lacks are seen: of C, of tables and of QMP, and of the shell" \
	"$("$top/tests/lib/messages.py" "$top" "$work/less.md" | sed '$d')" \
	"tools/exitstat/verbs/top.c: top needs a terminal; without one, try: exitstat 1
lib/host/debugfs.c: numbering is vmx or svm
lib/host/qmp.c: query-stats reports no vCPU
tools/swap/exitstat-kvm: shut them down or migrate them first"
said=$("$top/tests/lib/messages.py" "$top" "$document")
check "there are messages to look for" grep -q '^[1-9][0-9]* messages$' <<<"$said"
is "none is missing" "$(sed '$d' <<<"$said")" ""
finish
