#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The system bus and the private one, as an ordinary user: looking is for everybody, changing for root."""
import machine

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
CALL = ("busctl", "--system", "call", "org.rtmem1", "/org/rtmem1", "org.rtmem1.Manager")


class Bus(machine.TestCase):
    def test_1_everybody_may_look(self):
        machine.wait_ready("plain")
        done = machine.run(*NOBODY, *CALL, "GetStatus")
        self.assertIn('\\"plain\\"', done.stdout)
        self.assertIn("compliant", machine.run(*NOBODY, "rtmemctl", "status", check=False).stdout)
        text = machine.run(*NOBODY, "busctl", "--system", "introspect", "org.rtmem1", "/org/rtmem1").stdout
        self.assertIn("org.rtmem1.Manager", text)

    def test_2_nobody_but_root_may_change(self):
        pid = machine.processes()["plain"]["pid"]
        for method in (("Stop", "s", "plain"), ("Restart", "s", "plain"), ("Apply", "b", "false"),
                       ("Rollback", "b", "false"), ("Confirm",)):
            with self.subTest(method=method):
                done = machine.run(*NOBODY, *CALL, *method, check=False)
                self.assertNotEqual(done.returncode, 0, done.stdout)
                self.assertRegex(done.stdout.lower(), "denied|not permitted|permission|only root|may change")
        for verb in (("stop", "plain"), ("restart", "plain"), ("rollback",), ("apply",)):
            with self.subTest(verb=verb):
                done = machine.run(*NOBODY, "rtmemctl", *verb, check=False)
                self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertEqual(machine.processes()["plain"]["pid"], pid)
        self.assertIn("no difference", machine.ctl("diff"))

    def test_3_nobody_can_take_the_name(self):
        done = machine.run(*NOBODY, "busctl", "--system", "call", "org.freedesktop.DBus",
                           "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName", "su",
                           "org.rtmem1", "4", check=False)
        self.assertNotEqual(done.returncode, 0, done.stdout)

    def test_4_root_may_change(self):
        done = machine.run(*CALL, "Restart", "s", "plain", check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        machine.wait_ready("plain")


machine.main()
