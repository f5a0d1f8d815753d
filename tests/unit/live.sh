#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The exporter's live page: what it serves, and what a browser shows of exits that are made meanwhile.
# shellcheck disable=SC2317,SC2119 # functions are run through check, stop may have an argument
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/ktap.sh
. "$top/tests/lib/ktap.sh"
# shellcheck source=tests/lib/export.sh
. "$top/tests/lib/export.sh"

"$top/packaging/need" tools test || exit 1
build_checked || exit 1

base() { echo "${url%/metrics}"; }
json() { python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }
vms() { fetch "$(base)/vms.json${2:-}" | json "$1"; }
header() { python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).headers[sys.argv[2]])' "$(base)$1" "$2"; }

# show WIDTH SCHEME EPOCH: the page as a browser of that width shows it, 0 dark and 1 light, with that VM selected
show() {
	chromium --headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync \
		--no-first-run --user-data-dir="$work/chromium" --window-size="$1,1000" --blink-settings=preferredColorScheme="$2" \
		--virtual-time-budget=12000 --dump-dom "$page#$3" 2>/dev/null >"dom.$1"
}
noted() { grep -o "<html[^>]*>" "dom.$1" | grep -o "data-$2=\"[^\"]*\"" | cut -d '"' -f 2; }

# Rows of a table: the first cell, and that column of the others.
cells() {
	python3 - "dom.$1" "$2" "$3" <<-'END'
		import html, re, sys
		page = open(sys.argv[1], encoding="utf-8").read()
		table = re.search(rf'<table id="{sys.argv[2]}".*?</table>', page, re.S)[0]
		for row in re.findall(r"<tr.*?</tr>", table, re.S)[1:]:
		    texts = [html.unescape(re.sub(r"<title>.*?</title>|<[^>]*>", "", cell))
		             for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)]
		    print(texts[0], texts[int(sys.argv[3])], sep="\t")
	END
}

