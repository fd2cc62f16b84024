#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""In the machine of tools/vm: runs the tests beside this file (or those named), each as a process of its
own, in the order of their names, and says how each ended."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 300  # seconds; everything is emulated


def run(name):
    try:
        done = subprocess.run([sys.executable, os.path.join(HERE, name)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT, check=False)
        return done.returncode, done.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as e:
        return 124, (e.stdout or b"").decode("utf-8", "replace") + f"not over after {LIMIT} s\n"


def main():
    names = sorted(n for n in os.listdir(HERE) if n.startswith("test-") and n.endswith(".py"))
    if sys.argv[1:]:
        names = [f"test-{n}.py" for n in sys.argv[1:]]
    failed = 0
    for name in names:
        status, text = run(name)
        failed += status not in (0, 77)
        word = {0: "ok", 77: "skipped"}.get(status, "FAILED")
        sys.stdout.write(text)
        print(f"result: {name[len('test-'):-len('.py')]} {word}", flush=True)
    return 1 if failed or not names else 0


sys.exit(main())
