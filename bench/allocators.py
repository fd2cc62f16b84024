# SPDX-License-Identifier: LGPL-2.1-or-later
"""The part of bench/run that compares allocators: what a real-time thread pays beside four that allocate.

The same program (bench/mixed) in turns with what people use by hand, each locked, and under policies.
"""
import contextlib
import os
import re
import shutil
import subprocess
import time

from table import Options, median, output, program, row, say, with_policy

OBJECTS = 10000  # about 1 GB of them
PREALLOC = "1600M"
KINDS = ("malloc", "free", "touch")
MALLOC_P999_NSEC, MALLOC_MAX_NSEC = 3000, 200000
STRESS = ("stress-ng", "--vm", "1", "--vm-bytes", "2G", "--quiet")
HEAP = "memory: {{ lock: strict, heap: {{ {} }}, stack: {{ threads: 256K }} }}"
ONE_ARENA = "GLIBC_TUNABLES=glibc.malloc.arena_max=1"
RECOMMENDED, PEER = "rtmem: mimalloc", "  kept: no decommit, no reset"

# name: (library, what the program does itself, environment)
BY_HAND = {
    "glibc, not locked": (None, "plain", ()),
    "the recipe: mallopt, lock, prefault": (None, "recipe", ()),
    "  with one arena": (None, "recipe", (ONE_ARENA,)),
    "jemalloc, locked": ("libjemalloc.so.2", "locked", ()),
    "  kept: decay -1": ("libjemalloc.so.2", "locked",
                         ("MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1",)),
    "tcmalloc, locked": ("libtcmalloc_minimal.so.4", "locked", ()),
    "mimalloc, locked": (("libmimalloc.so.2", "libmimalloc.so.2.0"), "locked", ()),
    PEER: (("libmimalloc.so.2", "libmimalloc.so.2.0"), "locked",
           ("MIMALLOC_ALLOW_DECOMMIT=0", "MIMALLOC_PAGE_RESET=0", "MIMALLOC_PURGE_DELAY=-1")),
}
POLICIES = {
    "rtmem: glibc, one arena": f"prealloc: {PREALLOC}, arenas: 1",
    "rtmem: glibc, six arenas": "prealloc: 360M, arenas: 6",  # arenas beside the main one are of 64M each
    "rtmem: jemalloc, five arenas": f"prealloc: {PREALLOC}, allocator: jemalloc, arenas: 5",
    RECOMMENDED: f"prealloc: {PREALLOC}, allocator: mimalloc",
}


def library(names):
    """The path of the first of these that the loader knows, or None."""
    known = output("ldconfig", "-p")
    for name in (names,) if isinstance(names, str) else names:
        found = re.search(rf"^\s*{re.escape(name)} .*=> (\S+)$", known, re.M)
        if found:
            return found.group(1)
    return None


def command(way):
    operations = "12000" if Options.quick else "60000"
    return (program("bench", "mixed"), operations, str(OBJECTS), way, PREALLOC.rstrip("M"))


def run_by_hand(names, way, environment):
    """What the program printed, or why it can't run here."""
    preload = ()
    if names:
        path = library(names)
        if not path:
            return "the library is not installed"
        preload = (f"LD_PRELOAD={path}",)
    return output("env", *preload, *environment, *command(way))


def run_policy(heap):
    return with_policy(HEAP.format(heap), command("plain"))


def parse(text):
    return {line.split()[0]: [float(word) for word in line.split()[1:]] for line in text.splitlines()}


def medians(runs):
    """Each figure of a list of runs by itself."""
    return {key: [median([run[key][i] for run in runs]) for i in range(len(value))]
            for key, value in runs[0].items()}


def attempt(function, *arguments):
    try:
        text = function(*arguments)
    except subprocess.CalledProcessError as e:
        return f"failed with exit status {e.returncode}"
    return parse(text) if text.startswith("malloc ") else text


def in_turns(rounds):
    """{name: its medians, or the reason why there are none}"""
    found = {name: [] for name in (*BY_HAND, *POLICIES)}
    for _ in range(rounds):
        for name, arguments in BY_HAND.items():
            found[name].append(attempt(run_by_hand, *arguments))
        for name, heap in POLICIES.items():
            found[name].append(attempt(run_policy, heap))
    return {name: next((run for run in runs if isinstance(run, str)), None) or medians(runs)
            for name, runs in found.items()}


def usec(nsec):
    value = nsec / 1e3
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def print_table(found):
    heads = "".join(f"{kind + ' p50':>10}    p99   99.9  99.99    max" for kind in KINDS)
    print(f"  {'us':<34}{heads}  faults  RSS MB  kop/s")
    for name, figures in found.items():
        if isinstance(figures, str):
            print(f"  {name:<36} {figures}")
            continue
        times = "".join("   " + "".join(f"{usec(value):>7}" for value in figures[kind]) for kind in KINDS)
        print(f"  {name:<34}{times}{figures['faults'][0]:>8.0f}{figures['rss'][0]:>8.0f}"
              f"{figures['rate'][0]:>7.0f}", flush=True)


def judge(found):
    """The recommended policy; what its raw peer doesn't reach in this run can't be asked of it."""
    ours, peer = found[RECOMMENDED], found[PEER]
    if isinstance(ours, str):
        missing = "not installed" in str(peer)
        row(RECOMMENDED, "not installed" if missing else "failed", "", None if missing else False)
        return
    row(f"{RECOMMENDED}: faults of the real-time thread", f"{ours['faults'][0]:.0f}", "0",
        ours["faults"][0] == 0)
    for what, i, most in (("p99.9", 2, MALLOC_P999_NSEC), ("max", 4, MALLOC_MAX_NSEC)):
        value = ours["malloc"][i]
        reached = not isinstance(peer, str) and peer["malloc"][i] <= most
        goal = f"<= {most / 1e3:.0f} us" if reached or value <= most else "(the peer: " + \
            f"{usec(peer['malloc'][i])} us)" if not isinstance(peer, str) else ""
        row(f"  malloc, {what}", f"{usec(value)} us", goal, value <= most if reached else None)


@contextlib.contextmanager
def stress():
    with subprocess.Popen(STRESS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          start_new_session=True) as popen:
        try:
            time.sleep(1)
            yield
        finally:
            os.killpg(popen.pid, 15)


def bench_allocators():
    rounds = 1 if Options.quick else 3
    what = (f"A real-time thread (four operations every 200 us) beside four that allocate all the time, "
            f"{OBJECTS} objects,\n  medians of {rounds}: what one call takes, and the real-time thread's faults")
    say(what)
    found = in_turns(rounds)
    print_table(found)
    judge(found)
    if not shutil.which(STRESS[0]):
        row("the same under memory stress", "no stress-ng", "", None)
        return
    say(f"The same beside {' '.join(STRESS[:-1])}")
    with stress():
        found = in_turns(rounds)
    print_table(found)
    judge(found)


PARTS = (bench_allocators,)
