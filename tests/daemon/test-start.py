#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""When rtmemd doesn't start, and who may do what once it runs."""
import json
import os
import subprocess

import fixture
import rtmem
from fixture import NOBODY, document, sleeper


class Refused(rtmem.TestCase):
    """Nothing is started, and the message says what to change."""

    def check_refused(self, daemon, *texts):
        status = daemon.popen.wait(rtmem.DEADLINE)
        self.assertEqual(status, 1, daemon.log())
        for text in texts:
            self.assertIn(text, daemon.log())
        self.assertNotIn("started as pid", daemon.log())

    def test_an_invalid_policy(self):
        text = document(sleeper("a", "memory: { lock: strickt }", "limits: { core: 3X }"))
        with rtmem.Daemon(text) as d:
            self.check_refused(d, "test.yaml:6:21: error: ", "test.yaml:7:21: error: ", "strict",
                               "the policy directories can't be used")

    def test_a_policy_that_root_does_not_own(self):
        d = rtmem.Daemon(document(sleeper("a")))
        os.chown(os.path.join(d.config_dir, "test.yaml"), NOBODY, 0)
        with d:
            self.check_refused(d, "test.yaml", "root", "chown")

    def test_a_policy_that_others_can_write(self):
        d = rtmem.Daemon(document(sleeper("a")))
        os.chmod(os.path.join(d.config_dir, "test.yaml"), 0o666)
        with d:
            self.check_refused(d, "test.yaml", "chmod")

    def test_a_runtime_directory_that_others_can_write(self):
        d = rtmem.Daemon(document(sleeper("a")))
        os.chmod(d.runtime_dir, 0o777)
        with d:
            self.check_refused(d, f"{d.runtime_dir} belongs to uid 0 with mode 0777", "chmod 755")

    def test_a_runtime_directory_of_somebody_else(self):
        d = rtmem.Daemon(document(sleeper("a")))
        os.chown(d.runtime_dir, NOBODY, 0)
        with d:
            self.check_refused(d, f"{d.runtime_dir} belongs to uid {NOBODY}", "chown 0")

    def test_a_runtime_directory_that_is_a_link(self):
        d = rtmem.Daemon(document(sleeper("a")))
        os.rmdir(d.runtime_dir)
        os.symlink(d.state_dir, d.runtime_dir)
        with d:
            self.check_refused(d, d.runtime_dir)

    def test_a_second_daemon_on_the_same_directory(self):
        with rtmem.Daemon(document(sleeper("a"))) as d:
            pid = d.wait_ready("a")["pid"]
            done = subprocess.run(
                [rtmem.RTMEMD, "--config-dir", d.config_dir, "--runtime-dir", d.runtime_dir,
                 "--state-dir", d.state_dir], stdin=subprocess.DEVNULL, capture_output=True,
                text=True, timeout=rtmem.DEADLINE, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"another rtmemd runs on {d.runtime_dir}", done.stderr)
            self.assertEqual(d.wait_ready("a")["pid"], pid)
            self.assertEqual(d.log().count("started as pid"), 1)

    def test_a_wrong_command_line(self):
        for arguments in (["--nothing"], ["file"], ["--log-level", "loud"]):
            done = subprocess.run([rtmem.RTMEMD, *arguments], capture_output=True, check=False)
            self.assertEqual(done.returncode, 2)


class Users(rtmem.TestCase):
    def test_everybody_may_look_and_root_may_change(self):
        with rtmem.Daemon(document(sleeper("a"))) as d:
            pid = d.wait_ready("a")["pid"]
            done = d.ctl("--json", "status", user=NOBODY)
            self.assertEqual(done.returncode, 0)
            self.assertEqual(json.loads(done.stdout)["processes"][0]["pid"], pid)
            for arguments in (("apply",), ("apply", "--dry-run"), ("stop", "a"), ("start", "a"),
                              ("restart", "a")):
                done = d.ctl(*arguments, user=NOBODY)
                self.assertEqual(done.returncode, 1, arguments)
                self.assertIn(f"only root may do (you are uid {NOBODY})", done.stderr)
            self.assertEqual(d.process("a")["pid"], pid)

    def test_a_user_with_the_capability_is_protected(self):
        with rtmem.Daemon(document(
                sleeper("a", "user: nobody", "capabilities: [ipc_lock]"))) as d:
            p = d.wait_ready("a")
            self.assertEqual((p["compliance"], p["findings"], p["notes"]), ("compliant", [], []))
            self.assertEqual(os.stat(f"/proc/{p['pid']}").st_uid, NOBODY)
            self.assertGreater(p["memory"]["locked"], 0)
            self.assertLessEqual(p["memory"]["size"] - p["memory"]["locked"], 64 << 10)

    def test_a_user_without_it_is_not_started_and_told_why(self):
        """strict fails closed, with the limit and the capability in the status."""
        with rtmem.Daemon(document(sleeper(
                "a", "user: nobody", "memory: { heap: { prealloc: 64M } }",
                "limits: { memlock: 1G }"))) as d:
            p = d.wait_process("a", lambda p: p["state"] in ("failed", "running"), "decided")
            if p["state"] == "running":
                self.skipTest("1G may be locked by everybody here")
            self.assertRegex(fixture.findings(p)["launch"]["detail"], "memlock")
            self.assertEqual(p["compliance"], "stopped")

    def test_a_default_limit_that_binds_is_explained(self):
        with rtmem.Daemon(document(sleeper(
                "a", "user: nobody", "memory: { heap: { prealloc: 64M } }"))) as d:
            p = d.wait_process("a", lambda p: p["state"] in ("failed", "running"), "decided")
            if p["state"] == "running":
                self.skipTest("this machine lets everybody lock memory")
            detail = fixture.findings(p)["launch"]["detail"]
            self.assertRegex(detail, "memlock|RLIMIT_MEMLOCK")
            self.assertIn("ipc_lock", detail.lower())


rtmem.require_root()
rtmem.main()
