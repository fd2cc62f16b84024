#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""rtmemd is cut off at each system call of a launch, a stop, a restart and an adoption.

Whatever was under way is completed or undone by the next one, which says the truth.

    test-cuts.py [STRIDE]     every so many-th call (default 47, from a random one); 1 = each
"""
import os
import random
import signal
import subprocess
import sys

import fixture
import lone
import rtmem

STRIDE = int(sys.argv.pop()) if len(sys.argv) > 1 and sys.argv[-1].isdigit() else \
    int(os.environ.get("RTMEM_STRIDE", "47"))
CUT = os.path.join(fixture.PROGRAMS, "cut")
POINTS = {}


class Cuts(rtmem.TestCase):
    def setUp(self):
        self.family = lone.Family().__enter__()
        self.addCleanup(lambda: self.family.__exit__(None, None, None))
        text = fixture.document(
            self.family.policy("one", 0, "memory: { lock: strict }", "ready: { when: notify, timeout: 2s }",
                               "restart: { when: always, delay: 20ms, limit: 0 }"),
            self.family.policy("other", 0))
        self.daemon = rtmem.Daemon(text)
        self.daemon.start()
        self.addCleanup(lambda: self.daemon.__exit__(None, None, None))
        self.daemon.wait_ready("one")
        self.other = self.daemon.wait_ready("other")["pid"]

    def cut(self, at, *arguments):
        """rtmemctl with these arguments, and rtmemd cut off at this call of it. How many it made."""
        with subprocess.Popen([CUT, str(self.daemon.popen.pid), str(at)], text=True,
                              stdout=subprocess.PIPE) as cutter:
            self.assertEqual(cutter.stdout.readline(), "attached\n")
            self.daemon.ctl(*arguments)
            cutter.terminate()
            return int(cutter.stdout.readline())

    def settle(self):
        def still():
            p = self.daemon.process("one")
            return p if p["state"] in ("running", "stopped") else None
        return rtmem.wait_until(still, "it's settled", 20)

    def check(self, wanted):
        """Of the states wanted; and that's how it is."""
        p = self.settle()
        self.assertIn(p["state"], wanted)
        self.assertEqual(self.family.alive("one"), [p["pid"]] if p["state"] == "running" else [])
        if p["state"] == "running":
            self.assertEqual((p["compliance"], p["injection"]), ("compliant", "preload"))
        self.assertEqual(self.family.starts("other"), [self.other])
        self.assertEqual(self.family.doubles(), [])

    def each_point(self, prepare, arguments, wanted):
        """Up to the end of what the command did."""
        at = random.randrange(STRIDE) + 1
        while True:
            with self.subTest(at=at, command=arguments):
                self.assertEqual(self.daemon.ctl(prepare, "one").returncode, 0)
                n = self.cut(at, *arguments)
                if self.daemon.popen.poll() is None and n < at:
                    break
                self.assertEqual(self.daemon.stop(signal.SIGKILL), -signal.SIGKILL)
                self.daemon.start()
                self.check(wanted)
            POINTS[arguments[0]] = POINTS.get(arguments[0], 0) + 1
            at += STRIDE
        self.check(wanted)
        self.family.check_nothing_stays(self, self.daemon)

    def test_a_launch(self):
        self.each_point("stop", ("start", "one"), ("running", "stopped"))

    def test_a_stop(self):
        self.each_point("start", ("stop", "one"), ("running", "stopped"))

    def test_a_restart(self):
        self.each_point("start", ("restart", "one"), ("running",))

    def test_an_adoption(self):
        pid = self.daemon.process("one")["pid"]
        at, cut_off = random.randrange(STRIDE) + 1, True
        while cut_off:
            with self.subTest(at=at):
                self.daemon.stop(signal.SIGKILL)
                self.daemon.argv_prefix = [CUT, "-", str(at)]
                self.daemon.start()
                cut_off = rtmem.wait_until(lambda: self.daemon.popen.poll() is not None and 1 or
                                           self.adopted() and 2, "it's cut off, or through") == 1
                self.end_cutter()
                self.daemon.argv_prefix = []
                self.daemon.start()
                self.check(("running",))
                self.assertEqual(self.daemon.process("one")["pid"], pid)
            POINTS["adoption"] = POINTS.get("adoption", 0) + 1
            at += STRIDE * 3

    def adopted(self):
        document = self.daemon.status()
        return document and all(p["ready"] for p in document["processes"])

    def end_cutter(self):
        """And rtmemd below it."""
        for pid in lone.children(self.daemon.popen.pid):
            os.kill(pid, signal.SIGKILL)
        self.daemon.popen.wait(10)

    @classmethod
    def tearDownClass(cls):
        print(f"cut off at {POINTS}")


rtmem.require_root()
rtmem.main()
