#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/security.md shows the tables that rtmemd is built with. Usage: compare-privileges.py PROGRAM FILE
[--update]"""
import re
import subprocess
import sys

TABLE = re.compile(r"<!-- (\w+) -->\n.*?<!-- end -->\n", re.S)

program, path = sys.argv[1:3]
printed = subprocess.run([program], check=True, text=True, stdout=subprocess.PIPE).stdout
tables = {m.group(1): m.group(0) for m in TABLE.finditer(printed)}
with open(path, encoding="utf-8") as f:
    text = f.read()
if {m.group(1) for m in TABLE.finditer(text)} != set(tables):
    sys.exit(f"{path} has other tables than {', '.join(tables)}")
new = TABLE.sub(lambda m: tables[m.group(1)], text)
if "--update" in sys.argv:
    with open(path, "w", encoding="utf-8") as f:
        f.write(new)
elif new != text:
    sys.exit(f"{path} shows other tables than the code has: run this with --update")
