#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How far systemd says that the units confine what they start. Usage: test-unit.py DIRECTORY-OF-UNITS"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

UNITS = sys.argv.pop()
PACKAGING = os.path.join(rtmem.ROOT, "packaging")
LEAST_VERSION = 250  # judges a file that no manager has loaded
EXPOSURE_MAX = 4.0  # of 10: with what a real-time program may need
EXPOSURE_STRICT_MAX = 3.5


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def exposure(unit):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "rtmemd.service")
        with open(path, "w", encoding="utf-8") as f:
            f.write(unit)
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", path],
                              check=False, text=True, capture_output=True)
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    if not found:
        raise AssertionError(done.stdout + done.stderr)
    return float(found.group(1))


class Unit(rtmem.TestCase):
    def test_what_programs_may_need_is_left_and_the_rest_is_not(self):
        self.assertLessEqual(exposure(read(UNITS, "rtmemd.service")), EXPOSURE_MAX)

    def test_with_the_strict_drop_in_the_unit_is_well_confined(self):
        both = read(UNITS, "rtmemd.service").replace("[Install]", "") + read(
            PACKAGING, "rtmemd-strict.conf")
        self.assertLessEqual(exposure(both), EXPOSURE_STRICT_MAX)

    def test_the_unit_leaves_what_rtmemd_needs(self):
        unit = read(UNITS, "rtmemd.service")
        bounding = re.search(r"^CapabilityBoundingSet=(.*)", unit, re.M).group(1).split()
        needed = re.findall(r"^\| `(CAP_\w+)` \|", read(rtmem.ROOT, "docs", "security.md"), re.M)
        self.assertTrue(needed)
        self.assertLessEqual(set(needed), set(bounding))


def version():
    out = subprocess.run(["systemd-analyze", "--version"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return int(re.search(r"systemd (\d+)", out).group(1))


rtmem.require_program("systemd-analyze")
if version() < LEAST_VERSION:
    rtmem.skip(f"systemd-analyze is older than {LEAST_VERSION}")
rtmem.main()
