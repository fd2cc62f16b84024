#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""rtmemd, asked over the bus to apply and to roll back: each of its calls fails once while it goes on, and
it's killed before and after each that changes something."""

import os

import cutting
import machine
import rtmem
from cutting import ALL, CHANGING, KILLED

EMPTY = "version: 1\n"
# every call that changes something; of those that only read, and of the sides of a kill, a part
STEP = 1 if os.environ.get("RTMEM_EVERY_CALL") else 3
points = {"killed": 0, "failed": 0}


class Asked(cutting.TestCase):
    """Before each point rtmemd has started with no wish for the machine, and none is left of the last."""

    def start(self, m, calls):
        m.policy(EMPTY)
        m.plan(0, "0")
        self.daemon = m.start(calls=calls, plan=True, log=True)
        m.wait_bus()
        m.policy(machine.POLICY)

    def stop(self):
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(30), 0)

    def good(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def count(self, m, *verb):
        m.plan(0, "0")
        self.good(m.through(*verb))
        return m.calls()

    def told(self, m):
        """What couldn't be read just then is said to be so, until the next look."""
        def settings():
            host = m.wait_status()["host"]
            unread = [s for s in host if not s["actual"]]
            for s in unread:
                self.assertIn("can't be read", s["reason"])
            return [] if unread else host
        return rtmem.wait_until(settings, "all is read")

    # ---- failing calls

    def fail_each(self, m, calls, prepare, verb, check):
        for at, call in enumerate(calls, 1):
            if at % STEP and call.split()[0] in ("open", "read"):
                continue
            errno = (5, 28)[at % 2]  # EIO, ENOSPC
            with self.subTest(verb=verb, at=at, errno=errno):
                prepare()
                m.plan(at, errno)
                done = m.through("--json", verb)
                m.plan(0, "0")
                points["failed"] += 1
                self.assertIsNone(self.daemon.poll())
                check(done)
                self.check_originals(m)
                self.check_told(m, self.told(m))
                self.good(m.through("apply"))
                self.assertEqual(m.values(), machine.wanted())
                self.check_rollback(m, m.through)

    def test_every_call_of_an_apply_fails_once(self):
        with machine.Machine() as m:
            self.start(m, ALL)
            calls = self.count(m, "apply")
            self.check_rollback(m, m.through)
            self.assertGreater(len(calls), 100)
            self.fail_each(m, calls, lambda: None, "apply", lambda done: self.check_report(m, done))
            self.stop()

    def test_every_call_of_a_rollback_fails_once(self):
        def check(done):
            self.assertIn(done.returncode, (0, 1), done.stderr)
            if m.values() != machine.originals():
                self.assertEqual(done.returncode, 1)
                self.assertTrue(done.stdout or done.stderr)
        with machine.Machine() as m:
            self.start(m, ALL)
            self.good(m.through("apply"))
            calls = self.count(m, "rollback")
            self.assertGreater(len(calls), 100)
            self.fail_each(m, calls, lambda: self.good(m.through("apply")), "rollback", check)
            self.stop()

    # ---- killed

    def kill_each(self, verb, prepare):
        with machine.Machine() as m:
            self.start(m, CHANGING)
            prepare(m)
            n = len(self.count(m, verb))
            self.stop()
        self.assertGreater(n, 20)
        for i in range(0, 2 * n, 1 if STEP == 1 else 2):
            at, do = i // 2 + 1, ("before", "after")[(i + i // 2) % 2]
            with self.subTest(verb=verb, at=at, do=do), machine.Machine() as m:
                self.start(m, CHANGING)
                prepare(m)
                m.plan(at, do)
                m.through(verb)
                self.assertEqual(self.daemon.wait(30), KILLED)
                points["killed"] += 1
                self.check_originals(m)
                self.start_again(m)

    def start_again(self, m):
        """A policy that wants them still: no mixture is left, and what is told is true."""
        self.daemon = m.start()
        self.check_told(m, m.wait_status()["host"])
        self.assertIn(m.values(), (machine.wanted(), machine.originals()))
        self.check_rollback(m, m.through)
        self.stop()

    def test_killed_while_it_applies(self):
        self.kill_each("apply", lambda m: None)

    def test_killed_while_it_rolls_back(self):
        self.kill_each("rollback", lambda m: self.good(m.through("apply")))

    @classmethod
    def tearDownClass(cls):
        print(f"killed at {points['killed']} points, failed at {points['failed']} calls")
        if points["killed"] < 90 or points["failed"] < 200:
            raise AssertionError("too few points")


rtmem.require_root()
rtmem.main()
