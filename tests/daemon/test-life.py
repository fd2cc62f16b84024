#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The life of a process: who waits for whom, time that runs out, signs of life, and how it's told."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fixture  # pylint: disable=wrong-import-position
import rtmem  # pylint: disable=wrong-import-position

# A program that speaks sd_notify by hand: each argument is a datagram, or "+SECONDS" to wait.
SPEAKER = textwrap.dedent("""
    import os, signal, socket, sys, time
    path = os.environ["NOTIFY_SOCKET"]
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for word in sys.argv[1:]:
        if word[0] == "+":
            time.sleep(float(word[1:]))
        else:
            s.sendto(word.replace(",", "\\n").encode(), path)
    while True:
        time.sleep(1000)
""").strip()
PYTHON = os.path.realpath(sys.executable)
UNLOCKED = "memory: { lock: none }"


def document(*processes):
    return "version: 1\nprocesses:\n" + "".join(processes)


def process(name, command, *lines):
    keys = "".join(f"    {line}\n" for line in lines)
    text = ", ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
                     for word in command)
    return f"  {name}:\n    command: [{text}]\n    {UNLOCKED}\n{keys}"


def speaker(name, words, *lines, when="notify"):
    return process(name, [PYTHON, "-c", SPEAKER, *words], f"ready: {{ when: {when} }}",
                   "compliance: { minor_faults: unlimited, major_faults: unlimited }", *lines)


def started_at(daemon, name):
    """Where in the log."""
    return daemon.log().find(f"{name}: started as pid")


class After(rtmem.TestCase):
    def test_the_order_is_kept_at_boot_against_that_of_the_file(self):
        with fixture.Subjects() as s, rtmem.Daemon(document(
                fixture.sleeper("last", "after: [middle]"),
                fixture.sleeper("middle", "after: [first]"),
                s.policy("first", "ready: { when: notify }"))) as d:
            p = d.wait_process("middle", lambda p: p["waiting_for"] == ["first"], "waits")
            self.assertEqual((p["state"], p["wanted"], p["compliance"], p["pid"]),
                             ("stopped", "running", "pending", 0))
            self.assertEqual(d.process("last")["waiting_for"], ["middle"])
            self.assertEqual(d.status()["daemon"]["state"], "pending")
            self.assertIn("waiting for first", d.ctl("status").stdout)
            s.tell("first", "say READY=1")
            d.wait_ready("last")
            self.assertLess(started_at(d, "first"), started_at(d, "middle"))
            self.assertLess(started_at(d, "middle"), started_at(d, "last"))

    def test_who_fails_holds_nobody_up(self):
        with rtmem.Daemon(document(
                fixture.sleeper("next", "after: [wrong]"),
                process("wrong", ["/bin/sh", "-c", "exit 3"], "ready: { when: notify }",
                        "restart: { when: on-failure, delay: 100ms, limit: 1 }"))) as d:
            d.wait_ready("next")
            self.assertEqual(d.process("wrong")["state"], "failed")
            self.assertIn("next: starts although wrong isn't ready (failed)", d.log())

    def test_who_is_over_its_time_holds_nobody_up(self):
        with fixture.Subjects() as s, rtmem.Daemon(document(
                fixture.sleeper("next", "after: [slow]"),
                s.policy("slow", "ready: { when: notify, timeout: 300ms }"))) as d:
            d.wait_ready("next")
            self.assertIn("starts although slow isn't ready (preparing, over its ready.timeout)", d.log())

    def test_a_start_by_hand_waits_for_what_starts_and_for_nothing_else(self):
        with fixture.Subjects() as s, rtmem.Daemon(document(
                s.policy("first", "ready: { when: notify }"),
                fixture.sleeper("next", "after: [first]"))) as d:
            s.tell("first", "say READY=1")
            d.wait_ready("next")
            for name in ("next", "first"):
                self.assertEqual(d.ctl("stop", name).returncode, 0)
            self.assertEqual(d.ctl("start", "next").returncode, 0)
            p = d.process("first")
            self.assertEqual((p["state"], p["wanted"], p["wanted_by"]), ("stopped", "stopped", "person"))
            self.assertEqual(d.ctl("stop", "next").returncode, 0)
            with subprocess.Popen([rtmem.RTMEMCTL, "--runtime-dir", d.runtime_dir, "start", "first"]):
                d.wait_process("first", lambda p: p["pid"] > 0, "started")
                with subprocess.Popen([rtmem.RTMEMCTL, "--runtime-dir", d.runtime_dir, "start", "next"]) as start:
                    d.wait_process("next", lambda p: p["waiting_for"] == ["first"], "waits")
                    s.tell("first", "say READY=1")
                    d.wait_ready("next")
                    self.assertEqual(start.wait(30), 0)

    def test_a_wait_is_called_off_by_stop(self):
        with fixture.Subjects() as s, rtmem.Daemon(document(
                s.policy("first", "ready: { when: notify }"),
                fixture.sleeper("next", "after: [first]"))) as d:
            d.wait_process("next", lambda p: p["waiting_for"], "waits")
            self.assertEqual(d.ctl("stop", "next").returncode, 0)
            s.tell("first", "say READY=1")
            d.wait_ready("first")
            p = d.process("next")
            self.assertEqual((p["state"], p["waiting_for"], p["compliance"]), ("stopped", [], "stopped"))

    def test_new_ones_of_a_reload_keep_the_order(self):
        with fixture.Subjects() as s, rtmem.Daemon(document(fixture.sleeper("old"))) as d:
            d.wait_ready("old")
            d.write_policy("test.yaml", document(
                fixture.sleeper("old"), fixture.sleeper("next", "after: [first, old]"),
                s.policy("first", "ready: { when: notify }")))
            self.assertEqual(d.ctl("apply").returncode, 0)
            d.wait_process("next", lambda p: p["waiting_for"] == ["first"], "waits")
            s.tell("first", "say READY=1")
            d.wait_ready("next")


