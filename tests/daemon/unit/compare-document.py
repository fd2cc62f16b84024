#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare-document.py STATUS-DOCUMENT DIRECTORY [--update]

Each document that STATUS-DOCUMENT makes, laid out for reading, is the text in DIRECTORY/NAME.json. What
differs from run to run (the daemon's pid, the version) is made the same.
"""
import difflib
import json
import os
import subprocess
import sys

NAMES = ("empty", "mixed", "one")


def unique(pairs):
    """A JSON object as a dict; the same key twice is an error."""
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), f"a key stands twice: {keys}"
    return dict(pairs)


def document(program, name):
    out = subprocess.run([program, name], check=True, text=True, stdout=subprocess.PIPE).stdout
    d = json.loads(out, object_pairs_hook=unique)
    assert d["daemon"]["pid"] > 0
    d["daemon"].update(pid=1, version="VERSION")
    return json.dumps(d, indent=1) + "\n"


def main():
    program, directory, update = sys.argv[1], sys.argv[2], sys.argv[3:] == ["--update"]
    failed = False
    for name in NAMES:
        path = os.path.join(directory, name + ".json")
        actual = document(program, name)
        if update:
            with open(path, "w", encoding="utf-8") as f:
                f.write(actual)
            continue
        with open(path, encoding="utf-8") as f:
            expected = f.read()
        if actual != expected:
            failed = True
            sys.stdout.writelines(difflib.unified_diff(
                expected.splitlines(True), actual.splitlines(True), path, "now"))
            print(f"FAILED: {name}; if that is meant: {sys.argv[0]} {program} {directory} --update")
    return 1 if failed else 0


sys.exit(main())
