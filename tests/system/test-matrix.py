#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real programs under policies: the way in, the faults of ten seconds of work after ready, the verdict.

One rtmemd runs them all at once. Two witnesses: its status, and counters of the kernel that know nothing
of rtmem (bench/count-faults). The table docs/programs.md is what came out; way, mode and verdict of each
program have to be as they are written there, and no fault may be unseen.

    sudo RTMEM_BUILD=build tests/system/test-matrix.py              compares
    sudo RTMEM_BUILD=build tests/system/test-matrix.py --update     writes the table anew
    RTMEM_MATRIX_SECONDS=3 RTMEM_MATRIX_ROWS=redis-server,node      while looking at one of them
"""
import concurrent.futures
import contextlib
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "matrix"))
import rows  # pylint: disable=wrong-import-position

SECONDS = float(os.environ.get("RTMEM_MATRIX_SECONDS", "10"))
WANTED = [name for name in os.environ.get("RTMEM_MATRIX_ROWS", "").split(",") if name]
DOCUMENT = os.path.join(rtmem.ROOT, "docs", "programs.md")
PROFILES = ("python", "java", "go", "node", "nginx", "redis")
MARK = "<!-- table of tests/system/test-matrix.py -->"
HEAD = ("| program | way in | lock | work of {seconds:.0f} s | faults by rtmemd | by the kernel's counters "
        "| resident | verdict | findings |\n|---|---|---|---|---|---|---|---|---|\n")
COLUMNS = {"name": 0, "injection": 1, "lock": 2, "verdict": 7}
READY_SECONDS = 60
LEAST_CPU_SECONDS = 0.02  # a program that did less in that time did no work
COMPACT = "/proc/sys/vm/compact_unevictable_allowed"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        fields = f.read().rpartition(")")[2].split()
    return sum(int(n) for n in fields[11:15]) / CLOCK_TICKS  # with those of children that ended


def descendants(pid):
    """Processes that it started and that still run, as a server's workers."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
            for child in f.read().split():
                found += [int(child), *descendants(int(child))]
    return found


def lock_of(daemon, name):
    """The lock mode in force, as the plan has it after profiles are merged."""
    plan = daemon.ctl("plan", "--config-dir", daemon.config_dir, name)
    found = re.search(r"\block[= ](strict|balanced|onfault|none)\b", plan.stdout)
    return found.group(1) if found else "?"


class Result:  # pylint: disable=too-few-public-methods
    """What the table says of one program."""

    def __init__(self, row, reason=""):
        self.name, self.reason = row.name, reason
        self.injection = self.lock = self.verdict = "skipped" if reason else ""
        self.work = self.resident = ""
        self.findings, self.earlier = [], None
        self.faults = self.counted = self.cpu = None

    def cells(self):
        if self.earlier:
            return self.earlier
        if self.reason:
            return (self.name, "-", "-", "-", "-", "-", "-", "skipped", self.reason)
        return (self.name, self.injection, self.lock, self.work, self.faults, self.counted, self.resident,
                self.verdict, ", ".join(sorted({f["rule"] for f in self.findings})))

    def line(self):
        return "| " + " | ".join("" if c is None else str(c) for c in self.cells()) + " |\n"

    def explained(self):
        """What the findings say."""
        return [f"{self.name}: {f['rule']}: {f['detail'] or f['seen']}" for f in self.findings]


@contextlib.contextmanager
def kept(path):
    """A setting of the machine is afterwards what it was before."""
    try:
        with open(path, encoding="ascii") as f:
            before = f.read()
    except OSError:
        before = None
    try:
        yield
    finally:
        if before is not None and os.access(path, os.W_OK):
            with open(path, "w", encoding="ascii") as f:
                f.write(before)


