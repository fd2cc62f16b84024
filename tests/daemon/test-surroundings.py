#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a program is started in: user, groups, directory, umask, OOM score, environment files."""
import os
import subprocess

import fixture
import rtmem
from fixture import NOBODY, document, sleeper

FREE = "memory: { lock: none }"


def groups():
    """Two groups that are there, by name and number."""
    found = {}
    with open("/etc/group", encoding="utf-8") as f:
        for line in f:
            name, _, number = line.split(":")[:3]
            if 0 < int(number) < 1000 and len(found) < 2:
                found[name] = int(number)
    return found


def environment(pid):
    with open(f"/proc/{pid}/environ", "rb") as f:
        entries = f.read().decode().split("\0")
    return dict(e.split("=", 1) for e in entries if e)


class Surroundings(rtmem.TestCase):
    def start(self, *lines, files=None):
        """One process; files: {name: text} beside the policies, whose names in lines have {dir} before."""
        daemon = rtmem.Daemon(document(sleeper("one", FREE)))
        self.dir = daemon.dir
        for name, text in (files or {}).items():
            self.write(name, text)
        self.lines = [line.replace("{dir}", self.dir) for line in lines]
        daemon.write_policy("test.yaml", document(sleeper("one", FREE, *self.lines)))
        daemon.start()
        self.addCleanup(daemon.__exit__, None, None, None)
        daemon.wait_reachable()
        self.daemon = daemon

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o644)

    def pid(self):
        return self.daemon.wait_ready("one")["pid"]

    def check_failed(self, *texts):
        p = self.daemon.wait_process("one", lambda p: p["state"] == "failed", "failed")
        for text in texts:
            self.assertIn(text, p["findings"][0]["detail"])

    def test_user_and_groups(self):
        names = groups()
        self.start("user: nobody", f"group: {list(names)[0]}", f"groups: [{', '.join(names)}]")
        pid = self.pid()
        self.assertEqual(rtmem.status_field(pid, "Uid"), NOBODY)
        self.assertEqual(rtmem.status_field(pid, "Gid"), list(names.values())[0])
        with open(f"/proc/{pid}/status", encoding="utf-8") as f:
            found = [line.split()[1:] for line in f if line.startswith("Groups:")][0]
        self.assertEqual(sorted(map(int, found)), sorted(names.values()))

    def test_no_groups_at_all(self):
        self.start("user: nobody", "groups: []")
        with open(f"/proc/{self.pid()}/status", encoding="utf-8") as f:
            self.assertIn("Groups:\t \n", f.read())

    def test_directory_and_umask(self):
        self.start("working_directory: /proc", 'umask: "0037"')
        pid = self.pid()
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/proc")
        self.assertEqual(rtmem.status_field(pid, "Umask"), 37)

    def test_what_a_policy_does_not_say_does_not_depend_on_who_started_rtmemd(self):
        before = os.umask(0o077)
        try:
            self.start()
        finally:
            os.umask(before)
        pid = self.pid()
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")
        self.assertEqual(rtmem.status_field(pid, "Umask"), 22)

    def test_a_directory_that_is_missing(self):
        self.start("working_directory: /no/such/directory")
        self.check_failed("working_directory", "there is no such directory")

    def test_a_directory_that_is_closed_to_the_user(self):
        self.start("user: nobody", "working_directory: {dir}/closed")
        self.daemon.ctl("stop", "one")
        os.mkdir(os.path.join(self.dir, "closed"), 0o700)
        self.daemon.ctl("start", "one")
        self.check_failed(f"user {NOBODY} may not enter it")

    def test_the_score_of_the_oom_killer(self):
        self.start("oom_score_adjust: 321")
        with open(f"/proc/{self.pid()}/oom_score_adj", encoding="ascii") as f:
            self.assertEqual(f.read().strip(), "321")

    def test_a_lower_score_takes_a_capability_that_is_named(self):
        self.start("oom_score_adjust: -900")
        with open("/proc/self/status", encoding="ascii") as f:
            held = [int(line.split()[1], 16) for line in f if line.startswith("CapEff")][0]
        if held >> 24 & 1:  # CAP_SYS_RESOURCE
            with open(f"/proc/{self.pid()}/oom_score_adj", encoding="ascii") as f:
                self.assertEqual(f.read().strip(), "-900")
        else:
            self.check_failed("oom_score_adjust", "CAP_SYS_RESOURCE")

    def test_environment_files_in_their_order(self):
        self.start("environment: { C: policy }",
                   "environment_files: [{dir}/one, -{dir}/missing, {dir}/two]",
                   files={"one": "# first\nA=1\nB='one $HOME'\n", "two": "B=\"two words\"\nC=file\n"})
        found = environment(self.pid())
        self.assertEqual((found["A"], found["B"], found["C"]), ("1", "two words", "policy"))

    def test_path_of_a_file_finds_the_program(self):
        self.start("environment_files: [{dir}/one]", files={"one": "PATH=/bin\n"})
        text = document(sleeper("one", FREE, *self.lines)).replace("/bin/sleep", "sleep")
        self.daemon.write_policy("test.yaml", text)
        self.apply("--restart")
        self.assertEqual(environment(self.pid())["PATH"], "/bin")

    def test_a_file_that_is_missing(self):
        self.start("environment_files: [{dir}/missing]")
        self.check_failed(f"{self.dir}/missing can't be read", "put a - before its path")

    def test_a_mistake_is_told_with_its_line(self):
        self.start("environment_files: [{dir}/one]", files={"one": "A=1\n\nnonsense\n"})
        self.check_failed(f"environment_files: {self.dir}/one:3: there is no = in this line")

    def test_a_file_that_others_can_write(self):
        self.start("environment_files: [-{dir}/one]")
        self.daemon.ctl("stop", "one")
        self.write("one", "A=1\n")
        os.chmod(os.path.join(self.dir, "one"), 0o666)
        self.daemon.ctl("start", "one")
        self.check_failed("can be written by others", "chmod go-w")

    def apply(self, *arguments):
        done = self.daemon.ctl("apply", *arguments)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return done.stdout

    def test_a_changed_file_wants_a_new_launch(self):
        self.start("environment_files: [{dir}/one]", files={"one": "A=1\n"})
        pid = self.pid()
        self.assertNotIn("restart needed", self.apply())
        self.write("one", "A=2\n")
        self.assertIn("environment_files", self.apply("--dry-run"))
        self.apply()
        self.assertEqual(self.daemon.process("one")["pending_changes"], ["environment_files"])
        self.assertIn("unchanged", self.apply())
        self.write("one", "A=1\n")
        self.assertNotIn("restart needed", self.apply())
        self.assertEqual(self.daemon.process("one")["pending_changes"], [])
        self.write("one", "A=2\n")
        self.apply()
        self.assertEqual(self.pid(), pid)
        self.apply("--restart")
        p = self.daemon.wait_process("one", lambda p: p["ready"] and p["pid"] != pid, "restarted")
        self.assertEqual(environment(p["pid"])["A"], "2")

    def test_run_has_the_callers_umask_and_the_files(self):
        self.start("environment_files: [{dir}/one]", files={"one": "A=1\n"})
        done = subprocess.run([rtmem.RTMEMCTL, "--config-dir", self.daemon.config_dir, "run", "--policy",
                               "one", "--", "/bin/sh", "-c", "umask; echo $A; echo to the terminal >&2"],
                              text=True, capture_output=True, check=True, umask=0o027)
        self.assertEqual((done.stdout, done.stderr), ("0027\n1\n", "to the terminal\n"))


rtmem.require_root()
rtmem.main()
