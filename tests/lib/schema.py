#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check lines of what exitstat --json printed against its JSON Schema: schema.py SCHEMA [--kinds] <LINES

Prints what is wrong, a line for each wrong line; with --kinds, the kinds that were seen.
"""
import json
import sys

import jsonschema

schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
kinds = set()
for number, line in enumerate(sys.stdin, 1):
    found = json.loads(line)
    kinds.add(found.get("kind"))
    # Of the kinds, only the errors of the one that it says it is.
    which = {"total": "total_table", "interval": "interval_table", "command": "command_table"}.get(found.get("kind"), found.get("kind"))
    one = {"$ref": f"#/$defs/{which}", "$defs": schema["$defs"]} if which in schema["$defs"] else schema
    for error in jsonschema.Draft202012Validator(one).iter_errors(found):
        print(f"line {number}: {error.json_path}: {error.message[:150]}")
    if not jsonschema.Draft202012Validator(schema).is_valid(found) and one is not schema:
        print(f"line {number}: fits none, or several, of the kinds")
if "--kinds" in sys.argv:
    print(" ".join(sorted(map(str, kinds))))
