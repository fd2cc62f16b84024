#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""rtmemd is killed again and again while programs start, crash, are restarted and change.

An observer that knows nothing of rtmem counts: who was started, who twice at the same time, who is alive.

    test-kills.py [N]     so many kills, half of them under a manager; RTMEM_KILLS does the same
"""
import os
import random
import signal
import sys
import threading
import time

import fixture
import lone
import rtmem

KILLS = int(sys.argv.pop()) if len(sys.argv) > 1 and sys.argv[-1].isdigit() else \
    int(os.environ.get("RTMEM_KILLS", "80"))
STEADY = [f"steady-{i}" for i in range(6)]
CRASHING = [f"crashing-{i}" for i in range(3)]
MOVED = [f"moved-{i}" for i in range(4)]
LOOK_EVERY = 10  # kills
LONGEST = 0.3  # seconds that one rtmemd lives
FAULTS = 5


class Kills(rtmem.TestCase):
    def setUp(self):
        self.family = lone.Family().__enter__()
        self.addCleanup(lambda: self.family.__exit__(None, None, None))
        self.subjects = fixture.Subjects().__enter__()
        self.addCleanup(lambda: self.subjects.__exit__(None, None, None))
        self.daemon = self.make_daemon({"test.yaml": self.policy(), "extra.yaml": "version: 1\n"})
        self.daemon.start()
        self.addCleanup(lambda: self.daemon.__exit__(None, None, None))
        seed = int(os.environ.get("RTMEM_SEED", time.time()))
        print(f"RTMEM_SEED={seed}", flush=True)
        self.random = random.Random(seed)
        self.n_kills = 0
        self.asked = {}

    def make_daemon(self, policies):
        return rtmem.Daemon(policies)

    def policy(self):
        members = [self.family.policy(name, 0, "ready: { when: notify }", "memory: { lock: strict }",
                                      "compliance: { interval: 100ms }") for name in STEADY[:3]]
        members += [self.family.policy(name, 0) for name in STEADY[3:]]
        members += [self.family.policy(name, 150, "restart: { when: always, delay: 20ms, delay_max: 50ms, limit: 0 }")
                    for name in CRASHING]
        members += [self.family.policy(name, 0, "stop: { timeout: 2s }") for name in MOVED]
        return fixture.document(*members, self.subjects.policy(
            "counted", "ready: { when: notify }", "compliance: { interval: 100ms, minor_faults: 100 }"))

    def load(self, stop):
        """What people and programs do meanwhile, answered or not."""
        n = 0
        while not stop.is_set():
            n += 1
            name = self.random.choice(MOVED)
            verb = self.random.choice(("start", "stop", "restart", "apply"))
            if verb == "apply":
                extra = [] if n % 2 else [fixture.sleeper("extra")]
                self.daemon.write_policy("extra.yaml", fixture.document(*extra))
                done = self.daemon.ctl("apply")
            else:
                done = self.daemon.ctl(verb, name)
                self.asked[name] = verb if done.returncode == 0 else None

    def kill_some(self, n):
        stop = threading.Event()
        loader = threading.Thread(target=self.load, args=(stop,))
        loader.start()
        try:
            for _ in range(n):
                time.sleep(self.random.random() ** 2 * LONGEST)
                self.assertEqual(self.daemon.stop(signal.SIGKILL), -signal.SIGKILL, self.daemon.log()[-3000:])
                self.n_kills += 1
                self.daemon.start()
        finally:
            stop.set()
            loader.join()

    def settled(self):
        """The status once nothing is under way but what crashes by itself."""
        def still():
            document = self.daemon.status()
            if not document:
                return None
            by_name = {p["name"]: p for p in document["processes"]}
            self.under_way = {name: by_name[name]["state"] for name in MOVED + STEADY
                              if by_name[name]["state"] not in ("running", "stopped")}
            return None if self.under_way else by_name
        try:
            return rtmem.wait_until(still, "all is settled", 30)
        except rtmem.Timeout as e:
            raise AssertionError(f"{e}: {self.under_way}") from None

    def check_truth(self, status):
        for name in STEADY + MOVED:
            p = status[name]
            alive = self.family.alive(name)
            self.assertEqual([p["pid"]] if p["state"] == "running" else [], alive, p)
            if self.asked.get(name) == "stop":
                self.assertEqual(p["state"], "stopped", name)
        for name in CRASHING:
            self.assertIn(status[name]["state"],
                          ("starting", "preparing", "running", "stopping", "backoff"), name)

    def check_steady(self, status):
        for name, pid in self.pids.items():
            self.assertEqual((status[name]["pid"], status[name]["state"]), (pid, "running"), name)
            self.assertEqual(self.family.starts(name), [pid], name)
        for name in STEADY[:3]:
            self.assertEqual((status[name]["compliance"], status[name]["findings"]), ("compliant", []))
        counted = status["counted"]
        self.assertEqual((counted["pid"], counted["faults"]["minor"]), self.counted)
        self.assertNotIn("unwatched", fixture.findings(counted))

    def kill_all(self):
        while self.n_kills < KILLS // 2:
            self.kill_some(min(LOOK_EVERY, KILLS // 2 - self.n_kills))
            status = self.settled()
            self.assertEqual(self.family.doubles(), [])
            self.check_truth(status)
            self.check_steady(status)

    def test_nobody_is_lost_or_started_twice(self):
        self.subjects.tell("counted", "say READY=1")
        self.daemon.wait_ready("counted")
        self.subjects.tell("counted", f"fault {FAULTS}")
        self.pids = {name: self.daemon.wait_ready(name)["pid"] for name in STEADY}
        counted = self.daemon.wait_process("counted", lambda p: p["faults"]["minor"] >= FAULTS, "faults")
        with open(os.path.join(self.daemon.runtime_dir, "processes", "counted"), encoding="ascii") as f:
            self.assertIn(f"\nminor={FAULTS}\n", f.read())
        self.counted = (counted["pid"], counted["faults"]["minor"])
        try:
            self.kill_all()
        except AssertionError:
            lines = [line for line in self.daemon.log().splitlines() if "crashing" not in line]
            sys.stderr.write("\n".join(["---- log of rtmemd", *lines[-150:], ""]))
            raise
        self.family.check_nothing_stays(self, self.daemon)
        print(f"{self.n_kills} kills, {len(self.family.starts())} starts, "
              f"{self.daemon.log().count('adopted: still runs')} adoptions, "
              f"{self.daemon.log().count('launch was cut off')} launches cut off, none twice")


class KillsUnderManager(Kills):
    """The same with a manager that keeps descriptors: sockets outlive rtmemd, and launches with them."""

    def make_daemon(self, policies):
        keeper = fixture.Keeper().__enter__()
        self.addCleanup(lambda: keeper.__exit__(None, None, None))
        return fixture.KeepingDaemon(policies, keeper)


rtmem.require_root()
rtmem.main()
