#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""lock_files: files stay in the page cache, replaced ones too, over a restart of rtmemd, until the policy
no longer wants them."""
import ctypes
import mmap
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

PAGES = 64
LIBC = ctypes.CDLL(None, use_errno=True)


def write(path, pages=PAGES):
    with open(path, "wb") as f:
        f.write(os.urandom(pages * mmap.PAGESIZE))
        f.flush()
        os.fsync(f.fileno())


def resident(path):
    """How many pages of the file are left in the page cache, once the kernel may drop them."""
    with open(path, "rb") as f:
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ | mmap.PROT_WRITE,
                       flags=mmap.MAP_PRIVATE) as m:
            address = ctypes.addressof(ctypes.c_char.from_buffer(m))
            n = (len(m) + mmap.PAGESIZE - 1) // mmap.PAGESIZE
            vector = (ctypes.c_ubyte * n)()
            if LIBC.mincore(ctypes.c_void_p(address), ctypes.c_size_t(len(m)), vector) != 0:
                raise OSError(ctypes.get_errno(), "mincore")
            return sum(v & 1 for v in vector)


class Hold(rtmem.TestCase):
    def setUp(self):
        rtmem.require_root()
        # not tmpfs: its pages are nowhere else than in memory
        self.dir = tempfile.mkdtemp(prefix="rtmem-hold-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.dir)
        for name in "held-1", "held-2", "other":
            write(self.path(name))
        if resident(self.path("other")) == PAGES:
            rtmem.skip("the file system of /var/tmp never drops pages")

    def path(self, name):
        return os.path.join(self.dir, name)

    def policy(self, *patterns):
        return "version: 1\nhost:\n  lock_files: [" + ", ".join(patterns) + "]\n"

    def wait_text(self, daemon, pattern):
        def text():
            match = re.search(pattern, daemon.process("lock_files")["status_text"])
            return match and match.group(0)
        return rtmem.wait_until(text, pattern)

    def test_held_files_stay_and_replaced_ones_are_held_again(self):
        with rtmem.Daemon(self.policy(self.path("held-*"))) as d:
            process = d.wait_ready("lock_files")
            self.wait_text(d, "^2 files, ")
            self.assertGreaterEqual(process["memory"]["locked"], 2 * PAGES * mmap.PAGESIZE)
            self.assertEqual(resident(self.path("held-1")), PAGES)
            self.assertEqual(resident(self.path("held-2")), PAGES)
            self.assertLess(resident(self.path("other")), PAGES)

            write(self.path("new"), 2 * PAGES)
            os.rename(self.path("new"), self.path("held-1"))
            rtmem.wait_until(lambda: resident(self.path("held-1")) == 2 * PAGES, "held again")
            write(self.path("held-3"))
            self.wait_text(d, "^3 files, ")
            os.unlink(self.path("held-3"))
            self.wait_text(d, "^2 files, ")

    def test_it_is_adopted_and_ends_with_its_policy(self):
        with rtmem.Daemon(self.policy(self.path("held-*"))) as d:
            pid = d.wait_ready("lock_files")["pid"]
            d.stop()
            d.start()
            self.assertEqual(d.wait_ready("lock_files")["pid"], pid)
            self.wait_text(d, "^2 files, ")  # a new daemon is told again
            self.assertEqual(resident(self.path("held-1")), PAGES)
            d.write_policy("test.yaml", "version: 1\n")
            self.assertEqual(d.ctl("apply").returncode, 0)
            rtmem.wait_until(lambda: not rtmem.alive(pid), "ended")
            self.assertLess(resident(self.path("held-1")), PAGES)

    def test_a_program_is_held_with_its_libraries(self):
        with rtmem.Daemon(self.policy("/bin/ls", self.path("missing"))) as d:
            d.wait_ready("lock_files")
            text = self.wait_text(d, "^[0-9]+ files, .*")
            self.assertGreater(int(text.split()[0]), 2)
            self.assertIn(self.path("missing") + ": nothing of this name is there", text)
            settings = self.wait_settings(d, 2)
            held, missing = settings["lock_files./bin/ls"], settings["lock_files." + self.path("missing")]
            self.assertEqual((held["result"], held["wanted"], held["reason"]), ("ok", "held", ""))
            self.assertGreater(int(held["actual"].split()[0]), 2)
            self.assertRegex(held["source"], r"test\.yaml:3$")
            self.assertEqual((missing["result"], missing["reason"]),
                             ("not-applicable", "nothing of this name is there"))
            self.assertEqual(d.status()["daemon"]["state"], "compliant")

    def wait_settings(self, daemon, n):
        def settings():
            found = {s["setting"]: s for s in daemon.status()["host"]}
            return len(found) == n and found
        return rtmem.wait_until(settings, f"{n} settings")

    def test_a_file_that_can_not_be_held_is_a_difference(self):
        with open(self.path("huge"), "wb") as f:
            f.truncate(1 << 43)  # more than any machine has; there's nothing in it
        with rtmem.Daemon(self.policy(self.path("held-*"), self.path("huge"))) as d:
            d.wait_ready("lock_files")
            settings = self.wait_settings(d, 2)
            huge = settings["lock_files." + self.path("huge")]
            self.assertEqual(huge["result"], "drift")
            self.assertIn("don't fit into the memory", huge["reason"])
            self.assertEqual(settings["lock_files." + self.path("held-*")]["actual"], "2 files")
            self.assertEqual(d.status()["daemon"]["state"], "degraded")
            self.assertIn("host: lock_files." + self.path("huge"), d.log())
            os.unlink(self.path("huge"))
            rtmem.wait_until(lambda: d.status()["daemon"]["state"] == "compliant", "nothing differs")
            d.ctl("stop", "lock_files")
            name = "lock_files." + self.path("held-*")
            rtmem.wait_until(lambda: "stopped" in self.wait_settings(d, 2)[name]["reason"], "it's told")


if __name__ == "__main__":
    rtmem.main()
