#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""When a process counts as ready, and what happens when it doesn't become so."""
import os
import time

import fixture
import rtmem

HEAP = "memory: { heap: { prealloc: 4M } }"


class Notify(rtmem.TestCase):
    def test_ready_counts_from_the_main_process_alone(self):
        with fixture.Subjects() as s, rtmem.Daemon(
                fixture.document(s.policy("node", "ready: { when: notify }", HEAP)),
                arguments=("--log-level", "debug")) as d:
            s.tell("node", "say-from-child READY=1")
            fixture.wait_log(d, "which isn't a managed process, was ignored")
            p = d.process("node")
            self.assertFalse(p["ready"])
            self.assertEqual((p["state"], p["compliance"]), ("preparing", "pending"))
            s.tell("node", "say READY=1")
            p = d.wait_ready("node")
            self.assertEqual((p["state"], p["compliance"]), ("running", "compliant"))
            self.assertEqual(p["findings"], [])

    def test_a_stranger_cannot_make_it_ready(self):
        with fixture.Subjects() as s, rtmem.Daemon(
                fixture.document(s.policy("node", "ready: { when: notify }", HEAP)),
                arguments=("--log-level", "debug")) as d:
            d.wait_process("node", lambda p: p["state"] == "preparing", "runs")
            sender = fixture.socket.socket(fixture.socket.AF_UNIX, fixture.socket.SOCK_DGRAM)
            with sender:
                sender.sendto(b"READY=1", os.path.join(d.runtime_dir, "notify"))
            fixture.wait_log(d, f"a notification of pid {os.getpid()}, which isn't")
            self.assertFalse(d.process("node")["ready"])

    def test_without_it_the_timeout_is_a_finding_and_nobody_is_killed(self):
        with fixture.Subjects() as s, rtmem.Daemon(fixture.document(
                s.policy("node", "ready: { when: notify, timeout: 300ms }", HEAP))) as d:
            p = d.wait_process("node", lambda p: p["findings"], "a finding")
            self.assertEqual([f["rule"] for f in p["findings"]], ["ready"])
            self.assertEqual(p["findings"][0]["wanted"], "notify within 300ms")
            self.assertIn("READY=1", p["findings"][0]["seen"])
            self.assertEqual((p["ready"], p["compliance"]), (False, "violating"))
            self.assertTrue(rtmem.alive(p["pid"]))
            s.tell("node", "say READY=1")  # late, but welcome
            late = d.wait_ready("node")
            self.assertEqual((late["pid"], late["findings"]), (p["pid"], []))

    def test_more_time_may_be_asked_for(self):
        with fixture.Subjects() as s, rtmem.Daemon(fixture.document(
                s.policy("node", "ready: { when: notify, timeout: 2s }", HEAP))) as d:
            s.tell("node", "say EXTEND_TIMEOUT_USEC=3600000000")
            time.sleep(2.5)  # that nothing happens can only be waited for
            self.assertEqual(d.process("node")["compliance"], "pending")
            s.tell("node", "say READY=1")
            self.assertEqual(d.wait_ready("node")["findings"], [])


class Settle(rtmem.TestCase):
    def test_standing_still_is_ready(self):
        with fixture.Subjects() as s, rtmem.Daemon(fixture.document(
                s.policy("node", "ready: { when: settle, settle: 200ms }", HEAP))) as d:
            p = d.wait_ready("node")
            self.assertEqual(p["compliance"], "compliant")
            self.assertEqual(p["faults"], {"minor": 0, "major": 0})
            self.assertEqual(set(fixture.threads(p)), {"subject", "worker", "idle"})

    def test_who_never_stands_still_is_told_what_moves(self):
        with fixture.Subjects() as s, rtmem.Daemon(fixture.document(
                s.policy("node", "ready: { when: settle, settle: 2s, timeout: 2500ms }"))) as d:
            s.tell("node", "restless")
            p = d.wait_process("node", lambda p: p["findings"], "a finding")
            finding = fixture.findings(p)["ready"]
            self.assertEqual(finding["wanted"], "settle within 2500ms")
            self.assertRegex(finding["seen"], r"\d+ faults")
            self.assertEqual(p["state"], "preparing")


class Exec(rtmem.TestCase):
    def test_the_report_is_enough(self):
        with rtmem.Daemon(fixture.document(fixture.sleeper("a"))) as d:
            p = d.wait_ready("a")
            self.assertEqual((p["compliance"], p["injection"]), ("compliant", "preload"))

    def test_without_a_lock_no_library_is_waited_for(self):
        with rtmem.Daemon(fixture.document(
                fixture.sleeper("a", "memory: { lock: none }"))) as d:
            p = d.wait_ready("a")
            self.assertEqual(p["state"], "running")


class Balanced(rtmem.TestCase):
    def test_all_that_is_mapped_at_ready_is_locked(self):
        with fixture.Subjects() as s, rtmem.Daemon(fixture.document(
                s.policy("node", "memory: { lock: balanced }", "ready: { when: notify }"))) as d:
            s.tell("node", "populate 2000", "say READY=1")
            p = d.wait_ready("node")
            memory = p["memory"]
            self.assertGreaterEqual(memory["locked"], 2000 * os.sysconf("SC_PAGE_SIZE"))
            self.assertLessEqual(memory["size"] - memory["locked"], 64 << 10)
            self.assertEqual(p["compliance"], "compliant")
            s.tell("node", "populate 3000")  # what comes later is free, until it's locked by and by
            more = d.wait_process(
                "node", lambda p: p["memory"]["size"] > memory["size"] + (8 << 20), "grown")
            self.assertGreaterEqual(more["memory"]["locked"], memory["locked"])
            self.assertEqual(more["compliance"], "compliant")
            s.tell("node", "munlockall")
            d.wait_process("node", lambda p: "lock" in fixture.findings(p), "the finding `lock`")


rtmem.require_root()
rtmem.main()