class Matrix:
    """All programs at once, in one directory."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="rtmem-matrix-")
        os.chmod(self.dir, 0o755)
        self.results, self.rows = {}, []
        self.lasting = {row.name: row.workers for row in rows.ROWS}
        for row in rows.ROWS:
            if WANTED and row.name not in WANTED:
                continue
            try:
                os.mkdir(os.path.join(self.dir, row.name), 0o755)
                row.prepare(self.directory(row))
                self.rows.append(row)
            except rows.Missing as e:
                self.results[row.name] = Result(row, str(e))

    def directory(self, row):
        return os.path.join(self.dir, row.name)

    def policies(self):
        found = {}
        for name in PROFILES:
            with open(os.path.join(rtmem.ROOT, "policies", f"{name}.yaml"), encoding="utf-8") as f:
                found[f"{name}.yaml"] = f.read()
        # a page that is moved faults once, though it is locked
        host = "host: { sysctl: { vm.compact_unevictable_allowed: 0 } }\n" if os.access(COMPACT, os.W_OK) else ""
        found["matrix.yaml"] = f"version: 1\n{host}processes:\n" + "".join(
            row.policy(self.directory(row)) for row in self.rows)
        return found

    def run(self):
        with kept(COMPACT), rtmem.Daemon(self.policies()) as d:
            self.results.update((row.name, Result(row)) for row in self.rows)
            try:
                rtmem.wait_until(lambda: not self.undecided(d), "each ready or ended", READY_SECONDS)
            except rtmem.Timeout:
                sys.stderr.write(f"not ready: {', '.join(self.undecided(d))}\n{d.log()}")
            self.work(d, [row for row in self.rows if d.process(row.name)["ready"]])
            for row in self.rows:
                self.look(d, row)
            for row in self.rows:
                sys.stderr.write("\n".join([self.results[row.name].line().rstrip(),
                                            *self.results[row.name].explained()]) + "\n")

    @staticmethod
    def undecided(d):
        return [p["name"] for p in d.wait_reachable()["processes"]
                if not p["ready"] and p["compliance"] != "stopped" and not p["findings"]]

    def work(self, d, ready):
        pids = {row.name: d.process(row.name)["pid"] for row in ready}
        pids = {name: [pid, *(descendants(pid) if self.lasting[name] else ())]
                for name, pid in pids.items()}
        before = {name: sum(map(cpu_seconds, group)) for name, group in pids.items()}
        with concurrent.futures.ThreadPoolExecutor(len(ready) + 1) as pool:
            # a little longer than it's counted, so that the count ends within the work
            jobs = {row.name: pool.submit(row.work, self.directory(row), SECONDS + 1)
                    for row in ready if row.work}
            alone = [name for name, group in pids.items() if self.lasting[name] and len(group) == 1]
            assert not alone, f"no workers: {alone}"
            counted = pool.submit(rtmem.count_faults, sum(pids.values(), []), SECONDS).result()
            for row in ready:
                result = self.results[row.name]
                result.counted = sum(counted[pid] for pid in pids[row.name])
                result.cpu = sum(map(cpu_seconds, pids[row.name])) - before[row.name]
        for row in ready:
            result = self.results[row.name]
            result.work = jobs[row.name].result() if row.work else f"{result.cpu:.1f} s of CPU"

    def look(self, d, row):
        result, p = self.results[row.name], d.process(row.name)
        result.injection, result.verdict = p["injection"], p["compliance"]
        result.lock = lock_of(d, row.name)
        result.faults = p["faults"]["minor"] + p["faults"]["major"]
        result.resident = f"{p['memory']['rss'] >> 20} MiB"
        result.findings = p["findings"]

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)


def table(results):
    return HEAD.format(seconds=SECONDS) + "".join(
        results[row.name].line() for row in rows.ROWS if row.name in results)


def documented():
    """{program: cells of its line}"""
    with open(DOCUMENT, encoding="utf-8") as f:
        lines = [line for line in f.read().partition(MARK)[2].splitlines() if line.startswith("| ")]
    cells = [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[1:]]
    return {c[0]: c for c in cells}


def update(results):
    """A program that wasn't tried keeps its line."""
    known = documented()
    for row in rows.ROWS:
        result = results.setdefault(row.name, Result(row, "not asked for"))
        result.earlier = known.get(row.name) if result.reason else None
    with open(DOCUMENT, encoding="utf-8") as f:
        text, mark, _ = f.read().partition(MARK)
    assert mark, f"{DOCUMENT} has no place for the table"
    with open(DOCUMENT, "w", encoding="utf-8") as f:
        f.write(f"{text}{MARK}\n{table(results)}")


class Programs(rtmem.TestCase):
    results = {}

    @classmethod
    def setUpClass(cls):
        matrix = Matrix()
        try:
            matrix.run()
        finally:
            matrix.close()
        cls.results = matrix.results
        if "--update" in ARGUMENTS:
            update(dict(cls.results))

    def each(self, check):
        """Of the programs that could be tried."""
        for name, result in self.results.items():
            if not result.reason:
                with self.subTest(program=name):
                    check(name, result)

    def test_way_lock_and_verdict_are_as_documented(self):
        known = documented()

        def check(name, result):
            self.assertIn(name, known)
            cells = [str(c) for c in result.cells()]
            for what, i in COLUMNS.items():
                self.assertEqual(cells[i], known[name][i], f"{what} of {name}: {result.line()}")
        self.each(check)

    def test_where_the_verdict_is_compliant_no_fault_was_counted(self):
        def check(_, result):
            if result.verdict == "compliant":
                self.assertEqual((result.faults, result.counted), (0, 0), result.line())
        self.each(check)

    def test_where_it_is_not_the_finding_says_why(self):
        def check(_, result):
            if result.verdict != "compliant":
                self.assertTrue(result.findings, result.line())
        self.each(check)

    def test_each_that_ran_has_worked(self):
        def check(_, result):
            if result.cpu is not None and "CPU" in result.work:
                self.assertGreater(result.cpu, LEAST_CPU_SECONDS, result.line())
            elif result.cpu is not None:
                self.assertGreater(int(result.work.split()[0]), 10, result.line())
        self.each(check)

    def test_what_was_left_out_is_said(self):
        left_out = [f"{r.name}: {r.reason}" for r in self.results.values() if r.reason]
        if left_out:
            self.skipTest("; ".join(left_out))


ARGUMENTS = [sys.argv.pop(i) for i in reversed(range(1, len(sys.argv))) if sys.argv[i] == "--update"]
rtmem.require_root()
rtmem.main()
