#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A hundred processes, and what they leave behind in rtmemd."""
import os

import fixture
import rtmem

N = 100
KEYS = ("memory: { stack: { main: 64K, threads: 64K } }",)


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.popen.pid}/fd"))


class Many(rtmem.TestCase):
    def test_a_hundred_are_compliant_and_leave_nothing_behind(self):
        with rtmem.Daemon(fixture.document(fixture.sleeper("first"))) as d:
            d.wait_ready("first")
            before = descriptors(d)
            d.write_policy("test.yaml", fixture.document(
                fixture.sleeper("first"), *(fixture.sleeper(f"p{i}", *KEYS) for i in range(N))))
            self.assertEqual(d.ctl("apply").returncode, 0)
            self.check_all(d)
            d.write_policy("test.yaml", fixture.document(fixture.sleeper("first")))
            self.assertEqual(d.ctl("apply").returncode, 0)
            rtmem.wait_until(lambda: len(d.status()["processes"]) == 1, "all others ended", 30)
            # at most: a question about the first may still have been open then
            rtmem.wait_until(lambda: descriptors(d) <= before, f"{before} descriptors again")
            self.assertEqual(os.listdir(os.path.join(d.runtime_dir, "processes")), ["first"])

    def check_all(self, daemon):
        def compliant():
            document = daemon.status()
            return document if all(p["compliance"] == "compliant" and p["ready"]
                                   for p in document["processes"]) else None
        document = rtmem.wait_until(compliant, "all compliant", 60)
        self.assertEqual(len(document["processes"]), N + 1)
        self.assertEqual(len({p["pid"] for p in document["processes"]}), N + 1)
        self.assertEqual(document["daemon"]["state"], "compliant")

    def test_starting_and_ending_over_and_over_leaves_nothing_behind(self):
        with rtmem.Daemon(fixture.document(fixture.sleeper("a"))) as d:
            d.wait_ready("a")
            d.status()
            before = descriptors(d)
            for _ in range(20):
                self.assertEqual(d.ctl("restart", "a").returncode, 0)
            rtmem.wait_until(lambda: descriptors(d) == before, f"{before} descriptors again")


rtmem.require_root()
rtmem.main()
