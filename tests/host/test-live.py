#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""This machine's own kernel: three harmless settings applied, tried, changed by another, rolled back."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

NAMES = ("vm.compact_unevictable_allowed", "vm.stat_interval", "vm.swappiness")


def path(name):
    return "/proc/sys/" + name.replace(".", "/")


def read(name):
    with open(path(name), encoding="ascii") as f:
        return f.read().strip()


def write(name, value):
    with open(path(name), "w", encoding="ascii") as f:
        f.write(value)


def values():
    return {name: read(name) for name in NAMES}


class Live(rtmem.TestCase):
    def setUp(self):
        for name in NAMES:
            if not os.path.exists(path(name)):
                self.skipTest(f"this kernel has no {name}")
            try:
                write(name, read(name))
            except OSError as e:
                self.skipTest(f"{path(name)}: {e.strerror}")
        self.before = values()
        self.addCleanup(lambda: [write(*item) for item in self.before.items()])
        self.wanted = {name: "0" if value != "0" else "1" for name, value in self.before.items()}
        self.wanted["vm.stat_interval"] = str(int(self.before["vm.stat_interval"]) + 1)

    def policy(self):
        wishes = "".join(f"    {name}: {value}\n" for name, value in self.wanted.items())
        return "version: 1\nhost:\n  sysctl:\n" + wishes

    def test_applied_killed_changed_and_rolled_back(self):
        with rtmem.Daemon(self.policy()) as d:
            d.wait_reachable()
            self.assertEqual(values(), self.wanted)
            self.assertEqual({s["result"] for s in d.status()["host"]}, {"ok"})
            d.stop(signal.SIGKILL)
            self.assertEqual(values(), self.wanted)
            d.start()
            originals = {s["setting"]: s["original"] for s in d.wait_reachable()["host"]}
            self.assertEqual(originals, {"sysctl." + name: v for name, v in self.before.items()})
            write("vm.stat_interval", "77")
            done = d.ctl("rollback")
            self.assertEqual(done.returncode, 1)
            self.assertIn("somebody else has set it since", done.stdout)
            self.assertEqual(values(), {**self.before, "vm.stat_interval": "77"})
            self.assertEqual(d.ctl("rollback", "--force").returncode, 0)
            self.assertEqual(values(), self.before)

    def test_tried_and_taken_back(self):
        with rtmem.Daemon("version: 1\n") as d:
            d.wait_reachable()
            d.write_policy("test.yaml", self.policy())
            self.assertEqual(d.ctl("apply", "--try", "1s").returncode, 0)
            rtmem.wait_until(lambda: values() == self.before, "it goes back")
            self.assertEqual(d.ctl("apply", "--try", "1min").returncode, 0)
            self.assertEqual(d.ctl("confirm").returncode, 0)
            self.assertEqual(values(), self.wanted)
            d.write_policy("test.yaml", "version: 1\n")
            done = d.ctl("apply")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(values(), self.before)


rtmem.require_root()
rtmem.main()
