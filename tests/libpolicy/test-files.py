#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the cases of policyfiles.py: test-files.py CHECK_POLICY"""
import os
import pathlib
import sys
import tempfile

import policyfiles


def ids_in(output):
    lines = [line for line in output.splitlines() if line.startswith('ids:')]
    return set(lines[0].split()[1:]) if lines else set()


def in_order(output, parts):
    """Each part occurs, and after the one before it."""
    start = 0
    for part in parts:
        start = output.find(part, start)
        if start < 0:
            return False
    return True


def run(program, function, ids, root, shows):
    with tempfile.TemporaryDirectory(prefix='rtmem-policy-') as directory:
        top = pathlib.Path(directory)
        top.chmod(0o755)
        status, output = policyfiles.load(program, function(top), root)
    if status != (1 if ids else 0):
        return f'exit status {status}\n{output}'
    if ids_in(output) != ids:
        return f'ids {sorted(ids_in(output))}, wanted {sorted(ids)}\n{output}'
    if not in_order(output, shows):
        return f'doesn\'t show {shows}\n{output}'
    return None


def main():
    failed = skipped = 0
    os.umask(0o022)
    for function, ids, root, shows in policyfiles.CASES:
        if root and os.geteuid() != 0:
            print(f'skip {function.__name__}: needs root')
            skipped += 1
            continue
        problem = run(sys.argv[1], function, ids, root, shows)
        print(f'{"FAIL" if problem else "ok"}   {function.__name__}')
        if problem:
            print(problem)
            failed += 1
    print(f'{len(policyfiles.CASES)} cases, {failed} failed, {skipped} skipped')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
