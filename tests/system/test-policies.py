#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The policies that people can start from: each can be planned, and those for programs that a distribution has
run them without a fault."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

OBSERVED_SECONDS = 2
POLICIES = os.path.join(rtmem.ROOT, "policies")
LOOP = ("import time\\nd = {}\\nwhile True:\\n  time.sleep(0.001)\\n"
        "  d[len(d) % 1000] = str(time.time())\\n")
# Says that it's ready and that it lives, as a control loop has to
AXIS = ("import os, socket, time\\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\\n"
        "s.connect(os.environ['NOTIFY_SOCKET'])\\ns.send(b'READY=1')\\n"
        "while True:\\n  s.send(b'WATCHDOG=1')\\n  time.sleep(0.2)\\n")


def read(name):
    with open(os.path.join(POLICIES, name), encoding="utf-8") as f:
        return f.read()


def profiles():
    """{profile: file}"""
    found = {}
    for path in glob.glob(os.path.join(POLICIES, "*.yaml")):
        name = os.path.basename(path)
        block = re.search(r"^profiles:\n((?:  .*\n|\n)*)", read(name), re.M)
        for profile in re.findall(r"^  ([a-z0-9-]+):", block.group(1) if block else "", re.M):
            found[profile] = name
    return found


class Policies(rtmem.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="rtmem-policies-")
        os.chmod(self.dir, 0o755)
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def test_each_says_who_it_is_for_and_what_it_costs(self):
        for path in glob.glob(os.path.join(POLICIES, "*.yaml")):
            with self.subTest(policy=os.path.basename(path)):
                head = re.match(r"(?:#.*\n)+", read(os.path.basename(path))).group(0)
                self.assertRegex(head, r"^# For ")
                self.assertIn("# Cost: ", head)

    def test_each_profile_can_be_planned(self):
        found = profiles()
        self.assertGreaterEqual(len(found), 9)
        for profile, name in found.items():
            with self.subTest(profile=profile):
                path = os.path.join(self.dir, name)
                with open(path, "w", encoding="utf-8") as f:
                    f.write(read(name) + f"processes:\n  one:\n    inherits: {profile}\n"
                            "    command: [/usr/bin/python3, -c, pass]\n")
                done = subprocess.run([rtmem.RTMEMCTL, "--config-dir", self.dir, "plan", "one"],
                                      text=True, capture_output=True, check=False, timeout=60)
                os.unlink(path)
                # a machine without jemalloc or huge pages can't start it, but says so
                self.assertIn(done.returncode, (0, 1), done.stderr)
                self.assertIn("one", done.stdout)

    def run_one(self, profile, command, *keys):
        files = [read(profiles()[profile])]
        keys = "".join(f"    {k}\n" for k in keys)
        policy = files[0] + f"processes:\n  one:\n    inherits: {profile}\n    command: {command}\n{keys}"
        with rtmem.Daemon(policy) as daemon:
            try:
                self.observe(daemon)
            finally:
                daemon.ctl("rollback")

    def observe(self, daemon):
        daemon.wait_ready("one", 60)
        time.sleep(OBSERVED_SECONDS)
        seen = daemon.process("one")
        self.assertEqual(seen["findings"], [])
        self.assertEqual(seen["faults"], {"minor": 0, "major": 0})
        self.assertEqual(seen["compliance"], "compliant")

    def need(self, program):
        if not shutil.which(program):
            self.skipTest(f"{program} isn't installed")
        return shutil.which(program)

    def test_pipewire_under_audio(self):
        self.run_one("audio", f"[{self.need('pipewire')}]",
                     f"environment: {{ XDG_RUNTIME_DIR: {self.dir} }}")

    def test_jack_under_audio(self):
        self.run_one("audio", f"[{self.need('jackd')}, -P10, -ddummy, -p256]")

    def test_a_loop_under_motion_control(self):
        self.run_one("motion-control", f'[/usr/bin/python3, -c, "{AXIS}"]',
                     "environment: { PYTHONMALLOC: malloc }")

    def test_cyclictest_under_motion_control(self):
        self.run_one("motion-control", f"[{self.need('cyclictest')}, -q, -p80, -i1000, -D60]",
                     "ready: { when: settle, on_timeout: report }", "watchdog: 0")

    @unittest.skipUnless(os.access("/proc/sys/vm/nr_hugepages", os.W_OK), "no huge pages to be had")
    def test_a_server_under_low_latency(self):
        self.run_one("low-latency", f'[/usr/bin/python3, -c, "{LOOP}"]',
                     "environment: { PYTHONMALLOC: malloc }")


rtmem.require_root()
rtmem.main()
