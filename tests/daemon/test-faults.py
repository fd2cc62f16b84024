#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is seen of a process that was compliant and stops being so."""
import os
import resource
import subprocess

import fixture
import rtmem

WATCHED = ("ready: { when: notify }", "compliance: { interval: 100ms }",
           "memory: { heap: { prealloc: 4M } }")
MAY_PERF = "perf is refused"


class Watched(rtmem.TestCase):
    """One process, ready and compliant, before each test."""

    keys = WATCHED

    def setUp(self):
        self.subjects = fixture.Subjects().__enter__()
        self.addCleanup(self.subjects.__exit__)
        text = fixture.document(self.subjects.policy("node", *self.keys),
                                self.subjects.policy("other", *self.keys))
        self.daemon = rtmem.Daemon(text)
        self.daemon.__enter__()
        self.addCleanup(lambda: self.daemon.__exit__(None, None, None))
        self.subjects.tell("node", "say READY=1")
        self.subjects.tell("other", "say READY=1")
        self.pid = self.daemon.wait_ready("node")["pid"]
        self.daemon.wait_ready("other")
        self.assertEqual(self.daemon.process("node")["compliance"], "compliant")

    def tell(self, *commands):
        self.subjects.tell("node", *commands)

    def wait_finding(self, rule):
        p = self.daemon.wait_process("node", lambda p: rule in fixture.findings(p), rule)
        self.assertEqual(p["compliance"], "violating")
        return fixture.findings(p)[rule], p

    def wait_compliant(self):
        return self.daemon.wait_process("node", lambda p: p["compliance"] == "compliant",
                                        "compliant again")

    def in_log(self, text):
        fixture.wait_log(self.daemon, text)


class Faults(Watched):
    def setUp(self):
        super().setUp()
        if MAY_PERF in self.daemon.log():
            self.skipTest("perf is refused here: threads and populated pages can't be told apart")

    def wait_recorded(self, n):
        """Waits for so many faults; a sample in their midst has counted some that it has no record of."""
        def recorded(p):
            return sum(t["minor"] for t in p["threads"]) == p["faults"]["minor"] >= n
        return self.daemon.wait_process("node", recorded, f"{n} faults, all with their thread")

    def test_faults_are_seen_with_their_thread(self):
        self.tell("fault-worker 20")
        finding, p = self.wait_finding("minor_faults")
        p = self.wait_recorded(20)
        by_name = fixture.threads(p)
        self.assertGreaterEqual(by_name["worker"]["minor"], 20)
        self.assertEqual(by_name["worker"]["minor"], p["faults"]["minor"])
        for name in ("subject", "idle"):
            self.assertEqual((by_name[name]["minor"], by_name[name]["major"]), (0, 0))
        self.assertEqual(finding["wanted"], "0")
        detail = fixture.findings(p)["minor_faults"]["detail"]
        self.assertIn(f"in thread worker (tid {by_name['worker']['tid']}), last at address 0x",
                      detail)
        self.in_log("node: minor_faults: wanted 0, seen ")
        other = self.daemon.process("other")
        self.assertEqual((other["compliance"], other["faults"]["minor"]), ("compliant", 0))
        self.assertEqual(self.daemon.status()["daemon"]["state"], "violating")

    def test_each_thread_has_its_own_count(self):
        self.tell("fault-worker 30", "fault 7")
        p = self.wait_recorded(37)
        counts = {name: t["minor"] for name, t in fixture.threads(p).items()}
        self.assertGreaterEqual(counts["worker"], 30)
        self.assertGreaterEqual(counts["subject"], 7)
        self.assertLess(counts["subject"], 30)
        self.assertEqual(counts["idle"], 0)
        self.assertEqual(sum(counts.values()), p["faults"]["minor"])

    def test_more_faults_than_the_ring_holds_are_all_counted(self):
        self.tell("fault-worker 30000")
        p = self.daemon.wait_process("node", lambda p: p["faults"]["minor"] >= 30000, "30000")
        self.assertLess(p["faults"]["minor"], 31000)

    def test_populated_pages_are_no_faults(self):
        before = self.daemon.process("node")["memory"]["rss"]
        self.tell("populate 5000")
        p = self.daemon.wait_process(
            "node", lambda p: p["memory"]["rss"] >= before + 5000 * 4096, "populated")
        self.assertEqual(p["faults"], {"minor": 0, "major": 0})
        self.assertEqual(p["compliance"], "compliant")


