# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the parts of bench/run share: its options, the table, and commands with and without a policy."""
import contextlib
import os
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Options:
    """Of the command line."""
    quick = False
    build = os.path.join(ROOT, "build")


ROWS = []


def program(*path):
    return os.path.join(Options.build, *path)


def row(what, figure, goal, met):
    """A line of the table; met is None where there is no goal."""
    verdict = "" if met is None else "ok" if met else "MISS"
    ROWS.append((what, figure, goal, met))
    print(f"  {what:<52} {figure:>22}   {goal:<22} {verdict}", flush=True)


@contextlib.contextmanager
def huge_pages(number, path="/proc/sys/vm/nr_hugepages"):
    """So many more huge pages for a while, as far as the machine can."""
    def write(count):
        with open(path, "w", encoding="ascii") as f:
            f.write(str(count))
    with open(path, encoding="ascii") as f:
        before = int(f.read())
    write(before + number)
    try:
        yield
    finally:
        write(before)


def say(text):
    print(f"\n{text}", flush=True)


def output(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def median(values):
    return sorted(values)[len(values) // 2]


def triples(text):
    """{NAME: (number, number)} of lines of three words; what doesn't work here is left out."""
    found = (line.split() for line in text.splitlines())
    return {name: (float(a), float(b)) for name, a, b in found if a != "-"}


def with_policy(process, command, prefix=()):
    """Runs a command under a process policy, in the foreground, and returns what it prints."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write(f"version: 1\nprocesses:\n  bench:\n    command: [/bin/true]\n    {process}\n")
        f.flush()
        return output(*prefix, program("ctl", "rtmemctl"), "run", "--policy", "bench",
                      "--policy-file", f.name, "--", *command)
