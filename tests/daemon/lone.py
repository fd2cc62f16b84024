# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that notice when they are started twice, and an observer of who lives."""
import ctypes
import os
import shutil
import tempfile
import threading
import time

import fixture
import rtmem

LONE = os.path.join(fixture.PROGRAMS, "lone")
HELPER = os.path.join(rtmem.BUILD, "exec", "rtmem-exec")
PR_SET_CHILD_SUBREAPER = 36


def children(pid):
    found = []
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/children", encoding="ascii") as f:
                found += map(int, f.read().split())
    except OSError:
        pass
    return found


def _is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return f.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def _helpers():
    """Whoever runs our rtmem-exec."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe").startswith(HELPER):
                found.append(int(pid))
        except OSError:
            pass
    return found


class Family:
    """The programs, and who collects those that lose their parent, as init does; for use in `with`."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="rtmem-lone-")
        os.chmod(self.dir, 0o777)
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.own, self.ended = set(), threading.Event()
        self.collector = threading.Thread(target=self._collect, daemon=True)
        self.collector.start()
        return self

    def __exit__(self, *unused):
        self.ended.set()
        self.collector.join()
        shutil.rmtree(self.dir, ignore_errors=True)

    def _collect(self):
        """Only what was orphaned: what Python started itself is waited for there."""
        while not self.ended.wait(0.02):
            for pid in children(os.getpid()):
                if _is_zombie(pid) and self._is_managed(pid):
                    try:
                        os.waitpid(pid, os.WNOHANG)
                    except OSError:
                        pass

    @staticmethod
    def _is_managed(pid):
        """A session of its own: nobody whom this process has started."""
        try:
            return os.getsid(pid) == pid
        except OSError:
            return False

    def policy(self, name, life_ms, *lines):
        keys = "".join(f"    {line}\n" for line in lines)
        if not any(line.startswith("ready:") for line in lines):
            keys += "    ready: { when: exec }\n"
        return f'  {name}:\n    command: ["{LONE}", "{self.dir}", "{name}", "{life_ms}"]\n{keys}'

    def _lines(self, file):
        try:
            with open(os.path.join(self.dir, file), encoding="ascii") as f:
                return [line.split() for line in f]
        except FileNotFoundError:
            return []

    def starts(self, name=None):
        """The pids that began, one after the other."""
        return [int(pid) for who, pid in self._lines("starts") if name in (None, who)]

    def doubles(self):
        return self._lines("doubles")

    def alive(self, name):
        return [pid for pid in self.starts(name) if rtmem.alive(pid)]

    def check_nothing_stays(self, test, daemon):
        """No rtmem-exec that waits for somebody who is gone, and no zombie."""
        rtmem.wait_until(lambda: not [p for p in _helpers() if rtmem.alive(p)], "no rtmem-exec is left")

        def zombies():
            return [p for p in children(daemon.popen.pid) + children(os.getpid()) if _is_zombie(p)]
        first = set(zombies())
        rtmem.wait_until(lambda: not first & set(zombies()), "no zombie stays")
        test.assertEqual(self.doubles(), [])
