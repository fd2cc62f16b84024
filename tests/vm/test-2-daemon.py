#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""rtmemd as a service: ready and telling its status; restarted, killed and stopped, its programs live on."""
import json

import machine

NAMES = ("plain", "realtime", "other")


def main_pid():
    return int(machine.show("rtmemd", "MainPID")["MainPID"])


class Daemon(machine.TestCase):
    def pids(self):
        now = machine.wait_ready(*NAMES)
        return {n: now[n]["pid"] for n in NAMES}

    def test_1_it_is_ready_and_says_how_it_is(self):
        unit = machine.show("rtmemd", "ActiveState", "SubState", "StatusText", "NRestarts", "Type")
        self.assertEqual((unit["ActiveState"], unit["SubState"], unit["NRestarts"]), ("active", "running", "0"))
        self.assertIn("3 compliant", unit["StatusText"])
        document = machine.status()
        self.assertEqual(document["daemon"]["state"], "compliant", machine.ctl("status", status=None))
        for name, p in machine.wait_ready(*NAMES).items():
            self.assertEqual(p["compliance"], "compliant", (name, p["findings"]))
            self.assertGreater(p["memory"]["locked"], 0)

    def test_2_what_counts_faults_is_kept_by_systemd(self):
        machine.wait_ready(*NAMES)
        stored = int(machine.show("rtmemd", "NFileDescriptorStore")["NFileDescriptorStore"])
        print(f"descriptors in the store: {stored}")
        self.assertGreaterEqual(stored, 3 * len(NAMES))

    def test_3_a_restart_leaves_the_programs_alone(self):
        before, pid = self.pids(), main_pid()
        machine.run("systemctl", "restart", "rtmemd")
        self.assertNotEqual(main_pid(), pid)
        self.assertEqual(self.pids(), before)
        self.assertEqual({p["restarts"] for p in machine.processes().values()}, {0})

    def test_4_killed_it_is_started_again_and_finds_them(self):
        before, pid = self.pids(), main_pid()
        machine.run("systemctl", "kill", "-s", "KILL", "--kill-who=main", "rtmemd")
        machine.wait_until(lambda: main_pid() not in (0, pid) and machine.status(), "rtmemd is back")
        self.assertEqual(self.pids(), before)
        for name, p in machine.processes().items():
            self.assertEqual(p["compliance"], "compliant", (name, p["findings"]))
            # counted on by the kernel meanwhile, by what systemd kept
            self.assertIn("without a gap", json.dumps(p.get("notes", "")), name)

    def test_5_a_reload_changes_nothing_that_is_the_same(self):
        before, pid = self.pids(), main_pid()
        machine.run("systemctl", "reload", "rtmemd")
        machine.wait_until(lambda: machine.show("rtmemd", "ActiveState")["ActiveState"] == "active", "reloaded")
        self.assertEqual((self.pids(), main_pid()), (before, pid))

    def test_6_stopped_and_started_it_adopts_them(self):
        before = self.pids()
        machine.run("systemctl", "stop", "rtmemd")
        for pid in before.values():
            self.assertIn("sleep", machine.read(f"/proc/{pid}/comm"))
        machine.run("systemctl", "start", "rtmemd")
        self.assertEqual(self.pids(), before)
        document = machine.status()
        self.assertEqual(document["daemon"]["state"], "compliant")


machine.main()
