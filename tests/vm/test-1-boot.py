#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""rtmem-host.service: the machine's settings before the services that count on them, without rtmemd; a
stop undoes nothing, and what was rolled back stays so over another start of the unit."""
import os

import machine

POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"


def stamp(unit, what):
    return int(machine.show(unit, what)[what])


class Boot(machine.TestCase):
    def test_1_the_unit_did_its_work_before_who_needs_it(self):
        unit = machine.show("rtmem-host", "ActiveState", "Result", "ExecMainStatus")
        journal = machine.run("journalctl", "-u", "rtmem-host", "--no-pager").stdout
        self.assertEqual(unit, {"ActiveState": "active", "Result": "success", "ExecMainStatus": "0"}, journal)
        self.assertEqual(machine.read("/run/kubelet-pages"), "24")
        done = stamp("rtmem-host", "ActiveEnterTimestampMonotonic")
        self.assertLess(done, stamp("basic.target", "ActiveEnterTimestampMonotonic"))
        self.assertLess(done, stamp("kubelet", "ExecMainStartTimestampMonotonic"))
        self.assertLess(done, stamp("rtmemd", "ExecMainStartTimestampMonotonic"))
        start = stamp("rtmem-host", "ExecMainStartTimestampMonotonic")
        print(f"rtmem-host: {(stamp('rtmem-host', 'ExecMainExitTimestampMonotonic') - start) / 1e6:.2f} s, "
              f"done {done / 1e6:.1f} s after the kernel's start")

    def test_2_all_settings_are_as_wanted(self):
        text = machine.ctl("diff", "--all")
        self.assertIn("no difference", text)
        self.assertEqual(machine.read(POOL), "24")
        self.assertEqual(machine.read("/proc/sys/vm/stat_interval"), "7")
        self.assertTrue(os.path.ismount("/mnt/huge"))
        if not os.path.exists("/sys/kernel/mm/transparent_hugepage"):
            self.assertIn("not-applicable", text)

    def test_3_a_stop_undoes_nothing(self):
        machine.run("systemctl", "stop", "rtmem-host")
        self.assertIn("no difference", machine.ctl("diff"))
        machine.run("systemctl", "start", "rtmem-host")
        self.assertIn("no difference", machine.ctl("diff"))

    def test_4_what_was_rolled_back_stays_so_until_an_apply(self):
        machine.ctl("rollback")
        self.assertEqual(machine.read(POOL), "0")
        self.assertEqual(machine.read("/proc/sys/vm/stat_interval"), "1")
        self.assertFalse(os.path.exists("/mnt/huge"))
        machine.run("systemctl", "restart", "rtmem-host", check=False)
        self.assertEqual(machine.read(POOL), "0")
        self.assertIn("rolled back", machine.ctl("diff", status=1))
        machine.ctl("apply")
        self.assertEqual(machine.read(POOL), "24")
        machine.run("systemctl", "restart", "rtmem-host")
        self.assertIn("no difference", machine.ctl("diff"))


machine.main()
