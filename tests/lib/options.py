#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Print the options of the table in tools/command/options.c that are for VERB, a line each as --help has them:
options.py FILE VERB...

VERB is a FOR_ of the table in small letters; 'any': whatever it is for.
"""
import re
import sys

text = open(sys.argv[1]).read()
wanted = {f"FOR_{verb.upper()}" for verb in sys.argv[2:]}
macros = {name: re.findall(r"FOR_\w+", value) for name, value in re.findall(r"#define (FOR_\w+)\s+(.*)", text)}


def expand(verb):
    return {other for macro in macros[verb] for other in expand(macro)} if macros.get(verb) else {verb}


for name, letter, verbs, rest in re.findall(r"""\{ "([\w-]+)", '(\w)', ([^,]*),(.*?)\},\n""", text, re.S):
    verbs = {verb for macro in re.findall(r"FOR_\w+", verbs) for verb in expand(macro)}
    if verbs & wanted or "FOR_ALL" in verbs or "FOR_ANY" in wanted:
        print(f"-{letter}, --{name}{'' if rest.strip().endswith('NULL') else ' VALUE'}")