# What the page notes about itself, and what it is told to do.
script=('document.documentElement.dataset.violations = 0;
addEventListener("securitypolicyviolation", () => document.documentElement.dataset.violations++);'
	'setTimeout(() => { try { const s = document.createElement("script"); s.textContent = "document.documentElement.dataset.evil = 1"; document.body.append(s); } catch {} }, 100);'
	'get("about").open = true;
let first = true, shown = 0;
new MutationObserver(() => {
	const link = document.querySelector("#vms tbody a");
	const data = document.documentElement.dataset;

	if (link && first)
		data.focused = link.getAttribute("href"), link.focus(), first = false;
	data.focus = document.activeElement.getAttribute("href");
	data.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
	data.back = getComputedStyle(document.body).backgroundColor;
	data.bare = [...document.querySelectorAll("svg")].filter((e) => !e.closest("[aria-hidden]") && !(e.getAttribute("role") === "img" && e.getAttribute("aria-label"))).length +
		document.querySelectorAll("th:not([scope])").length;
	data.shown = ++shown;
}).observe(get("vms"), { childList: true, subtree: true });')

plan 25
# --- what is served
names=('db <img src=x onerror=alert(1)> "1"' 'web1' 'a-very-long-name-of-a-virtual-machine-that-nobody-would-type')
mkdir tree
vmms=()
for i in 0 1 2; do
	python3 "$top/tests/lib/vmm.py" named.$i 9 -name "guest=${names[i]}" &
	vmms+=($!)
	wait_for test -e named.$i
	mkdir "tree/$!-9"
done
python3 "$top/tests/lib/live.py" http://127.0.0.1:1/metrics tree >written &
wait_for test -s written
kill $!
start --debugfs tree || exit 1
is "the page holds no script and no style of its own, and asks for nothing from elsewhere" \
	"$(fetch "$(base)/" | grep -cE '<style| style=| on[a-z]+=|https?:|<script>') $(cat "$top"/tools/exporter/live/live.{css,js} "$top/tools/command/page.js" | grep -vF 'http://www.w3.org/2000/svg' | grep -cE 'https?:|url\(|innerHTML')" "0 0"
is "its policy forbids everything else" "$(header / Content-Security-Policy)" \
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
is "each file has its type" "$(for file in / /live.css /page.js /live.js /vms.json; do header $file Content-Type; done | paste -sd ' ')" \
	"text/html; charset=utf-8 text/css; charset=utf-8 text/javascript; charset=utf-8 text/javascript; charset=utf-8 application/json"
is "the JSON has the VMs and their names" "$(vms '"|".join(sorted(v["vm"] for v in d["vms"])), d["guest"], d["down"]')" \
	"a-very-long-name-of-a-virtual-machine-that-nobody-would-type|db <img src=x onerror=alert(1)> \"1\"|web1 False []"
is "their exits, each number named once" \
	"$(vms 'sorted((d["names"][f"AMD {e[0]}"], e[1]) for v in d["vms"] if v["vm"] == "web1" for e in v["exits"])')" \
	"[(['cpuid', 'cpuid'], 66), (['hlt', 'hlt'], 30), (['interrupt', 'interrupt'], 42), (['invalid_guest_state', 'failed_entry'], 6), (['io', 'io'], 18)]"
is "and details of the one that was asked for" \
	"$(vms '[len(v.get("details", [])) for v in sorted(d["vms"], key=lambda v: v["epoch"])]' "?details=e0c0000000000002")" "[0, 0, 4]"
is "of none where there are none, and of none that there is not" \
	"$(for epoch in e0c0000000000001 7 -1 x ''; do vms 'sum("details" in v for v in d["vms"])' "?details=$epoch"; done | paste -sd ' ')" "0 0 0 0 0"
scrapes=$(fetch "$url" | sed -n 's/^exitstat_scrapes_total //p')
is "it is not a scrape" "$(for _ in 1 2 3; do fetch "$(base)/vms.json" >/dev/null; done; fetch "$url" | sed -n 's/^exitstat_scrapes_total //p')" $((scrapes + 1))
# A busy machine may take longer than that for two questions.
same() {
	python3 - "$(base)/vms.json?details=3" <<-'END'
		import sys, time, urllib.request
		for _ in range(20):
		    begun = time.monotonic()
		    answers = [urllib.request.urlopen(sys.argv[1]).read() for _ in range(2)]
		    if time.monotonic() - begun < 1:
		        sys.exit(answers[0] != answers[1])
		    time.sleep(1.1)
		sys.exit("20 times it took more than a second")
	END
}
check "who asks within a second gets the same reading" same
mv tree gone
is "a source that cannot be read is named" "$(sleep 1; vms 'd["down"], d["vms"]')" "['tree'] []"
mv gone tree
other_vendor() { PYTHONPATH=$top/tests/lib python3 -c 'import hosttree, sys; hosttree.write_vm("tree", int(sys.argv[1]), 9, "vmx", epoch=1)' "${vmms[0]}"; }
is "a VMM that claims another vendor changes no name of another VM's exits" \
	"$(other_vendor; sleep 1; vms '[sorted(d["names"]["%s %u" % (v["vendor"], e[0])][0] for e in v["exits"]) for v in sorted(d["vms"], key=lambda v: v["epoch"])[:2]]')" \
	"[['CPUID', 'EXTERNAL_INTERRUPT', 'HLT', 'IO_INSTRUCTION'], ['cpuid', 'hlt', 'interrupt', 'invalid_guest_state', 'io']]"

# --- what a browser shows
python3 "$top/tests/lib/live.py" "$url" tree "${script[@]}" >live.log &
between=$!
wait_for test -s live.log
page=$(head -n 1 live.log)
show 1280 1 e0c0000000000002
is "the exits of the VM in the address are those that were made, each reason's and in all" \
	"$(cells 1280 reasons 2 | python3 -c 'import sys; rows = [line.split("\t") for line in sys.stdin]; turns = int(rows[-1][1]) // 243; print(turns > 0, sorted((name, int(count) / turns) for name, count in rows))')" \
	"True [('cpuid', 99.0), ('hlt', 45.0), ('interrupt', 63.0), ('invalid_guest_state', 9.0), ('io', 27.0), ('total', 243.0)]"
is "and their mean times: 23000 cycles of 2 GHz for io" "$(cells 1280 reasons 6 | grep -P '^(io|interrupt|cpuid)\t' | sort | tr '\t' ' ' | paste -sd ' ')" "cpuid 500.0 ns interrupt 1.00 µs io 11.5 µs"
is "what they were about: two thirds of io are the serial port" \
	"$(cells 1280 details 2 | python3 -c 'import sys; rows = dict(line.rstrip().split("\t") for line in sys.stdin); print(int(rows["out 0x3f8 (serial port 1)"]) / int(rows["rest"]))')" 2.0
is "all VMs, by name, whatever is in it" "$(cells 1280 vms 0 | cut -f 1 | sort | paste -sd '|')" "a-very-long-name-of-a-virtual-machine-that-nobody-would-type|$(printf '%s|%s' "${names[0]}" web1)"
is "an exit's share of all time is the same for each, as is what is idle" \
	"$(cells 1280 vms 2 | cut -f 2 | sort -u) $(grep -o 'aria-label="guest [^"]*"' dom.1280 | sort -u)" \
	'6.1 % aria-label="guest 64.6 %, KVM 2.4 %, VMM 3.9 %, waiting for a CPU 0.0 %, idle 29.1 %"'
is "no name became markup, and a script that is put into the page does not run, which the browser tells" \
	"$(grep -c '<img' dom.1280) $(noted 1280 evil) $(noted 1280 violations)" "0  1"
is "a link that has the focus keeps it while the page renews itself" "$(($(noted 1280 shown) > 1)) $(noted 1280 focus)" "1 $(noted 1280 focused)"
is "every picture says in words what it shows, and every heading of a table what it is for" "$(noted 1280 bare)" 0
is "and tells the last reading in a live region" "$(grep -o 'role="status"[^<]*' dom.1280 | sed 's/ class=""//')" 'role="status">Live: the last ten minutes, as long as this page is open.'
is "light it is light" "$(noted 1280 back)" "rgb(255, 255, 255)"
show 360 0 e0c0000000000002
is "a phone's width is enough, with the longest of names" "$(noted 360 overflow)" 0
is "and dark it is dark" "$(noted 360 back)" "rgb(22, 24, 29)"
kill $between "${vmms[@]}"
rm -r "tree/${vmms[0]}-9" "tree/${vmms[1]}-9"
sleep 1
is "a VM that ended is in the JSON no more" "$(vms 'len(d["vms"])')" 1
stop
is "it ends with nothing leaked" $? 0
finish
