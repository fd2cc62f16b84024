#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What undoes a lock later, each row by a real process that makes the real call: seen by itself, within an
interval, while nobody asks for the status."""
import json
import re
import subprocess
import time

import fixture
import rtmem

INTERVAL = 0.5
SLACK = 3  # the machine under test is busy; without the check the log would never say it
KEYS = ("ready: { when: notify }", "compliance: { interval: 500ms }",
        "memory: { lock: %s, heap: { prealloc: 4M } }",
        "limits: { core: 0, nofile: 200 }")


class Undone(rtmem.TestCase):
    lock = "strict"
    extra = ()

    def setUp(self):
        self.subjects = fixture.Subjects().__enter__()
        self.addCleanup(self.subjects.__exit__)
        keys = [k % self.lock if "%s" in k else k for k in KEYS] + list(self.extra)
        self.daemon = rtmem.Daemon(fixture.document(self.subjects.policy("node", *keys)))
        self.daemon.__enter__()
        self.addCleanup(lambda: self.daemon.__exit__(None, None, None))
        self.subjects.tell("node", "say READY=1")
        self.pid = self.daemon.wait_ready("node")["pid"]
        self.assertEqual(self.daemon.process("node")["findings"], [])

    def expect(self, deed, rule, pattern):
        """Within an interval the log tells of the finding; the status keeps it."""
        self.subjects.tell("node", deed)
        begin = time.monotonic()
        fixture.wait_log(self.daemon, f"node: {rule}: wanted ")
        self.assertLess(time.monotonic() - begin, INTERVAL + SLACK)
        p = self.daemon.process("node")
        self.assertEqual(p["compliance"], "violating")
        finding = fixture.findings(p)[rule]
        self.assertRegex(finding["seen"] + ": " + finding["detail"], re.compile(pattern, re.S))
        return p


class ByEffect(Undone):
    """Past any library: what the kernel shows."""

    def test_munlockall(self):
        self.expect("raw-munlockall", "lock", "nothing is locked")

    def test_a_second_mlockall_without_future(self):
        self.expect("raw-mlockall 1024", "lock", "unlocked of ")

    def test_madvise_after_munlock(self):
        self.expect("dontneed 1024", "lock", "unlocked of ")

    def test_a_heap_that_shrinks(self):
        self.expect("sbrk 1024", "heap_prealloc", "the heap is smaller than it was made")

    def test_a_limit(self):
        self.expect("nofile 100", "limits.nofile", "soft 100, hard 200")

    def test_another_program(self):
        p = self.expect("exec /bin/sleep", "exec", "executed .*/(sleep|coreutils|busybox)")
        self.assertIn("lock", fixture.findings(p))
        self.assertEqual(p["pid"], self.pid)

    def test_huge_pages(self):
        self.expect("thp 1", "thp", "on")


class Told(Undone):
    """Through the C library: who it was, and where, is told by the library inside."""
    who = r"thread subject \(tid [0-9]+\) at subject\+0x[0-9a-f]+"

    def test_munlockall(self):
        self.expect("munlockall", "lock", "nothing is locked.*munlockall once, last: " + self.who)

    def test_a_second_mlockall_without_future(self):
        p = self.expect("mlockall 0", "lock", "mlockall once: " + self.who)
        self.assertEqual(p["memory"]["size"] - p["memory"]["locked"], 32 << 10)

    def test_munlock(self):
        self.expect("munlock 64", "lock", "unlocked of .*munlock once, last: " + self.who)

    def test_malloc_trim(self):
        self.expect("trim", "heap_prealloc", "malloc_trim once.*" + self.who)

    def test_dumpable(self):
        self.expect("dumpable 1", "dumpable", "prctl once: " + self.who)

    def test_huge_pages(self):
        self.expect("thp 1", "thp", "on: .*prctl once, last: " + self.who)

    def test_forks_are_counted(self):
        self.expect("fork", "fork", "fork once: " + self.who)
        self.subjects.tell("node", "fork", "fork")
        self.daemon.wait_process(
            "node", lambda p: fixture.findings(p)["fork"]["seen"] == "fork 3 times", "3 forks")

    def test_what_happens_before_ready_is_a_note(self):
        text = fixture.document(self.subjects.policy("early", *(
            k % "strict" if "%s" in k else k for k in KEYS)))
        with rtmem.Daemon(text) as d:
            self.subjects.tell("early", "fork", "say READY=1")
            p = d.wait_ready("early")
            self.assertEqual((p["compliance"], p["findings"]), ("compliant", []))
            self.assertIn("before it was ready: fork once", json.dumps(p["notes"]))


class WithoutPerf(rtmem.TestCase):
    def test_another_program_is_found_all_the_same(self):
        drop = ("setpriv", "--bounding-set", "-perfmon,-sys_admin", "--inh-caps",
                "-perfmon,-sys_admin")
        with open("/proc/sys/kernel/perf_event_paranoid", encoding="ascii") as f:
            if int(f.read()) < 2:
                self.skipTest("perf_event_paranoid is below 2: perf can't be refused here")
        rtmem.require_program("setpriv")
        if subprocess.run([*drop, "/bin/true"], check=False).returncode:
            self.skipTest("capabilities can't be dropped here")
        keys = [k % "strict" if "%s" in k else k for k in KEYS]
        with fixture.Subjects() as s, rtmem.Daemon(
                fixture.document(s.policy("node", *keys)), argv_prefix=drop) as d:
            s.tell("node", "say READY=1")
            self.assertEqual(d.wait_ready("node")["fault_source"], "proc")
            s.tell("node", "exec /bin/sleep")
            fixture.wait_log(d, "node: exec: wanted ", seconds=15)


class Scheduler(Undone):
    extra = ("scheduling: { policy: other }",)

    def test_a_scheduler(self):
        self.expect("batch", "scheduling.policy", "batch")


class Balanced(Undone):
    lock = "balanced"

    def test_munlockall_is_told_and_mended(self):
        self.subjects.tell("node", "raw-munlockall")
        fixture.wait_log(self.daemon, "node: lock: wanted balanced: ")
        fixture.wait_log(self.daemon, "node: lock: as wanted again")
        p = self.daemon.process("node")
        self.assertLessEqual(p["memory"]["size"] - p["memory"]["locked"], 64 << 10)
        self.assertIn("had been locked wasn't any more", json.dumps(p["notes"]))

    def test_late_threads_get_locked_and_are_no_finding(self):
        self.subjects.tell("node", "thread late")
        p = self.daemon.wait_process(
            "node", lambda p: p["memory"]["size"] - p["memory"]["locked"] <= 64 << 10
            and "late" in fixture.threads(p), "the late thread's stack is locked")
        # creating it may cost its creator a fault: its stack is a mapping that came later
        self.assertLessEqual(set(fixture.findings(p)), {"minor_faults"})
        self.assertNotIn("node: lock: ", self.daemon.log())
        self.assertEqual(p["faults"]["major"], 0)


class Settled(rtmem.TestCase):
    def test_a_wrapper_that_executes_something_else_is_named(self):
        text = ('  node:\n    command: [/bin/sh, -c, "sleep 0.2; exec /bin/sleep 1000"]\n'
                '    ready: { when: settle }\n    memory: { lock: strict }\n'
                '    compliance: { interval: 500ms }\n')
        with rtmem.Daemon(fixture.document(text)) as d:
            p = d.wait_ready("node")
            self.assertIn("executed ", fixture.findings(p)["exec"]["detail"])
            self.assertEqual(p["compliance"], "violating")


rtmem.require_root()
rtmem.main()
