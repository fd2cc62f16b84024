#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of the machine, on a tree that isn't it (--root)."""
import os
import shutil
import tempfile

import fixture
import rtmem

HOST = ("host:\n  transparent_hugepage: never\n"
        "  sysctl: { vm.swappiness: 0, vm.overcommit_memory: 2 }\n")
SYSCTL = "proc/sys/vm"
THP = "sys/kernel/mm/transparent_hugepage"


class Tree:
    """A root directory with a few settings in it."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="rtmem-root-")
        self.write(SYSCTL + "/swappiness", "60\n")
        self.write(SYSCTL + "/overcommit_memory", "0\n")
        self.write(THP + "/enabled", "always [madvise] never\n")
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="ascii") as f:
            f.write(text)

    def read(self, name):
        with open(self.path(name), encoding="ascii") as f:
            return f.read().strip()


class Host(rtmem.TestCase):
    def setUp(self):
        self.tree = Tree().__enter__()
        self.addCleanup(self.tree.__exit__)

    def daemon(self):
        return rtmem.Daemon(fixture.document(fixture.sleeper("a"), host=HOST),
                            arguments=("--root", self.tree.dir))

    def settings(self, daemon):
        document = daemon.wait_reachable()
        return document["daemon"]["state"], {s["setting"]: s for s in document["host"]}

    def test_written_and_read_back(self):
        with self.daemon() as d:
            d.wait_ready("a")
            _, settings = self.settings(d)
            self.assertEqual(self.tree.read(SYSCTL + "/swappiness"), "0")
            self.assertEqual(self.tree.read(SYSCTL + "/overcommit_memory"), "2")
            s = settings["sysctl.vm.swappiness"]
            self.assertEqual((s["wanted"], s["actual"], s["original"], s["result"]),
                             ("0", "0", "60", "ok"))
            self.assertRegex(s["source"], r"/test\.yaml:\d+$")

    def test_a_refused_write_is_drift_and_the_rest_goes_on(self):
        os.unlink(self.tree.path(SYSCTL + "/swappiness"))
        os.symlink("/dev/null", self.tree.path(SYSCTL + "/swappiness"))  # takes all, keeps nothing
        with self.daemon() as d:
            self.assertEqual(d.wait_ready("a")["compliance"], "compliant")
            state, settings = self.settings(d)
            self.assertEqual(state, "degraded")
            self.assertEqual(settings["sysctl.vm.swappiness"]["result"], "drift")
            self.assertNotEqual(settings["sysctl.vm.swappiness"]["reason"], "")
            self.assertEqual(settings["sysctl.vm.overcommit_memory"]["result"], "ok")
            self.assertIn("host: sysctl.vm.swappiness: wanted 0, seen ", d.log())
            self.assertEqual(d.ctl("status").returncode, 1)

    def test_what_can_not_be_opened_is_no_crash(self):
        os.unlink(self.tree.path(SYSCTL + "/swappiness"))
        os.mkdir(self.tree.path(SYSCTL + "/swappiness"))
        with self.daemon() as d:
            d.wait_ready("a")
            _, settings = self.settings(d)
            self.assertIn(settings["sysctl.vm.swappiness"]["result"], ("drift", "not-applicable"))
            self.assertNotEqual(settings["sysctl.vm.swappiness"]["reason"], "")

    def test_what_this_machine_does_not_have_is_not_applicable(self):
        shutil.rmtree(self.tree.path(THP))
        with self.daemon() as d:
            d.wait_ready("a")
            _, settings = self.settings(d)
            s = settings["transparent_hugepage"]
            self.assertEqual(s["result"], "not-applicable")
            self.assertNotEqual(s["reason"], "")

    def test_somebody_elses_change_is_drift_until_the_next_apply(self):
        os.unlink(self.tree.path(THP + "/enabled"))
        os.symlink("/dev/null", self.tree.path(THP + "/enabled"))
        shutil.rmtree(self.tree.path(THP))
        with self.daemon() as d:
            d.wait_ready("a")
            self.assertEqual(self.settings(d)[0], "compliant")
            self.tree.write(SYSCTL + "/swappiness", "33\n")
            rtmem.wait_until(lambda: self.settings(d)[0] == "degraded", "the change is seen")
            settings = self.settings(d)[1]
            self.assertEqual(settings["sysctl.vm.swappiness"]["result"], "drift")
            self.assertEqual(settings["sysctl.vm.swappiness"]["actual"], "33")
            self.assertIn("vm.swappiness", d.ctl("apply", "--dry-run").stdout)
            self.assertEqual(self.tree.read(SYSCTL + "/swappiness"), "33")
            self.assertEqual(d.ctl("apply").returncode, 0)
            self.assertEqual(self.tree.read(SYSCTL + "/swappiness"), "0")
            state, settings = self.settings(d)
            self.assertEqual((state, settings["sysctl.vm.swappiness"]["original"]), ("compliant", "60"))

    def test_the_original_survives_the_daemon_and_nothing_is_undone(self):
        with self.daemon() as d:
            d.wait_ready("a")
            d.stop()
            self.assertEqual(self.tree.read(SYSCTL + "/swappiness"), "0")
            d.start()
            d.wait_ready("a")
            self.assertEqual(self.settings(d)[1]["sysctl.vm.swappiness"]["original"], "60")


rtmem.require_root()
rtmem.main()
