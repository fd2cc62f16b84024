#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-manual.py MANUAL XML...: org.rtmem1(5) names every method, signal and property of the interface,
with its type where it has one and * where it's told by PropertiesChanged; and none that isn't there."""
import re
import sys
import xml.etree.ElementTree as ElementTree

EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"


def heads(part):
    """Bold names that begin an item: {name: (marked, type or None)}"""
    found = {}
    for line in re.findall(r"^\.TP\n(.*)$", part, re.M):
        for name, mark, kind in re.findall(r"\\fB(\w+)\\fR(\*?)(?: \(([a-z(){}]+)\)(?=,|$))?", line):
            found[name] = (mark == "*", kind)
    return found


def check(part, interface):
    there = heads(part)
    problems, names = [], set()
    for node in interface:
        name = node.get("name")
        names.add(name)
        if name not in there:
            problems.append(f"{interface.get('name')}: {node.tag} {name} isn't documented")
        elif node.tag == "property":
            told = not any(a.get("name") == EMITS for a in node)
            if there[name] != (told, node.get("type")):
                problems.append(f"{name}: the manual says {there[name]}, not {(told, node.get('type'))}")
    problems += [f"{name} is documented, but isn't there" for name in sorted(set(there) - names)]
    return problems


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        manual = f.read()
    problems = []
    for path in sys.argv[2:]:
        interface = ElementTree.parse(path).getroot()
        title = interface.get("name").rsplit(".", 1)[1].upper()
        part = re.search(rf"^\.SH {title}\n(.*?)^\.SH ", manual, re.M | re.S)
        if not part:
            problems.append(f"no section {title}")
        else:
            problems += check(part.group(1), interface)
    print("\n".join(problems) or "all there")
    sys.exit(1 if problems else 0)


main()
