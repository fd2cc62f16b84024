#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""memory.seal: calls that change the memory map are counted per thread, exactly, or denied, each with the error
that its manual has, by real programs under a real rtmemd."""
import os
import re
import subprocess
import tempfile

import fixture
import rtmem

STRICT = "memory: { lock: strict, seal: %s, heap: { prealloc: 8M }, stack: { threads: 128K } }"
NOTIFY = ("ready: { when: notify }", "compliance: { interval: 200ms, minor_faults: unlimited }")


class Mapper:
    """program mapper (or its static build) under a daemon of its own; for use in `with`."""

    def __init__(self, mode, *keys, program="mapper", memory=STRICT, arguments=(), argv_prefix=()):
        self.dir = tempfile.mkdtemp(prefix="rtmem-mapper-")
        os.chmod(self.dir, 0o755)
        self.fifo = os.path.join(self.dir, "fifo")
        os.mkfifo(self.fifo)
        lines = "".join(f"    {k}\n" for k in (memory % mode, *NOTIFY, *keys))
        self.daemon = rtmem.Daemon(
            f'version: 1\nprocesses:\n  m:\n    command: ["{fixture.PROGRAMS}/{program}", '
            f'"{self.fifo}"]\n{lines}', arguments=arguments, argv_prefix=argv_prefix)

    def __enter__(self):
        self.daemon.__enter__()
        return self

    def __exit__(self, *what):
        try:
            self.daemon.__exit__(*what)
        finally:
            subprocess.run(["rm", "-rf", self.dir], check=False)

    def do(self, *deeds):
        """{deed: errno} of "THREAD CALL N"; waits for each to be done."""
        results = {}
        for deed in deeds:
            before = self.daemon.log().count(f"\n{deed}: ")

            def opened():
                try:
                    return os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK) + 1
                except OSError:
                    return 0
            fd = rtmem.wait_until(opened, "mapper listens") - 1
            os.write(fd, f"{deed}\n".encode())
            os.close(fd)
            rtmem.wait_until(lambda d=deed, b=before: self.daemon.log().count(f"\n{d}: ") > b, deed)
            results[deed] = re.findall(rf"^{deed}: (\w+)$", self.daemon.log(), re.M)[-1]
        return results

    def ready(self):
        self.do("main ready 1")
        p = self.daemon.wait_ready("m")
        if p["seal"]["mode"] == "deny":
            p = self.daemon.wait_process("m", lambda p: p["seal"]["in_force"], "sealed")
        return p

    def wait_calls(self, expected):
        """Until the counts of each thread are these, and no more come."""
        def counted(p):
            return {t["name"]: t["calls"] for t in p["seal"]["threads"]} == expected
        return self.daemon.wait_process("m", counted, f"calls {expected}")


class Report(rtmem.TestCase):
    program = "mapper"

    def test_calls_are_counted_by_thread_and_by_call(self):
        with Mapper("report", program=self.program) as m:
            m.do("one mmap 5", "main brk 1")  # not ready yet: nobody's business
            self.assertEqual(m.ready()["seal"]["calls"], {})
            self.assertEqual(m.daemon.process("m")["findings"], [])
            m.do("one mmap 3", "two munmap 5", "three brk 2", "main mprotect 1", "one dontneed 4",
                 "two mremap 2", "three fork 2")
            # these change nothing
            m.do("three willneed 7", "main brk-question 9", "two nothing 50")
            p = m.wait_calls({"one": {"mmap": 3, "madvise": 4}, "two": {"munmap": 5, "mremap": 2},
                              "three": {"brk": 2, "fork": 2}, self.program[:15]: {"mprotect": 1}})
            self.assertEqual(p["seal"]["calls"], {"mmap": 3, "munmap": 5, "brk": 2, "mprotect": 1,
                                                  "mremap": 2, "madvise": 4, "fork": 2})
            self.assertEqual(p["seal"]["source"], "calls")
            finding = fixture.findings(p)["seal"]
            self.assertIn("mmap 3, munmap 5, brk 2", finding["seen"])
            self.assertRegex(finding["detail"], r"thread one \(tid \d+\): mmap 3, madvise 4")
            self.assertEqual(p["compliance"], "violating")
            self.assertEqual(rtmem.status_field(p["pid"], "Seccomp"), 0)

    def test_what_is_too_much_is_counted_all_the_same(self):
        with Mapper("report", program=self.program) as m:
            m.ready()
            m.do("one mprotect 50000")
            p = m.daemon.wait_process("m", lambda p: p["seal"]["lost"] + p["seal"]["calls"].get(
                "mprotect", 0) == 50000, "50000 calls")
            self.assertGreater(p["seal"]["calls"]["mprotect"], 1000)

    def test_a_later_rtmemd_goes_on_counting(self):
        with Mapper("report", program=self.program) as m:
            m.ready()
            m.daemon.stop(rtmem.signal.SIGKILL)
            m.daemon.start()
            m.daemon.wait_ready("m")
            m.do("two mmap 3")
            p = m.wait_calls({"two": {"mmap": 3}})
            self.assertIn("counted since its adoption", str(p["notes"]))


class ReportStatic(Report):
    """Prepared by ptrace: nobody inside is needed."""
    program = "mapper-static"

    def setUp(self):
        if not os.path.exists(os.path.join(fixture.PROGRAMS, self.program)):
            self.skipTest("no static programs here")


class WithoutTracing(rtmem.TestCase):
    """Where tracefs can't be looked at."""

    def setUp(self):
        if os.path.exists("/sys/kernel/tracing/events"):
            self.skipTest("tracefs is mounted here, for everybody who may look")
        self.prefix = ("setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin")

    def test_the_size_tells_what_it_can(self):
        with Mapper("report", argv_prefix=self.prefix) as m:
            self.assertEqual(m.ready()["seal"]["source"], "size")
            m.do("one mmap 64")
            p = m.daemon.wait_process("m", lambda p: "seal" in fixture.findings(p), "a finding")
            self.assertIn("another size", fixture.findings(p)["seal"]["seen"])
            self.assertIn("single calls can't be counted", str(p["notes"]))

    def test_what_is_denied_is_denied(self):
        with Mapper("deny", argv_prefix=self.prefix) as m:
            p = m.ready()
            self.assertEqual(p["seal"]["source"], "none")
            self.assertEqual(m.do("one mmap 1"), {"one mmap 1": "ENOMEM"})
            self.assertIn("known to the program alone", str(p["notes"]))


