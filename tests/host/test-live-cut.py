#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""This machine's own kernel: huge pages, compaction and transparent huge pages, applied and rolled back by
a rtmemctl that is killed at each of its writes; and somebody who never stops changing a setting back.
Afterwards the machine is as it was."""
import json
import os
import pathlib
import sys
import tempfile
import threading

import machine

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

MM = pathlib.Path("/sys/kernel/mm")
POOL = MM / "hugepages/hugepages-2048kB/nr_hugepages"
DEFRAG = MM / "transparent_hugepage/defrag"
SIZE = MM / "transparent_hugepage/hugepages-64kB/enabled"
SLEEP = MM / "transparent_hugepage/khugepaged/scan_sleep_millisecs"
VM = pathlib.Path("/proc/sys/vm")
KILLED = -9


def read(path):
    text = path.read_text(encoding="ascii").strip()
    return text[text.index("[") + 1:text.index("]")] if "[" in text else text


def another(path, *values):
    return next(v for v in values if v != read(path))


def take_back(path, value):
    if read(path) != value:
        path.write_text(value, encoding="ascii")


class Wishes:
    """What this kernel has of it: {path: wanted}, and the policy for that."""

    def __init__(self):
        self.wanted = {POOL: str(int(read(POOL)) + 4),
                       VM / "compact_unevictable_allowed": another(VM / "compact_unevictable_allowed", "0", "1"),
                       VM / "stat_interval": another(VM / "stat_interval", "7", "8")}
        host = {"hugepages": f"{{ 2M: {self.wanted[POOL]} }}",
                "compaction": "{ unevictable: " +
                              ("off", "on")[int(self.wanted[VM / "compact_unevictable_allowed"])] + " }",
                "sysctl": f"{{ vm.stat_interval: {self.wanted[VM / 'stat_interval']} }}"}
        if DEFRAG.exists():
            self.wanted[DEFRAG] = another(DEFRAG, "never", "madvise")
            self.wanted[SLEEP] = another(SLEEP, "20000", "30000")
            host["transparent_hugepage_defrag"] = self.wanted[DEFRAG]
            host["khugepaged"] = f"{{ scan_sleep: {self.wanted[SLEEP]}ms }}"
        if SIZE.exists():
            self.wanted[SIZE] = another(SIZE, "never", "madvise")
            host["transparent_hugepage_sizes"] = f"{{ 64K: {self.wanted[SIZE]} }}"
        self.before = {path: read(path) for path in self.wanted}
        self.policy = "version: 1\nhost:\n" + "".join(f"  {k}: {v}\n" for k, v in host.items())

    def now(self):
        return {path: read(path) for path in self.wanted}


class Live(rtmem.TestCase):
    def setUp(self):
        try:
            for path in (POOL, VM / "stat_interval", VM / "compact_unevictable_allowed"):
                path.write_text(read(path), encoding="ascii")
        except OSError as e:
            self.skipTest(f"settings of this machine can't be set: {e}")
        self.wishes = Wishes()
        for path in (*self.wishes.before, VM / "min_free_kbytes"):
            self.addCleanup(take_back, path, read(path))

    def cut(self, m, verb):
        """Kills before and after each write; returns how many points there were."""
        m.policy(self.wishes.policy)
        at = 0
        while True:
            for do in ("before", "after"):
                if verb == "rollback":
                    self.good(m.live("apply", "--host-only"))
                arguments = (verb, "--host-only") if verb == "apply" else (verb,)
                done = m.live(*arguments, calls="openw,write,fsync,rename", at=at + 1, do=do)
                if done.returncode != KILLED:
                    self.good(done)
                    return 2 * at
                with self.subTest(verb=verb, at=at, do=do):
                    self.check(m)
            at += 1

    def good(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def check(self, m):
        known = {s["setting"]: s for s in json.loads(m.live("--json", "diff", "--all").stdout)["host"]}
        self.assertEqual(len(known), len(self.wishes.wanted))
        originals = set(m.journal().values())
        for path, value in self.wishes.now().items():
            self.assertIn(value, (self.wishes.before[path], self.wishes.wanted[path]), path)
            if value != self.wishes.before[path]:
                self.assertIn(self.wishes.before[path], originals, path)
        for s in known.values():
            self.assertEqual(s["result"], "ok" if s["actual"] == s["wanted"] else "drift", s)
        self.good(m.live("rollback"))
        self.assertEqual(self.wishes.now(), self.wishes.before)

    def test_killed_at_each_write_the_originals_come_back(self):
        with machine.Machine() as m:
            points = self.cut(m, "apply")
            self.good(m.live("rollback"))
            points += self.cut(m, "rollback")
            self.assertEqual(self.wishes.now(), self.wishes.before)
        print(f"killed at {points} points")
        self.assertGreater(points, 60)


class Dispute(rtmem.TestCase):
    """Ten minutes' patience, a hundred times as fast."""
    SPEED = 100

    def setUp(self):
        self.path = VM / "stat_interval"
        try:
            self.path.write_text(read(self.path), encoding="ascii")
        except OSError as e:
            self.skipTest(f"settings of this machine can't be set: {e}")
        self.before = read(self.path)
        self.addCleanup(take_back, self.path, self.before)

    def claim(self, value):
        """A file that names who wants the other value."""
        try:
            os.makedirs("/run/sysctl.d", exist_ok=True)
            f = tempfile.NamedTemporaryFile("w", prefix="rtmem-test-", suffix=".conf", dir="/run/sysctl.d")
        except OSError as e:
            self.skipTest(f"/run/sysctl.d can't be written: {e}")
        f.write(f"vm.stat_interval = {value}\n")
        f.flush()
        self.addCleanup(f.close)
        return f.name

    def test_who_never_stops_is_named_and_left_alone(self):
        theirs, ours = "13", "17"
        name = self.claim(theirs)
        stop, written = threading.Event(), []

        def insist():
            while not stop.wait(0.02):
                if read(self.path) != theirs:
                    written.append(read(self.path))
                    self.path.write_text(theirs, encoding="ascii")

        policy = f"version: 1\nhost:\n  sysctl: {{ vm.stat_interval: {ours} }}\n  drift: reapply\n"
        library = os.path.join(rtmem.BUILD, "tests", "host", "libfaster.so")
        environment = {"LD_PRELOAD": library, "RTMEM_TEST_SPEED": str(self.SPEED)}
        with rtmem.Daemon(policy, environment=environment) as d:
            d.wait_reachable()
            self.assertEqual(read(self.path), ours)
            other = threading.Thread(target=insist)
            other.start()
            try:
                rtmem.wait_until(lambda: "it's left alone until the next" in d.log(), "rtmemd gives up", 60)
                n = len(written)
                self.assertIn(f"sysctl.d ({name}:1) wants {theirs}", d.log())
                # nothing more for a hundred of rtmemd's seconds, in which it looks ten times
                stop.wait(1.5)
                self.assertEqual(len(written), n)
            finally:
                stop.set()
                other.join()
            # the value of the start, and six times again
            self.assertEqual(written, [ours] * 7)
            self.assertEqual(d.log().count(f"host: sysctl.vm.stat_interval: {theirs} -> {ours}"), 6)
            s = d.status()["host"][0]
            self.assertEqual((s["result"], s["actual"]), ("drift", theirs))
            self.assertEqual(d.ctl("apply").returncode, 0)
            self.assertEqual(read(self.path), ours)
            self.assertEqual(d.ctl("rollback").returncode, 0)
        self.assertEqual(read(self.path), self.before)


rtmem.require_root()
rtmem.main()
