# SPDX-License-Identifier: MIT
"""Ask a Prometheus: python3 tests/lib/prom.py URL query EXPRESSION [MOMENT]
or                  python3 tests/lib/prom.py URL panels RULES METRICS DASHBOARD...

query prints what the expression is now, or was at the moment, in seconds since 1970: a line `{labels} value` each, or the value if there are no labels.
panels asks every expression of the dashboards, and every recording rule and alert of the rules, and
prints what is wrong with it: that Prometheus refuses it, that a panel or a recording rule would show
nothing, or that it is about a metric that is neither in METRICS, an exporter's page, nor recorded.
"""
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

import yaml

VARIABLES = {"$__rate_interval": "5m", "$instance": ".*", "$uuid": ".*", "$id": ".*"}
# Of what stands alone in a panel about one VM: any will do.
MATCHERS = [(r'instance="\.\*"', 'instance=~".*"'), (r'vm="\$vm"', 'vm=~".*"')]


def ask(url, expression, **when):
    query = urllib.parse.urlencode({"query": expression, **when})
    with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=300) as answer:
        return json.load(answer)["data"]["result"]


def query(url, expression, *moment):
    when = {"time": moment[0]} if moment else {}
    for sample in sorted(ask(url, expression, **when), key=lambda s: sorted(s["metric"].items())):
        labels = ",".join(f'{key}="{value}"' for key, value in sorted(sample["metric"].items()))
        print(*([f"{{{labels}}}"] if labels else []), sample["value"][1])


def expressions(rules, dashboards):
    """Where it is, the expression, and whether it must have an answer."""
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule.get("record") or rule["alert"], rule["expr"], "record" in rule
    for path in dashboards:
        with open(path, encoding="utf-8") as file:
            dashboard = json.load(file)
        for variable in dashboard["templating"]["list"]:
            match = re.fullmatch(r"label_values\((.*), \w+\)", variable["query"]["query"]) \
                if variable["type"] == "query" else None
            if match:
                yield f"{path}: ${variable['name']}", match[1], True
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield f"{path}: {panel['title']}", target["expr"], True


def panels(url, rules_path, metrics_path, *dashboards):
    with open(rules_path, encoding="utf-8") as file:
        rules = yaml.safe_load(file)
    with open(metrics_path, encoding="utf-8") as file:
        known = set(re.findall(r"^(\w+)(?={| )", file.read(), re.M)) | {"up", "node_textfile_mtime_seconds"}
    known |= {rule["record"] for group in rules["groups"] for rule in group["rules"] if "record" in rule}
    asked = 0
    for where, expression, answers in expressions(rules, dashboards):
        used = set(re.findall(r"\b(?:kvm_|node_|exitstat_|up\b|\w+:)[\w:]*", re.sub(r'"[^"]*"', '""', expression)))
        if used - known or not used:
            print(f"{where}: is about {', '.join(sorted(used - known)) or 'nothing'}, which is not exported")
        for variable, value in VARIABLES.items():
            expression = expression.replace(variable, value)
        for pattern, matcher in MATCHERS:
            expression = re.sub(pattern, matcher, expression)
        asked += 1
        try:
            if not ask(url, expression) and answers:
                print(f"{where}: shows nothing: {expression}")
        except urllib.error.HTTPError as error:
            print(f"{where}: {json.load(error)['error']}")
    print(f"# {asked} expressions", file=sys.stderr)


{"query": query, "panels": panels}[sys.argv[2]](sys.argv[1], *sys.argv[3:])
