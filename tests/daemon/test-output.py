#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where programs write: files whoever they belong to, links that aren't followed, rotation that loses nothing.

RTMEM_LINES=N writes that many lines instead of 300,000."""
import os
import shutil
import subprocess
import tempfile
import time

import fixture
import rtmem
from fixture import NOBODY, document

LINES = os.path.join(fixture.PROGRAMS, "lines")
ROTATE = os.path.join(rtmem.BUILD, "exec", "rtmem-rotate")
N_LINES = int(os.environ.get("RTMEM_LINES", "300000"))


def shell(name, script, *lines):
    """A process that runs a script of the shell; nothing is locked."""
    keys = "".join(f"    {line}\n" for line in lines)
    return (f'  {name}:\n    command: [/bin/sh, -c, "{script}"]\n    memory: {{ lock: none }}\n'
            f'    ready: {{ when: exec }}\n{keys}')


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


class Directories(rtmem.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="rtmem-output-")
        self.addCleanup(shutil.rmtree, self.dir)
        os.chmod(self.dir, 0o755)
        self.roots = self.make("roots", 0, 0o755)
        self.users = self.make("users", NOBODY, 0o755)
        self.open = self.make("open", 0, 0o1777)

    def make(self, name, uid, mode):
        path = os.path.join(self.dir, name)
        os.mkdir(path)
        os.chown(path, uid, 0)
        os.chmod(path, mode)
        return path


class Targets(Directories):
    def run_one(self, script, *lines):
        """Runs a script to its end; the daemon is there still."""
        self.daemon = rtmem.Daemon(document(shell("one", script, *lines))).start()
        self.addCleanup(self.daemon.__exit__, None, None, None)
        return self.daemon.wait_process(
            "one", lambda p: p["state"] in ("stopped", "failed") and p["pid"] == 0, "ended")

    def check_refused(self, path, *texts):
        p = self.run_one("echo said", "user: nobody", f"output: {{ stdout: {path} }}")
        self.assertEqual(p["state"], "failed")
        detail = p["findings"][0]["detail"]
        for text in (path, "output.stdout", *texts):
            self.assertIn(text, detail)

    def test_a_file_that_only_root_can_make_belongs_to_the_user(self):
        path = os.path.join(self.roots, "log")
        self.run_one("echo out; echo err >&2", "user: nobody", f"output: {{ stdout: {path} }}")
        self.assertEqual(read(path), "out\nerr\n")
        st = os.stat(path)
        self.assertEqual((st.st_uid, st.st_mode & 0o777), (NOBODY, 0o640))

    def test_a_file_in_a_directory_of_the_user(self):
        path = os.path.join(self.users, "log")
        self.run_one("echo out; echo err >&2", "user: nobody",
                     f"output: {{ stdout: none, stderr: {path} }}")
        self.assertEqual(read(path), "err\n")
        self.assertEqual(os.stat(path).st_uid, NOBODY)

    def test_two_files(self):
        out, err = (os.path.join(self.roots, name) for name in ("out", "err"))
        p = self.run_one("echo out; echo err >&2", f"output: {{ stdout: {out}, stderr: {err} }}")
        self.assertEqual((read(out), read(err)), ("out\n", "err\n"))
        self.assertEqual(p["output"], {"stdout": out, "stderr": err})

    def test_what_is_there_is_appended_to(self):
        path = os.path.join(self.roots, "log")
        with open(path, "w", encoding="utf-8") as f:
            f.write("before\n")
        os.chown(path, NOBODY, NOBODY)
        self.run_one("echo said", "user: nobody", f"output: {{ stdout: {path} }}")
        self.assertEqual(read(path), "before\nsaid\n")

    def test_none_is_nowhere(self):
        self.run_one("echo said; test /dev/fd/1 -ef /dev/null && echo it is null >&2",
                     "output: { stdout: none, stderr: inherit }")
        self.assertIn("it is null\n", self.daemon.log())
        self.assertNotIn("said", self.daemon.log())

    def test_inherit_is_the_output_of_rtmemd(self):
        self.run_one("echo said", "output: { stdout: inherit }")
        self.assertIn("said\n", self.daemon.log())

    def test_without_a_journal_it_goes_where_that_of_rtmemd_does(self):
        if os.path.exists("/run/systemd/journal/stdout"):
            self.skipTest("there is a journal here")
        self.daemon = rtmem.Daemon(document(shell(
            "one", "echo said; exec sleep 1000", "output: { stdout: journal }")))
        with self.daemon as d:
            p = d.wait_ready("one")
            notes = {n["rule"]: n["detail"] for n in p["notes"]}
            self.assertIn("without a journal", notes["output"])
            fixture.wait_log(d, "said\n")

    def test_a_link_planted_by_the_user_is_not_followed(self):
        target, path = os.path.join(self.roots, "target"), os.path.join(self.users, "log")
        os.symlink(target, path)
        self.check_refused(path, "symbolic link")
        self.assertFalse(os.path.exists(target))

    def test_a_directory_link_planted_by_the_user_gives_him_no_more_than_he_has(self):
        os.symlink(self.roots, os.path.join(self.users, "sub"))
        self.check_refused(os.path.join(self.users, "sub", "log"), "isn't root's")
        self.assertEqual(os.listdir(self.roots), [])

    def test_a_file_of_root_is_not_given_away(self):
        path = os.path.join(self.roots, "log")
        with open(path, "w", encoding="utf-8") as f:
            f.write("root's\n")
        os.chmod(path, 0o600)
        self.run_one("echo said", "user: nobody", f"output: {{ stdout: {path} }}")
        self.assertEqual(os.stat(path).st_uid, 0)

    def test_root_writes_nowhere_where_others_can_plant_something(self):
        p = self.run_one("echo said", f"output: {{ stdout: {self.open}/log }}")
        self.assertEqual(p["state"], "failed")
        self.assertIn("can be written by others", p["findings"][0]["detail"])

    def test_a_hard_link_is_refused(self):
        path = os.path.join(self.roots, "log")
        with open(path, "w", encoding="utf-8"):
            pass
        os.link(path, path + "2")
        self.check_refused(path, "hard link")

    def test_no_directory(self):
        self.check_refused(os.path.join(self.roots, "sub", "log"), "there is no directory",
                           os.path.join(self.roots, "sub"))

    def test_something_that_is_no_file(self):
        path = os.path.join(self.roots, "log")
        os.mkfifo(path)
        os.chown(path, NOBODY, NOBODY)
        self.check_refused(path)


class Lines:
    """What was written, over the files of a rotation."""

    def __init__(self, path):
        directory, name = os.path.split(path)
        numbers = sorted((int(f[len(name) + 1:]) for f in os.listdir(directory)
                          if f.startswith(name + ".") and f[len(name) + 1:].isdigit()), reverse=True)
        self.files = [f"{path}.{n}" for n in numbers] + [path]
        self.numbers, self.damaged = [], 0
        for file in self.files:
            with open(file, "rb") as f:
                for line in f.read().split(b"\n"):
                    self.take(line)

    def take(self, line):
        if not line.strip():  # what rotation leaves at the front, and the end of a file
            return
        number = int(line.split()[0]) if line.split()[0].isdigit() else -1
        if line == b"%d " % number + b"x" * (number % 97):
            self.numbers.append(number)
        else:
            self.damaged += 1


class Rotation(Directories):
    def write(self, path):
        """Lines at full speed, rotated again and again meanwhile; the number of rotations."""
        with open(path, "ab") as out, subprocess.Popen([LINES, str(N_LINES)], stdout=out,
                                                       stderr=subprocess.PIPE) as writer:
            n = 0
            while writer.poll() is None:
                subprocess.run([ROTATE, "--size", "200000", "--keep", "100", *self.arguments, path],
                               check=True, timeout=60)
                n += 1
                time.sleep(0.005)
            print(f"{path}: {n} calls, {writer.stderr.read().decode().strip()}")
            self.assertEqual(writer.returncode, 0)

    arguments = ()

    def can_collapse(self, path):
        with open(path, "wb") as f:
            f.write(bytes(3 * 65536))
        with open(path, "rb") as f:
            subprocess.run([ROTATE, path], check=True)
            blocks = os.stat(path).st_size
        os.unlink(path)
        os.unlink(path + ".1")
        return blocks > 0  # emptied where it can't

    def test_no_line_is_lost_and_none_is_there_twice(self):
        path = os.path.join(self.roots, "log")
        if not self.can_collapse(path):
            self.skipTest("this file system can't take blocks out of a file")
        self.write(path)
        lines = Lines(path)
        self.assertGreater(len(lines.files), 3)
        self.assertEqual(lines.damaged, 0)
        self.assertEqual(lines.numbers, list(range(N_LINES)))

    def test_by_copying_lines_are_in_order_and_few_are_lost(self):
        self.arguments = ("--truncate",)
        path = os.path.join(self.roots, "log")
        self.write(path)
        lines = Lines(path)
        self.assertGreater(len(lines.files), 3)
        self.assertEqual(lines.numbers, sorted(set(lines.numbers)))
        lost = N_LINES - len(lines.numbers)
        print(f"{path}: {lost} of {N_LINES} lines lost in {len(lines.files) - 1} rotations")
        self.assertLess(lost, N_LINES)

    def test_so_many_files_are_kept(self):
        path = os.path.join(self.roots, "log")
        for n in range(6):
            with open(path, "a", encoding="ascii") as f:
                f.write(f"{n}" + "x" * 10000 + "\n")
            subprocess.run([ROTATE, "--keep", "2", path], check=True)
        self.assertEqual(sorted(os.listdir(self.roots)), ["log", "log.1", "log.2"])
        self.assertTrue(read(path + ".1").strip().startswith("5x"), read(path + ".1")[:20])

    def test_a_small_file_is_left_alone(self):
        path = os.path.join(self.roots, "log")
        with open(path, "w", encoding="ascii") as f:
            f.write("x\n" * 5000)
        subprocess.run([ROTATE, "--size", "10001", path], check=True)
        self.assertEqual(os.listdir(self.roots), ["log"])

    def test_a_copy_that_was_cut_off_is_not_there_twice(self):
        path = os.path.join(self.roots, "log")
        text = "".join(f"{n}\n" for n in range(5000))
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        with open(path + ".rotating", "w", encoding="ascii") as f:
            f.write(text[:7777])
        subprocess.run([ROTATE, path], check=True)
        self.assertEqual(sorted(os.listdir(self.roots)), ["log", "log.1"])
        self.assertEqual((read(path + ".1") + read(path)).split(), text.split())

    def test_a_copy_whose_lines_are_gone_from_the_file_is_kept(self):
        path = os.path.join(self.roots, "log")
        with open(path, "w", encoding="ascii") as f:
            f.write("later\n" * 5000)
        with open(path + ".rotating", "w", encoding="ascii") as f:
            f.write("earlier\n" * 100)
        subprocess.run([ROTATE, path], check=True)
        self.assertEqual(read(path + ".2"), "earlier\n" * 100)
        self.assertEqual((read(path + ".1") + read(path)).split(), ["later"] * 5000)

    def rotate_as_nobody(self, path):
        return subprocess.run([ROTATE, "--uid", str(NOBODY), "--gids", str(NOBODY), path], text=True,
                              capture_output=True, check=False)

    def test_a_link_of_the_user_leads_nowhere(self):
        target, path = os.path.join(self.roots, "target"), os.path.join(self.users, "log")
        with open(target, "w", encoding="ascii") as f:
            f.write("root's\n" * 5000)
        os.symlink(target, path)
        self.assertNotEqual(self.rotate_as_nobody(path).returncode, 0)
        os.unlink(path)
        with open(path, "w", encoding="ascii") as f:
            f.write("x\n" * 5000)
        os.chown(path, NOBODY, NOBODY)
        os.symlink(target, path + ".rotating")
        os.symlink(target, path + ".1")
        self.rotate_as_nobody(path)
        self.assertEqual(read(target), "root's\n" * 5000)

    def test_a_file_of_somebody_else_is_not_the_users_to_rotate(self):
        path = os.path.join(self.users, "log")
        with open(path, "w", encoding="ascii") as f:
            f.write("x\n" * 5000)
        os.chmod(path, 0o600)
        done = self.rotate_as_nobody(path)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("isn't root's", done.stderr)
        self.assertEqual(os.listdir(self.users), ["log"])

    def test_holes_stay_holes(self):
        for arguments in ((), ("--truncate",)):
            path = os.path.join(self.roots, "log" + "".join(arguments))
            with open(path, "wb") as f:
                f.write(b"first\n" * 3000)
                f.seek(16 << 20)
                f.write(b"\nlast\n" * 3000)
            with open(path, "rb") as f:
                whole = f.read()
            subprocess.run([ROTATE, *arguments, path], check=True)
            with open(path + ".1", "rb") as f:
                copied = f.read()
            self.assertGreater(len(copied), 16 << 20)
            self.assertEqual(copied, whole[:len(copied)])
            self.assertLess(os.stat(path + ".1").st_blocks * 512, 1 << 20)

    def test_rtmemd_has_it_done(self):
        path = os.path.join(self.roots, "log")
        text = (f'version: 1\nprocesses:\n  writer:\n    command: ["{LINES}", "{N_LINES}"]\n'
                f'    user: nobody\n    memory: {{ lock: none }}\n    ready: {{ when: exec }}\n'
                f'    output: {{ stdout: {path}, stderr: none, rotate_size: 300K, rotate_keep: 50 }}\n')
        with rtmem.Daemon(text) as d:
            rtmem.wait_until(lambda: os.path.exists(path + ".1") and
                             not os.path.exists(path + ".rotating"), "a rotation", 60)
            d.wait_process("writer", lambda p: p["pid"] == 0, "ended", 60)
            self.assertEqual(os.stat(path + ".1").st_uid, NOBODY)
            rtmem.wait_until(lambda: os.stat(path).st_size < 300 << 10, "the last rotation", 60)
        lines = Lines(path)
        self.assertEqual(lines.damaged, 0)
        if lines.numbers and self.can_collapse(os.path.join(self.roots, "try")):
            self.assertEqual(lines.numbers, list(range(N_LINES)))


rtmem.require_root()
rtmem.main()
