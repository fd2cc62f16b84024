#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processes that crash, end and are restarted at random, while clients ask and policies change: rtmemd's
descriptors, memory and children are afterwards what they were before.

usage: soak.py [SECONDS [SEED]]         600 is the long form; RTMEM_BUILD names the build directory
"""
import os
import random
import signal
import sys
import time

import fixture
import rtmem

N = 50
SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 30
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
SIGNALS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGABRT, signal.SIGINT)
RESTART = "restart: { when: always, delay: 50ms, delay_max: 50ms, limit: 0 }"
ENDS = "[/bin/sh, -c, 'sleep 0.$(($$ % 9)); exit $(($$ % 3))']"  # one in five ends by itself
GROWTH_KB = 256  # of the heap: some pages that are no longer given back, whatever the time
WARM_UP = 0.3  # of the time


def policy(generation):
    """Of one generation: what differs is applied live."""
    processes = []
    for i in range(N):
        keys = [RESTART, "memory: { stack: { main: 64K, threads: 64K } }",
                f"compliance: {{ interval: {1000 - generation % 2 * 100}ms }}"]
        if i % 5 == 0:
            keys += [f"command: {ENDS}", "ready: { when: exec }"]
            processes.append(f"  p{i}:\n" + "".join(f"    {key}\n" for key in keys))
        else:
            processes.append(fixture.sleeper(f"p{i}", *keys))
    return fixture.document(*processes)


def children(pid):
    found = []
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/children", encoding="ascii") as f:
            found += map(int, f.read().split())
    return found


def is_zombie(pid):
    try:
        return rtmem.status_field(pid, "State").startswith("Z")
    except (OSError, KeyError):
        return False


class Soak(rtmem.TestCase):
    def setUp(self):
        print(f"{SECONDS} s, seed {SEED}")
        self.random = random.Random(SEED)
        self.n = {"kills": 0, "restarts": 0, "applies": 0, "answers": 0}

    def crash(self, daemon):
        for pid in self.random.sample(children(daemon.popen.pid), 3):
            try:
                os.kill(pid, self.random.choice(SIGNALS))
                self.n["kills"] += 1
            except ProcessLookupError:
                pass

    def act(self, daemon, generation):
        self.crash(daemon)
        choice = self.random.random()
        if choice < 0.1:
            daemon.ctl("restart", f"p{self.random.randrange(N)}")
            self.n["restarts"] += 1
        elif choice < 0.15:
            daemon.write_policy("test.yaml", policy(generation))
            self.assertEqual(daemon.ctl("apply").returncode, 0)
            self.n["applies"] += 1
        elif choice < 0.4:
            self.assertIsNotNone(daemon.status())
            self.n["answers"] += 1
        time.sleep(0.05)

    def run_until(self, daemon, end, generation=0):
        while time.monotonic() < end:
            generation += 1
            self.act(daemon, generation)

    def measure(self, daemon):
        """At rest: with the first policy, everything running but what ends by itself."""
        pid = daemon.popen.pid
        daemon.write_policy("test.yaml", policy(0))
        self.assertEqual(daemon.ctl("apply").returncode, 0)
        for i in range(0, N, 5):
            self.assertEqual(daemon.ctl("stop", f"p{i}").returncode, 0)
        rest = N - N // 5

        def resting():
            document = daemon.wait_reachable()
            pids = [p["pid"] for p in document["processes"] if p["pid"] > 0]
            return document if len(pids) == rest and all(
                p["ready"] or not p["pid"] for p in document["processes"]) else None
        document = rtmem.wait_until(resting, "all at rest", 60)
        self.assertEqual(sorted(children(pid)), sorted(p["pid"] for p in document["processes"] if p["pid"]))
        self.assertFalse([child for child in children(pid) if is_zombie(child)])
        time.sleep(0.3)  # the last client has gone
        found = {"descriptors": len(os.listdir(f"/proc/{pid}/fd")),
                 "heap": rtmem.status_field(pid, "RssAnon"), "RSS": rtmem.status_field(pid, "VmRSS"),
                 "threads": rtmem.status_field(pid, "Threads"),
                 "records": len(os.listdir(os.path.join(daemon.runtime_dir, "processes")))}
        for i in range(0, N, 5):
            self.assertEqual(daemon.ctl("start", f"p{i}").returncode, 0)
        return found

    def test_nothing_grows(self):
        with rtmem.Daemon(policy(0)) as d:
            rtmem.wait_until(lambda: len(children(d.popen.pid)) >= N - N // 5, "all started", 30)
            begin = time.monotonic()
            self.run_until(d, begin + SECONDS * WARM_UP)
            before = self.measure(d)
            self.run_until(d, begin + SECONDS)
            after = self.measure(d)
            launches = sum(p["restarts"] for p in d.status()["processes"])
            print(f"{launches} restarts by rtmemd, {self.n}\nbefore {before}\nafter  {after}", flush=True)
            self.assertLessEqual(after["heap"], before["heap"] + GROWTH_KB)
            for what in ("descriptors", "threads", "records"):
                self.assertLessEqual(after[what], before[what], what)
            self.assertGreater(launches, SECONDS)


rtmem.require_root()
sys.argv[1:] = []
rtmem.main()
