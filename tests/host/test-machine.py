#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of this machine, by `apply --host-only` and `rollback`: huge pages beside somebody who changes
their number too, mounts, swap. Whatever happens, the machine is afterwards as it was."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

POOL = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
DEADLINE = 60


def meminfo(key):
    text = pathlib.Path("/proc/meminfo").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(key + ":"))


def swaps():
    return pathlib.Path("/proc/swaps").read_text(encoding="utf-8").splitlines()[1:]


def mounted(path):
    text = pathlib.Path("/proc/mounts").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.split()[1] == path]


class Machine(rtmem.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        self.dir = tempfile.mkdtemp(prefix="rtmem-machine-")
        self.addCleanup(shutil.rmtree, self.dir)
        for name in "policy", "state", "run":
            os.mkdir(os.path.join(self.dir, name))

    def path(self, name):
        return os.path.join(self.dir, name)

    def ctl(self, *arguments, prefix=()):
        return subprocess.run(
            [*prefix, rtmem.RTMEMCTL, "--config-dir", self.path("policy"), "--state-dir", self.path("state"),
             "--runtime-dir", self.path("run"), *arguments], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=DEADLINE, check=False)

    def apply(self, host):
        with open(self.path("policy/a.yaml"), "w", encoding="ascii") as f:
            f.write(f"version: 1\nhost:\n  {host}\n")
        return self.ctl("apply", "--host-only")

    def diff(self):
        run = self.ctl("--json", "diff")
        return {s["setting"]: s for s in json.loads(run.stdout)["host"]}

    def rollback(self):
        run = self.ctl("rollback")
        self.assertEqual(run.returncode, 0, run.stdout)


class Pages(Machine):
    def setUp(self):
        super().setUp()
        try:
            self.before = int(POOL.read_text(encoding="ascii"))
            POOL.write_text(str(self.before), encoding="ascii")
        except OSError as e:
            self.skipTest(f"no huge pages of 2M that can be set: {e}")
        self.addCleanup(POOL.write_text, str(self.before), encoding="ascii")

    def count(self):
        return int(POOL.read_text(encoding="ascii"))

    def test_pages_are_reserved_and_given_back(self):
        wanted = self.before + 8
        self.assertEqual(self.apply(f"hugepages: {{ 2M: {wanted} }}").returncode, 0)
        self.assertEqual(self.count(), wanted)
        self.assertEqual(self.diff()["hugepages.2M"]["original"], str(self.before))
        self.rollback()
        self.assertEqual(self.count(), self.before)

    def test_more_than_the_machine_has_is_refused_and_told(self):
        wanted = self.before + 2 * meminfo("MemTotal") // 2048
        run = self.apply(f"hugepages: {{ 2M: {wanted} }}")
        self.assertEqual(run.returncode, 1)
        self.assertIn(f"{wanted - self.before} more pages of 2M would take", run.stdout)
        self.assertIn("this machine can spare", run.stdout)
        self.assertEqual(self.count(), self.before)
        self.rollback()
        self.assertEqual(self.count(), self.before)

    def test_somebody_who_changes_the_number_meanwhile_is_no_hang_and_no_lie(self):
        stop = threading.Event()
        theirs = self.before + 3

        def interfere():
            while not stop.is_set():
                POOL.write_text(str(theirs), encoding="ascii")
                POOL.write_text(str(self.before), encoding="ascii")

        other = threading.Thread(target=interfere)
        other.start()
        try:
            wanted = self.before + 40
            runs = [self.apply(f"hugepages: {{ 2M: {wanted} }}") for _ in range(10)]
        finally:
            stop.set()
            other.join()
        for run in runs:
            self.assertIn(run.returncode, (0, 1), run.stdout)
            if run.returncode == 1:
                self.assertIn("hugepages.2M", run.stdout)
        # alone again, it succeeds; and goes back to what was there before the first write
        self.assertEqual(self.apply(f"hugepages: {{ 2M: {wanted} }}").returncode, 0)
        self.assertEqual(self.count(), wanted)
        original = int(self.diff()["hugepages.2M"]["original"])
        self.assertIn(original, (self.before, theirs))
        self.rollback()
        self.assertEqual(self.count(), original)


class Mounts(Machine):
    def setUp(self):
        super().setUp()
        if not POOL.exists():
            self.skipTest("no huge pages of 2M")
        self.mount = self.path("mnt/huge")
        self.addCleanup(self.unmount)

    def unmount(self):
        while mounted(self.mount):
            subprocess.run(["umount", self.mount], check=True)

    def wish(self):
        return f'hugetlbfs: {{ {self.mount}: {{ group: 44, mode: "0770" }} }}'

    def mounted_or_skip(self, run):
        if "takes CAP_SYS_ADMIN" in run.stdout:
            self.skipTest("mounting takes CAP_SYS_ADMIN")
        self.assertEqual(run.returncode, 0, run.stdout)

    def test_what_is_absent_is_mounted_and_goes_again(self):
        self.mounted_or_skip(self.apply(self.wish()))
        self.assertEqual(len(mounted(self.mount)), 1)
        st = os.stat(self.mount)
        self.assertEqual((st.st_mode & 0o7777, st.st_gid), (0o770, 44))
        self.assertEqual(self.apply(self.wish()).returncode, 0)
        self.assertEqual(len(mounted(self.mount)), 1)
        self.rollback()
        self.assertEqual(mounted(self.mount), [])
        self.assertEqual(sorted(os.listdir(self.dir)), ["policy", "run", "state"])

    def test_directories_stay_that_were_there_or_are_in_use(self):
        os.mkdir(self.path("mnt"))
        self.mounted_or_skip(self.apply(self.wish()))
        self.rollback()
        self.assertEqual(os.listdir(self.path("mnt")), [])
        os.rmdir(self.path("mnt"))
        self.mounted_or_skip(self.apply(self.wish()))
        pathlib.Path(self.path("mnt/theirs")).touch()
        self.rollback()
        self.assertEqual(os.listdir(self.path("mnt")), ["theirs"])

    def test_what_was_there_is_never_unmounted(self):
        os.makedirs(self.mount)
        done = subprocess.run(["mount", "-t", "hugetlbfs", "none", self.mount], check=False)
        if done.returncode != 0:
            self.skipTest("mounting takes CAP_SYS_ADMIN")
        before = os.stat(self.mount)
        self.assertEqual(self.apply(self.wish()).returncode, 0)
        self.assertEqual(os.stat(self.mount).st_mode & 0o7777, 0o770)
        self.rollback()
        self.assertEqual(len(mounted(self.mount)), 1)
        after = os.stat(self.mount)
        self.assertEqual((after.st_mode, after.st_gid), (before.st_mode, before.st_gid))

    def test_a_foreign_mount_is_left_and_told(self):
        os.makedirs(self.mount)
        done = subprocess.run(["mount", "-t", "tmpfs", "none", self.mount], check=False)
        if done.returncode != 0:
            self.skipTest("mounting takes CAP_SYS_ADMIN")
        run = self.apply(self.wish())
        self.assertEqual(run.returncode, 1)
        self.assertIn("has a mount already", run.stdout)
        self.rollback()
        self.assertEqual([line.split()[2] for line in mounted(self.mount)], ["tmpfs"])


class Swap(Machine):
    def setUp(self):
        super().setUp()
        if swaps():
            self.skipTest("this machine swaps: the test would take that away")
        self.file = self.add_swap("swap", "5")

    def add_swap(self, name, priority):
        path = self.path(name)
        with open(path, "wb") as f:
            f.write(bytes(4 << 20))
        os.chmod(path, 0o600)
        try:
            subprocess.run(["mkswap", "-q", path], check=True, stdout=subprocess.DEVNULL)
            done = subprocess.run(["swapon", "-p", priority, path], check=False)
        except FileNotFoundError as e:
            self.skipTest(str(e))
        if done.returncode != 0:
            self.skipTest("swapon isn't permitted here")
        self.addCleanup(subprocess.run, ["swapoff", path], check=False, stderr=subprocess.DEVNULL)
        return path

    def test_swap_goes_and_comes_back_with_its_priority(self):
        self.assertEqual(self.apply("swap: off").returncode, 0)
        self.assertEqual(swaps(), [])
        self.assertEqual(self.diff()["swap"]["original"], f"{self.file}:5")
        self.rollback()
        self.assertEqual([(s.split()[0], s.split()[4]) for s in swaps()], [(self.file, "5")])

    def test_half_of_it_gone_can_come_back(self):
        strace = shutil.which("strace")
        if not strace:
            self.skipTest("strace isn't installed")
        self.add_swap("more", "4")
        with open(self.path("policy/a.yaml"), "w", encoding="ascii") as f:
            f.write("version: 1\nhost:\n  swap: off\n")
        run = self.ctl("apply", "--host-only", prefix=(
            strace, "-qq", "-o", "/dev/null", "-e", "inject=swapoff:error=ENOMEM:when=2"))
        if len(swaps()) == 2:
            self.skipTest("strace can't trace here")
        self.assertEqual(run.returncode, 1)
        self.assertIn("doesn't fit into memory", run.stdout)
        self.assertEqual(len(swaps()), 1)
        self.rollback()
        self.assertEqual(sorted(s.split()[4] for s in swaps()), ["4", "5"])

    def test_reported_swap_is_left(self):
        run = self.apply("swap: report")
        self.assertEqual(len(swaps()), 1)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(self.diff()["swap"]["result"], "drift")
        self.rollback()
        self.assertEqual(len(swaps()), 1)


class Owners(Machine):
    def test_a_difference_is_told_with_who_else_wants_it(self):
        with open(self.path("policy/a.yaml"), "w", encoding="ascii") as f:
            f.write("version: 1\nhost:\n  sysctl: { vm.swappiness: 0 }\n")
        os.makedirs(self.path("root/proc/sys/vm"))
        os.makedirs(self.path("root/etc/sysctl.d"))
        for name, text in (("proc/sys/vm/swappiness", "60\n"),
                           ("etc/sysctl.d/90-x.conf", "vm.swappiness = 60 # \033[31mred\n")):
            with open(self.path("root/" + name), "w", encoding="ascii") as f:
                f.write(text)
        run = self.ctl("--root", self.path("root"), "diff")
        self.assertEqual(run.returncode, 1)
        self.assertIn("sysctl.vm.swappiness: sysctl.d wants 60", run.stdout)
        self.assertIn("(/etc/sysctl.d/90-x.conf:1)", run.stdout)
        self.assertNotIn("\033", run.stdout)


if __name__ == "__main__":
    rtmem.main()
