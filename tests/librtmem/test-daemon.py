#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""librtmem under rtmemd: readiness is heard, a section that faults is a finding, one that prefaults isn't."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

CARELESS = os.environ.get("RTMEM_TEST_CARELESS", "")
EXAMPLE = os.path.join(rtmem.BUILD, "librtmem", "example")


def policy(lock, *command):
    return f"""version: 1
processes:
  node:
    command: {list(command)}
    memory: {{ lock: {lock} }}
    ready: {{ when: notify, timeout: 20s }}
    compliance: {{ interval: 200ms }}
"""


def section(process):
    return [f for f in process["findings"] if f["rule"] == "section"]


class Library(rtmem.TestCase):
    def test_a_section_that_faults_is_a_finding(self):
        with rtmem.Daemon(policy("balanced", CARELESS)) as daemon:
            daemon.wait_ready("node")
            p = daemon.wait_process("node", section, "the section is told")
            self.assertEqual(p["compliance"], "violating")
            self.assertIn("careless loop", str(section(p)[0]))
            self.assertIn("control", str(section(p)[0]))

    def test_a_section_that_prefaults_is_none(self):
        for lock in ("strict", "balanced", "onfault"):
            with self.subTest(lock=lock), rtmem.Daemon(policy(lock, CARELESS, "careful")) as daemon:
                daemon.wait_ready("node")
                first = daemon.process("node")
                self.assertNotIn(0, rtmem.count_faults([first["pid"]], 1).keys())
                p = daemon.process("node")
                self.assertEqual((section(p), p["faults"]["major"]), ([], 0), p)

    def test_the_example_is_compliant(self):
        for lock in ("strict", "balanced", "onfault"):
            with self.subTest(lock=lock), rtmem.Daemon(policy(lock, EXAMPLE, "60")) as daemon:
                daemon.wait_ready("node")
                p = daemon.wait_process("node", lambda p: p["compliance"] != "pending", "judged")
                self.assertEqual((p["compliance"], p["findings"]), ("compliant", []))
                self.assertEqual(rtmem.count_faults([p["pid"]], 1), {p["pid"]: 0})
                p = daemon.process("node")
                self.assertEqual((p["faults"], p["findings"]), ({"minor": 0, "major": 0}, []))
                self.assertIn("control", [t["name"] for t in p["threads"]])


rtmem.require_root()
rtmem.main()
