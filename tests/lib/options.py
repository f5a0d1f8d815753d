#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Print the options of the table in tools/command/options.c that are for VERB, a line each as --help has them:
options.py FILE VERB...

VERB is a FOR_ of the table in small letters; 'any': whatever it is for; 'twice': letters that one verb has twice.
"""
import os
import re
import sys

text = open(sys.argv[1]).read()
wanted = {f"FOR_{verb.upper()}" for verb in sys.argv[2:]}
header = open(os.path.join(os.path.dirname(sys.argv[1]), "options.h")).read()
macros = {name: re.findall(r"FOR_\w+", value) for name, value in re.findall(r"#define (FOR_\w+)\s+(.*)", text + header)}


def expand(verb):
    return {other for macro in macros[verb] for other in expand(macro)} if macros.get(verb) else {verb}


letters = {}
for name, letter, verbs, rest in re.findall(r"""\{ "([\w-]+)", (?:'(\w)'|0), ([^,]*),(.*?)\},\n""", text, re.S):
    verbs = {verb for macro in re.findall(r"FOR_\w+", verbs) for verb in expand(macro)}
    for verb in verbs if letter else ():
        letters.setdefault(verb, {}).setdefault(letter, set()).add(name)
    if "FOR_TWICE" not in wanted and (verbs & wanted or "FOR_ALL" in verbs or "FOR_ANY" in wanted):
        print(f"{'-' + letter + ', ' if letter else ''}--{name}{'' if 'FLAG' in rest else ' VALUE'}")
for verb in sorted(letters) if "FOR_TWICE" in wanted else ():
    for letter, names in letters[verb].items():
        # On a host, a verb has its letters and those of FOR_HOST.
        names = names | letters["FOR_ALL"].get(letter, set()) | (letters["FOR_HOST"].get(letter, set()) if verb != "FOR_EXPORT" else set())
        if len(names) > 1:
            print(f"{verb}: -{letter} is {' and '.join(sorted(names))}")
