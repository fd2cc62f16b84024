#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The hardened unit and rtmemd's own filter under the real systemd: they're in force, and all works."""
import os
import re

import machine

CLONE3 = 435  # refused on purpose: a filter can't see its flags, and the C library does without
LIMIT = float(os.environ.get("RTMEM_EXPOSURE_MAX", "4.0"))


def statuses(pid):
    """Field by field, of each thread."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        text = machine.read(f"/proc/{pid}/task/{tid}/status")
        yield dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


class Security(machine.TestCase):
    def test_1_exposure(self):
        text = machine.run("systemd-analyze", "security", "--no-pager", "rtmemd.service").stdout
        exposure = float(re.search(r"Overall exposure level for rtmemd.service: ([0-9.]+)", text).group(1))
        print(f"systemd-analyze security rtmemd.service: {exposure}")
        self.assertLessEqual(exposure, LIMIT, text)

    def test_2_the_daemon_has_a_filter_and_few_rights(self):
        pid = machine.show("rtmemd", "MainPID")["MainPID"]
        threads = list(statuses(pid))
        self.assertEqual({t["Seccomp"].strip() for t in threads} - {"2"}, set(), threads)
        main = next(t for t in threads if t["Pid"].strip() == pid)
        self.assertLess(bin(int(main["CapEff"], 16)).count("1"), 15, main["CapEff"])

    def test_3_its_programs_see_the_machines_files(self):
        pid = machine.processes()["plain"]["pid"]
        for space in ("mnt", "net"):
            self.assertEqual(os.readlink(f"/proc/{pid}/ns/{space}"), os.readlink(f"/proc/1/ns/{space}"))

    def test_4_settings_can_be_written_from_within_the_sandbox(self):
        machine.ctl("rollback")
        self.assertEqual(machine.read("/proc/sys/vm/stat_interval"), "1")
        self.assertFalse(os.path.ismount("/mnt/huge"))
        machine.ctl("apply")
        self.assertIn("no difference", machine.ctl("diff"))
        self.assertTrue(os.path.ismount("/mnt/huge"))
        self.assertEqual({s["result"] for s in machine.status()["host"]} - {"not-applicable"}, {"ok"})

    def test_5_nothing_was_refused(self):
        journal = machine.run("journalctl", "-b", "-k", "--no-pager").stdout
        refused = [line for line in journal.splitlines() if "type=1326" in line and '"rtmemd"' in line
                   and f" syscall={CLONE3} " not in line]
        self.assertEqual(refused, [])
        self.assertEqual(machine.show("rtmemd", "Result")["Result"], "success")


machine.main()
