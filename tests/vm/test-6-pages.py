#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Huge pages on a machine whose memory is in pieces: every other page of a large part of it is locked. While
locked pages may not be moved the shortfall is told with what is free; once they may, all pages are found."""
import ctypes
import mmap

import machine

POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
UNEVICTABLE = "/proc/sys/vm/compact_unevictable_allowed"
POLICY = "/etc/rtmem.d/host.yaml"
PAGE = mmap.PAGESIZE
MLOCK_ONFAULT, SYS_MLOCK2 = 1, 325
LIBC = ctypes.CDLL(None, use_errno=True)


def meminfo(key):
    text = machine.read("/proc/meminfo")
    return next(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith(key + ":"))


def fill_with_holes(size):
    """All pages present, every other one given back, the rest locked where it is."""
    m = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        try:
            m.madvise(mmap.MADV_NOHUGEPAGE)
        except OSError:
            pass  # a kernel without huge ones
    for offset in range(0, size, PAGE):
        m[offset] = 1
    for offset in range(0, size, 2 * PAGE):
        m.madvise(mmap.MADV_DONTNEED, offset, PAGE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(m))
    if LIBC.syscall(SYS_MLOCK2, ctypes.c_void_p(address), ctypes.c_size_t(size), MLOCK_ONFAULT) != 0:
        raise OSError(ctypes.get_errno(), "mlock2")
    return m


class Pages(machine.TestCase):
    def setUp(self):
        with open(POLICY, encoding="utf-8") as f:
            self.original = f.read()
        self.addCleanup(self.restore)

    def restore(self):
        machine.write(POLICY, self.original)
        machine.ctl("apply", status=None)
        machine.write(UNEVICTABLE, "0")

    def want(self, pages):
        machine.write(POLICY, self.original.replace("2M: 24", f"2M: {pages}"))
        return machine.ctl("apply", "--host-only", status=None)

    def test_fragmented_memory_is_told_of_and_compacted_where_that_is_allowed(self):
        machine.write(UNEVICTABLE, "0")
        held = fill_with_holes(meminfo("MemAvailable") * 7 // 10 // PAGE * PAGE)
        available = meminfo("MemAvailable")
        pages = 24 + int(available * 0.8) // (2 << 20)
        print(f"{available >> 20} MiB available in pieces, {pages - 24} more pages of 2M asked for")
        text = self.want(pages)
        got = int(machine.read(POOL))
        self.assertLess(got, pages, text)
        self.assertRegex(text, f"the kernel found {got} of {pages}, {pages - got} are missing: memory is "
                               r"used up or fragmented; node0 has [0-9]+, and .* free with room for [0-9]+")
        self.assertIn("vm.compact_unevictable_allowed is 0, so locked memory can't be moved", text)

        machine.write(POLICY, self.original.replace("2M: 24", f"2M: {pages}")
                      .replace("unevictable: off", "unevictable: on"))
        machine.write(UNEVICTABLE, "1")
        more = machine.ctl("apply", "--host-only", status=None)
        compacted = int(machine.read(POOL))
        print(f"found {got} while locked pages stayed, {compacted} when they could be moved")
        self.assertGreater(compacted, got, more)
        self.assertEqual(held[PAGE], 1)

    def test_more_than_the_machine_has_is_refused_before_anything_is_written(self):
        pages = 2 * meminfo("MemTotal") // (2 << 20)
        self.assertIn("this machine can spare", self.want(pages))
        self.assertEqual(machine.read(POOL), "24")


machine.main()
