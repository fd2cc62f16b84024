#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rows of the ROS 2 example minimal_memory_lock, through policies alone.

The example locks and prepares its memory itself, row by row; ours (policies/demo/programs) does nothing,
and each row is a policy. Two witnesses: rtmemd's status (real faults since ready), and what the node
itself prints, which is minflt: that counts pages populated ahead as well.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

CYCLES = 6  # looked at per row, of 100 ms each
PAGES_50M = 50 * 256
SPIN = re.compile(r"New page faults during spin: \[minor: (\d+), major: (\d+)\]")

POLICY = """
version: 1
processes:
  node:
    command: [{command}]
    memory: {memory}
    ready: {{ when: notify }}
    compliance: {{ interval: 200ms }}
"""


def policy(memory, *arguments):
    command = ", ".join(f'"{a}"' for a in (rtmem.NODE, "--period", "100", *arguments))
    return POLICY.format(command=command, memory=memory)


def cycles_printed(daemon):
    return [int(minor) for minor, _ in SPIN.findall(daemon.log())]


def run_row(memory, *arguments):
    """Runs a row for some cycles; returns the minflt of each cycle and the final status."""
    with rtmem.Daemon(policy(memory, *arguments)) as d:
        d.wait_ready("node")
        rtmem.wait_until(lambda: len(cycles_printed(d)) >= CYCLES, f"{CYCLES} cycles")
        first = d.process("node")
        # two rounds of sampling later the status has seen all of these cycles
        n = len(cycles_printed(d)) + 5
        rtmem.wait_until(lambda: len(cycles_printed(d)) >= n, "five more cycles")
        assert first["pid"] == d.process("node")["pid"], "the node was restarted"
        return cycles_printed(d), d.process("node")


def plain_rss():
    """Resident memory in kB of the node that nobody looks after."""
    with subprocess.Popen([rtmem.NODE, "--period", "100"], stdout=subprocess.PIPE, text=True) as p:
        try:
            for line in p.stdout:
                if "before spin" in line:
                    return rtmem.status_field(p.pid, "VmRSS")
        finally:
            p.kill()
    raise AssertionError("the node ended early")


class Rows(rtmem.TestCase):
    def assert_clean(self, status):
        self.assertEqual(status["faults"], {"minor": 0, "major": 0}, status)
        self.assertEqual(status["findings"], [])
        self.assertEqual(status["compliance"], "compliant")
        self.assertEqual(status["injection"], "preload")
        for thread in status["threads"]:
            self.assertEqual((thread["minor"], thread["major"]), (0, 0), thread)

    def test_no_lock_and_no_allocation_takes_few_faults(self):
        printed, status = run_row("{ lock: none }")
        self.assertLess(max(printed), 100)
        self.assertEqual(status["memory"]["locked"], 0)

    def test_no_lock_with_allocation_takes_thousands_of_faults_and_is_a_violation(self):
        printed, status = run_row("{ lock: none }", "--allocate-in-node", "50")
        self.assertGreaterEqual(min(printed), PAGES_50M)
        self.assertGreaterEqual(status["faults"]["minor"], CYCLES * PAGES_50M)
        self.assertEqual(status["compliance"], "violating")
        self.assertIn("minor_faults", [f["rule"] for f in status["findings"]])

    def test_lock_takes_no_fault(self):
        printed, status = run_row("{ lock: strict }")
        self.assertEqual(set(printed), {0})
        self.assert_clean(status)
        self.assertGreater(status["memory"]["locked"], 9 * (8 << 20))  # nine stacks of 8 MB

    def test_lock_with_allocation_populates_once_and_takes_no_fault(self):
        printed, status = run_row("{ lock: strict }", "--allocate-in-node", "50")
        self.assertGreater(printed[0], PAGES_50M - 4096)  # populated by the kernel inside malloc
        self.assertEqual(set(printed[1:]), {0})  # and kept: free gives nothing back
        self.assert_clean(status)

    def test_lock_with_allocation_and_prealloc_populates_nothing_after_ready(self):
        printed, status = run_row("{ lock: strict, heap: { prealloc: 150M } }",
                                  "--allocate-in-node", "50")
        self.assertEqual(set(printed), {0})
        self.assert_clean(status)
        self.assertGreaterEqual(status["memory"]["heap_prealloc"], 150 << 20)

    def test_small_stacks_cost_little_memory_and_no_fault(self):
        printed, status = run_row("{ lock: strict, stack: { threads: 200K } }")
        self.assertEqual(set(printed), {0})
        self.assert_clean(status)
        rss, unlocked = status["memory"]["rss"] / 1024, plain_rss()
        print(f"RSS {rss:.0f} kB locked with small stacks, {unlocked} kB unlocked: "
              f"{rss / unlocked:.2f} times", file=sys.stderr)
        self.assertLessEqual(rss, 1.4 * unlocked)

    def test_threads_that_come_after_ready_take_no_fault(self):
        printed, status = run_row("{ lock: strict, stack: { threads: 256K } }", "--no-wait")
        self.assert_clean(status)
        self.assertEqual(printed[-1], 0)
        self.assertGreaterEqual(len(status["threads"]), 10)


rtmem.require_root()
rtmem.main()
