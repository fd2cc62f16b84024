#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lock keeps pages in memory, not in their place: compaction moves them, and who touches one meanwhile
takes a fault. With vm.compact_unevictable_allowed: 0 in the policy its own pages stay; without, the finding
says why."""
import mmap
import os
import re
import unittest

import fixture
import rtmem

SYSCTL = "/proc/sys/vm/compact_unevictable_allowed"
COMPACT = "/proc/sys/vm/compact_memory"
ROUNDS = 40
SCATTERED = 512 << 20
# Touches all of 128 MiB again and again
TOUCHER = ("import mmap\\nm = mmap.mmap(-1, 128 << 20)\\nm.write(bytes(128 << 20))\\n"
           "while True:\\n  m[::4096]\\n")


def policy(host):
    return (f"version: 1\n{host}processes:\n  toucher:\n"
            f'    command: [/usr/bin/python3, -c, "{TOUCHER}"]\n'
            "    ready: { when: settle, settle: 500ms }\n"
            "    memory: { heap: { prealloc: 32M } }\n")


def scatter():
    """Memory with a hole at every second page, so that what is allocated next lies apart; freed by close()."""
    m = mmap.mmap(-1, SCATTERED)
    m.madvise(mmap.MADV_NOHUGEPAGE)
    for at in range(0, SCATTERED, mmap.PAGESIZE):
        m[at] = 1
    for at in range(0, SCATTERED, 2 * mmap.PAGESIZE):
        m.madvise(mmap.MADV_DONTNEED, at, mmap.PAGESIZE)
    return m


def compact():
    with open(COMPACT, "w") as f:
        f.write("1")


def own_faults(p):
    """Where faults are told of, but for pages of files: of those that lie only partly in a mapping, the
    kernel may keep none in its list of locked ones."""
    own = []
    with open(f"/proc/{p['pid']}/maps") as f:
        for line in f:
            begin, end = (int(x, 16) for x in line.split()[0].split("-"))
            if line.split()[4] == "0":
                own.append(range(begin, end))
    seen = fixture.findings(p).get("minor_faults", {}).get("detail", "")
    at = [int(x, 16) for x in re.findall(r"at address (0x[0-9a-f]+)", seen)]
    return [hex(address) for address in at if any(address in r for r in own)]


def moved():
    with open("/proc/vmstat") as f:
        return int(next(line for line in f if line.startswith("pgmigrate_success")).split()[1])


@unittest.skipUnless(os.access(SYSCTL, os.W_OK) and os.access(COMPACT, os.W_OK),
                     "compaction isn't ours to steer here")
class Compaction(rtmem.TestCase):
    def setUp(self):
        with open(SYSCTL) as f:
            self.addCleanup(self.allow, f.read().strip())

    @staticmethod
    def allow(value):
        with open(SYSCTL, "w") as f:
            f.write(value)

    def test_pages_of_its_own_stay_where_they_are(self):
        self.allow("1")
        host = "host: { sysctl: { vm.compact_unevictable_allowed: 0 } }\n"
        around = scatter()
        with rtmem.Daemon(policy(host)) as daemon:
            daemon.wait_ready("toucher")
            around.close()
            for _ in range(ROUNDS):
                compact()
            self.assertEqual(own_faults(daemon.process("toucher")), [])

    def test_a_fault_of_a_moved_page_is_explained(self):
        self.allow("1")
        around = scatter()
        with rtmem.Daemon(policy("")) as daemon:
            daemon.wait_ready("toucher")
            around.close()
            before = moved()
            for _ in range(ROUNDS):
                compact()
                p = daemon.process("toucher")
                if p["faults"]["minor"]:
                    break
            if not p["faults"]["minor"]:
                self.skipTest(f"nothing of it was moved in {ROUNDS} rounds "
                              f"({moved() - before} pages of the machine were)")
            self.assertIn("vm.compact_unevictable_allowed is 1",
                          fixture.findings(p)["minor_faults"]["detail"])


rtmem.require_root()
rtmem.main()
