#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls of rtmemd that fail, one after the other: at each of them it goes on, tells the truth, and leaves
nothing behind; the next launch is as good as ever.

A point is the N-th call of a kind within a launch or a reading. Every point would take minutes: without
RTMEM_FAILING=N (of each kind; 1000 are all) only some are tried, others from run to run.
"""
import errno
import json
import mmap
import os
import struct
import subprocess
import time

import fixture
import rtmem

LIBRARY = os.path.join(fixture.PROGRAMS, "libfailing.so")
MEMORY, DESCRIPTOR, TRANSFER, OTHER, SPAWN = 1, 2, 4, 8, 16
CALLS = DESCRIPTOR | TRANSFER | OTHER | SPAWN
NEVER = 0xffffffff
POINTS = int(os.environ.get("RTMEM_FAILING", "6"))
KINDS = {
    "memory: ENOMEM": (MEMORY, errno.ENOMEM),
    "descriptors: EMFILE": (DESCRIPTOR, errno.EMFILE),
    "calls: ENOMEM": (CALLS, errno.ENOMEM),
    "calls: EAGAIN": (DESCRIPTOR | SPAWN | OTHER, errno.EAGAIN),
    "calls: EINTR": (DESCRIPTOR | TRANSFER | OTHER, errno.EINTR),
}
POLICY = fixture.document(fixture.sleeper(
    "a", "memory: { stack: { main: 64K, threads: 64K } }", "restart: { when: no }",
    "compliance: { interval: 100ms }"))


class Control:
    """struct control of programs/failing.c"""
    LAYOUT = "=IIiI64s"

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as f:
            f.write(bytes(struct.calcsize(self.LAYOUT)))
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 0)

    def arm(self, kinds, left, error):
        self.map[4:] = struct.pack(self.LAYOUT, 0, left, error, 0, b"")[4:]
        self.map[:4] = struct.pack("=I", kinds)

    def disarm(self):
        """(calls seen, name of the one that failed or "")"""
        self.map[:4] = struct.pack("=I", 0)
        _, _, _, n, failed = struct.unpack(self.LAYOUT, self.map[:])
        return n, failed.rstrip(b"\0").decode()


def zombies(pid):
    return [child for child in children(pid) if rtmem.status_field(child, "State").startswith("Z")]


def children(pid):
    found = []
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/children", encoding="ascii") as f:
            found += map(int, f.read().split())
    return found


class Failing(rtmem.TestCase):
    def setUp(self):
        self.daemon = None
        self.begin()
        self.addCleanup(self.end)

    def begin(self):
        self.daemon = rtmem.Daemon(POLICY)
        self.control = Control(os.path.join(self.daemon.dir, "control"))
        self.daemon.environment.update(LD_PRELOAD=LIBRARY, RTMEM_TEST_CONTROL=self.control.path)
        self.daemon.start()
        self.daemon.wait_ready("a")
        self.pid = self.daemon.popen.pid
        self.assertEqual(self.daemon.ctl("restart", "a").returncode, 0)
        self.daemon.wait_ready("a")
        self.normal = self.quiet_descriptors()

    def end(self):
        self.control.disarm()
        self.daemon.__exit__(None, None, None)

    def quiet_descriptors(self):
        """How many, once no client is left."""
        counts = []

        def steady():
            counts.append(len(os.listdir(f"/proc/{self.pid}/fd")))
            return len(counts) >= 4 and len(set(counts[-4:])) == 1 and counts[-1]
        return rtmem.wait_until(steady, "descriptors stand still")

    def points(self, act, kinds):
        """Which of the calls that act() makes: from the first to the last, evenly."""
        self.control.arm(kinds, NEVER, 0)
        act()
        n, _ = self.control.disarm()
        self.assertGreater(n, 0)
        step = max(1, -(-n // POINTS))
        return range(1 + int(time.time()) % step, n + 1, step)

    def sound(self, where):
        """It lives, answers, and what it says of the process is true."""
        self.assertIsNone(self.daemon.popen.poll(), f"{where}: rtmemd ended\n{self.daemon.log()[-3000:]}")

        def settled():
            p = self.daemon.process("a")
            return p if p["ready"] or p["state"] in ("failed", "stopped") else None
        p = rtmem.wait_until(settled, f"{where}: decided", 40)
        if p["ready"]:
            self.assertTrue(rtmem.alive(p["pid"]), where)
            self.assertEqual(children(self.pid), [p["pid"]], where)
        else:
            reason = " ".join(f["detail"] + f["seen"] for f in p["findings"])
            self.assertTrue(reason.strip() or p["state"] == "stopped", f"{where}: {json.dumps(p)}")
            rtmem.wait_until(lambda: not children(self.pid), f"{where}: no child is left")

    def recover(self, where):
        """The next launch is a normal one, and nothing of the last one is left."""
        done = self.daemon.ctl("restart", "a")
        self.assertEqual(done.returncode, 0, f"{where}: {done.stderr}")
        p = self.daemon.wait_process(
            "a", lambda p: p["ready"] and p["compliance"] == "compliant", f"{where}: compliant", 30)
        rtmem.wait_until(lambda: children(self.pid) == [p["pid"]], f"{where}: one child")
        self.assertEqual(zombies(self.pid), [], where)
        rtmem.wait_until(lambda: self.quiet_descriptors() <= self.normal,
                         f"{where}: {self.normal} descriptors, seen {self.quiet_descriptors()}", 20)
        self.assertEqual(os.listdir(os.path.join(self.daemon.runtime_dir, "processes")), ["a"], where)

    def check_point(self, where, act, kinds, point, error):
        """(did a call fail?, what was wrong afterwards or None)"""
        self.control.arm(kinds, point, error)
        act()
        _, failed = self.control.disarm()
        try:
            self.sound(where)
            self.recover(where)
        except AssertionError as e:
            problem = f"{where}: {failed}: {e}\n{self.daemon.log()[-1000:]}"
            try:
                self.end()
            except AssertionError:  # it ended with an error, as was seen
                pass
            self.begin()
            return True, problem
        return failed != "", None

    def check_points(self, what, act):
        results = []
        for kind, (kinds, error) in KINDS.items():
            for point in self.points(act, kinds):
                results.append(self.check_point(f"{what}, {kind}, {point}", act, kinds, point, error))
        problems = [problem for _, problem in results if problem]
        print(f"{what}: {sum(failed for failed, _ in results)} calls failed, {len(problems)} with consequences")
        self.assertGreater(len(results), len(KINDS) * 3)
        self.assertEqual(problems, [], "\n".join(problems))

    def test_a_launch(self):
        def launch():
            """A restart, until whatever came of it."""
            self.daemon.ctl("restart", "a")
            time.sleep(0.2)
        self.check_points("launch", launch)

    def test_a_reading(self):
        def read():
            """Several samples, and two answers to clients."""
            for verb in (("status",), ("status", "a")):
                subprocess.run([rtmem.RTMEMCTL, "--runtime-dir", self.daemon.runtime_dir, *verb],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False)
            time.sleep(0.15)
        self.check_points("reading", read)


rtmem.require_root()
rtmem.main()
