#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Managed processes and local users that mean harm: rtmemd goes on, and so do all others."""
import contextlib
import os
import signal
import socket

import fixture
import rtmem

DONE = "hostile: done"


def hostile(name, notify, *lines, deed=None):
    keys = "".join(f"    {line}\n" for line in lines)
    argument = f', "{deed}"' if deed else ""
    return f'  {name}:\n    command: ["{fixture.HOSTILE}", "{notify}"{argument}]\n{keys}'


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.popen.pid}/fd"))


@contextlib.contextmanager
def stranger(function, path):
    """Calls function(path) as nobody, in a process of its own, for as long as the block lasts."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setuid(fixture.NOBODY)
            function(path)
            signal.pause()
        finally:
            os._exit(0)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def flood(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        while True:
            sender.sendto(b"READY=1\n" * 500, path)


def hold_connections(path):
    """As many as there's room for, half of them in the middle of a word; those turned away go."""
    held = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(100)]
    for i, each in enumerate(held):
        each.connect(path)
        with contextlib.suppress(OSError):
            each.send(b"\0AUTH ANONY" if i % 2 else b"\0")
    signal.pause()


class Hostile(rtmem.TestCase):
    def check_unharmed(self, daemon, good):
        now = daemon.process("good")
        self.assertEqual((now["pid"], now["compliance"], now["findings"]),
                         (good["pid"], "compliant", []))
        self.assertIsNone(daemon.popen.poll())
        for line in daemon.log().splitlines():
            self.assertTrue(line.isprintable(), repr(line))

    def run_hostile(self, *keys, deed=None):
        """Beside a good process; returns the status of the hostile one once it's done."""
        d = rtmem.Daemon("")
        self.addCleanup(lambda: d.__exit__(None, None, None))
        d.write_policy("test.yaml", fixture.document(
            fixture.sleeper("good", "compliance: { interval: 100ms }"),
            hostile("bad", os.path.join(d.runtime_dir, "notify"), *keys, deed=deed)))
        d.start()
        good = d.wait_ready("good")
        fixture.wait_log(d, DONE, seconds=20)
        p = d.wait_process("bad", lambda p: p["state"] != "starting", "runs")
        self.check_unharmed(d, good)
        lines = [line for line in d.log().splitlines() if line.startswith("rtmemd: ")]
        self.assertLess(len(lines), 60, "it filled the log")
        return d, p

    def test_a_library_socket_left_open_is_no_way_in(self):
        d, p = self.run_hostile("memory: { lock: balanced }", "ready: { when: notify }")
        self.assertIn("hostile: report socket found", d.log())
        self.assertLessEqual(len(p["notes"]), 16)
        self.assertTrue(rtmem.alive(p["pid"]))
        self.assertEqual(d.ctl("stop", "bad").returncode, 0)

    def test_without_a_library_the_socket_is_no_way_in_either(self):
        d, p = self.run_hostile("memory: { lock: none }", "ready: { when: settle }")
        self.assertNotIn("compliant", [n["detail"] for n in p["notes"]])
        self.assertNotEqual(p["injection"], "ptrace")
        self.assertEqual(d.ctl("stop", "bad").returncode, 0)

    def test_its_ready_is_its_own(self):
        d, _ = self.run_hostile("ready: { when: notify }")
        self.assertEqual(d.wait_ready("bad")["compliance"], "compliant")

    def test_a_stranger_floods_the_notify_socket(self):
        with fixture.Subjects() as s, rtmem.Daemon(fixture.document(
                s.policy("node", "ready: { when: notify }"))) as d:
            d.wait_process("node", lambda p: p["state"] == "preparing", "runs")
            with stranger(flood, os.path.join(d.runtime_dir, "notify")):
                s.tell("node", "say READY=1")
                self.assertEqual(d.wait_ready("node")["compliance"], "compliant")
            self.assertLess(len(d.log().splitlines()), 20)

    def test_descriptors_that_come_along_are_not_taken(self):
        """How long their close() may take: unit/test-receive.c"""
        with rtmem.Daemon(fixture.document(fixture.sleeper("a"))) as d:
            d.wait_ready("a")
            before = descriptors(d)
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.connect(os.path.join(d.runtime_dir, "notify"))
                for n in (1, 16, 17, 200):
                    with contextlib.suppress(PermissionError):  # Linux 6.16
                        socket.send_fds(sender, [b"FDSTORE=1"], [0] * n)
            d.status()
            rtmem.wait_until(
                lambda: descriptors(d) == before, "closed")

    def test_a_crowd_of_children_with_names_of_others(self):
        d, p = self.run_hostile("ready: { when: notify }", "children: inherit", "memory: { lock: none }",
                                deed="crowd")
        self.assertFalse(p["ready"], "its children said so, not itself")
        self.assertLess(len(p["children"]), 1000)
        self.assertTrue(all(c["name"].isprintable() for c in p["children"]))
        before = rtmem.status_field(d.popen.pid, "VmRSS")
        for _ in range(5):
            self.assertIsNotNone(d.status())
        self.assertLess(rtmem.status_field(d.popen.pid, "VmRSS"), before + 2048)
        self.assertEqual(d.ctl("restart", "good").returncode, 0)

    def test_a_report_socket_that_is_closed_or_filled(self):
        for deed in ("close-report", "fill-report"):
            with self.subTest(deed=deed):
                d, p = self.run_hostile("ready: { when: settle }", deed=deed)
                self.assertIn(p["state"], ("preparing", "running"))
                self.assertEqual(d.ctl("stop", "bad").returncode, 0)

    def test_clients_that_say_nothing_lock_nobody_out(self):
        with rtmem.Daemon(fixture.document(fixture.sleeper("a"))) as d:
            d.wait_ready("a")
            before = descriptors(d)
            with stranger(hold_connections, os.path.join(d.runtime_dir, "bus")):
                rtmem.wait_until(lambda: descriptors(d) > before + 5, "the connections are there")
                self.assertIsNotNone(d.status())
                self.assertEqual(d.ctl("restart", "a").returncode, 0)
            rtmem.wait_until(
                lambda: descriptors(d) <= before, "closed")
            self.assertEqual(d.ctl("status", user=fixture.NOBODY).returncode, 0)


rtmem.require_root()
rtmem.main()
