#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Golden messages: every fixture against what check-policy says about it.

test-fixtures.py CHECK_POLICY FIXTURES [--update]

valid/ must be accepted without a word; invalid/ must be refused and warning/ accepted, with exactly the
text of NAME.expected. Every id of the table needs a fixture, here or among the cases of test-files.py.
--update writes the .expected files anew: review the diff.
"""
import pathlib
import re
import subprocess
import sys

import policyfiles


def check(program, fixtures, path):
    run = subprocess.run([program, str(path.relative_to(fixtures))], cwd=fixtures, timeout=60,
                         stdout=subprocess.PIPE, check=False)
    return run.returncode, run.stdout.decode()


def compare(path, output, update):
    expected = path.with_suffix('.expected')
    if update:
        expected.write_text(output)
        return []
    if not expected.exists():
        return [f'{path.name}: no {expected.name}; look at it, then run with --update']
    if expected.read_text() != output:
        return [f'{path.name}: says\n{output}--- but {expected.name} has\n{expected.read_text()}']
    return []


def judge(kind, path, status, output, update):
    wanted = {'valid': 0, 'invalid': 1, 'warning': 0}[kind]
    if status != wanted:
        return [f'{kind}/{path.name}: exit status {status}, wanted {wanted}\n{output}']
    if kind == 'valid':
        return [f'{kind}/{path.name}: accepted, but with\n{output}'] if output else []
    return compare(path, output, update)


def ids_of(output):
    last = output.rstrip('\n').rsplit('\n', 1)[-1]
    return set(last.split()[1:]) if last.startswith('ids:') else set()


def missing_ids(program, seen):
    table = subprocess.run([program, '--ids'], stdout=subprocess.PIPE, check=True, timeout=60)
    names = [line.split()[0] for line in table.stdout.decode().splitlines()]
    covered = seen | policyfiles.ids_covered()
    unknown = [f'fixtures expect the id {i}, which the table lacks' for i in covered - set(names)]
    return [f'no fixture for the id {i}' for i in names if i not in covered] + unknown


def main():
    program, fixtures = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2]).resolve()
    update = '--update' in sys.argv
    problems, seen, count = [], set(), {}
    for kind in 'valid', 'invalid', 'warning':
        for path in sorted((fixtures / kind).glob('*.yaml')):
            status, output = check(program, fixtures, path)
            problems += judge(kind, path, status, output, update)
            seen |= ids_of(output)
            count[kind] = count.get(kind, 0) + 1
            if kind == 'invalid' and re.search(r'^\S+: error: \S', output, re.M) is None:
                problems.append(f'{path.name}: refused without an error that names the file')
    problems += missing_ids(program, seen)
    if count.get('invalid', 0) < 60:
        problems.append(f'only {count.get("invalid", 0)} invalid fixtures')
    print('\n'.join(problems))
    print(', '.join(f'{n} {kind}' for kind, n in count.items()), f'{len(seen)} ids')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
