# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of whole programs share: a private rtmemd, waiting with a deadline, skipping.

Standard library only. The build directory comes from RTMEM_BUILD (meson sets it), else build/.

    class Ready(rtmem.TestCase):
        def test_notify(self):
            with rtmem.Daemon(policy) as d:
                d.wait_ready("node")
                self.assertEqual(d.process("node")["compliance"], "compliant")

    rtmem.main()
"""
import atexit
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

os.umask(0o022)  # root refuses policies that a group can write


def _is_open(path):
    """Can everybody get to this file, and read it?"""
    while os.stat(path).st_mode & 0o5 == 0o5:
        if os.path.dirname(path) == path:
            return True
        path = os.path.dirname(path)
    return False


def _for_everybody(build):
    """Other users take part in the tests, and can't reach a tree below a private directory, as a home
    often is. Then what they run and load is copied to where they can; the programs find each other there.
    """
    if os.geteuid() != 0 or _is_open(os.path.join(build, "libinit", "librtmem-init.so")):
        return build
    copy = tempfile.mkdtemp(prefix="rtmem-build-")
    atexit.register(shutil.rmtree, copy)
    os.chmod(copy, 0o755)
    for room in ("bench", "ctl", "daemon", "exec", "hold", "libinit", "librtmem", "policies", "tests/daemon"):
        os.makedirs(os.path.join(copy, room))
        for entry in os.scandir(os.path.join(build, room)):
            if entry.is_file() and entry.stat().st_mode & 0o111:
                os.chmod(shutil.copy(entry.path, os.path.join(copy, room)), 0o755)
    return copy


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = _for_everybody(os.path.abspath(os.environ.get("RTMEM_BUILD", os.path.join(ROOT, "build"))))
RTMEMD = os.path.join(BUILD, "daemon", "rtmemd")
RTMEMCTL = os.path.join(BUILD, "ctl", "rtmemctl")
NODE = os.path.join(BUILD, "policies", "minimal-memory-lock")
LOOP = os.path.join(BUILD, "bench", "loop")
COUNT_FAULTS = os.path.join(BUILD, "bench", "count-faults")
DEADLINE = 10  # seconds; machines under test are noisy
SKIPPED = 77
os.environ.pop("MALLOC_PERTURB_", None)  # meson sets it; it touches memory for the program under test


class Timeout(AssertionError):
    """A condition didn't come true in time."""


def wait_until(condition, what, seconds=DEADLINE):
    """Calls condition() until it is true, and returns its value; a Timeout names what was awaited."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise Timeout(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def alive(pid):
    """Does one of its threads run? The first may be a zombie while others still hold its files open."""
    def runs(tid):
        try:
            with open(f"/proc/{pid}/task/{tid}/stat", encoding="utf-8", errors="replace") as f:
                return f.read().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            return False
    try:
        return any(runs(tid) for tid in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return False


def int_or_0(text):
    return int(text) if text and text.isdigit() else 0


def start_ticks(pid):
    """With the pid, the identity of a process; 0 when there's none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return int(f.read().rpartition(")")[2].split()[19])
    except OSError:
        return 0


def kill_the_same(pid, start):
    """Kills it, unless its number is another one's by now."""
    try:
        fd = os.pidfd_open(pid) if pid > 1 and start else -1
    except OSError:
        return
    if fd >= 0:
        try:
            if start_ticks(pid) == start:
                signal.pidfd_send_signal(fd, signal.SIGKILL)
        except OSError:
            pass
        os.close(fd)


def status_field(pid, field):
    """A field of /proc/PID/status: an integer (kB for Vm fields), or the text."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as f:
        for line in f:
            name, _, value = line.partition(":")
            if name == field:
                first = value.split()[0] if value.split() else ""
                return int(first) if first.isdigit() else value.strip()
    raise KeyError(field)


def own_faults(pid):
    """What /proc counts of all its threads, pages populated ahead included."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        fields = f.read().rpartition(")")[2].split()
    return int(fields[7]) + int(fields[9])


