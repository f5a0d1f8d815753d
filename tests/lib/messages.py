#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Print the error messages that docs/troubleshooting.md lacks: messages.py TOP DOCUMENT

A message counts as documented if its longest part without values is in the document. Messages about wrong usage explain
themselves and are left out. The last line tells how many messages were looked for.
"""
import re
import sys
from pathlib import Path

TOP, DOCUMENT = Path(sys.argv[1]), " ".join(Path(sys.argv[2]).read_text().split())
SHELL = ["kvm/fetch", "kvm/suite.sh", "kvm/kbuild", "kvm/patched/build", "kvm/patched/compile", "kvm/module.sh", "kvm/attached/build", "guest/build", "kvm/rules.sh", "packaging/need", "packaging/deb",
         "tools/swap/exitstat-kvm", "packaging/dkms/rules.sh", "packaging/dkms/kvm-build",
         "lab/run", "lab/guest", "lab/init", "lab/study/run"]
STRING = r'"((?:[^"\\]|\\.)*)"'
STRINGS = rf'((?:{STRING}\s*)+)'


def c_messages(text):
    """say(STATUS, "...") but for usage, complain(me, "..."), the rules of tables and of QMP, and the probe's fail("...") and refuse("...")."""
    for status, strings, _ in re.findall(rf'\bsay\(([-\w]+),\s*{STRINGS}', text):
        if status not in ("STATUS_USAGE", "-1"):
            yield "".join(re.findall(STRING, strings))
    for call in re.findall(r'\bcomplain\(me, ([^;]*);', text):
        yield from re.findall(STRING, call)
    for strings, _ in re.findall(rf'exitstat_table_complain\([\w>-]+,\s*{STRINGS}', text):
        yield "".join(re.findall(STRING, strings))
    for strings, _ in re.findall(rf'\b(?:complaint|wrong_\w+)\s*=\s*{STRINGS}', text):
        yield "".join(re.findall(STRING, strings))
    for what in re.findall(rf'\bfail\({STRING}', text):
        yield "cannot " + what
    yield from re.findall(rf'\brefuse\({STRING}', text)


def shell_messages(text):
    """die, finish, fail, restore_stock with a status that is not 2, and what a *_problem or its like prints."""
    text = re.sub(r"(?m)^\s*#.*$", "", text.replace("\\\n", " "))
    # A command substitution is a value, up to its last parenthesis.
    text = re.sub(r"\$\((?:[^()]|\([^()]*\))*\)", "$_", text)
    for _, status, strings, _ in re.findall(
            rf'\b(die|finish|fail|restore_stock)\s+(\d+\s+)?{STRINGS}', text):
        if status.strip() != "2":
            yield " ".join(part.strip() for part in re.findall(STRING, strings))
    for body in re.findall(r"(?ms)^(?:\w+_problem|missing_\w+|why_not)\(\) \{\n(.*?)^\}", text):
        for strings, _ in re.findall(rf"\becho\s+{STRINGS}", body):
            yield " ".join(part.strip() for part in re.findall(STRING, strings))


def constant(message):
    """The longest part of it that is not a value."""
    parts = re.split(r"%[-0-9.l]*[a-z]|\$\{[^}]*\}|\$\w+|\$.|\\.", message)
    return max((part.strip(" :;,'(") for part in parts), key=len)


def messages():
    for path in [*sorted(TOP.glob("tools/**/*.c")), TOP / "lib/recording.c",
                 *sorted(TOP.glob("lib/host/*.c"))]:
        yield from ((path, message) for message in c_messages(path.read_text()))
    for name in SHELL:
        yield from ((TOP / name, message) for message in shell_messages((TOP / name).read_text()))


number = 0
for path, message in messages():
    words = constant(message)
    if len(words) < 4:
        continue
    number += 1
    if words not in DOCUMENT:
        print(f"{path.relative_to(TOP)}: {words}")
print(f"{number} messages")