class Time(rtmem.TestCase):
    def test_a_timeout_that_fails_ends_it_and_counts_as_a_failure(self):
        with fixture.Subjects() as s, rtmem.Daemon(document(
                s.policy("slow", "ready: { when: notify, timeout: 300ms, on_timeout: fail }",
                         "restart: { when: on-failure, delay: 100ms, limit: 1 }"))) as d:
            p = d.wait_process("slow", lambda p: p["state"] == "failed", "failed")
            self.assertEqual(p["restarts"], 1)
            detail = fixture.findings(p)["launch"]["detail"]
            self.assertIn("1 restart within 1min; last: not ready within 300ms: no READY=1 from", detail)
            self.assertIn("slow: stopping (not ready in time): signal term now, kill after 10s", d.log())

    def test_the_signal_of_the_policy_is_what_it_gets(self):
        script = "trap 'exit 5' INT; trap '' TERM; while :; do sleep 0.05; done"
        with rtmem.Daemon(document(process(
                "sh", ["/bin/sh", "-c", script], "ready: { when: exec }", "stop: { signal: int }"))) as d:
            pid = d.wait_ready("sh")["pid"]
            rtmem.wait_until(lambda: int(str(rtmem.status_field(pid, "SigCgt")), 16) & 2, "SIGINT is caught")
            self.assertEqual(d.ctl("stop", "sh").returncode, 0)
            self.assertIn("ended: exit status 5", d.log())
            self.assertIn("signal int now", d.log())

    def test_a_start_by_hand_clears_the_count(self):
        with rtmem.Daemon(document(process(
                "wrong", ["/bin/sh", "-c", "exit 3"], "ready: { when: exec }",
                "restart: { when: on-failure, delay: 50ms, limit: 2 }"))) as d:
            d.wait_process("wrong", lambda p: p["state"] == "failed", "failed")
            d.ctl("start", "wrong")
            p = d.wait_process("wrong", lambda p: p["restarts"] == 4 and p["state"] == "failed", "failed again")
            self.assertIn("2 restarts within", fixture.findings(p)["launch"]["detail"])


