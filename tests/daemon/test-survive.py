#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon ends in whatever way, the processes go on, and the next one finds them."""
import os
import re
import signal
import subprocess

import fixture
import lone
import rtmem

KEYS = ("ready: { when: notify }", "compliance: { interval: 100ms }",
        "memory: { heap: { prealloc: 4M } }")


class Survive(rtmem.TestCase):
    def setUp(self):
        self.subjects = fixture.Subjects().__enter__()
        self.addCleanup(self.subjects.__exit__)
        self.text = fixture.document(self.subjects.policy("node", *KEYS), fixture.sleeper("gone"))
        self.daemon = rtmem.Daemon(self.text)
        self.daemon.__enter__()
        self.addCleanup(lambda: self.daemon.__exit__(None, None, None))
        self.subjects.tell("node", "say READY=1")
        self.pid = self.daemon.wait_ready("node")["pid"]
        self.daemon.wait_ready("gone")

    def next_daemon(self):
        self.daemon.start()
        return self.daemon.wait_ready("node")

    def check_adopted(self, p):
        self.assertEqual((p["pid"], p["state"], p["injection"]), (self.pid, "running", "preload"))
        self.assertEqual((p["compliance"], p["findings"]), ("compliant", []))
        self.assertIn("adopted", [n["rule"] for n in p["notes"]])
        self.assertEqual(p["memory"]["heap_prealloc"] >= 4 << 20, True)
        self.assertIn(f"node: adopted: still runs as pid {self.pid}", self.daemon.log())
        self.assertEqual(self.daemon.log().count("node: started as pid"), 1)

    def test_sigterm_leaves_them_and_the_next_daemon_adopts(self):
        os.kill(self.daemon.process("gone")["pid"], signal.SIGKILL)
        self.daemon.wait_process("gone", lambda p: p["pid"] == 0, "gone")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertIn("; 1 managed process goes on", self.daemon.log())
        self.assertTrue(rtmem.alive(self.pid))
        self.check_adopted(self.next_daemon())

    def test_kill_leaves_them_and_the_next_daemon_adopts(self):
        self.assertEqual(self.daemon.stop(signal.SIGKILL), -signal.SIGKILL)
        self.assertTrue(rtmem.alive(self.pid))
        self.check_adopted(self.next_daemon())

    def test_what_is_adopted_is_judged_as_before(self):
        self.daemon.stop()
        self.check_adopted(self.next_daemon())
        self.subjects.tell("node", "fault-worker 20", "fault 5")
        p = self.daemon.wait_process("node", lambda p: p["faults"]["minor"] >= 25, "25 faults")
        self.assertEqual(p["compliance"], "violating")
        if p["fault_source"] == "perf":
            self.assertGreaterEqual(fixture.threads(p)["worker"]["minor"], 20)
            self.assertGreaterEqual(fixture.threads(p)["subject"]["minor"], 5)
            self.assertEqual(fixture.threads(p)["idle"]["minor"], 0)
        self.subjects.tell("node", "munlockall")
        self.daemon.wait_process("node", lambda p: "lock" in fixture.findings(p), "lock")

    def test_the_end_of_an_adopted_one_is_noticed(self):
        self.daemon.stop()
        self.next_daemon()
        self.subjects.tell("node", "exit 0")
        p = self.daemon.wait_process("node", lambda p: p["pid"] == 0, "ended")
        self.assertEqual((p["ready"], p["compliance"]), (False, "stopped"))
        fixture.wait_log(self.daemon, f"node: pid {self.pid} ended")

    def test_an_adopted_one_is_stopped_and_started_as_any_other(self):
        self.daemon.stop()
        self.next_daemon()
        self.assertEqual(self.daemon.ctl("stop", "node").returncode, 0)
        self.assertFalse(rtmem.alive(self.pid))
        self.assertEqual(self.daemon.ctl("start", "gone").returncode, 0)

    def test_one_that_ended_meanwhile_is_started_anew(self):
        self.daemon.stop()
        os.kill(self.pid, signal.SIGKILL)
        rtmem.wait_until(lambda: not rtmem.alive(self.pid), "the process ends")
        self.daemon.start()
        self.subjects.tell("node", "say READY=1")
        p = self.daemon.wait_ready("node")
        self.assertNotEqual(p["pid"], self.pid)
        self.assertNotIn("node: adopted", self.daemon.log())

    def record(self):
        return os.path.join(self.daemon.runtime_dir, "processes", "node")

    def change_record(self, pattern, replacement):
        with open(self.record(), encoding="ascii") as f:
            changed, n = re.subn(pattern, replacement, f.read())
        self.assertEqual(n, 1)
        with open(self.record(), "w", encoding="ascii") as f:
            f.write(changed)

    def check_started_anew(self):
        """The process that the record meant is left alone; it isn't known to be ours. Where it's in the
        control group of its name it is: it goes first, so that there aren't two."""
        self.daemon.start()
        p = self.daemon.wait_process("node", lambda p: p["pid"] > 0, "runs")
        self.assertNotEqual(p["pid"], self.pid)
        if self.daemon.cgroups:
            self.assertFalse(rtmem.alive(self.pid))
            self.pid = p["pid"]
        else:
            self.assertTrue(rtmem.alive(self.pid))
        self.assertNotIn("node: adopted", self.daemon.log())
        self.assertIn("gone: adopted", self.daemon.log())

    def test_a_reused_pid_is_not_adopted(self):
        self.daemon.stop()
        self.change_record(r"start_ticks=\d+", "start_ticks=1")
        self.check_started_anew()

    def reuse_pid(self):
        """A stranger with the pid of the process that has ended; others fork meanwhile, so it takes tries."""
        for _ in range(300):
            try:
                with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as f:
                    f.write(str(self.pid - 1))
            except OSError as e:
                self.skipTest(f"pids can't be chosen here: {e}")
            stranger = subprocess.Popen(  # pylint: disable=consider-using-with
                ["/bin/sleep", "1000"], start_new_session=True)
            self.addCleanup(stranger.wait)
            self.addCleanup(stranger.kill)
            if stranger.pid == self.pid:
                return stranger
        self.skipTest("its pid can't be had again: too many others are started here")

    def test_a_pid_that_is_really_reused_is_left_alone(self):
        with lone.Family():  # collects what loses its parent
            self.daemon.stop(signal.SIGKILL)
            os.kill(self.pid, signal.SIGKILL)
            rtmem.wait_until(lambda: not os.path.exists(f"/proc/{self.pid}"), "it's gone, and collected")
            stranger = self.reuse_pid()
            self.daemon.write_policy("test.yaml", self.text.replace(
                KEYS[0], KEYS[0] + "\n    restart: { when: always, delay: 50ms }", 1))
            self.daemon.start()
            p = self.daemon.wait_process("node", lambda p: p["pid"] > 0, "runs")
            self.assertNotEqual(p["pid"], stranger.pid)
            self.assertIn(f"node: pid {self.pid} ended meanwhile", self.daemon.log())
            self.assertEqual(self.daemon.ctl("stop", "node").returncode, 0)
            self.assertIsNone(stranger.poll())

    def test_a_record_of_another_boot_means_nothing(self):
        self.daemon.stop()
        self.change_record(r"boot_id=.*", "boot_id=00000000-0000-0000-0000-000000000000")
        self.check_started_anew()

    def test_a_broken_record_means_nothing(self):
        self.daemon.stop()
        for text in ("", "pid=\n", "\0" * 5000, f"pid={self.pid}\n", "boot_id\n=\n"):
            with open(self.record(), "w", encoding="ascii") as f:
                f.write(text)
            self.check_started_anew()
            self.daemon.stop()

    def test_a_changed_policy_is_told_to_who_was_adopted(self):
        self.daemon.stop()
        self.daemon.write_policy("test.yaml", self.text.replace("prealloc: 4M", "prealloc: 3M"))
        p = self.next_daemon()
        self.assertEqual(p["pid"], self.pid)
        note = [n["detail"] for n in p["notes"] if n["rule"] == "launch"]
        self.assertIn("rtmemctl restart node", note[0])

    def test_one_whose_policy_went_away_meanwhile_is_named(self):
        self.daemon.stop()
        self.daemon.write_policy("test.yaml", fixture.document(fixture.sleeper("gone")))
        self.daemon.start()
        self.daemon.wait_ready("gone")
        self.assertTrue(rtmem.alive(self.pid))
        self.assertIn("node: still runs as pid "
                      f"{self.pid}, but no policy names it any more", self.daemon.log())
        self.assertTrue(os.path.exists(self.record()))
        self.daemon.stop()
        self.daemon.write_policy("test.yaml", self.text)
        self.check_adopted(self.next_daemon())

    def test_what_was_stopped_stays_stopped(self):
        self.assertEqual(self.daemon.ctl("stop", "gone").returncode, 0)
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL):
            self.daemon.stop(number)
            p = self.next_daemon()
        self.check_adopted(p)
        self.assertEqual(self.daemon.process("gone")["state"], "stopped")
        self.assertIn("gone: stopped, as before", self.daemon.log())
        self.assertEqual(self.daemon.ctl("start", "gone").returncode, 0)
        self.assertEqual(self.daemon.process("gone")["state"], "running")


