#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""apply --try goes back by itself: with the client killed, with rtmemd killed, with the clock stepped.
And drift: set again with patience, told on the bus, left in the end. On a tree of the test's own."""
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import machine
import rtmem

NAME = "sysctl.vm.swappiness"


def guards(m):
    """The pids of those who keep the time of a try."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
        except OSError:
            continue
        if b"--wait" in words and m.state.encode() in words and rtmem.alive(int(pid)):
            found.append(int(pid))
    return found


class Host(rtmem.TestCase):
    def setUp(self):
        self.m = machine.Machine()
        self.addCleanup(self.m.__exit__)
        self.daemon = None
        self.addCleanup(self.end)

    def end(self):
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.terminate()
            self.assertEqual(self.daemon.wait(30), 0)
        for pid in guards(self.m):
            os.kill(pid, signal.SIGKILL)

    def start(self, **killer):
        self.daemon = self.m.start(**killer)
        self.m.wait_status()

    def log(self):
        with open(self.m.daemon_log, encoding="utf-8") as f:
            return f.read()

    def start_without_wishes(self):
        """rtmemd, and then the policy that is going to be tried."""
        self.m.policy("version: 1\n")
        self.start()
        self.m.policy(machine.POLICY)

    def good(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def wait_back(self):
        rtmem.wait_until(lambda: self.m.values() == machine.originals(), "it goes back", 20)

    def wait_log(self, pattern):
        rtmem.wait_until(lambda: re.search(pattern, self.log()), f"{pattern} in the log", 20)


class Try(Host):
    def test_it_goes_back_without_rtmemd_and_with_the_client_long_gone(self):
        done = self.good(self.m.ctl("apply", "--host-only", "--try", "1s"))
        self.assertIn("tried: it goes back in 1s", done.stdout)
        self.assertEqual(self.m.values(), machine.wanted())
        self.wait_back()
        rtmem.wait_until(lambda: not guards(self.m), "the guard ends")
        held = self.m.ctl("apply", "--host-only", "--at-boot")
        self.assertEqual(held.returncode, 1)
        self.assertIn("not confirmed in time", held.stdout)
        self.assertEqual(self.m.values(), machine.originals())
        self.good(self.m.ctl("apply", "--host-only"))
        self.assertEqual(self.m.values(), machine.wanted())

    def test_it_goes_back_when_the_client_is_killed_in_the_middle(self):
        done = self.m.ctl("apply", "--host-only", "--try", "1s", calls="write", at=8, do="after")
        self.assertEqual(done.returncode, -signal.SIGKILL)
        self.assertNotEqual(self.m.values(), machine.originals())
        self.wait_back()

    def test_confirmed_it_stays(self):
        self.good(self.m.ctl("apply", "--host-only", "--try", "2s"))
        self.good(self.m.ctl("confirm"))
        rtmem.wait_until(lambda: not guards(self.m), "the guard ends")
        self.assertEqual(self.m.values(), machine.wanted())
        again = self.m.ctl("confirm")
        self.assertEqual((again.returncode, again.stderr), (1, "rtmemctl: nothing is being tried\n"))

    def test_rtmemd_takes_it_back_and_says_so(self):
        self.start_without_wishes()
        self.good(self.m.through("apply", "--try", "2s"))
        self.assertEqual(self.m.values(), machine.wanted())
        self.assertGreater(self.m.status()["daemon"]["try"]["left_usec"], 0)
        during = self.m.through("apply")
        self.assertEqual(during.returncode, 1)
        self.assertIn("rtmemctl confirm", during.stderr)
        self.wait_back()
        self.wait_log("what was tried is taken back: no confirmation came in time")
        self.assertEqual(self.m.status()["daemon"]["state"], "compliant")
        self.assertNotIn("try", self.m.status()["daemon"])

    def test_rtmemd_confirms(self):
        self.start_without_wishes()
        self.good(self.m.through("apply", "--try", "2s"))
        self.good(self.m.through("confirm"))
        rtmem.wait_until(lambda: not guards(self.m), "the guard ends")
        time.sleep(0.2)
        self.assertEqual(self.m.values(), machine.wanted())
        self.assertEqual({s["result"] for s in self.m.status()["host"]}, {"ok"})

    def test_it_is_taken_back_at_once_when_told_so(self):
        self.start_without_wishes()
        self.good(self.m.through("apply", "--try", "1h"))
        done = self.good(self.m.through("rollback", "--tried"))
        self.assertIn("20 settings given back", done.stdout)
        self.assertEqual(self.m.values(), machine.originals())

    def test_rtmemd_is_killed_and_nobody_starts_it_again(self):
        self.start_without_wishes()
        self.good(self.m.through("apply", "--try", "2s"))
        self.daemon.kill()
        self.daemon.wait()
        self.assertEqual(self.m.values(), machine.wanted())
        self.wait_back()

    def test_rtmemd_is_killed_and_its_successor_keeps_the_time(self):
        self.start_without_wishes()
        self.good(self.m.through("apply", "--try", "3s"))
        self.daemon.kill()
        self.daemon.wait()
        for pid in guards(self.m):
            os.kill(pid, signal.SIGKILL)
        self.start()
        self.assertEqual(self.m.values(), machine.wanted())
        self.assertIn("try", self.m.status()["daemon"])
        self.wait_back()
        self.wait_log("what was tried is taken back")
        status = self.m.status()
        self.assertEqual({s["result"] for s in status["host"]}, {"drift"})
        self.assertIn("not confirmed in time", status["host"][0]["reason"])

    def test_rtmemd_is_killed_and_comes_back_too_late(self):
        self.start_without_wishes()
        self.good(self.m.through("apply", "--try", "1s"))
        self.daemon.kill()
        self.daemon.wait()
        for pid in guards(self.m):
            os.kill(pid, signal.SIGKILL)
        time.sleep(1.1)
        self.assertEqual(self.m.values(), machine.wanted())
        self.start()
        self.assertEqual(self.m.values(), machine.originals())

    def test_the_machine_is_started_anew(self):
        self.start_without_wishes()
        self.good(self.m.through("apply", "--try", "1h"))
        self.daemon.kill()
        self.daemon.wait()
        self.m.boot("second-boot")
        for name, value in machine.originals().items():
            self.m.write(name, value)
        self.m.ctl("apply", "--host-only", "--at-boot")
        self.assertEqual(self.m.values(), machine.originals())
        self.start()
        self.assertEqual(self.m.values(), machine.originals())
        self.assertNotIn("try", self.m.status()["daemon"])

    def test_a_clock_that_is_set_changes_nothing(self):
        """The wall clock steps a day ahead, and back: neither ends the try, nor keeps it."""
        for step in ("86400", "-86400"):
            with self.subTest(step=step):
                os.environ["RTMEM_TEST_CLOCK_STEP"] = step
                self.addCleanup(os.environ.pop, "RTMEM_TEST_CLOCK_STEP", None)
                self.good(self.m.ctl("apply", "--host-only", "--try", "3s", calls="none"))
                for pid in guards(self.m):
                    os.kill(pid, signal.SIGKILL)
                self.start(calls="none")
                self.assertEqual(self.m.values(), machine.wanted())
                self.wait_back()
                self.end()
                self.good(self.m.ctl("apply", "--host-only"))
                self.good(self.m.ctl("rollback"))

    def test_time_in_suspend_counts(self):
        """Boot time an hour on: as after an hour with the lid closed."""
        self.good(self.m.ctl("apply", "--host-only", "--try", "10min"))
        for pid in guards(self.m):
            os.kill(pid, signal.SIGKILL)
        unshare = shutil.which("unshare")
        done = unshare and subprocess.run(
            [unshare, "--time", "--boottime", "3600", "--fork", rtmem.RTMEMCTL, *self.m.arguments(),
             "rollback", "--tried", "--wait"], capture_output=True, text=True, timeout=30, check=False)
        if not done or "unshare" in done.stderr:
            self.skipTest("no time namespaces here")
        self.good(done)
        self.assertEqual(self.m.values(), machine.originals())


class Busy(Host):
    """Somebody else writes settings: rtmemd neither waits for that nor forgets what it has to do."""

    def hold(self):
        """As rtmemctl does while it writes."""
        lock = open(os.path.join(self.m.state, "lock"), "w", encoding="ascii")
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self.addCleanup(lock.close)
        return lock

    def test_a_start_goes_on_and_applies_afterwards(self):
        lock = self.hold()
        self.start()
        self.assertEqual({s["result"] for s in self.m.status()["host"]}, {"drift"})
        self.assertEqual(self.m.values(), machine.originals())
        self.wait_log(f"pid {os.getpid()}")
        lock.close()
        rtmem.wait_until(lambda: self.m.values() == machine.wanted(), "it's applied", 20)
        self.assertEqual({s["result"] for s in self.m.status()["host"]}, {"ok"})

    def test_a_client_is_told_at_once_by_whom(self):
        self.start()
        self.m.policy("version: 1\n")
        lock = self.hold()
        for verb in ("apply", "rollback"):
            with self.subTest(verb=verb):
                start = time.monotonic()
                done = self.m.through(verb)
                self.assertLess(time.monotonic() - start, 8)  # it would wait for ten seconds
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"pid {os.getpid()}", done.stderr + done.stdout)
                self.assertEqual(self.m.values(), machine.wanted())
        lock.close()
        self.good(self.m.through("apply"))
        self.assertEqual(self.m.values(), machine.originals())

    def test_a_reload_is_done_afterwards(self):
        self.start()
        self.m.policy("version: 1\n")
        lock = self.hold()
        self.daemon.send_signal(signal.SIGHUP)
        self.wait_log("done when that is over")
        self.assertEqual(self.m.values(), machine.wanted())
        lock.close()
        rtmem.wait_until(lambda: self.m.values() == machine.originals(), "it's given back", 20)

    def test_a_try_is_taken_back_afterwards(self):
        self.start_without_wishes()
        self.good(self.m.through("apply", "--try", "2s"))
        for pid in guards(self.m):
            os.kill(pid, signal.SIGKILL)
        lock = self.hold()
        self.wait_log("done when that is over")
        self.assertEqual(self.m.values(), machine.wanted())
        self.assertIsNotNone(self.m.status())
        lock.close()
        self.wait_back()


class Drift(Host):
    def test_a_removed_policy_gives_back_and_an_end_of_rtmemd_does_not(self):
        self.start()
        self.assertEqual(self.m.values(), machine.wanted())
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(30), 0)
        self.assertEqual(self.m.values(), machine.wanted())
        self.start()
        self.m.policy("version: 1\n")
        done = self.good(self.m.through("apply"))
        self.assertIn("(as it was before)", done.stdout)
        self.assertEqual(self.m.values(), machine.originals())
        self.wait_log(re.escape("host: " + NAME + ": 100 -> 10 (as it was before)"))

    def test_rollback_through_rtmemd_leaves_what_is_not_ours(self):
        self.start()
        self.m.write(NAME, "55")
        done = self.m.through("rollback")
        self.assertEqual(done.returncode, 1)
        self.assertIn("19 settings given back, 1 not", done.stdout)
        self.assertEqual(self.m.read(NAME), "55")
        self.good(self.m.through("rollback", "--force"))
        self.assertEqual(self.m.values(), machine.originals())
        self.daemon.terminate()
        self.daemon.wait(30)
        self.start()  # it isn't set again by a start
        self.assertEqual(self.m.values(), machine.originals())
        self.assertIn("rolled back", self.m.status()["host"][0]["reason"])

    def test_drift_is_reported_or_set_again_as_the_policy_says(self):
        self.m.policy(machine.POLICY + f"  drift: {{ default: report, {NAME}: reapply }}\n")
        self.start()
        self.m.write(NAME, "55")
        self.m.write("sysctl.vm.dirty_ratio", "56")
        rtmem.wait_until(lambda: self.m.status() and self.m.read(NAME) == "100", "it's set again", 20)
        status = {s["setting"]: s for s in self.m.status()["host"]}
        self.assertEqual(status[NAME]["result"], "ok")
        self.assertEqual(status["sysctl.vm.dirty_ratio"]["result"], "drift")
        self.assertEqual(self.m.read("sysctl.vm.dirty_ratio"), "56")
        self.m.write(NAME, "55")  # at once again: now it takes its time
        self.assertEqual(self.m.status() and self.m.read(NAME), "55")
        self.assertIn(f"host: {NAME}: 55 -> 100", self.log())

    def test_drift_is_seen_without_anybody_asking(self):
        self.m.policy(machine.POLICY + "  drift: reapply\n")
        self.daemon = self.m.start()
        rtmem.wait_until(lambda: self.m.values() == machine.wanted(), "it's applied")
        self.m.write(NAME, "55")
        rtmem.wait_until(lambda: self.m.read(NAME) == "100", "it's set again", 30)

    def test_every_change_is_a_signal_on_the_bus(self):
        self.start()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.connect(os.path.join(self.m.run_dir, "bus"))
            listener.sendall(b"\0AUTH ANONYMOUS\r\nBEGIN\r\n")
            listener.settimeout(0.1)
            heard = b""

            def signalled():
                nonlocal heard
                self.m.status()
                try:
                    heard += listener.recv(65536)
                except TimeoutError:
                    pass
                return b"HostChanged" in heard and NAME.encode() in heard and b"drift" in heard
            rtmem.wait_until(lambda: self.m.status(), "rtmemd answers")
            self.m.write(NAME, "55")
            rtmem.wait_until(signalled, "the signal")

    def test_dry_run_names_each_write_and_makes_none(self):
        done = self.good(self.m.ctl("apply", "--host-only", "--dry-run"))
        self.assertEqual(done.stdout.count(": would write "), 20)
        self.assertIn(f"write 8 to {self.m.path('hugepages.2M')}; it reads 0", done.stdout)
        self.assertEqual(self.m.values(), machine.originals())
        document = json.loads(self.m.ctl("--json", "apply", "--host-only", "--dry-run").stdout)
        self.assertEqual({w["outcome"] for w in document["writes"]}, {"planned"})
        self.assertEqual(os.listdir(self.m.state), [])

    def test_two_writers_do_not_meet(self):
        many = [subprocess.Popen([rtmem.RTMEMCTL, *self.m.arguments(), *verb], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
                for verb in (("apply", "--host-only"), ("rollback",)) * 8]
        for one in many:
            self.assertIn(one.wait(60), (0, 1))
        self.assertIn(self.m.values(), (machine.originals(), machine.wanted()))
        self.good(self.m.ctl("rollback"))
        self.assertEqual(self.m.values(), machine.originals())


rtmem.require_root()
rtmem.main()
