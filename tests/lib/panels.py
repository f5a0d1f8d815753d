# SPDX-License-Identifier: MIT
"""Print a page that shows a dashboard's panels with a Prometheus' answers: panels.py URL DASHBOARD MINUTES [VARIABLE=VALUE...]

It is not Grafana: it asks each panel's queries and draws what comes back where the dashboard has the panel. It is for seeing
whether the queries say what the titles promise, and for the pictures in docs/fleet.md.
"""
import html
import json
import math
import re
import sys
import time
import urllib.parse
import urllib.request

COLOURS = ["#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#a463f2", "#97bbf5", "#9c6b4e", "#e377c2", "#7f7f7f"]
STYLE = """
body { font: 13px/1.4 system-ui, sans-serif; color: #222; margin: 8px; width: 1264px; }
main { display: grid; grid-template-columns: repeat(24, 1fr); grid-auto-rows: 26px; gap: 6px; }
section { border: 1px solid #ddd; border-radius: 4px; padding: 4px 8px; overflow: hidden; display: flex; flex-direction: column; }
h2 { font-size: 13px; margin: 0; } .big { font-size: 26px; margin: auto; } svg { flex: 1; min-height: 0; width: 100%; }
text { font-size: 10px; fill: #595959; } ul { list-style: none; display: flex; flex-wrap: wrap; gap: 0 12px; margin: 0; padding: 0; font-size: 11px; }
i { display: inline-block; width: 9px; height: 9px; margin-right: 4px; } table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; border-bottom: 1px solid #eee; padding: 1px 8px 1px 0; }
"""


def ask(url, what, **arguments):
    with urllib.request.urlopen(f"{url}/api/v1/{what}?{urllib.parse.urlencode(arguments)}", timeout=20) as answer:
        return json.load(answer)["data"]["result"]


def text_of(value, unit):
    if value is None or math.isnan(value):
        return "-"
    if unit == "percentunit":
        return f"{100 * value:.1f} %"
    if unit == "hertz":
        return f"{value / 1e9:.2f} GHz"
    if unit == "s" and value:
        factor, name = next(((f, n) for f, n in ((1e9, "ns"), (1e6, "µs"), (1e3, "ms")) if value * f < 1000), (1, "s"))
        return f"{value * factor:.3g} {name}"
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


