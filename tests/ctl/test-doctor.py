#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""rtmemctl doctor on real processes: locked, locked in part, not at all, and why it wouldn't work."""
import json
import os
import resource
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

NOBODY = 65534
MCL_CURRENT, MCL_FUTURE = 1, 2
# Locks as told, makes some memory, says so and waits
SUBJECT = ("import ctypes, sys\nc = ctypes.CDLL(None)\n"
           "sys.exit(9) if {flags} and c.mlockall({flags}) else None\n"
           "m = bytearray(50 << 20)\nprint('there', flush=True)\nsys.stdin.read()\n")


def small_memlock():
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))


class Doctor(rtmem.TestCase):
    def subject(self, flags=0, **options):
        p = subprocess.Popen(["/usr/bin/python3", "-c", SUBJECT.format(flags=flags)], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)
        self.addCleanup(p.communicate)
        self.assertEqual(p.stdout.readline(), "there\n")
        return p.pid

    def doctor(self, *arguments, status, **options):
        done = subprocess.run([rtmem.RTMEMCTL, "--json", "doctor", *map(str, arguments)], text=True,
                              capture_output=True, timeout=60, check=False, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return {r["subject"]: r for r in json.loads(done.stdout)["remarks"]} if done.stdout else {}

    def test_a_locked_process_is_well(self):
        remarks = self.doctor(self.subject(MCL_CURRENT | MCL_FUTURE), status=0)
        self.assertRegex(remarks["lock"]["text"], r"^all of .* is locked")

    def test_what_came_after_the_lock_is_missing(self):
        remarks = self.doctor(self.subject(MCL_CURRENT), status=1)
        self.assertRegex(remarks["lock"]["text"], r"aren't locked: the program locked before")

    def test_a_process_that_asked_for_nothing(self):
        remarks = self.doctor(self.subject(), status=1)
        self.assertIn("nothing stands in the way of a lock", remarks["lock"]["text"])

    def test_a_limit_that_is_too_small_for_another(self):
        pid = self.subject(user=NOBODY, group=NOBODY, preexec_fn=small_memlock)
        remarks = self.doctor(pid, status=1)
        self.assertIn("the memlock limit is too low", remarks["lock"]["text"])
        self.assertIn("limit 64K (hard 64K)", remarks["memlock"]["text"])

    def test_the_caller_s_own_rights_are_tried(self):
        remarks = self.doctor(status=0)
        self.assertEqual(remarks["lock"]["result"], "ok")
        remarks = self.doctor(status=1, user=NOBODY, group=NOBODY, extra_groups=[],
                              preexec_fn=small_memlock)
        self.assertIn("> soft limit 64", remarks["lock"]["text"])

    def test_who_isn_t_there(self):
        self.doctor(2, status=4)
        self.doctor(2 ** 31 - 1, status=4)
        self.doctor("camera", status=2)


rtmem.require_root()
rtmem.main()