class Waiting(rtmem.TestCase):
    """Who waits for others is known to the next rtmemd, and who doesn't wait any more, too."""

    def setUp(self):
        self.subjects = fixture.Subjects().__enter__()
        self.addCleanup(self.subjects.__exit__)
        self.daemon = rtmem.Daemon(fixture.document(
            self.subjects.policy("first", "ready: { when: notify }"),
            fixture.sleeper("next", "after: [first]")))
        self.daemon.__enter__()
        self.addCleanup(lambda: self.daemon.__exit__(None, None, None))
        self.daemon.wait_process("next", lambda p: p["waiting_for"], "waits")

    def next_daemon(self):
        self.daemon.stop(signal.SIGKILL)
        self.daemon.start()
        self.daemon.wait_reachable()

    def first_gets_ready(self):
        self.subjects.tell("first", "say READY=1")
        self.daemon.wait_ready("first")

    def test_one_that_was_stopped_while_it_waited_stays_stopped(self):
        self.assertEqual(self.daemon.ctl("stop", "next").returncode, 0)
        self.next_daemon()
        p = self.daemon.process("next")
        self.assertEqual((p["state"], p["wanted"], p["waiting_for"]), ("stopped", "stopped", []))
        self.first_gets_ready()
        self.assertIn("next: stopped, as before", self.daemon.log())
        self.assertNotIn("next: started as pid", self.daemon.log())

    def test_one_that_waits_by_hand_goes_on_waiting(self):
        self.assertEqual(self.daemon.ctl("stop", "next").returncode, 0)
        with subprocess.Popen([rtmem.RTMEMCTL, "--runtime-dir", self.daemon.runtime_dir, "start", "next"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as start:
            self.daemon.wait_process("next", lambda p: p["waiting_for"], "waits")
            self.next_daemon()
            start.kill()
        self.daemon.wait_process("next", lambda p: p["waiting_for"], "waits again")
        self.first_gets_ready()
        self.daemon.wait_ready("next")


rtmem.require_root()
rtmem.main()
