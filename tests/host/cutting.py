# SPDX-License-Identifier: LGPL-2.1-or-later
"""What has to be true after an apply or a rollback was cut off, or one of its calls failed."""
import json

import machine
import rtmem

CHANGING = "openw,write,fsync,fchmod,rename"
ALL = "open,read," + CHANGING
KILLED = -9


class TestCase(rtmem.TestCase):
    def check_originals(self, m):
        """Whatever isn't as it was is known to the journal, with what it was."""
        journal = m.journal()
        for name, value in m.values().items():
            original = machine.SETTINGS[name][1]
            self.assertIn(value, (original, machine.SETTINGS[name][2]), name)
            if value != original:
                self.assertEqual(journal.get(name), original, name)

    def check_told(self, m, host):
        """The settings of a document, against the machine."""
        self.assertEqual(len(host), len(machine.SETTINGS))
        for s in host:
            actual = m.read(s["setting"])
            self.assertEqual(s["actual"], actual)
            self.assertEqual(s["result"], "ok" if actual == s["wanted"] else "drift", s)
            self.assertIn(s["original"], ("", machine.SETTINGS[s["setting"]][1]))

    def check_rollback(self, m, roll_back):
        done = roll_back("rollback")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(m.values(), machine.originals())
        self.assertEqual(m.journal(), {})

    def check_report(self, m, done):
        self.assertIn(done.returncode, (0, 1), done.stderr)
        if not done.stdout:
            self.assertRegex(done.stderr, r"^rtmemctl: .+: .+")
            self.assertEqual(m.values(), machine.originals())
            return
        document = json.loads(done.stdout)
        if m.values() != machine.wanted():
            self.assertEqual(done.returncode, 1)
        for w in document["writes"]:
            actual = m.read(w["setting"])
            if w["outcome"] == "written":
                self.assertEqual(actual, w["to"], w)
            elif w["outcome"] == "refused":
                self.assertEqual(actual, w["from"], w)
            if w["outcome"] != "written":
                self.assertTrue(w["reason"], w)
        for s in document["host"]:
            if s["result"] == "ok":
                self.assertEqual(m.read(s["setting"]), s["wanted"], s)
            else:
                self.assertTrue(s["reason"], s)
