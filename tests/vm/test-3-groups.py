#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Control groups under systemd: in a unit that outlives rtmemd; memory protected and bounded by the kernel; and
output in the journal."""
import os

import machine

POLICY = "/etc/rtmem.d/groups.yaml"
HOLDER = "rtmem-processes.service"
TOP = f"/sys/fs/cgroup/system.slice/{HOLDER}"
GREEDY = "import time; time.sleep(2); held = bytearray(256 << 20); time.sleep(1000)"


def policy(bound):
    return f"""version: 1
profiles:
  loose:
    memory: {{ lock: none }}
    ready: {{ when: exec }}
    compliance: {{ minor_faults: unlimited, major_faults: unlimited }}
processes:
  bounded:
    inherits: [loose]
    command: [/bin/sleep, infinity]
    cgroup: {{ memory_min: 16M, memory_low: 32M, memory_max: {bound} }}
  greedy:
    inherits: [loose]
    command: [/usr/bin/python3, -c, "{GREEDY}"]
    cgroup: {{ memory_max: 96M }}
    restart: {{ when: no }}
  speaking:
    inherits: [loose]
    command: [/bin/sh, -c, "echo said to the journal; echo in trouble >&2; exec sleep infinity"]
    user: nobody
    output: {{ stdout: journal }}
"""


def value(process, name):
    return machine.read(os.path.join(TOP, process, name))


class Groups(machine.TestCase):
    @classmethod
    def setUpClass(cls):
        machine.write(POLICY, policy("128M"))
        machine.ctl("apply", status=None)
        machine.wait_ready("bounded", "speaking")

    @classmethod
    def tearDownClass(cls):
        os.unlink(POLICY)
        machine.ctl("apply", status=None)

    def test_1_each_is_in_its_own_below_the_unit(self):
        for name in ("bounded", "speaking", "plain"):
            p = machine.processes()[name]
            self.assertEqual(p["cgroup"]["path"], os.path.join(TOP, name))
            self.assertEqual(machine.read(f"/proc/{p['pid']}/cgroup"), f"0::/system.slice/{HOLDER}/{name}")

    def test_2_the_kernel_has_the_values(self):
        self.assertEqual([value("bounded", f"memory.{n}") for n in ("min", "low", "max")],
                         [str(16 << 20), str(32 << 20), str(128 << 20)])
        p = machine.processes()["bounded"]
        self.assertEqual(p["cgroup"]["memory_max"], 128 << 20)
        self.assertEqual(p["findings"], [])
        self.assertIn("MemoryMin=", [n["detail"] for n in p["notes"] if n["rule"] == "cgroup.memory_min"][0])

    def test_3_what_is_protected_above_counts(self):
        machine.run("systemctl", "set-property", "--runtime", HOLDER, "MemoryMin=64M")
        machine.run("systemctl", "set-property", "--runtime", "system.slice", "MemoryMin=64M")
        def without_note():
            return not any(n["rule"] == "cgroup.memory_min" for n in machine.processes()["bounded"]["notes"])
        machine.wait_until(without_note, "no note on memory_min")

    def test_4_beyond_its_bound_the_kernel_kills(self):
        p = machine.wait_until(lambda: machine.processes()["greedy"]["pid"] == 0 and machine.processes()["greedy"],
                               "greedy has ended")
        self.assertEqual(p["state"], "failed")
        self.assertIn("signal 9", p["findings"][0]["detail"])
        self.assertEqual(machine.show(HOLDER, "ActiveState")["ActiveState"], "active")

    def test_5_another_bound_is_set_as_it_runs(self):
        pid = machine.processes()["bounded"]["pid"]
        machine.write(POLICY, policy("200M"))
        machine.ctl("apply", status=None)
        machine.wait_until(lambda: value("bounded", "memory.max") == str(200 << 20), "the new bound")
        self.assertEqual(machine.processes()["bounded"]["pid"], pid)

    def test_6_rtmemd_is_started_again_beside_them(self):
        pid = machine.processes()["bounded"]["pid"]
        machine.run("systemctl", "restart", "rtmemd")
        self.assertEqual(machine.wait_ready("bounded")["bounded"]["pid"], pid)
        machine.run("systemctl", "stop", "rtmemd")
        self.assertTrue(os.path.exists(f"/proc/{pid}"))
        machine.run("systemctl", "start", "rtmemd")
        p = machine.wait_ready("bounded")["bounded"]
        self.assertEqual((p["pid"], p["cgroup"]["memory_max"]), (pid, 200 << 20))

    def test_7_output_is_in_the_journal(self):
        def lines():
            return machine.run("journalctl", "-t", "speaking", "-o", "cat", "--no-pager").stdout.splitlines()
        machine.wait_until(lambda: len(lines()) >= 2, "two lines in the journal")
        self.assertEqual(sorted(lines())[:2], ["in trouble", "said to the journal"])

    def test_8_stopping_the_unit_ends_them_all(self):
        now = machine.processes()
        machine.run("systemctl", "stop", "rtmemd")
        machine.run("systemctl", "stop", HOLDER)
        for p in now.values():
            self.assertFalse(p["pid"] and os.path.exists(f"/proc/{p['pid']}"), p["name"])
        machine.run("systemctl", "start", "rtmemd")
        machine.wait_ready("bounded", "plain")
        self.assertEqual(machine.show(HOLDER, "ActiveState")["ActiveState"], "active")


machine.main()
