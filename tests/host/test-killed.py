#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Apply and rollback, killed or failing at each of their calls.

After whatever happened: no original is lost, what is told is true, and a rollback is complete.
"""
import json
import re

import cutting
import machine
import rtmem
from cutting import ALL, CHANGING, KILLED

points = {"killed": 0, "failed": 0}


class Cut(cutting.TestCase):
    def finish(self, m):
        """As the next boot unit finds it."""
        self.check_originals(m)
        done = m.ctl("--json", "diff", "--all")
        self.check_told(m, json.loads(done.stdout)["host"])
        m.ctl("apply", "--host-only", "--at-boot")
        self.check_originals(m)
        self.check_rollback(m, m.ctl)

    def finish_with_daemon(self, m):
        """As the next rtmemd finds it: it brings to its end what was begun, and leaves no mixture."""
        self.check_originals(m)
        daemon = m.start()
        try:
            self.check_told(m, m.wait_status()["host"])
            self.assertIn(m.values(), (machine.wanted(), machine.originals()))
            self.check_rollback(m, m.through)
        finally:
            daemon.terminate()
            self.assertEqual(daemon.wait(30), 0)

    def cut_rtmemctl(self, prepare, *arguments):
        with machine.Machine() as m:
            prepare(m)
            n = len(m.count(CHANGING, *arguments))
        self.assertGreater(n, 20)
        for i in range(2 * n):
            with self.subTest(point=i), machine.Machine() as m:
                prepare(m)
                done = m.ctl(*arguments, calls=CHANGING, at=i // 2 + 1, do=("before", "after")[i % 2])
                self.assertEqual(done.returncode, KILLED)
                points["killed"] += 1
                self.finish(m)

    def cut_rtmemd(self, cut):
        """cut(machine, killer) -> the killed daemon. One point in four is looked at by the next rtmemd."""
        i = 0
        while True:
            with self.subTest(point=i), machine.Machine() as m:
                status = cut(m, {"calls": CHANGING, "at": i // 2 + 1, "do": ("before", "after")[i % 2]})
                if status != KILLED:
                    break
                points["killed"] += 1
                if i % 4 == 0:
                    self.finish_with_daemon(m)
                else:
                    self.finish(m)
            i += 1
        self.assertGreater(i, 40)

    def test_rtmemctl_apply_is_cut_off(self):
        self.cut_rtmemctl(lambda m: None, "apply", "--host-only")

    def test_rtmemctl_rollback_is_cut_off(self):
        self.cut_rtmemctl(lambda m: m.ctl("apply", "--host-only"), "rollback")

    def test_rtmemd_is_killed_while_it_applies(self):
        def cut(m, killer):
            daemon = m.start(**killer)
            def over():
                return daemon.poll() is not None or m.values() == machine.wanted() and m.status()
            rtmem.wait_until(over, "rtmemd is killed, or through")
            status = daemon.poll()
            if status is None:
                daemon.terminate()
                status = daemon.wait(30)
            return status
        self.cut_rtmemd(cut)

    def test_rtmemd_is_killed_while_it_rolls_back(self):
        def cut(m, killer):
            m.ctl("apply", "--host-only")
            daemon = m.start(**killer)
            rtmem.wait_until(lambda: daemon.poll() is not None or m.status(), "rtmemd answers, or ended")
            m.through("rollback")
            if m.status() is not None:
                daemon.terminate()
            return daemon.wait(30)
        self.cut_rtmemd(cut)

    def test_the_journal_is_durable_before_the_first_write(self):
        with machine.Machine() as m:
            calls = m.count(CHANGING, "apply", "--host-only")
        first = next(i for i, call in enumerate(calls) if re.match(r"openw .*/root/", call))
        before = [call.split()[0] for call in calls[:first] if "/state" in call]
        self.assertEqual(before[-5:], ["write", "fchmod", "fsync", "rename", "fsync"])

    def test_a_second_apply_changes_nothing(self):
        with machine.Machine() as m:
            m.ctl("apply", "--host-only")
            calls = m.count(CHANGING, "apply", "--host-only")
        self.assertEqual([call for call in calls if not call.endswith("/lock")], [])

    def test_every_call_fails_once(self):
        with machine.Machine() as m:
            n = len(m.count(ALL, "apply", "--host-only"))
        self.assertGreater(n, 100)
        for at in range(1, n + 1):
            for errno in (5, 28):  # EIO, ENOSPC
                if errno == 28 and at % 3:
                    continue
                with self.subTest(at=at, errno=errno), machine.Machine() as m:
                    done = m.ctl("--json", "apply", "--host-only", calls=ALL, at=at, do=errno)
                    points["failed"] += 1
                    self.check_report(m, done)
                    self.check_originals(m)
                    m.ctl("apply", "--host-only")
                    self.assertEqual(m.values(), machine.wanted())
                    self.check_rollback(m, m.ctl)

    def test_every_call_of_a_rollback_fails_once(self):
        with machine.Machine() as m:
            m.ctl("apply", "--host-only")
            n = len(m.count(ALL, "rollback"))
        for at in range(1, n + 1):
            with self.subTest(at=at), machine.Machine() as m:
                m.ctl("apply", "--host-only")
                done = m.ctl("--json", "rollback", calls=ALL, at=at, do=5)
                points["failed"] += 1
                self.assertIn(done.returncode, (0, 1), done.stderr)
                self.check_originals(m)
                if m.values() != machine.originals():
                    self.assertEqual(done.returncode, 1)
                    self.assertTrue(done.stdout or done.stderr)
                self.check_rollback(m, m.ctl)

    @classmethod
    def tearDownClass(cls):
        print(f"killed at {points['killed']} points, failed at {points['failed']} calls")
        if points["killed"] < 200:
            raise AssertionError("fewer than 200 kill points")


rtmem.require_root()
rtmem.main()
