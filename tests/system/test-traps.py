#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/traps.md names the tests that show what it says: they exist. And those traps that no other test has."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

PAGE = os.path.join(rtmem.ROOT, "docs", "traps.md")
GIB = 1 << 30
RESERVE = ("import mmap, time; m = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0); "
           "time.sleep(1000)")
REMAP = ("import mmap, time\\nwhile True:\\n m = mmap.mmap(-1, 8 << 20); m.close(); time.sleep(0.0002)")


def shown_by():
    """[(trap, file, [names])] of all rows"""
    found = []
    with open(PAGE, encoding="utf-8") as f:
        for line in f:
            cells = line.strip().strip("|").split(" | ")
            if not line.startswith("| ") or cells[0].strip() == "Trap":
                continue
            assert len(cells) == 3, line
            for word in re.findall(r"`([^`]+)`", cells[2]):
                if "/" in word:
                    found.append((cells[0].strip(), word, []))
                else:
                    found[-1][2].append(word)
    return found


class Page(rtmem.TestCase):
    def test_every_row_names_tests_that_exist(self):
        rows = shown_by()
        self.assertGreater(len({trap for trap, _, _ in rows}), 45)
        for trap, path, names in rows:
            with self.subTest(trap=trap[:60], file=path):
                full = os.path.join(rtmem.ROOT, path)
                self.assertTrue(os.path.exists(full), path)
                with open(full, encoding="utf-8") as f:
                    text = f.read()
                for name in names:
                    self.assertIn(name, text)
                if re.search(r"test-[^/]+\.(c|py)$|^bench/", path):
                    self.assertTrue(names, "which test of it?")


class Traps(rtmem.TestCase):
    def policy(self, code, *keys):
        lines = "".join(f"    {key}\n" for key in keys)
        return f'version: 1\nprocesses:\n  it:\n    command: [/usr/bin/python3, -c, "{code}"]\n{lines}'

    def test_reserved_addresses_count_and_cost_no_memory(self):
        keys = ("user: nobody", "ready: { when: settle, settle: 500ms }")
        with rtmem.Daemon(self.policy(RESERVE, *keys, "capabilities: [ipc_lock]")) as d:
            d.wait_ready("it")
            p = d.wait_process("it", lambda p: p["compliance"] == "compliant", "compliant")
            self.assertGreater(p["memory"]["locked"], GIB)
            self.assertLess(p["memory"]["rss"], GIB // 4)
            self.assertEqual(p["faults"], {"minor": 0, "major": 0})

    def test_mapping_all_the_time_is_no_undone_lock(self):
        with rtmem.Daemon(self.policy(REMAP, "ready: { when: exec }",
                                      "compliance: { minor_faults: unlimited, interval: 10ms }")) as d:
            d.wait_ready("it")
            end = time.monotonic() + 5
            while time.monotonic() < end:
                self.assertEqual(d.process("it")["findings"], [])
                time.sleep(0.2)
            self.assertNotIn("lock:", d.log())


rtmem.require_root()
rtmem.require_program("/usr/bin/python3")
rtmem.main()
