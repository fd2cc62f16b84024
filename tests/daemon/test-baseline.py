#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was counted is known to the next rtmemd, and what nobody counted is never claimed.

With a manager that keeps descriptors (played here, as systemd does it) counts have no gap; without one
/proc says how many faults there may have been.
"""
import ctypes
import os
import signal
import threading

import fixture
import rtmem

PR_SET_CHILD_SUBREAPER = 36
KEYS = ("ready: { when: notify }", "compliance: { interval: 100ms }", "fork: report")


class Down(rtmem.TestCase):
    """A subject that has had faults; rtmemd ends, in whatever way, and comes again."""
    keys = KEYS

    def setUp(self):
        self.subjects = fixture.Subjects().__enter__()
        self.addCleanup(self.subjects.__exit__)
        self.daemon = self.make_daemon(fixture.document(self.subjects.policy("node", *self.keys)))
        self.daemon.__enter__()
        self.addCleanup(lambda: self.daemon.__exit__(None, None, None))
        self.subjects.tell("node", "say READY=1")
        self.pid = self.daemon.wait_ready("node")["pid"]

    def make_daemon(self, text):
        return rtmem.Daemon(text)

    def faults(self, n):
        """Exactly so many, and not one more."""
        before = rtmem.own_faults(self.pid)
        self.subjects.tell("node", f"fault {n}")
        rtmem.wait_until(lambda: rtmem.own_faults(self.pid) >= before + n, f"{n} faults")

    def wait_minor(self, n):
        return self.daemon.wait_process("node", lambda p: p["faults"]["minor"] >= n, f"{n} faults")

    def notes(self, p):
        return {n["rule"]: n["detail"] for n in p["notes"]}

    def come_again(self):
        self.daemon.start()
        return self.daemon.wait_ready("node")


class WithoutManager(Down):
    def test_counts_go_on_and_nothing_came_meanwhile(self):
        self.faults(5)
        before = self.wait_minor(5)["faults"]["minor"]
        self.daemon.stop()
        p = self.come_again()
        self.assertEqual((p["pid"], p["faults"]["minor"]), (self.pid, before))
        self.assertIn("stood still", self.notes(p)["adopted"])
        self.assertNotIn("unwatched", fixture.findings(p))
        self.faults(3)
        self.wait_minor(before + 3)

    def test_no_fault_at_all_is_proved(self):
        self.daemon.stop(signal.SIGKILL)
        p = self.come_again()
        self.assertEqual((p["compliance"], p["findings"]), ("compliant", []))
        self.assertIn("stood still", self.notes(p)["adopted"])

    def test_what_nobody_counted_is_not_claimed(self):
        self.daemon.stop(signal.SIGKILL)
        self.faults(7)
        p = self.come_again()
        self.assertEqual(p["compliance"], "violating")
        self.assertRegex(fixture.findings(p)["unwatched"]["seen"], r"^up to ([7-9]|[1-9]\d+) minor, 0 major$")
        self.assertEqual(p["faults"]["minor"], 0)
        self.daemon.stop()
        p = self.come_again()  # and it isn't forgotten either
        self.assertIn("unwatched", fixture.findings(p))

    def test_threads_keep_their_counts(self):
        self.subjects.tell("node", "fault-worker 9")
        before = self.daemon.wait_process(
            "node", lambda p: fixture.threads(p)["worker"]["minor"] >= 9, "9 faults of the worker")
        self.daemon.wait_process("node", lambda p: self.recorded("worker"), "recorded")
        self.daemon.stop(signal.SIGKILL)
        p = self.come_again()
        self.assertEqual(fixture.threads(p)["worker"]["minor"],
                         fixture.threads(before)["worker"]["minor"])

    def recorded(self, text):
        with open(os.path.join(self.daemon.runtime_dir, "processes", "node"), encoding="ascii") as f:
            return text in f.read()

    def test_what_the_program_did_is_not_forgotten(self):
        self.subjects.tell("node", "fork")
        self.daemon.wait_process("node", lambda p: "fork" in fixture.findings(p), "fork is found")
        self.daemon.wait_process("node", lambda p: self.recorded("event=fork"), "recorded")
        self.daemon.stop(signal.SIGKILL)
        self.assertIn("fork", fixture.findings(self.come_again()))


class Unwatched(Down):
    keys = KEYS[:1] + ("compliance: { interval: 100ms, on_violation: restart }",)

    def test_what_may_have_happened_is_no_reason_to_act(self):
        self.daemon.stop()
        self.faults(7)
        p = self.come_again()
        self.assertIn("unwatched", fixture.findings(p))
        p = self.daemon.process("node")
        self.assertEqual((p["pid"], p["restarts"], p["state"]), (self.pid, 0, "running"))


class WithManager(Down):
    keys = KEYS + ("restart: { when: on-failure, delay: 100ms }",)

    def setUp(self):
        self.keeper = fixture.Keeper().__enter__()
        self.addCleanup(lambda: self.keeper.__exit__(None, None, None))
        super().setUp()

    def make_daemon(self, text):
        return fixture.KeepingDaemon(text, self.keeper)

    def kept(self, name="node"):
        """pidfd, report socket, two counters"""
        return self.keeper.kept().count(name)

    def test_what_is_kept_has_a_name_and_ends_with_the_run(self):
        rtmem.wait_until(lambda: self.kept() == 4, "kept")
        self.assertEqual(self.daemon.ctl("stop", "node").returncode, 0)
        rtmem.wait_until(lambda: self.kept() == 0, "nothing is kept")

    def test_counts_have_no_gap(self):
        self.faults(4)
        before = self.wait_minor(4)["faults"]["minor"]
        for signal_number, n in ((signal.SIGKILL, 6), (signal.SIGTERM, 2)):
            self.daemon.stop(signal_number)
            self.faults(n)
            before += n
            p = self.come_again()
            self.assertEqual((p["pid"], p["faults"]["minor"]), (self.pid, before))
            self.assertNotIn("unwatched", fixture.findings(p))
            self.assertIn("without a gap", self.notes(p)["adopted"])
        self.faults(1)
        self.wait_minor(before + 1)
        self.assertEqual(self.kept(), 4)

    def test_what_its_library_said_meanwhile_is_heard(self):
        self.daemon.stop(signal.SIGKILL)
        self.subjects.tell("node", "fork")
        p = self.come_again()
        p = self.daemon.wait_process("node", lambda p: "fork" in fixture.findings(p), "fork is found")
        self.assertIn("thread subject", fixture.findings(p)["fork"]["detail"])

    def end_meanwhile(self, command):
        """As init would: who is left alone is collected."""
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.daemon.stop(signal.SIGKILL)
        self.subjects.tell("node", command)
        status = os.waitpid(self.pid, 0)[1]
        self.daemon.start()
        self.daemon.wait_reachable()
        return os.waitstatus_to_exitcode(status)

    def test_what_is_kept_of_an_earlier_run_is_not_taken_for_this_one(self):
        self.keeper.heeds_removal = False
        self.subjects.tell("node", "exit 3")
        self.daemon.wait_process("node", lambda p: p["pid"] not in (0, self.pid), "started again")
        self.subjects.tell("node", "say READY=1")
        self.pid = self.daemon.wait_ready("node")["pid"]
        rtmem.wait_until(lambda: self.kept() == 8, "both runs are kept")
        self.daemon.stop(signal.SIGKILL)
        self.keeper.heeds_removal = True
        p = self.come_again()
        self.assertEqual((p["pid"], p["restarts"]), (self.pid, 1))
        rtmem.wait_until(lambda: self.kept() < 8, "what isn't of use is forgotten")

    def test_who_ended_well_meanwhile_is_not_started_again(self):
        self.assertEqual(self.end_meanwhile("exit 0"), 0)
        p = self.daemon.process("node")
        self.assertEqual((p["state"], p["pid"]), ("stopped", 0))
        self.assertIn(f"pid {self.pid} ended meanwhile: exit status 0", self.daemon.log())

    def test_who_failed_meanwhile_is_started_again(self):
        self.assertEqual(self.end_meanwhile("exit 3"), 3)
        self.assertIn(f"pid {self.pid} ended meanwhile: exit status 3", self.daemon.log())
        self.subjects.tell("node", "say READY=1")
        p = self.daemon.wait_ready("node")
        self.assertNotEqual(p["pid"], self.pid)
        self.assertEqual(p["restarts"], 1)

    def test_how_an_adopted_one_ends_is_known(self):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.daemon.stop()
        self.come_again()
        collect = threading.Thread(target=os.waitpid, args=(self.pid, 0))
        collect.start()
        self.subjects.tell("node", "exit 0")
        collect.join()
        p = self.daemon.wait_process("node", lambda p: p["state"] == "stopped", "stopped")
        self.assertEqual(p["restarts"], 0)
        self.assertIn(f"pid {self.pid} ended: exit status 0", self.daemon.log())

    def test_a_manager_that_does_not_read_stops_nobody(self):
        self.keeper.deafen()
        names = [f"more-{i}" for i in range(8)]
        self.daemon.write_policy("more.yaml", fixture.document(*map(fixture.sleeper, names)))
        self.assertEqual(self.daemon.ctl("apply").returncode, 0)
        for name in names:
            self.daemon.wait_ready(name)


rtmem.require_root()
rtmem.main()
