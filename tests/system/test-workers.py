#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Worker threads that allocate and free within the prepared heap: no fault, and no call that maps memory.

The usual recipe (mlockall, mallopt, a heap touched by the main thread) fails here: each further thread
gets an arena of its own. Four threads with blocks of 8 and of 100 MiB are what shows it.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

MEMORY_CALLS = "mmap,munmap,mremap,brk,madvise,mprotect,mlock,munlock,mlockall"
POLICY = """
version: 1
processes:
  workers:
    command: ["{loop}", "{mib}", "{cycles}", allocate, "4"]
    memory:
      lock: strict
      heap: {{ prealloc: {prealloc} }}
      stack: {{ threads: 256K }}
    ready: {{ when: exec }}
"""
CASES = ((8, 20, "48M"), (100, 10, "440M"))


def policy_file(directory, mib, cycles, prealloc):
    path = os.path.join(directory, "workers.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(POLICY.format(loop=rtmem.LOOP, mib=mib, cycles=cycles, prealloc=prealloc))
    return path


def run_command(path, mib, cycles):
    return [rtmem.RTMEMCTL, "run", "--policy", "workers", "--policy-file", path, "--",
            rtmem.LOOP, str(mib), str(cycles), "allocate", "4"]


def memory_calls_between_marks(trace):
    """The program marks the time that counts by a getppid() before and after it."""
    lines, inside, calls = [], False, []
    with open(trace, encoding="utf-8", errors="replace") as f:
        lines = f.read().splitlines()
    marks = sum("getppid(" in line for line in lines)
    for line in lines:
        if "getppid(" in line:
            inside = not inside
        elif inside and re.search(r"\b(" + MEMORY_CALLS.replace(",", "|") + r")\(", line):
            calls.append(line)
    return marks, calls


class Workers(rtmem.TestCase):
    def test_under_run_there_is_no_fault_in_any_thread(self):
        for mib, cycles, prealloc in CASES:
            with self.subTest(mib=mib), rtmem.Daemon({}) as d:
                path = policy_file(d.dir, mib, cycles, prealloc)
                done = subprocess.run(run_command(path, mib, cycles), text=True,
                                      capture_output=True, timeout=120, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(float(done.stdout.split()[1]), 0.0, done.stdout)

    def test_without_policy_the_same_program_takes_thousands(self):
        done = subprocess.run([rtmem.LOOP, "100", "3", "allocate", "4"], text=True,
                              capture_output=True, timeout=120, check=True)
        self.assertGreater(float(done.stdout.split()[1]), 4 * 100 * 256 - 100)

    def test_no_call_maps_or_unmaps_memory(self):
        strace = rtmem.require_program("strace")
        for mib, cycles, prealloc in CASES:
            with self.subTest(mib=mib), rtmem.Daemon({}) as d:
                path = policy_file(d.dir, mib, cycles, prealloc)
                trace = os.path.join(d.dir, "trace")
                done = subprocess.run(
                    [strace, "-f", "-o", trace, "-e", f"trace=getppid,{MEMORY_CALLS}",
                     *run_command(path, mib, cycles)],
                    text=True, capture_output=True, timeout=240, check=False)
                if done.returncode != 0 and "ptrace" in done.stderr:
                    self.skipTest("ptrace is refused here: " + done.stderr.strip())
                self.assertEqual(done.returncode, 0, done.stderr)
                marks, calls = memory_calls_between_marks(trace)
                self.assertEqual(marks, 2)
                self.assertEqual(calls, [])

    def test_by_the_daemons_count_there_is_no_fault_in_any_thread(self):
        policy = POLICY.format(loop=rtmem.LOOP, mib=8, cycles=400, prealloc="48M")
        with rtmem.Daemon(policy) as d:
            d.wait_process("workers", lambda p: p["ready"] and len(p["threads"]) == 5, "working")
            rtmem.count_faults([d.process("workers")["pid"]], 2)
            status = d.process("workers")
            self.assertEqual(status["faults"], {"minor": 0, "major": 0}, status)
            self.assertEqual(status["compliance"], "compliant", status)


rtmem.require_root()
rtmem.main()
