#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Control groups of managed processes: on this machine's cgroup v2 as far as it has one, and the memory values
on a played tree, whose files take what is written to them."""
import os
import shutil
import signal
import subprocess
import tempfile

import fixture
import rtmem
from fixture import document, sleeper

CGROUPS = "sys/fs/cgroup"
VALUES = ("memory.min", "memory.low", "memory.max", "memory.current")


def group_of(pid):
    with open(f"/proc/{pid}/cgroup", encoding="ascii") as f:
        for line in f:
            if line.startswith("0::"):
                return line[3:].strip()
    return None


def read(*path):
    with open(os.path.join(*path), encoding="ascii") as f:
        return f.read().strip()


class Real(rtmem.TestCase):
    def setUp(self):
        self.daemon = rtmem.Daemon(document(
            sleeper("plain", "memory: { lock: none }"),
            sleeper("with.dot", "memory: { lock: none }", "user: nobody"),
            sleeper("bounded", "memory: { lock: none }", "cgroup: { memory_max: 1G }"))).start()
        self.addCleanup(self.daemon.__exit__, None, None, None)
        for name in ("plain", "with.dot", "bounded"):
            self.daemon.wait_ready(name)
        self.base = self.daemon.cgroups
        if not self.base:
            self.skipTest("there is no cgroup v2 that rtmemd may divide")

    def test_each_process_is_in_a_group_of_its_own(self):
        for name, directory in (("plain", "plain"), ("with.dot", "_with.dot")):
            p = self.daemon.process(name)
            path = os.path.join(self.base, directory)
            self.assertEqual(p["cgroup"]["path"], path)
            self.assertTrue(path.endswith(group_of(p["pid"])), group_of(p["pid"]))
            self.assertIn(str(p["pid"]), read(path, "cgroup.procs").split())

    def test_it_goes_with_its_process(self):
        path = self.daemon.process("plain")["cgroup"]["path"]
        self.daemon.ctl("stop", "plain")
        rtmem.wait_until(lambda: not os.path.exists(path), "the group is removed")
        self.daemon.ctl("start", "plain")
        self.daemon.wait_ready("plain")
        self.assertTrue(os.path.exists(path))

    def test_it_outlives_rtmemd_and_is_used_again(self):
        pid = self.daemon.process("plain")["pid"]
        self.daemon.stop()
        self.assertTrue(os.path.isdir(self.base))
        self.daemon.start()
        p = self.daemon.wait_ready("plain")
        self.assertEqual(p["pid"], pid)
        self.assertEqual(p["cgroup"]["path"], os.path.join(self.base, "plain"))

    def test_a_stop_holds_although_somebody_else_is_in_the_group(self):
        self.daemon.write_policy("more.yaml", document(
            '  ends:\n    command: [/bin/false]\n    ready: { when: exec }\n    memory: { lock: none }\n'
            '    restart: { when: always, delay: 3s }\n'))
        self.assertEqual(self.daemon.ctl("apply").returncode, 0)
        self.daemon.wait_process("ends", lambda p: p["state"] == "backoff", "backoff")
        path = os.path.join(self.base, "ends")
        os.makedirs(path, exist_ok=True)
        with subprocess.Popen(["sleep", "1000"]) as other:
            self.addCleanup(other.kill)
            with open(os.path.join(path, "cgroup.procs"), "w", encoding="ascii") as f:
                f.write(str(other.pid))
            self.assertEqual(self.daemon.ctl("stop", "ends").returncode, 0)
            self.assertEqual(other.wait(rtmem.DEADLINE), -signal.SIGTERM)
        p = self.daemon.wait_process("ends", lambda p: p["state"] == "stopped", "stopped")
        self.assertEqual((p["wanted"], p["restarts"]), ("stopped", 0))

    def test_what_cannot_be_had_is_a_note(self):
        p = self.daemon.process("bounded")
        notes = {n["rule"]: n["detail"] for n in p["notes"]}
        if "memory_max" in p["cgroup"]:
            self.assertEqual(p["cgroup"]["memory_max"], 1 << 30)
        else:
            self.assertIn("not applicable here: ", notes["cgroup"])
        self.assertEqual(p["findings"], [])
        self.assertEqual(p["compliance"], "compliant")

    def test_nothing_is_left_behind(self):
        for name in ("plain", "with.dot", "bounded"):
            self.daemon.ctl("stop", name)
        self.daemon.stop()
        self.assertFalse(os.path.exists(self.base))


def base_name(runtime_dir):
    """FNV-1a of the path: the group of an rtmemd that isn't the machine's."""
    n = 0x811c9dc5
    for byte in os.path.realpath(runtime_dir).encode():
        n = (n ^ byte) * 0x01000193 & 0xffffffff
    return f"rtmem-{n:08x}"


class Played(rtmem.TestCase):
    """A tree with the memory controller. The kernel isn't there, so that nobody is in any group."""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="rtmem-cgroup-")
        self.addCleanup(shutil.rmtree, self.root)
        self.daemon = rtmem.Daemon(self.policy("memory_min: 64M, memory_max: 1G"),
                                   arguments=["--root", self.root])
        self.base = os.path.join(CGROUPS, base_name(self.daemon.runtime_dir))
        self.group = os.path.join(self.base, "node")
        self.write("proc/self", "mountinfo", f"29 23 0:26 / /{CGROUPS} rw,nosuid - cgroup2 cgroup2 rw\n")
        self.write(CGROUPS, "cgroup.controllers", "cpu memory pids\n")
        for directory in (CGROUPS, self.base, self.group):
            for name in ("cgroup.procs", "cgroup.subtree_control", "cgroup.events", *VALUES):
                self.write(directory, name, "")

    def policy(self, values):
        return document(sleeper("node", "memory: { lock: none }", f"cgroup: {{ {values} }}"))

    def write(self, directory, name, text):
        os.makedirs(os.path.join(self.root, directory), exist_ok=True)
        with open(os.path.join(self.root, directory, name), "w", encoding="ascii") as f:
            f.write(text)

    def values(self, directory=None):
        return [read(self.root, directory or self.group, name) for name in VALUES[:3]]

    def apply(self, values):
        self.daemon.write_policy("test.yaml", self.policy(values))
        return self.daemon.ctl("apply")

    def test_values_are_written_before_the_launch(self):
        with self.daemon as d:
            d.wait_ready("node")
            self.assertEqual(self.values(), [str(64 << 20), "0", str(1 << 30)])
            self.assertEqual(read(self.root, self.group, "cgroup.procs"), "0")

    def test_the_controller_is_passed_on_and_the_protection_too(self):
        with self.daemon as d:
            d.wait_ready("node")
            for directory in (CGROUPS, self.base):
                self.assertEqual(read(self.root, directory, "cgroup.subtree_control"), "+memory")
            self.assertEqual(self.values(self.base)[:2], [str(64 << 20), "0"])
            self.assertEqual(self.values(CGROUPS), ["", "", ""])

    def test_nothing_is_passed_on_unasked(self):
        self.daemon.write_policy("test.yaml", document(sleeper("node", "memory: { lock: none }")))
        with self.daemon as d:
            d.wait_ready("node")
            self.assertEqual(read(self.root, CGROUPS, "cgroup.subtree_control"), "")
            self.assertEqual(self.values(), ["", "", ""])

    def test_who_is_in_another_group_is_a_finding(self):
        with self.daemon as d:
            p = d.wait_ready("node")
            self.assertEqual(fixture.findings(p)["cgroup"]["seen"], "another group")
            self.assertNotIn("cgroup", p)

    def test_values_are_changed_as_it_runs(self):
        with self.daemon as d:
            pid = d.wait_ready("node")["pid"]
            self.apply("memory_low: 1M, memory_max: 2G")
            self.assertEqual(self.values(), ["0", str(1 << 20), str(2 << 30)])
            self.apply("memory_low: 1M")
            self.assertEqual(self.values(), ["0", str(1 << 20), "max"])
            self.assertEqual(d.process("node")["pid"], pid)

    def test_a_bound_below_what_is_used_is_not_set(self):
        with self.daemon as d:
            d.wait_ready("node")
            self.write(self.group, "memory.current", str(900 << 20))
            self.apply("memory_max: 500M")
            self.assertEqual(self.values()[2], str(1 << 30))
            p = d.wait_process("node", lambda p: p["findings"], "a finding")
            self.assertIn("memory.max isn't lowered to 500M, because 900M are in use",
                          fixture.findings(p)["cgroup"]["detail"])


rtmem.require_root()
rtmem.main()
