# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine of the test's own: a tree of settings, policies that want others, a state directory."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

KILLER = os.path.join(rtmem.BUILD, "tests", "host", "libkiller.so")
# setting: (file, original, wanted)
SETTINGS = {
    "hugepages.2M": ("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0", "8"),
    "transparent_hugepage": ("sys/kernel/mm/transparent_hugepage/enabled", "always", "never"),
    **{f"sysctl.vm.{name}": (f"proc/sys/vm/{name}", str(10 + i), str(100 + i)) for i, name in enumerate(
        ("swappiness", "dirty_ratio", "dirty_background_ratio", "stat_interval", "page-cluster",
         "vfs_cache_pressure", "oom_dump_tasks", "laptop_mode", "max_map_count", "mmap_min_addr",
         "dirty_expire_centisecs", "dirty_writeback_centisecs", "extfrag_threshold", "panic_on_oom",
         "numa_stat", "admin_reserve_kbytes", "user_reserve_kbytes", "compact_unevictable_allowed"))},
}
POLICY = ("version: 1\nhost:\n  hugepages: { 2M: 8 }\n  transparent_hugepage: never\n  sysctl:\n" + "".join(
    f"    {name[len('sysctl.'):]}: {wanted}\n" for name, (_, _, wanted) in SETTINGS.items()
    if name.startswith("sysctl.")))


class Machine:
    """Below one directory: root, state, run; the policies lie outside of what the killer counts."""

    def __init__(self):
        # in memory, where there is some: thousands of fsync() are made here
        where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.top = tempfile.mkdtemp(prefix="rtmem-machine-", dir=where)
        self.dir = os.path.join(self.top, "machine")
        self.root, self.state = os.path.join(self.dir, "root"), os.path.join(self.dir, "state")
        self.policies, self.run_dir = os.path.join(self.top, "policies"), os.path.join(self.top, "run")
        for path in (self.dir, self.root, self.state, self.policies, self.run_dir):
            os.mkdir(path, 0o755)
        self.log = os.path.join(self.top, "calls")
        self.plan_file, self.plan_number = os.path.join(self.top, "plan"), 0
        self.daemon_log = os.path.join(self.top, "daemon-log")
        self.boot("first-boot")
        for name, (_, original, _) in SETTINGS.items():
            self.write(name, original)
        self.policy(POLICY)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.top, ignore_errors=True)

    def policy(self, text):
        with open(os.path.join(self.policies, "test.yaml"), "w", encoding="ascii") as f:
            f.write(text)

    def boot(self, boot_id):
        path = os.path.join(self.root, "proc/sys/kernel/random/boot_id")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as f:
            f.write(boot_id + "\n")

    def path(self, name):
        return os.path.join(self.root, SETTINGS[name][0])

    def write(self, name, value):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="ascii") as f:
            f.write(value + "\n")

    def read(self, name):
        with open(self.path(name), encoding="ascii") as f:
            return f.read().strip()

    def values(self):
        return {name: self.read(name) for name in SETTINGS}

    def journal(self):
        """{setting: original}, as the file says; a torn file is an error."""
        path = os.path.join(self.state, "journal")
        if not os.path.exists(path):
            return {}
        with open(path, encoding="ascii") as f:
            lines = f.read().split("\n")
        assert lines[0] == "rtmem-journal 1" and lines[-2:] == ["end", ""], lines
        rows = [line.split("\t") for line in lines]
        return {row[1]: row[2] for row in rows if row[0] == "setting"}

    def arguments(self):
        return ["--config-dir", self.policies, "--state-dir", self.state, "--root", self.root,
                "--runtime-dir", self.run_dir]

    def plan(self, at, do):
        """For a program that was started with plan=True: the call from now on, and what happens there."""
        self.plan_number += 1
        with open(self.plan_file + "~", "w", encoding="ascii") as f:
            f.write(f"{self.plan_number} {at} {do}")
        os.rename(self.plan_file + "~", self.plan_file)
        if os.path.exists(self.log):
            os.unlink(self.log)

    def calls(self):
        """Those that were logged since the last plan."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding="ascii") as f:
            return f.read().splitlines()

    def environment(self, calls="", at=0, do="before", log=False, plan=False):
        env = dict(os.environ)
        if calls:
            env.update(LD_PRELOAD=KILLER, RTMEM_TEST_DIR=self.dir, RTMEM_TEST_CALLS=calls,
                       RTMEM_TEST_AT=str(at), RTMEM_TEST_DO=str(do),
                       RTMEM_TEST_PLAN=self.plan_file if plan else "",
                       RTMEM_TEST_LOG=self.log if log else "")
        return env

    def ctl(self, *arguments, **killer):
        return subprocess.run([rtmem.RTMEMCTL, *self.arguments(), *arguments], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
                              env=self.environment(**killer))

    def live(self, *arguments, calls="", **killer):
        """On this machine itself, not on the tree."""
        env = self.environment(calls=calls, **killer)
        if calls:
            env["RTMEM_TEST_DIR"] = f"/sys/kernel/mm/:/proc/sys/vm/:{self.state}"
        return subprocess.run(
            [rtmem.RTMEMCTL, "--config-dir", self.policies, "--state-dir", self.state, "--runtime-dir",
             self.run_dir, *arguments], text=True, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=60, check=False, env=env)

    def through(self, *arguments):
        """Through rtmemd: with a root of its own rtmemctl would do it by itself."""
        return subprocess.run([rtmem.RTMEMCTL, "--runtime-dir", self.run_dir, *arguments], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)

    def count(self, calls, *arguments):
        """The calls that this makes when nothing happens to it."""
        if os.path.exists(self.log):
            os.unlink(self.log)
        self.ctl(*arguments, calls=calls, log=True)
        return self.calls()

    def start(self, **killer):
        with open(self.daemon_log, "ab") as log:
            return subprocess.Popen([rtmem.RTMEMD, *self.arguments()], stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=log, env=self.environment(**killer))

    def status(self):
        done = self.through("--json", "status")
        return json.loads(done.stdout) if done.returncode in (0, 1, 4) else None

    def wait_bus(self):
        """Without having rtmemd read anything, as a look at its status does."""
        def connects():
            with socket.socket(socket.AF_UNIX) as s:
                return s.connect_ex(os.path.join(self.run_dir, "bus")) == 0
        rtmem.wait_until(connects, "rtmemd listens")

    def wait_status(self):
        return rtmem.wait_until(self.status, "rtmemd answers")


def originals():
    return {name: original for name, (_, original, _) in SETTINGS.items()}


def wanted():
    return {name: value for name, (_, _, value) in SETTINGS.items()}
