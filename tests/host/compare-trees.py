#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Golden: what `rtmemctl diff` says about captured machines, without privileges.

compare-trees.py RTMEMCTL TREES [--update]

Each directory of TREES is a machine: proc, sys, etc of it, and a policy. NAME.diff holds the differences,
NAME.all everything, NAME.json the document. --update writes them anew: review the change.
"""
import difflib
import json
import os
import pathlib
import subprocess
import sys

RESULTS = {'ok', 'drift', 'not-applicable'}
KEYS = {'setting', 'wanted', 'actual', 'original', 'result', 'reason', 'source', 'about', 'owners'}


def run(rtmemctl, tree, *arguments):
    command = [rtmemctl, '--state-dir', '/nonexistent', '--config-dir', 'policy', '--root', '.',
               *arguments]
    environment = {k: v for k, v in os.environ.items() if k not in ('COLUMNS', 'TERM')}
    environment['SUDO_UID'] = '0'  # as `sudo` on a clone: it's not root's own
    result = subprocess.run(command, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.STDOUT, timeout=60, check=False)
    return result.returncode, result.stdout


def check_document(tree, status, text):
    """What the text can't show: shapes, and that the exit status is drift and nothing else."""
    items = json.loads(text)['host']
    problems = [f'{tree.name}: {i["setting"]} lacks {KEYS - set(i)}' for i in items if KEYS - set(i)]
    problems += [f'{tree.name}: {i["setting"]} is {i["result"]}' for i in items
                 if i['result'] not in RESULTS]
    problems += [f'{tree.name}: {i["setting"]} is {i["result"]} without a reason' for i in items
                 if i['result'] != 'ok' and not i['reason']]
    drift = any(i['result'] == 'drift' for i in items)
    if status != (1 if drift else 0):
        problems.append(f'{tree.name}: exit status {status}')
    return problems


def compare(path, text, update):
    if update:
        path.write_text(text, encoding='utf-8')
    expected = path.read_text(encoding='utf-8') if path.exists() else ''
    return list(difflib.unified_diff(expected.splitlines(), text.splitlines(), path.name, 'now',
                                     lineterm=''))


def main():
    rtmemctl, trees = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2])
    update = '--update' in sys.argv
    problems, count = [], 0
    for tree in sorted(p for p in trees.iterdir() if p.is_dir()):
        for suffix, arguments in {'diff': ['diff'], 'all': ['diff', '--all'],
                                  'json': ['--json', 'diff']}.items():
            status, text = run(rtmemctl, tree, *arguments)
            problems += compare(trees / f'{tree.name}.{suffix}', text, update)
            if suffix == 'json':
                problems += check_document(tree, status, text)
        count += 1
    print('\n'.join(problems))
    print(f'{count} machines')
    return 1 if problems or count < 4 else 0


if __name__ == '__main__':
    sys.exit(main())