class Watchdog(rtmem.TestCase):
    def test_who_says_nothing_is_aborted_and_started_again(self):
        with rtmem.Daemon(document(speaker(
                "mute", ["READY=1"], "watchdog: 300ms", "limits: { core: 0 }",
                "restart: { when: on-failure, delay: 50ms, limit: 1 }"))) as d:
            p = d.wait_process("mute", lambda p: p["state"] == "failed", "failed", 30)
            self.assertIn("last: watchdog: no WATCHDOG=1 for 300ms", fixture.findings(p)["launch"]["detail"])
            self.assertIn("mute: stopping (no sign of life): signal abrt now", d.log())
            self.assertEqual(d.log().count("ended: signal 6"), 2)

    def test_who_speaks_lives_and_may_choose_its_time(self):
        words = ["READY=1"]
        for _ in range(12):
            words += ["+0.1", "WATCHDOG=1"]
        with rtmem.Daemon(document(speaker(
                "talker", [*words, "WATCHDOG_USEC=3600000000"], "watchdog: 5s"))) as d:
            d.wait_ready("talker")
            pid = d.process("talker")["pid"]
            with open(f"/proc/{pid}/environ", "rb") as f:
                self.assertIn(b"WATCHDOG_USEC=5000000", f.read().split(b"\0"))
            fixture.wait_log(d, "ready")
            self.assertNotIn("no sign of life", d.log())

    def test_a_shorter_time_of_its_own_is_kept_to(self):
        with rtmem.Daemon(document(speaker(
                "sick", ["READY=1", "WATCHDOG_USEC=200000"], "watchdog: 1h", "limits: { core: 0 }"))) as d:
            p = d.wait_process("sick", lambda p: p["state"] == "failed", "failed", 30)
            self.assertIn("no WATCHDOG=1 for 200ms", fixture.findings(p)["launch"]["detail"])

    def test_trigger_is_heard_at_once_and_without_being_asked_not_at_all(self):
        with rtmem.Daemon(document(
                speaker("sick", ["READY=1", "WATCHDOG=trigger"], "watchdog: 1h", "limits: { core: 0 }"),
                speaker("other", ["WATCHDOG=trigger", "READY=1"]))) as d:
            p = d.wait_process("sick", lambda p: p["state"] == "failed", "failed", 30)
            self.assertIn("the program triggered it", fixture.findings(p)["launch"]["detail"])
            d.wait_ready("other")

    def test_it_has_a_socket_whatever_makes_it_ready(self):
        with rtmem.Daemon(document(speaker(
                "settled", ["WATCHDOG=1"], "watchdog: 300ms", "limits: { core: 0 }", when="exec"))) as d:
            p = d.wait_process("settled", lambda p: p["state"] == "failed", "failed", 30)
            self.assertIn("no WATCHDOG=1 for 300ms", fixture.findings(p)["launch"]["detail"])

    def test_what_ignores_the_abort_is_killed_with_all_others(self):
        program = SPEAKER.replace("path =", "signal.signal(signal.SIGABRT, signal.SIG_IGN)\npath =")
        with rtmem.Daemon(document(process(
                "deaf", [PYTHON, "-c", program, "READY=1"], "ready: { when: notify }", "watchdog: 200ms",
                "stop: { timeout: 300ms }"))) as d:
            d.wait_process("deaf", lambda p: p["state"] == "failed", "failed", 30)
            self.assertIn("ended: signal 9", d.log())

    def test_stopping_ends_the_watch_but_not_for_ever(self):
        with rtmem.Daemon(document(speaker(
                "slow", ["READY=1", "STOPPING=1"], "watchdog: 200ms", "stop: { timeout: 2s }",
                "limits: { core: 0 }"))) as d:
            d.wait_process("slow", lambda p: p["announced"] == "stopping", "says so")
            p = d.wait_process("slow", lambda p: p["state"] == "failed", "failed", 30)
            self.assertIn("it said STOPPING=1, and hasn't ended within 2s", fixture.findings(p)["launch"]["detail"])

    def test_a_reload_of_the_program_is_shown(self):
        with fixture.Subjects() as s, rtmem.Daemon(document(s.policy("node", "ready: { when: notify }"))) as d:
            s.tell("node", "say READY=1")
            d.wait_ready("node")
            s.tell("node", "say RELOADING=1")
            d.wait_process("node", lambda p: p["announced"] == "reloading", "shown")
            s.tell("node", "say READY=1")
            d.wait_process("node", lambda p: p["announced"] == "", "over")


class Told(rtmem.TestCase):
    def test_every_change_is_a_signal_with_its_reason(self):
        with rtmem.Daemon(document(process(
                "wrong", ["/bin/sh", "-c", "exit 3"], "ready: { when: exec }"), fixture.sleeper("a"))) as d:
            d.wait_process("wrong", lambda p: p["state"] == "failed", "failed")
            with socket.socket(socket.AF_UNIX) as bus:  # of two: what is sent to one of them is a signal
                bus.connect(os.path.join(d.runtime_dir, "bus"))
                bus.settimeout(rtmem.DEADLINE)
                bus.sendall(b"\0AUTH ANONYMOUS 72\r\nBEGIN\r\n")
                heard = bus.recv(4096)
                self.assertTrue(heard.startswith(b"OK "), heard)
                d.ctl("start", "wrong")
                while b"ended: exit status 3" not in heard:
                    heard += bus.recv(65536)
            self.assertIn(b"StateChanged", heard)
            for text in (b"wrong", b"starting", b"failed", b"exit-failed", b"start"):
                self.assertIn(text + b"\0", heard)

    def test_the_log_has_one_line_for_each_state(self):
        with rtmem.Daemon(document(fixture.sleeper("a", "restart: { when: no }")),
                          arguments=("--log-level", "debug")) as d:
            d.wait_ready("a")
            self.assertEqual(d.ctl("stop", "a").returncode, 0)
            d.wait_process("a", lambda p: p["state"] == "stopped", "stopped")
            log = d.log()
            for line in ("a: starting (start)", "a: preparing (init)", "a: ready (exec), pid",
                         "a: stopping (asked to): signal term now", "a: stopped (exit-done)"):
                self.assertEqual(log.count(line), 1, line)


class RealPrograms(rtmem.TestCase):
    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    def test_redis_is_started_and_stopped_in_order_and_ends_by_itself(self):
        port = 20000 + os.getpid() % 20000
        redis = [shutil.which("redis-server"), "--port", str(port), "--save", "", "--supervised", "systemd",
                 "--daemonize", "no"]
        with rtmem.Daemon(document(
                fixture.sleeper("client", "after: [redis]"),
                process("redis", redis, "ready: { when: notify }", "restart: { when: on-failure }"))) as d:
            d.wait_ready("client")
            pid = d.process("redis")["pid"]
            os.kill(pid, signal.SIGKILL)
            d.wait_process("redis", lambda p: p["ready"] and p["pid"] != pid, "started again", 30)
            self.assertEqual(d.process("client")["restarts"], 0)
            self.assertEqual(d.ctl("stop", "redis").returncode, 0)
            self.assertRegex(d.log(), r"redis: pid \d+ ended: exit status 0")


if __name__ == "__main__":
    rtmem.main()