class Undone(Watched):
    def test_an_undone_lock_is_a_finding_within_an_interval(self):
        self.tell("munlockall")
        self.in_log("node: lock: wanted strict: at most ")  # by itself: nobody asks for status
        finding, p = self.wait_finding("lock")
        self.assertIn("nothing is locked", finding["detail"])
        self.assertEqual(p["memory"]["locked"], 0)

    def test_huge_pages_switched_on_again(self):
        self.tell("thp 1")
        self.in_log("node: thp: wanted off, seen on")
        self.wait_finding("thp")
        self.tell("thp 0")
        self.wait_compliant()
        self.in_log("node: thp: as wanted again")


class Limits(Watched):
    keys = WATCHED + ("limits: { core: 0, nofile: 200, rtprio: 0 }",)

    def test_a_limit_lowered_from_outside(self):
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (100, 200))
        finding, _ = self.wait_finding("limits.nofile")
        self.assertEqual((finding["wanted"], finding["seen"]), ("200", "soft 100, hard 200"))
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (200, 200))
        self.wait_compliant()

    def test_a_scheduler_is_judged_where_the_policy_names_one(self):
        os.sched_setscheduler(self.pid, os.SCHED_BATCH, os.sched_param(0))
        self.assertEqual(self.daemon.process("node")["compliance"], "compliant")


class OnViolation(rtmem.TestCase):
    def test_restart_starts_a_fresh_one(self):
        keys = WATCHED[:1] + ("compliance: { interval: 100ms, on_violation: restart }",
                              "restart: { delay: 100ms }", WATCHED[2])
        with fixture.Subjects() as s, rtmem.Daemon(
                fixture.document(s.policy("node", *keys))) as d:
            s.tell("node", "say READY=1")
            pid = d.wait_ready("node")["pid"]
            s.tell("node", "munlockall")
            rtmem.wait_until(lambda: not rtmem.alive(pid), "the first ends")
            p = d.wait_process("node", lambda p: p["pid"] not in (0, pid), "the second runs")
            self.assertEqual(p["restarts"], 1)
            s.tell("node", "say READY=1")
            self.assertEqual(d.wait_ready("node")["compliance"], "compliant")

    def test_stop_ends_it_for_good_and_says_why(self):
        keys = WATCHED[:1] + ("compliance: { interval: 100ms, on_violation: stop }", WATCHED[2])
        with fixture.Subjects() as s, rtmem.Daemon(
                fixture.document(s.policy("node", *keys))) as d:
            s.tell("node", "say READY=1")
            pid = d.wait_ready("node")["pid"]
            s.tell("node", "munlockall")
            p = d.wait_process("node", lambda p: p["state"] == "failed", "failed")
            self.assertFalse(rtmem.alive(pid))
            self.assertIn("violation: lock", p["findings"][0]["detail"])
            self.assertEqual(d.status()["daemon"]["state"], "degraded")


class WithoutPerf(rtmem.TestCase):
    def test_faults_come_from_proc_and_a_note_says_so(self):
        setpriv = rtmem.require_program("setpriv")
        with open("/proc/sys/kernel/perf_event_paranoid", encoding="ascii") as f:
            if int(f.read()) < 2:
                self.skipTest("perf_event_paranoid is below 2: perf can't be refused here")
        drop = (setpriv, "--bounding-set", "-perfmon,-sys_admin", "--inh-caps",
                "-perfmon,-sys_admin")
        if subprocess.run([*drop, "/bin/true"], check=False).returncode:
            self.skipTest("capabilities can't be dropped here")
        with fixture.Subjects() as s, rtmem.Daemon(
                fixture.document(s.policy("node", *WATCHED)), argv_prefix=drop) as d:
            s.tell("node", "say READY=1")
            p = d.wait_ready("node")
            self.assertEqual(p["fault_source"], "proc")
            self.assertEqual([n["rule"] for n in p["notes"]], ["faults"])
            self.assertIn("/proc", p["notes"][0]["detail"])
            s.tell("node", "fault-worker 20")
            p = d.wait_process("node", lambda p: p["faults"]["minor"] >= 20, "20 faults")
            self.assertGreaterEqual(fixture.threads(p)["worker"]["minor"], 20)


rtmem.require_root()
rtmem.main()
