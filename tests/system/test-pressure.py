#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Memory pressure with swap: what is locked takes no fault at all, and the same programs unlocked do.

rtmemd and its programs run in a memory cgroup of their own, whose limit is then lowered to what is locked
and a little more, while stress-ng fills the same cgroup: the kernel has to swap, and can take only from
those that aren't locked. The machine around it isn't touched, but for a swap file for that time.
"""
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "support"), os.path.join(HERE, "matrix")]
# pylint: disable=wrong-import-position
import rows
import rtmem

SECONDS = 8
MIB = 1 << 20
SWAP_BYTES = 1024 * MIB
ROOM_BYTES = 96 * MIB  # left to all that isn't locked
STRESS = ("stress-ng", "--vm", "1", "--vm-bytes", "384M", "--vm-keep", "--quiet", "--timeout", "60")
SWAP_DIRECTORY = "/var/tmp"  # on a disk; /tmp may be memory
FREE = ("memory: { lock: none }", "compliance: { minor_faults: unlimited, major_faults: unlimited }")
REDIS = ("/usr/bin/redis-server", "--save", "", "--port", "0", "--supervised", "systemd", "--unixsocket")
PYTHON_MEMORY = "memory: { lock: strict, heap: { prealloc: 128M } }"

SUBJECTS = (
    rows.Row("python3", (rows.PYTHON, "{src}/churn.py"), "environment: { PYTHONMALLOC: malloc }",
             PYTHON_MEMORY, rows.SETTLE),
    rows.Row("redis", (*REDIS, "{dir}/redis.sock"), "memory: { lock: strict }", "ready: { when: notify }"),
    rows.Row("sqlite3", ("/usr/bin/sqlite3", ":memory:", ".read {dir}/sql"),
             "memory: { lock: strict, heap: { prealloc: 64M } }", rows.SETTLE, make=rows.make_fifo,
             work=rows.run_statements),
    rows.Row("node", (rtmem.NODE, "--allocate-in-node", "50"),
             "memory: { lock: strict, heap: { prealloc: 150M }, stack: { threads: 256K } }",
             "ready: { when: notify }"),
    rows.Row("free-python3", (rows.PYTHON, "{src}/churn.py"), *FREE, rows.SETTLE),
    rows.Row("free-redis", (*REDIS, "{dir}/redis.sock"), *FREE, "ready: { when: notify }"),
)
LOCKED = [row.name for row in SUBJECTS if not row.name.startswith("free-")]
UNLOCKED = [row.name for row in SUBJECTS if row.name.startswith("free-")]


class Cgroup:
    """A memory cgroup, of the first version or of the second; for use in `with`."""

    def __init__(self):
        first = os.path.exists("/sys/fs/cgroup/memory/memory.limit_in_bytes")
        self.parent = "/sys/fs/cgroup/memory" if first else "/sys/fs/cgroup"
        self.limit = "memory.limit_in_bytes" if first else "memory.max"
        self.path = None

    def __enter__(self):
        try:
            self.path = tempfile.mkdtemp(prefix="rtmem-pressure-", dir=self.parent)
        except OSError as e:
            rtmem.skip(f"a memory cgroup can't be made: {e.strerror}")
        if not os.path.exists(os.path.join(self.path, self.limit)):
            os.rmdir(self.path)
            rtmem.skip("the memory controller isn't there for new cgroups")
        return self

    def __exit__(self, *unused):
        for _ in range(200):  # a process that was killed takes a moment to leave
            with contextlib.suppress(OSError):
                os.rmdir(self.path)
                return
            time.sleep(0.05)

    def write(self, name, value):
        with open(os.path.join(self.path, name), "w", encoding="ascii") as f:
            f.write(str(value))

    def command(self, *command):
        """The same command, in this cgroup."""
        return ("/bin/sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', self.path, *command)


@contextlib.contextmanager
def swap_file():
    path = tempfile.mktemp(prefix="rtmem-swap-", dir=SWAP_DIRECTORY)
    try:
        for command in (("fallocate", "-l", str(SWAP_BYTES), path), ("chmod", "600", path),
                        ("mkswap", path), ("swapon", path)):
            done = subprocess.run(command, text=True, capture_output=True, check=False)
            if done.returncode != 0:
                rtmem.skip(f"{command[0]} failed: {done.stderr.strip()}")
        try:
            yield
        finally:
            subprocess.run(("swapoff", path), check=True)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


@contextlib.contextmanager
def stress(cgroup):
    with subprocess.Popen(cgroup.command(*STRESS), stdout=subprocess.DEVNULL) as popen:
        try:
            yield
        finally:
            popen.terminate()


def redis_cli(path, *command):
    return subprocess.run(("redis-cli", "-s", path, *command), text=True, capture_output=True,
                          timeout=60, check=True).stdout


class Clients(threading.Thread):
    """Asks both redis servers for what they hold, all over, until told to stop."""

    def __init__(self, paths):
        super().__init__(daemon=True)
        self.paths, self.done, self.stop, self.failed = paths, 0, False, None

    def run(self):
        while not self.stop:
            for path in self.paths:
                try:
                    redis_cli(path, "eval", "for i = 1, 400 do redis.call('get', "
                              "'key:' .. math.random(1, 8000)) end", "0")
                except subprocess.SubprocessError as e:
                    self.failed = e
                    return
            self.done += 1
            time.sleep(0.02)


def fill(path):
    """Some 65 MB."""
    redis_cli(path, "eval", "for i = 1, 8000 do redis.call('set', 'key:' .. i, string.rep('x', 8000)) end",
              "0")


class Pressure(rtmem.TestCase):
    def test_strict_programs_take_no_fault_and_unlocked_ones_do(self):
        with tempfile.TemporaryDirectory(prefix="rtmem-pressure-") as directory, Cgroup() as cgroup, \
                swap_file():
            os.chmod(directory, 0o755)
            policy = "version: 1\nprocesses:\n"
            for row in SUBJECTS:
                own = os.path.join(directory, row.name)
                os.mkdir(own)
                row.prepare(own)
                policy += row.policy(own)
            with rtmem.Daemon(policy, argv_prefix=cgroup.command()) as d:
                for row in SUBJECTS:
                    d.wait_ready(row.name, 60)
                for name in ("redis", "free-redis"):
                    fill(os.path.join(directory, name, "redis.sock"))
                self.work(d, cgroup, directory)

    def work(self, d, cgroup, directory):
        pids = {row.name: d.process(row.name)["pid"] for row in SUBJECTS}
        before = {name: d.process(name)["faults"] for name in LOCKED}
        locked = sum(d.process(name)["memory"]["locked"] for name in LOCKED)
        clients = Clients([os.path.join(directory, name, "redis.sock") for name in ("redis", "free-redis")])
        cgroup.write(cgroup.limit, locked + ROOM_BYTES)
        with stress(cgroup):
            clients.start()
            sql = threading.Thread(target=rows.run_statements, args=(os.path.join(directory, "sqlite3"),
                                                                      SECONDS))
            sql.start()
            counted = rtmem.count_faults(list(pids.values()), SECONDS)
            sql.join()
            clients.stop = True
            clients.join()
            after = {name: d.process(name) for name in pids}
        self.assertIsNone(clients.failed)
        self.assertGreater(clients.done, 3)
        for name, p in after.items():
            print(f"{name}: {p['faults']}, {counted[p['pid']]} counted, "
                  f"{p['memory']['swap'] >> 10} kB swapped", file=sys.stderr)
        for name in LOCKED:
            with self.subTest(locked=name):
                self.assertEqual(before[name], {"minor": 0, "major": 0})
                self.assertEqual(after[name]["faults"], {"minor": 0, "major": 0}, after[name])
                self.assertEqual(counted[pids[name]], 0)
                self.assertEqual(after[name]["memory"]["swap"], 0)
                self.assertEqual(after[name]["compliance"], "compliant", after[name])
        for name in UNLOCKED:
            with self.subTest(unlocked=name):
                self.assertGreater(after[name]["faults"]["major"], 20, after[name])


rtmem.require_root()
for program in ("stress-ng", "redis-server", "redis-cli", "sqlite3", "mkswap", "swapon"):
    rtmem.require_program(program)
rtmem.main()
