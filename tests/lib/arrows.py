#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Print every #include that runs up, or in a circle, or uses another directory's private header: arrows.py TOP

A room may include its own headers, and the public ones of the rooms below it. In lib/ and tools/,
X.c and X.h of a room are one in a circle.
"""
import os
import re
import sys

# Each directory, and those below it that it may use.
ROOMS = {
    "include": [],
    "kvm/core": ["include"],
    "kvm/patched": ["kvm/core", "include"],
    "kvm/attached": ["kvm/core", "include"],
    "kvm": ["include"],
    "guest": ["include"],
    "lib": ["include"],
    "lib/host": ["lib", "include"],
    "lib/examples": ["lib", "include"],
    "tools/command": ["lib", "include"],
    "tools/exitstat/target": ["tools/command", "lib/host", "lib", "include"],
    "tools/exitstat/output": ["tools/exitstat/target", "tools/command", "lib", "include"],
    "tools/exitstat/profile": ["tools/exitstat/output", "tools/command", "lib", "include"],
    "tools/exitstat/report": ["tools/exitstat/output", "tools/exitstat/target", "tools/command", "lib", "include"],
    "tools/exitstat/verbs": ["tools/exitstat/report", "tools/exitstat/profile", "tools/exitstat/output", "tools/exitstat/target", "tools/command",
                             "lib", "include"],
    "tools/exitstat": ["tools/exitstat/verbs", "tools/exitstat/report", "tools/exitstat/profile", "lib/host", "tools/exitstat/output", "tools/exitstat/target", "tools/command", "lib",
                       "include"],
    "tools/exporter": ["tools/command", "lib/host", "lib", "include"],
    "tools/swap": ["include"],
    "lab": [],
    "lab/vmm": ["include"],
    "bench": ["lib", "include"],
    "tests/lab": ["include"],
    "tests/lib": [],
    "tests/unit": ["tests/lib", "tools/exporter", "lib/host", "lib", "kvm/core", "include"],
}
# The public headers of directories that also have private ones.
PUBLIC = {"lib": ["exitstat.h", "clock.h", "entry.h", "grow.h", "write.h"], "lib/host": ["qmp.h"]}
# What the Makefiles give to -I.
ROOTS = ["include", "lib", "tools", "tools/exitstat"]
# Their other headers are the kernel's.
KERNEL = ["kvm", "kvm/core", "kvm/patched", "kvm/attached", "guest"]


def room_of(path):
    directory = os.path.dirname(path)
    while directory and directory not in ROOMS:
        directory = os.path.dirname(directory)
    return directory


def resolve(top, path, name, quoted):
    """The included file, relative to the top, or None."""
    for root in ([os.path.dirname(path)] if quoted else []) + ROOTS:
        found = os.path.normpath(os.path.join(root, name))
        if os.path.isfile(os.path.join(top, found)):
            return found
    return None


def fault(top, path, room, name, quoted):
    found = resolve(top, path, name, quoted)
    if not found:
        return "leads nowhere" if quoted and room not in KERNEL else None
    target = room_of(found)
    if target == room:
        return None
    if target not in ROOMS[room]:
        return f"runs up or aside, from {room} to {target}"
    if target in PUBLIC and os.path.basename(found) not in PUBLIC[target] and not room.startswith(target + "/"):
        return f"is private to {target}"
    return None


def circles(arrows):
    """The circles among the files of a directory: each file with those it includes, directly or not."""
    for start in sorted(arrows):
        seen, todo = set(), list(arrows[start])
        while todo:
            file = todo.pop()
            if file not in seen:
                seen.add(file)
                todo += arrows.get(file, ())
        if start in seen:
            yield f"{start}: includes what includes it"


def main(top):
    arrows = {}
    for directory, directories, files in os.walk(top):
        directories[:] = [d for d in directories if d not in ("build", ".git")]
        for file in files:
            path = os.path.relpath(os.path.join(directory, file), top)
            if not re.search(r"\.[chS]$", file):
                continue
            room = room_of(path)
            if not room:
                print(f"{path}: stands in no room that this test knows")
                continue
            with open(os.path.join(top, path)) as text:
                for before, name in re.findall(r'^\s*#\s*include\s*(["<])([^">]+)[">]', text.read(), re.M):
                    what = fault(top, path, room, name, before == '"')
                    if what:
                        print(f"{path}: {name} {what}")
                    file = os.path.splitext(path)[0]
                    other = os.path.splitext(resolve(top, path, name, before == '"') or path)[0]
                    if other != file and room_of(other) == room and room.startswith(("lib", "tools")):
                        arrows.setdefault(file, set()).add(other)
    print("\n".join(circles(arrows)), end="\n" * any(circles(arrows)))


main(sys.argv[1])