class Deny(rtmem.TestCase):
    def test_each_call_fails_as_its_manual_has_it(self):
        with Mapper("deny") as m:
            for call in ("mmap", "munmap", "brk", "mprotect", "mremap", "fork"):
                self.assertEqual(m.do(f"one {call} 1"), {f"one {call} 1": "0"}, "before it's ready")
            p = m.ready()
            self.assertEqual(p["findings"], [])
            self.assertEqual(rtmem.status_field(p["pid"], "Seccomp"), 2)
            self.assertEqual(rtmem.status_field(p["pid"], "NoNewPrivs"), 1)
            self.assertEqual(m.do(
                "one mmap 1", "one munmap 1", "two brk 1", "two mprotect 1", "three mremap 1",
                "three dontneed 1", "main fork 1", "main exec 1"), {
                    "one mmap 1": "ENOMEM", "one munmap 1": "ENOMEM", "two brk 1": "ENOMEM",
                    "two mprotect 1": "ENOMEM", "three mremap 1": "ENOMEM",
                    "three dontneed 1": "EINVAL", "main fork 1": "EPERM", "main exec 1": "EPERM"})
            p = m.wait_calls({"one": {"mmap": 1, "munmap": 1}, "two": {"brk": 1, "mprotect": 1},
                              "three": {"mremap": 1, "madvise": 1},
                              "mapper": {"fork": 1, "execve": 1}})
            self.assertEqual(fixture.findings(p)["seal"]["seen"], "denied: mmap 1, munmap 1, brk 1, "
                             "mprotect 1, mremap 1, madvise 1, fork 1, execve 1")

    def test_what_changes_nothing_goes_on(self):
        with Mapper("deny") as m:
            m.do("one libc-thread 1")
            m.ready()
            done = m.do("one willneed 3", "two brk-question 3", "three nothing 3",
                        "main libc-small-block 50", "one libc-thread 50")
            self.assertEqual(set(done.values()), {"0"}, done)

    def test_the_c_library_lives_with_it(self):
        with Mapper("deny") as m:
            m.ready()
            self.assertEqual(m.do("one libc-large-block 1", "two libc-large-thread 1",
                                  "main libc-fork 1"), {
                "one libc-large-block 1": "ENOMEM", "two libc-large-thread 1": "EAGAIN",
                "main libc-fork 1": "EPERM"})
            self.assertNotEqual(m.do("main libc-spawn 1")["main libc-spawn 1"], "0")
            self.assertEqual(m.do("one libc-large-block 1", "main libc-small-block 9"), {
                "one libc-large-block 1": "ENOMEM", "main libc-small-block 9": "0"})

    def test_no_stack_is_given_back(self):
        """glibc ends a program in which munmap() of a stack fails; its cache of stacks is smaller than this one."""
        with Mapper("deny") as m:
            m.do("main libc-hold 1")
            m.ready()
            self.assertEqual(m.do("main libc-release 1", "one libc-small-block 1"),
                             {"main libc-release 1": "0", "one libc-small-block 1": "0"})
            self.assertNotIn("munmap", m.daemon.process("m")["seal"]["calls"])

    def test_it_outlives_rtmemd(self):
        with Mapper("deny") as m:
            m.ready()
            m.daemon.stop(rtmem.signal.SIGKILL)
            self.assertEqual(m.do("two mmap 1"), {"two mmap 1": "ENOMEM"})
            m.daemon.start()
            p = m.daemon.wait_ready("m")
            self.assertTrue(p["seal"]["in_force"])
            self.assertNotIn("seal", fixture.findings(p))
            m.do("one mmap 1")
            m.wait_calls({"one": {"mmap": 1}})

    def test_a_thread_with_a_filter_of_its_own_is_in_the_way(self):
        with Mapper("deny") as m:
            m.do("two filter 1", "main ready 1")
            p = m.daemon.wait_process("m", lambda p: "seal" in fixture.findings(p), "a finding")
            finding = fixture.findings(p)["seal"]
            self.assertEqual(finding["seen"], "not in force")
            self.assertRegex(finding["detail"], r"thread \d+ has put a seccomp filter of its own")
            self.assertFalse(p["seal"]["in_force"])
            self.assertEqual(m.do("one mmap 1"), {"one mmap 1": "0"})

    def test_a_program_that_takes_no_library_is_refused(self):
        if not os.path.exists(os.path.join(fixture.PROGRAMS, "mapper-static")):
            self.skipTest("no static programs here")
        with Mapper("deny", program="mapper-static") as m:
            p = m.daemon.wait_process("m", lambda p: p["state"] == "failed", "failed")
            self.assertIn("memory.seal: deny takes the library inside",
                          fixture.findings(p)["launch"]["detail"])


class Off(rtmem.TestCase):
    def events(self, mode):
        """Descriptors of perf that rtmemd has once the process is ready."""
        with Mapper(mode) as m:
            m.do("main ready 1")
            self.assertEqual("seal" in m.daemon.wait_ready("m"), mode != "off")
            fds = f"/proc/{m.daemon.popen.pid}/fd"
            return sum("perf_event" in os.readlink(os.path.join(fds, fd)) for fd in os.listdir(fds))

    def test_nobody_pays(self):
        off, report = self.events("off"), self.events("report")
        n_cpus = os.sysconf("SC_NPROCESSORS_ONLN")
        self.assertEqual(report - off, 2 * n_cpus)  # a ring and an event for each
        self.assertEqual(self.events("deny"), report)


rtmem.require_root()
rtmem.main()
