#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Heaps that aren't glibc's usual one, in whole programs: jemalloc and mimalloc for threads that allocate
at the same time, huge pages, and a program that brings its own allocator.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

HUGE = "/proc/sys/vm/nr_hugepages"
MEBIBYTE = 1 << 20
POLICY = """
version: 1
processes:
  heap:
    command: [{command}]
    memory: {{ lock: strict, heap: {{ {heap} }}, stack: {{ threads: 256K }} }}
    ready: {{ when: {ready}, timeout: 30s }}
"""
WORKERS = f'"{rtmem.LOOP}", "8", "{{cycles}}", allocate, "4"'


def policy(heap, command, ready="exec"):
    return POLICY.format(heap=heap, command=command, ready=ready)


def installed(library):
    return any(glob.glob(f"{d}/{library}*") for d in ("/lib64", "/usr/lib64", "/usr/lib", "/usr/lib/*-linux-gnu"))


def run_workers(directory, heap):
    """What four threads print that allocate 8 MiB at the same time, over and over: time and faults."""
    path = os.path.join(directory, "heap.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(policy(heap, WORKERS.format(cycles=20)))
    return subprocess.run([rtmem.RTMEMCTL, "run", "--policy", "heap", "--policy-file", path, "--",
                           rtmem.LOOP, "8", "20", "allocate", "4"],
                          text=True, capture_output=True, timeout=120, check=False)


class HugePages:
    """So many more for a while; exactly what was there before comes back."""

    def __init__(self, number):
        self.number = number

    def _write(self, number):
        with open(HUGE, "w", encoding="ascii") as f:
            f.write(str(number))
        return self.read() == number

    @staticmethod
    def read():
        with open(HUGE, encoding="ascii") as f:
            return int(f.read())

    def __enter__(self):
        self.before = self.read()
        if not self._write(self.before + self.number):
            self._write(self.before)
            raise rtmem.unittest.SkipTest("this machine has no huge pages to spare")
        return self

    def __exit__(self, *error):
        self._write(self.before)


class Allocators(rtmem.TestCase):
    def check(self, library, heap):
        if not installed(library):
            self.skipTest(f"{library} isn't installed")
        with rtmem.Daemon({}) as d:
            done = run_workers(d.dir, heap)
            self.assertEqual(done.returncode, 0, done.stderr)
            # pages that a lock makes present count too: there's no new mapping either
            self.assertEqual(float(done.stdout.split()[1]), 0.0, done.stdout)

    def test_threads_under_jemalloc_take_no_new_page(self):
        self.check("libjemalloc.so.2", "allocator: jemalloc, prealloc: 256M, arenas: 8")

    def test_threads_under_mimalloc_take_no_new_page(self):
        self.check("libmimalloc.so.2", "allocator: mimalloc, prealloc: 256M")

    def test_the_plan_says_which_malloc_and_why(self):
        if not installed("libjemalloc.so.2"):
            self.skipTest("jemalloc isn't installed")
        with rtmem.Daemon({}) as d:
            d.write_policy("heap.yaml", policy("allocator: jemalloc, prealloc: 64M", "/bin/true"))
            done = subprocess.run([rtmem.RTMEMCTL, "--config-dir", d.config_dir, "--json", "plan", "heap"],
                                  text=True, stdout=subprocess.PIPE, check=True, timeout=60)
        notes = json.loads(done.stdout)["processes"][0]["notes"]
        self.assertIn("threads allocate at the same time", notes[0])

    def test_a_program_with_jemalloc_of_its_own_is_prepared_too(self):
        redis = rtmem.shutil.which("redis-server")
        if redis is None:
            self.skipTest("redis-server isn't installed")
        directory = tempfile.mkdtemp(prefix="rtmem-test-")
        self.addCleanup(rtmem.shutil.rmtree, directory, ignore_errors=True)
        command = f'{redis}, --save, "", --port, "0", --unixsocket, {directory}/s, --supervised, systemd'
        with rtmem.Daemon(policy("prealloc: 64M", command, "notify")) as d:
            d.wait_ready("heap")
            p = d.wait_process("heap", lambda p: p["compliance"] == "compliant", "compliant")
            self.assertEqual(p["memory"]["heap_prealloc"], 64 * MEBIBYTE)


class Huge(rtmem.TestCase):
    def test_the_heap_lies_on_huge_pages(self):
        with HugePages(40), rtmem.Daemon(
                policy("prealloc: 48M, pages: 2M", "sleep, infinity")) as d:
            p = d.wait_process("heap", lambda p: p["compliance"] == "compliant", "compliant")
            self.assertEqual(p["memory"]["heap_prealloc"], 48 * MEBIBYTE)
            self.assertGreaterEqual(rtmem.status_field(p["pid"], "HugetlbPages"), 48 << 10)

    def test_too_few_of_them_stop_the_launch_and_are_counted(self):
        if HugePages.read():
            self.skipTest("somebody has reserved huge pages here")
        with rtmem.Daemon(policy("prealloc: 48M, pages: 2M", "sleep, infinity")) as d:
            p = d.wait_process("heap", lambda p: p["findings"], "a finding")
            self.assertIn("reserve 25", json.dumps(p["findings"]))


if __name__ == "__main__":
    rtmem.require_root()
    rtmem.main()
