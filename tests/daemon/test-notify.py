#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What rtmemd tells its own manager, and when."""
import signal
import time

import fixture
import rtmem
from fixture import document, sleeper

WRONG = "  wrong:\n    command: [/nonexistent/program]\n    ready: { when: exec }\n"


class Notify(rtmem.TestCase):
    def daemon(self, text, manager, **more):
        return rtmem.Daemon(text, environment={"NOTIFY_SOCKET": manager.path, **more})

    def test_ready_without_processes_comes_at_once(self):
        with fixture.Manager() as m, self.daemon(document(), m):
            m.wait("READY=1")
            self.assertIn("STATUS=0 processes", m.lines)

    def test_ready_waits_for_every_process(self):
        with fixture.Subjects() as s, fixture.Manager() as m, self.daemon(document(
                s.policy("slow", "ready: { when: notify }"), sleeper("fast")), m) as d:
            d.wait_ready("fast")
            d.wait_process("slow", lambda p: p["state"] == "preparing", "runs")
            self.assertNotIn("READY=1", m.receive())
            m.wait("STATUS=2 processes: 1 compliant, 1 pending")
            self.assertTrue(any(line.startswith("EXTEND_TIMEOUT_USEC=") for line in m.lines))
            s.tell("slow", "say READY=1")
            m.wait("READY=1")
            m.wait("STATUS=2 processes: 2 compliant")

    def test_ready_comes_although_one_failed(self):
        with fixture.Manager() as m, self.daemon(document(WRONG, sleeper("a")), m) as d:
            m.wait("READY=1")
            line = m.wait("STATUS=2 processes: 1 compliant, 1 failed (wrong: ")
            self.assertIn("No such file or directory", line)
            self.assertEqual(d.process("wrong")["state"], "failed")

    def test_ready_comes_although_one_is_too_late(self):
        with fixture.Subjects() as s, fixture.Manager() as m, self.daemon(document(
                s.policy("late", "ready: { when: notify, timeout: 300ms }")), m):
            m.wait("READY=1")
            m.wait("STATUS=1 process: 1 violating (late: ready: ")

    def test_a_long_preparation_is_waited_for_as_long_as_it_moves(self):
        with open("/proc/meminfo", encoding="ascii") as f:
            available = next(int(line.split()[1]) for line in f if "MemAvailable" in line)
        if available < 6 << 20:
            self.skipTest("less than 6 GiB of memory available")
        began = time.monotonic()
        with fixture.Manager() as m, self.daemon(document(
                '  big:\n    command: [/bin/sleep, "1000"]\n'
                '    ready: { when: exec, timeout: 1500ms }\n'
                '    memory: { lock: strict, heap: { prealloc: 3G } }\n'), m) as d:
            m.wait("READY=1", seconds=120)
            took = time.monotonic() - began
            self.assertNotIn("ready: wanted", d.log())
            self.assertEqual(d.process("big")["compliance"], "compliant")
            if took > 1.5:
                m.wait("STATUS=1 process: 1 pending (big: prefault ")
                self.assertGreater(
                    len([line for line in m.lines if line.startswith("EXTEND_TIMEOUT")]), 1)

    def test_status_names_who_violates(self):
        with fixture.Subjects() as s, fixture.Manager() as m, self.daemon(document(
                s.policy("node", "ready: { when: notify }", "compliance: { interval: 100ms }",
                         "memory: { heap: { prealloc: 4M } }"), sleeper("a")), m) as d:
            s.tell("node", "say READY=1")
            d.wait_ready("node")
            s.tell("node", "munlockall")
            m.wait("STATUS=2 processes: 1 compliant, 1 violating (node: lock: ")

    def check_reload(self, manager, before):
        manager.wait("READY=1", 2)
        place = manager.lines.index("RELOADING=1")
        self.assertIn("READY=1", manager.lines[place:])
        stamp = int(manager.wait("MONOTONIC_USEC=").partition("=")[2])
        self.assertLessEqual(before, stamp)
        self.assertLessEqual(stamp, time.monotonic_ns() // 1000)

    def test_reload_by_signal(self):
        with fixture.Manager() as m, self.daemon(document(sleeper("a")), m) as d:
            m.wait("READY=1")
            before = time.monotonic_ns() // 1000
            d.popen.send_signal(signal.SIGHUP)
            self.check_reload(m, before)

    def test_a_reload_before_ready_is_not_ready(self):
        with fixture.Subjects() as s, fixture.Manager() as m, self.daemon(
                document(s.policy("slow", "ready: { when: notify }")), m) as d:
            d.wait_process("slow", lambda p: p["state"] == "preparing", "runs")
            self.assertEqual(d.ctl("apply").returncode, 0)
            self.assertFalse({"READY=1", "RELOADING=1"} & set(m.receive()))
            s.tell("slow", "say READY=1")
            m.wait("READY=1")

    def test_a_refused_reload_ends_with_ready_too(self):
        with fixture.Manager() as m, self.daemon(document(sleeper("a")), m) as d:
            m.wait("READY=1")
            d.write_policy("test.yaml", "version: 99\n")
            before = time.monotonic_ns() // 1000
            d.ctl("apply")
            self.check_reload(m, before)

    def test_a_dry_run_is_no_reload(self):
        with fixture.Manager() as m, self.daemon(document(sleeper("a")), m) as d:
            m.wait("READY=1")
            self.assertEqual(d.ctl("apply", "--dry-run").returncode, 0)
            d.stop()
            m.wait("STOPPING=1")
            self.assertNotIn("RELOADING=1", m.lines)

    def test_the_watchdog_is_fed(self):
        with fixture.Manager() as m, self.daemon(document(), m, WATCHDOG_USEC="200000"):
            m.wait("WATCHDOG=1", 3)

    def test_processes_see_nothing_of_it(self):
        """Neither the manager's socket nor its watchdog are theirs."""
        with fixture.Manager() as m, self.daemon(
                document(sleeper("a")), m, WATCHDOG_USEC="200000", SECRET="x") as d:
            pid = d.wait_ready("a")["pid"]
            with open(f"/proc/{pid}/environ", "rb") as f:
                names = {item.partition(b"=")[0] for item in f.read().split(b"\0")}
            self.assertFalse(names & {b"NOTIFY_SOCKET", b"WATCHDOG_USEC", b"SECRET"}, names)


rtmem.require_root()
rtmem.main()
