#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Another build takes the place of the one that runs: no process notices, forward and back again.

The other build is that of an older commit, where the history is there to make it from; it's kept in the
build directory. Else it's a copy of this one.
"""
import os
import shutil
import signal
import subprocess

import fixture
import lone
import rtmem

OLD = "5cbedcf"  # before records of stopped processes, counts over restarts, and descriptors kept
PARTS = [("daemon", "rtmemd"), ("exec", "rtmem-exec"), ("libinit", "librtmem-init.so"), ("ctl", "rtmemctl")]
LATER = [("exec", "rtmem-rotate")]  # which that commit didn't have
N = 20


def git(*arguments):
    done = subprocess.run(["git", "-C", rtmem.ROOT, "-c", "safe.directory=*", *arguments], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def build_old():
    """The directory of its build, or None without the means to make it."""
    if not all(map(shutil.which, ("git", "meson", "ninja", "tar"))) or \
            git("cat-file", "-e", OLD + "^{commit}") is None:
        return None
    top = os.path.join(os.environ.get("RTMEM_BUILD", rtmem.BUILD), "tests", "daemon", "old-" + OLD)
    build = os.path.join(top, "build")
    if all(os.path.exists(os.path.join(build, *part)) for part in PARTS):
        return build
    shutil.rmtree(top, ignore_errors=True)
    os.makedirs(os.path.join(top, "source"))
    subprocess.run(["tar", "-x", "-C", os.path.join(top, "source")], check=True,
                   input=git("archive", OLD))
    subprocess.run(["meson", "setup", "-Dtests=disabled", build, os.path.join(top, "source")],
                   check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", build, "-j2", *("/".join(part) for part in PARTS)],
                   check=True, stdout=subprocess.DEVNULL)
    return build


class Installed:
    """Where the programs lie; what an upgrade replaces."""

    def __init__(self, directory):
        self.directory = directory
        rtmem.RTMEMD = os.path.join(directory, "daemon", "rtmemd")
        rtmem.RTMEMCTL = os.path.join(directory, "ctl", "rtmemctl")

    def install(self, build):
        """As package managers do: a new file takes the name, the old one lives on in who runs it."""
        for part in PARTS + LATER:
            if not os.path.exists(os.path.join(build, *part)):
                continue
            path = os.path.join(self.directory, *part)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy(os.path.join(build, *part), path + ".new")
            os.chmod(path + ".new", 0o755)
            os.rename(path + ".new", path)


def identity(pid):
    """What a process would show if anything had been done to it: start time, faults, signals, threads."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        fields = f.read().rpartition(")")[2].split()
    return {"start": fields[19], "faults": rtmem.own_faults(pid), "locked": rtmem.status_field(pid, "VmLck"),
            "threads": rtmem.status_field(pid, "Threads"), "pending": rtmem.status_field(pid, "ShdPnd"),
            "state": rtmem.status_field(pid, "State").split()[0]}


class Upgrade(rtmem.TestCase):
    def setUp(self):
        self.old = build_old()
        self.family = lone.Family().__enter__()
        self.addCleanup(lambda: self.family.__exit__(None, None, None))
        self.installed = Installed(os.path.join(self.family.dir, "installed"))
        self.names = [f"member-{i}" for i in range(N)]
        keys = ["memory: { lock: strict, heap: { prealloc: 1M } }", "ready: { when: notify }"]
        kinds = [keys, ["inject: none", "memory: { lock: none }"], keys + ["limits: { memlock: unlimited }"],
                 ["memory: { lock: onfault }"]]
        self.text = fixture.document(*(self.family.policy(name, 0, *kinds[i % len(kinds)])
                                       for i, name in enumerate(self.names)))

    def run_daemon(self, build, **arguments):
        self.installed.install(build)
        self.daemon = rtmem.Daemon(self.text, **arguments)
        self.daemon.start()
        self.addCleanup(lambda: self.daemon.__exit__(None, None, None))
        self.pids = {name: self.daemon.wait_ready(name)["pid"] for name in self.names}
        self.before = {name: identity(pid) for name, pid in self.pids.items()}

    def replace(self, build, number=signal.SIGTERM):
        self.installed.install(build)
        self.daemon.stop(number)
        self.daemon.start()
        for name in self.names:
            self.daemon.wait_ready(name)

    def check_nobody_noticed(self):
        status = {p["name"]: p for p in self.daemon.status()["processes"]}
        for name, pid in self.pids.items():
            p = status[name]
            self.assertEqual((p["pid"], p["state"], p["ready"]), (pid, "running", True), name)
            self.assertEqual(identity(pid), self.before[name], name)
            self.assertEqual(self.family.starts(name), [pid])
            self.assertEqual(p["faults"], {"minor": 0, "major": 0})
        return status

    def check_launches(self):
        """The new one starts what's new, and stops what's old."""
        done = self.daemon.ctl("restart", self.names[0])
        self.assertEqual(done.returncode, 0, done.stderr)
        p = self.daemon.wait_ready(self.names[0])
        self.assertNotEqual(p["pid"], self.pids[self.names[0]])
        self.assertEqual((p["compliance"], p["injection"]), ("compliant", "preload"))

    def test_from_an_older_release(self):
        if not self.old:
            self.skipTest(f"commit {OLD} can't be built here: no history, or no meson, ninja and git")
        self.run_daemon(self.old)
        self.replace(rtmem.BUILD)
        status = self.check_nobody_noticed()
        for p in status.values():
            self.assertIn("uncounted", [n["rule"] for n in p["notes"]])
        self.replace(rtmem.BUILD, signal.SIGKILL)
        self.check_nobody_noticed()
        self.check_launches()

    def test_back_to_an_older_release(self):
        if not self.old:
            self.skipTest(f"commit {OLD} can't be built here: no history, or no meson, ninja and git")
        self.run_daemon(rtmem.BUILD)
        self.replace(self.old)
        self.check_nobody_noticed()
        self.replace(rtmem.BUILD)
        self.check_nobody_noticed()

    def test_with_a_manager_the_libraries_go_on_telling(self):
        subjects = fixture.Subjects().__enter__()
        self.addCleanup(lambda: subjects.__exit__(None, None, None))
        self.text += subjects.policy("node", "ready: { when: notify }", "fork: report")
        keeper = fixture.Keeper().__enter__()
        self.addCleanup(lambda: keeper.__exit__(None, None, None))
        self.installed.install(rtmem.BUILD)
        self.daemon = fixture.KeepingDaemon(self.text, keeper)
        self.daemon.start()
        self.addCleanup(lambda: self.daemon.__exit__(None, None, None))
        subjects.tell("node", "say READY=1")
        self.pids = {name: self.daemon.wait_ready(name)["pid"] for name in self.names}
        self.before = {name: identity(pid) for name, pid in self.pids.items()}
        self.daemon.wait_ready("node")
        self.replace(rtmem.BUILD)
        for p in self.check_nobody_noticed().values():
            if p["name"] in self.names:
                self.assertIn("without a gap", {n["rule"]: n["detail"] for n in p["notes"]}["adopted"])
        subjects.tell("node", "fork")
        p = self.daemon.wait_process("node", lambda p: "fork" in fixture.findings(p), "fork is found")
        self.assertIn("thread subject", fixture.findings(p)["fork"]["detail"])
        self.check_launches()


rtmem.require_root()
rtmem.main()
