#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The JSON Schema against the parser: an independent validator must come to the same verdict.

test-schema.py CHECK_POLICY SCHEMA FIXTURES POLICY_DIRECTORY...

What the parser accepts, the schema must accept. What it refuses, the schema must refuse if one of the
ids is marked in the table as visible to a schema, and accept if none is: a schema that's stricter than
the language would be wrong as well. What's shipped must be accepted without a
warning. (Ids marked `yaml` belong to texts that loaders treat differently.)
"""
import pathlib
import re
import subprocess
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f'skipped: {missing} (Debian: python3-jsonschema, python3-yaml)')
    sys.exit(77)


class CoreLoader(yaml.SafeLoader):  # pylint: disable=too-many-ancestors
    """YAML 1.2's core schema, which editors and we go by: `off` is text, 010 is ten."""


CoreLoader.yaml_implicit_resolvers = {}
for tag, pattern, first in [
        ('bool', r'true|True|TRUE|false|False|FALSE', 'tTfF'),
        ('null', r'~|null|Null|NULL|', ['~', 'n', 'N', '']),
        ('int', r'[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+', '-+0123456789'),
        ('float', r'[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|'
                  r'\.(nan|NaN|NAN)', '-+0123456789.')]:
    CoreLoader.add_implicit_resolver('tag:yaml.org,2002:' + tag,
                                     re.compile(f'^(?:{pattern})$'), list(first))


def core_integer(loader, node):
    text = loader.construct_scalar(node)
    return int(text, 0) if text.startswith(('0x', '0o')) else int(text)


CoreLoader.add_constructor('tag:yaml.org,2002:int', core_integer)


def with_text_keys(value):
    """As JSON has it: the name of a process may look like a number."""
    if isinstance(value, dict):
        return {k if isinstance(k, str) else str(k).lower(): with_text_keys(v)
                for k, v in value.items()}
    return [with_text_keys(v) for v in value] if isinstance(value, list) else value


def schema_verdict(validator, path):
    """'accepts', 'refuses' or, when it isn't even YAML, 'unreadable'."""
    try:
        value = yaml.load(path.read_bytes(), CoreLoader)
    except (yaml.YAMLError, UnicodeError, TypeError, RecursionError):
        return 'unreadable', ''
    error = next(validator.iter_errors(with_text_keys(value)), None)
    return ('refuses', f'{list(error.path)}: {error.message}') if error else ('accepts', '')


def parser_verdict(program, path):
    run = subprocess.run([program, str(path)], stdout=subprocess.PIPE, check=False, timeout=60)
    last = run.stdout.decode().rstrip('\n').rsplit('\n', 1)[-1]
    return run.returncode == 0, last.split()[1:] if last.startswith('ids:') else []


def noticed_by(program):
    table = subprocess.run([program, '--ids'], stdout=subprocess.PIPE, check=True, timeout=60)
    rows = [line.split() for line in table.stdout.decode().splitlines()]
    return {name: noticed for name, _, noticed in rows}


def compare(accepted, ids, noticed, verdict):
    """What's wrong about the two verdicts together; None if nothing is."""
    marks = {noticed[i] for i in ids}
    if accepted:
        return None if verdict == 'accepts' else f'the parser accepts, the schema {verdict}'
    if 'schema' in marks and verdict == 'accepts':
        return f'the schema accepts in spite of {ids}'
    if marks == {'us'} and verdict != 'accepts':
        return f'{verdict} what only the parser should: {ids}'
    return None


def main():
    program, schema_path, fixtures = sys.argv[1:4]
    schema = yaml.safe_load(pathlib.Path(schema_path).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    noticed = noticed_by(program)
    paths = [p for d in [fixtures] + sys.argv[4:] for p in sorted(pathlib.Path(d).rglob('*.y*ml'))]
    failed = 0
    for path in paths:
        accepted, ids = parser_verdict(program, path)
        verdict, detail = schema_verdict(validator, path)
        problem = compare(accepted, ids, noticed, verdict)
        if ids and pathlib.Path(fixtures) not in path.parents:
            problem = f'is shipped, but says {ids}'
        if problem:
            print(f'{path}: {problem} {detail}')
            failed += 1
    print(f'{len(paths)} files, {failed} with different verdicts')
    return 1 if failed or len(paths) < 100 else 0


if __name__ == '__main__':
    sys.exit(main())
