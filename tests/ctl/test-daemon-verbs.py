#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The verbs of rtmemctl that talk to rtmemd, against a real one."""
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

POLICY = f"""version: 1
host:
  sysctl: {{ vm.no_such_key: 1 }}
processes:
  node:
    command: ["{rtmem.NODE}"]
    memory: {{ heap: {{ prealloc: 10M }}, stack: {{ threads: 256K }} }}
    ready: {{ when: notify }}
  sleeper:
    command: [/bin/sleep, "1000"]
    ready: {{ when: exec }}
  wrong:
    command: [/nonexistent/program]
    ready: {{ when: exec }}
"""


def without(name):
    """The policy without one of its processes."""
    start = POLICY.index(f"  {name}:\n")
    end = POLICY.find("\n  ", POLICY.index("ready:", start))
    return POLICY[:start] + (POLICY[end + 1:] if end > 0 else "")


GOOD = without("wrong")


class DaemonVerbs(rtmem.TestCase):
    def check(self, daemon, *arguments, status=0, user=None):
        done = daemon.ctl(*arguments, user=user)
        self.assertEqual(done.returncode, status, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done

    def ready(self, daemon):
        daemon.wait_ready("node")
        daemon.wait_ready("sleeper")

    def test_status_for_people_and_programs(self):
        with rtmem.Daemon(GOOD) as d:
            self.ready(d)
            lines = self.check(d, "status").stdout.splitlines()
            self.assertRegex(lines[0], rf"^rtmemd [0-9.]+ \(pid {d.popen.pid}\): compliant$")
            self.assertTrue(lines[2].startswith("NAME "))
            self.assertRegex(lines[3], r"^node +running +compliant +\d+ +0/0 ")
            self.assertRegex(lines[4], r"^sleeper +running +compliant ")
            self.assertTrue(any("vm.no_such_key: not-applicable" in line for line in lines))
            document = json.loads(self.check(d, "--json", "status").stdout)
            self.assertEqual([p["name"] for p in document["processes"]], ["node", "sleeper"])
            one = json.loads(self.check(d, "--json", "status", "node").stdout)
            self.assertEqual([p["name"] for p in one["processes"]], ["node"])
            text = self.check(d, "status", "node").stdout
            self.assertIn("0 minor, 0 major since ready", text)
            self.assertIn("heap prealloc", text)

    def test_status_is_for_everybody_and_changes_are_for_root(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        with rtmem.Daemon(GOOD) as d:
            self.ready(d)
            self.check(d, "status", user=65534)
            for arguments in (("stop", "node"), ("restart", "node"), ("apply",)):
                done = self.check(d, *arguments, status=1, user=65534)
                self.assertIn("root", done.stderr)
            self.assertEqual(d.process("node")["state"], "running")

    def test_an_unknown_process_is_an_error(self):
        with rtmem.Daemon(GOOD) as d:
            self.ready(d)
            for verb in ("status", "start", "stop", "restart"):
                self.assertIn("nothing-like-it",
                              self.check(d, verb, "nothing-like-it", status=1).stderr)

    def test_stop_start_restart_wait_for_the_outcome(self):
        with rtmem.Daemon(GOOD) as d:
            self.ready(d)
            first = d.process("sleeper")["pid"]
            self.assertEqual(self.check(d, "stop", "sleeper").stdout, "sleeper: stopped\n")
            self.assertFalse(rtmem.alive(first))
            self.assertEqual(d.process("sleeper")["pid"], 0)
            self.check(d, "status", "sleeper", status=1)
            self.assertEqual(self.check(d, "start", "sleeper").stdout, "sleeper: running\n")
            second = d.process("sleeper")["pid"]
            self.assertEqual(self.check(d, "restart", "sleeper").stdout, "sleeper: running\n")
            third = d.process("sleeper")["pid"]
            self.assertEqual(len({first, second, third}), 3)
            document = json.loads(self.check(d, "--json", "stop", "sleeper").stdout)
            self.assertEqual(document["processes"][0]["state"], "stopped")

    def test_a_program_that_cannot_start_is_not_good(self):
        with rtmem.Daemon(POLICY) as d:
            self.ready(d)
            done = self.check(d, "start", "wrong", status=1)
            self.assertNotIn("running", done.stdout)
            self.check(d, "status", "wrong", status=1)
            self.assertEqual(d.ctl("status").returncode, 1)

    def test_apply_says_what_it_does(self):
        with rtmem.Daemon(GOOD) as d:
            self.ready(d)
            pid = d.process("node")["pid"]
            self.assertIn("unchanged", self.check(d, "apply").stdout)
            d.write_policy("test.yaml", GOOD.replace('"1000"', '"2000"'))
            done = self.check(d, "apply", "--dry-run")
            self.assertRegex(done.stdout, r"(?m)^sleeper +pending +restart needed: command$")
            self.assertIn("  sleeper: command: /bin/sleep 1000 -> /bin/sleep 2000 (restart needed)\n",
                          done.stdout)
            self.assertIn("1 process needs a restart", done.stdout)
            self.assertIn("nothing was changed", done.stdout)
            document = json.loads(self.check(d, "--json", "apply", "--dry-run").stdout)
            actions = {p["name"]: p["action"] for p in document["processes"]}
            self.assertEqual(actions, {"node": "keep", "sleeper": "pending"})
            self.assertRegex(self.check(d, "apply", "--dry-run", "--restart").stdout,
                             r"(?m)^sleeper +restart ")
            self.assertRegex(self.check(d, "apply").stdout, r"(?m)^applied$")
            self.assertEqual(d.process("node")["pid"], pid)

    def test_apply_is_not_good_when_what_it_starts_cannot_run(self):
        with rtmem.Daemon(GOOD) as d:
            self.ready(d)
            d.write_policy("more.yaml", "version: 1\nprocesses:\n"
                           "  gone: { command: [/nonexistent/program] }\n")
            self.assertIn("gone failed: ", self.check(d, "apply", status=1).stderr)
            self.assertEqual(d.process("gone")["state"], "failed")

    def test_apply_of_a_wrong_policy_changes_nothing(self):
        with rtmem.Daemon(GOOD) as d:
            self.ready(d)
            pid = d.process("node")["pid"]
            d.write_policy("test.yaml", GOOD.replace("command:", "comand:"))
            done = self.check(d, "apply", status=1)
            self.assertIn("test.yaml:6:5: error: ", done.stderr)
            self.assertIn("\n    comand: ", done.stderr) # the line, and the caret below it
            self.assertIn("\n    ^\n", done.stderr)
            self.assertIn("refused", done.stdout)
            document = json.loads(self.check(d, "--json", "apply", status=1).stdout)
            self.assertEqual(document["result"], "refused")
            self.assertEqual(d.process("node")["pid"], pid)

    def test_a_daemon_that_ended_is_status_3(self):
        with rtmem.Daemon(GOOD) as d:
            self.ready(d)
            d.status()
            d.stop(signal.SIGKILL)
            self.check(d, "status", status=3)


class Watch(rtmem.TestCase):
    """On a terminal of its own."""

    def watch(self, daemon):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(rtmem.RTMEMCTL, [rtmem.RTMEMCTL, "--runtime-dir", daemon.runtime_dir,
                                       "status", "--watch"], {"TERM": "xterm", "COLUMNS": "80"})
        self.addCleanup(os.close, terminal)
        return pid, terminal

    def read_until(self, terminal, condition):
        text = b""
        end = time.monotonic() + rtmem.DEADLINE
        while not condition(text):
            ready = select.select([terminal], [], [], max(0.0, end - time.monotonic()))[0]
            if not ready:
                self.fail(f"not seen in time: {text!r}")
            try:
                text += os.read(terminal, 4096)
            except OSError:
                self.fail(f"ended early: {text!r}")
        return text

    def ended(self, pid, terminal):
        """Reads the rest, so that nothing blocks, and returns the exit status."""
        try:
            while os.read(terminal, 4096):
                pass
        except OSError:
            pass
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_watch_refreshes_in_colour_until_q(self):
        with rtmem.Daemon(GOOD) as d:
            d.wait_ready("node")
            d.wait_ready("sleeper")
            pid, terminal = self.watch(d)
            self.read_until(terminal, lambda text: text.count(b"\033[32mcompliant") >= 6)
            os.write(terminal, b"q")
            self.assertEqual(self.ended(pid, terminal), 0)

    def test_interrupt_ends_it_too(self):
        with rtmem.Daemon(GOOD) as d:
            d.wait_ready("node")
            d.wait_ready("sleeper")
            pid, terminal = self.watch(d)
            self.read_until(terminal, lambda text: b"sleeper" in text)
            os.write(terminal, b"\x03")
            self.assertEqual(self.ended(pid, terminal), 0)

    def test_output_into_a_pipe_is_plain(self):
        with rtmem.Daemon(GOOD) as d:
            d.wait_ready("node")
            d.wait_ready("sleeper")
            with subprocess.Popen([rtmem.RTMEMCTL, "--runtime-dir", d.runtime_dir, "status", "-w"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  text=True) as popen:
                lines = [popen.stdout.readline() for _ in range(5)]
                popen.send_signal(signal.SIGTERM)
                popen.stdout.read()
            self.assertNotIn("\033", "".join(lines))
            self.assertIn("node", "".join(lines))


if os.geteuid() != 0:
    rtmem.skip("needs root: rtmemd locks memory and refuses directories that root doesn't own")
rtmem.main()