def count_faults(pids, seconds):
    """{pid: faults in this time}, by the kernel's counters, knowing nothing of rtmem."""
    out = subprocess.run([COUNT_FAULTS, str(seconds), *map(str, pids)], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    rows = [line.split() for line in out.splitlines()]
    return {int(r[0]): int(r[1]) + int(r[2]) for r in rows}


class Daemon:
    """rtmemd with directories of its own. Ends it, and every process that it started, on the way out.

    policies: the text of one policy, or {file name: text}. argv_prefix: for valgrind and the like.
    """

    def __init__(self, policies, arguments=(), environment=None, argv_prefix=(), program=None):
        self.dir = tempfile.mkdtemp(prefix="rtmem-test-")
        os.chmod(self.dir, 0o755)
        self.config_dir = os.path.join(self.dir, "policies")
        self.runtime_dir = os.path.join(self.dir, "run")
        self.state_dir = os.path.join(self.dir, "state")
        self.log_path = os.path.join(self.dir, "log")
        self.arguments, self.argv_prefix = list(arguments), list(argv_prefix)
        self.program = program or RTMEMD
        self.environment = dict(os.environ, **(environment or {}))
        self.known = set()  # (pid, start time): numbers are given again, within minutes on a busy machine
        self.popen = None
        self.popen_arguments = {}
        self.cgroups = None  # where this rtmemd makes control groups
        for path in (self.config_dir, self.runtime_dir, self.state_dir):
            os.mkdir(path, 0o755)
        if isinstance(policies, str):
            policies = {"test.yaml": policies}
        for name, text in policies.items():
            self.write_policy(name, text)

    def write_policy(self, name, text):
        path = os.path.join(self.config_dir, name)
        with open(path + "~", "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path + "~", 0o644)
        os.rename(path + "~", path)

    def start(self):
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(
                [*self.argv_prefix, self.program, "--config-dir", self.config_dir, "--runtime-dir",
                 self.runtime_dir, "--state-dir", self.state_dir, *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment,
                **self.popen_arguments)
        return self

    def stop(self, number=signal.SIGTERM, seconds=30):
        """Ends the daemon alone; returns its exit status (negative: a signal)."""
        if self.popen is None:
            return None
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def ctl(self, *arguments, user=None):
        """rtmemctl with these arguments; stdout and stderr as text."""
        return subprocess.run([RTMEMCTL, "--runtime-dir", self.runtime_dir, *arguments], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                              check=False, user=user)

    def status(self):
        """The status document, or None while the daemon can't be reached."""
        done = self.ctl("--json", "status")
        if done.returncode not in (0, 1, 4):  # 4: it can't be told yet
            return None
        document = json.loads(done.stdout)
        self.cgroups = document["daemon"].get("cgroups", self.cgroups)
        self.known.update((p["pid"], start_ticks(p["pid"])) for p in document["processes"] if p["pid"] > 0)
        return document

    def process(self, name):
        """The status of one process; a KeyError if there is none of this name."""
        document = self.wait_reachable()
        for p in document["processes"]:
            if p["name"] == name:
                return p
        raise KeyError(name)

    def wait_reachable(self):
        def reachable():
            if self.popen.poll() is not None:
                raise AssertionError(f"rtmemd ended with {self.popen.returncode}:\n{self.log()}")
            return self.status()
        return wait_until(reachable, "rtmemd answers")

    def wait_process(self, name, condition, what, seconds=DEADLINE):
        """Waits until condition(status of the process) is true; returns that status."""
        def check():
            p = self.process(name)
            return p if condition(p) else None
        try:
            return wait_until(check, f"{name}: {what}", seconds)
        except Timeout as e:
            raise Timeout(f"{e}\n{json.dumps(self.process(name), indent=1)}\n{self.log()}") from None

    def wait_ready(self, name, seconds=30):
        return self.wait_process(name, lambda p: p["ready"], "ready", seconds)

    def _recorded(self):
        """Processes that no status told of, e.g. when the daemon failed early."""
        directory = os.path.join(self.runtime_dir, "processes")
        found = set()
        for entry in os.listdir(directory) if os.path.isdir(directory) else ():
            with open(os.path.join(directory, entry), encoding="utf-8", errors="replace") as f:
                values = dict(line.rstrip("\n").split("=", 1) for line in f if "=" in line)
            found.add((int_or_0(values.get("pid")), int_or_0(values.get("start_ticks"))))
        return found

    def stemming(self):
        """The processes that live and whose environment names this rtmemd: also those that left their parents."""
        mark = f"RTMEM_SOCKET={self.runtime_dir}/notify\0".encode()
        pids = set()
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/environ", "rb") as f:
                    if mark in f.read() and alive(entry):
                        pids.add(int(entry))
            except OSError:
                pass
        return pids

    def _remove_cgroups(self):
        """What a later rtmemd would have used again, also of one that nobody asked for its status."""
        name = 0x811c9dc5  # FNV-1a of the runtime directory, as host/cgroup.c has it
        for byte in os.path.realpath(self.runtime_dir).encode():
            name = (name ^ byte) * 0x01000193 & 0xffffffff

        def removed(base):
            try:
                for path, _, _ in os.walk(base, topdown=False):
                    os.rmdir(path)
            except OSError:
                pass
            return not os.path.isdir(base)
        for base in glob.glob(f"/sys/fs/cgroup/**/rtmem-{name:08x}", recursive=True):
            try:  # who wrote over its environment, as workers of nginx do
                with open(base + "/cgroup.kill", "w", encoding="ascii") as f:
                    f.write("1")
            except OSError:
                pass
            wait_until(lambda: removed(base), f"{base} is empty")  # pylint: disable=cell-var-from-loop

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind is not None:
            sys.stderr.write("---- log of rtmemd\n" + self.log())
        status = 0
        try:
            if self.popen is not None and self.popen.poll() is None:
                self.status()
                status = self.stop()
            if kind is None and (status != 0 or "runtime error: " in self.log()):
                raise AssertionError(f"rtmemd ended with {status}:\n{self.log()}")
        finally:
            for pid, start in self.known | self._recorded() | {(p, start_ticks(p)) for p in self.stemming()}:
                kill_the_same(pid, start)
            self._remove_cgroups()
            shutil.rmtree(self.dir, ignore_errors=True)


class TestCase(unittest.TestCase):
    maxDiff = None


def require_root():
    if os.geteuid() != 0:
        skip("needs root")


def require_program(name):
    path = shutil.which(name)
    if path is None:
        skip(f"{name} is not installed")
    return path


def skip(reason):
    """Ends the whole script as skipped."""
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def main():
    """Runs the test cases of the calling script; the exit status is meson's."""
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful() or result.testsRun == 0:
        sys.exit(1)
    if len(result.skipped) == result.testsRun:
        skip("; ".join(sorted({reason for _, reason in result.skipped})))
    sys.exit(0)