class Panel:
    def __init__(self, panel, url, minutes, variables):
        self.panel, self.url, self.minutes, self.variables = panel, url, minutes, variables
        self.unit = panel["fieldConfig"]["defaults"].get("unit", "short")

    def expr(self, target):
        return re.sub(r"\$(__rate_interval|\w+)", lambda m: self.variables.get(m[1], "1m" if m[1] == "__rate_interval" else ".*"),
                      target["expr"])

    def name(self, target, labels):
        name = re.sub(r"{{(\w+)}}", lambda m: labels.get(m[1], ""), target["legendFormat"])
        return " ".join(name.split()) or self.panel["title"]

    def now(self, target):
        return [(self.name(target, s["metric"]), s["metric"], float(s["value"][1])) for s in ask(self.url, "query", query=self.expr(target))]

    def stat(self):
        got = self.now(self.panel["targets"][0])
        if not got:
            return '<div class="big">No data</div>'
        text = got[0][0] if self.panel["options"].get("textMode") == "name" else text_of(got[0][2], self.unit)
        return f'<div class="big">{html.escape(text)}</div>'

    def bargauge(self):
        got = sorted(self.now(self.panel["targets"][0]), key=lambda s: -s[2])
        most = max((s[2] for s in got), default=1) or 1
        return "<table>" + "".join(f'<tr><td style="width:40%">{html.escape(name)}<td style="width:45%"><div style="height:10px;background:#4269d0;'
                                   f'width:{100 * value / most:.1f}%"></div><td>{text_of(value, self.unit)}' for name, _, value in got) + "</table>"

    def table(self):
        rows, names = {}, self.panel["transformations"][1]["options"]["renameByName"]
        columns = [names[f"Value #{target['refId']}"] for target in self.panel["targets"]]
        units = {o["matcher"]["options"]: o["properties"][0]["value"] for o in self.panel["fieldConfig"]["overrides"]}
        for target, column in zip(self.panel["targets"], columns):
            for _, labels, value in self.now(target):
                rows.setdefault(tuple(sorted(labels.items())), {})[column] = text_of(value, units.get(column, "short"))
        labels = sorted({key for row in rows for key, _ in row}, reverse=True)
        cells = [[names.get(label, label) for label in labels] + columns] + \
            [[dict(row).get(label, "") for label in labels] + [values.get(c, "") for c in columns] for row, values in rows.items()]
        return "<table>" + "".join("<tr>" + "".join(f"<{'td' if i else 'th'}>{html.escape(c)}" for c in row) for i, row in enumerate(cells)) + "</table>"

    def timeseries(self):
        end = time.time()
        begin, step = end - 60 * self.minutes, max(5, self.minutes / 3)
        lines = [(self.name(target, s["metric"]), {float(t): float(v) for t, v in s["values"] if v != "NaN"}) for target in self.panel["targets"]
                 for s in ask(self.url, "query_range", query=self.expr(target), start=begin, end=end, step=step)]
        custom = self.panel["fieldConfig"]["defaults"].get("custom", {})
        stacked = custom.get("stacking", {}).get("mode", "none") != "none"
        times = sorted({t for _, values in lines for t in values})
        base, shapes = dict.fromkeys(times, 0.0), []
        for _, values in lines:
            tops = {t: (base[t] if stacked else 0) + values.get(t, 0) for t in times} if stacked else values
            shapes.append((dict(base), tops))
            if stacked:
                base = tops
        most = max((v for _, tops in shapes for v in tops.values()), default=1) or 1
        w, h = 26 * self.panel["gridPos"]["w"] * 2 - 20, 26 * self.panel["gridPos"]["h"] - 50
        x, y = (lambda t: 44 + (w - 48) * (t - begin) / (end - begin)), (lambda v: 6 + (h - 22) * (1 - v / most))
        out = [f'<svg viewBox="0 0 {w} {h}" preserveAspectRatio="none">']
        for share in (0, 0.5, 1):
            out.append(f'<line x1="44" x2="{w - 4}" y1="{y(share * most)}" y2="{y(share * most)}" stroke="#ddd"/>'
                       f'<text x="40" y="{y(share * most) + 3}" text-anchor="end">{text_of(share * most, self.unit)}</text>')
        for share in (0, 0.5, 1):
            out.append(f'<text x="{44 + (w - 48) * share}" y="{h - 4}" text-anchor="{("start", "middle", "end")[round(2 * share)]}">'
                       + time.strftime("%H:%M:%S", time.gmtime(begin + share * (end - begin))) + "</text>")
        for i, (low, tops) in enumerate(shapes):
            points = [(x(t), y(v)) for t, v in sorted(tops.items())]
            back = [(x(t), y(low[t])) for t in sorted(tops, reverse=True)] if stacked else []
            colour = COLOURS[i % len(COLOURS)]
            out.append(f'<path d="M{"L".join(f"{a:.1f} {b:.1f}" for a, b in points + back)}" '
                       + (f'fill="{colour}99" stroke="none"/>' if stacked else f'fill="none" stroke="{colour}" stroke-width="1.5"/>') if points else "")
        items = "".join(f'<li><i style="background:{COLOURS[i % len(COLOURS)]}"></i>{html.escape(name)}' for i, (name, _) in enumerate(lines[:10]))
        return "".join(out) + f"</svg><ul>{items if lines else 'No data'}</ul>"

    def draw(self):
        p = self.panel["gridPos"]
        return (f'<section style="grid-area:{p["y"] + 1}/{p["x"] + 1}/span {p["h"]}/span {p["w"]}"><h2>{html.escape(self.panel["title"])}</h2>'
                f'{getattr(self, self.panel["type"])()}</section>')


def main(url, path, minutes, *variables):
    with open(path, encoding="utf-8") as file:
        dashboard = json.load(file)
    values = dict(variable.split("=", 1) for variable in variables)
    print(f'<!DOCTYPE html><meta charset="utf-8"><title>{html.escape(dashboard["title"])}</title><style>{STYLE}</style>'
          f'<h1 style="font-size:16px;margin:0 0 6px">{html.escape(dashboard["title"])}</h1><main>')
    for panel in dashboard["panels"]:
        print(Panel(panel, url, float(minutes), values).draw())
    print("</main>")


main(*sys.argv[1:])
