#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Policies that change while rtmemd runs; programs that end and are started again."""
import json
import os
import signal

import fixture
import rtmem
from fixture import document, sleeper


def actions(text):
    return {p["name"]: p["action"] for p in json.loads(text)["processes"]}


class Refused(rtmem.TestCase):
    """A malformed policy never replaces a good one."""

    GOOD = document(sleeper("a"))
    WRONG = GOOD.replace("command:", "comand:")

    def check_unchanged(self, daemon, before):
        after = daemon.process("a")
        self.assertEqual((after["pid"], after["state"]), (before["pid"], "running"))
        self.assertEqual(daemon.status()["daemon"]["state"], "compliant")
        self.assertIsNone(daemon.popen.poll())

    def test_by_signal_the_messages_are_in_the_log(self):
        with rtmem.Daemon(self.GOOD) as d:
            before = d.wait_ready("a")
            d.write_policy("test.yaml", self.WRONG)
            d.popen.send_signal(signal.SIGHUP)
            fixture.wait_log(d, "reload failed, the old policies stay in force")
            self.assertIn("test.yaml:4:5: error: ", d.log())
            self.assertIn("command", d.log())
            self.check_unchanged(d, before)
            d.write_policy("test.yaml", self.GOOD + sleeper("b"))
            d.popen.send_signal(signal.SIGHUP)
            d.wait_ready("b")
            self.assertEqual(d.process("a")["pid"], before["pid"])

    def test_by_apply_the_messages_come_back(self):
        with rtmem.Daemon(self.GOOD) as d:
            before = d.wait_ready("a")
            d.write_policy("test.yaml", self.WRONG)
            done = d.ctl("--json", "apply")
            self.assertEqual(done.returncode, 1)
            answer = json.loads(done.stdout)
            self.assertEqual((answer["result"], answer["processes"]), ("refused", []))
            self.assertIn((4, 5, "error"), [(m["line"], m["column"], m["severity"])
                                            for m in answer["diagnostics"]])
            self.check_unchanged(d, before)

    def test_an_owner_that_is_not_root_is_refused(self):
        with rtmem.Daemon(self.GOOD) as d:
            before = d.wait_ready("a")
            os.chown(os.path.join(d.config_dir, "test.yaml"), fixture.NOBODY, 0)
            done = d.ctl("apply")
            self.assertEqual(done.returncode, 1)
            self.assertIn("root", done.stderr)
            self.check_unchanged(d, before)


class Apply(rtmem.TestCase):
    def test_each_process_gets_what_its_change_needs(self):
        with rtmem.Daemon(document(*(sleeper(n) for n in ("keep", "change", "watch", "go")))) as d:
            before = {n: d.wait_ready(n)["pid"] for n in ("keep", "change", "watch", "go")}
            d.write_policy("test.yaml", document(
                sleeper("keep"), sleeper("change", "limits: { core: 0 }"),
                sleeper("watch", "compliance: { minor_faults: 7, interval: 300ms }"),
                sleeper("new")))
            expected = {"keep": "keep", "change": "restart", "watch": "update", "go": "stop",
                        "new": "start"}
            self.check_dry_run(d, before, expected)
            done = d.ctl("--json", "apply")
            self.assertEqual((done.returncode, actions(done.stdout)), (0, expected))
            d.wait_ready("new")
            rtmem.wait_until(lambda: not rtmem.alive(before["go"]), "the removed one ends")
            changed = d.wait_process(
                "change", lambda p: p["ready"] and p["pid"] != before["change"], "restarted")
            self.assertFalse(rtmem.alive(before["change"]))
            self.assertEqual(changed["compliance"], "compliant")
            for name in ("keep", "watch"):
                self.assertEqual(d.process(name)["pid"], before[name])
            rtmem.wait_until(lambda: "go" not in [p["name"] for p in d.status()["processes"]],
                             "forgotten")
            self.assertEqual(json.loads(d.ctl("--json", "apply").stdout)["result"], "unchanged")

    def check_dry_run(self, daemon, before, expected):
        done = daemon.ctl("--json", "apply", "--dry-run")
        self.assertEqual(actions(done.stdout), expected)
        self.assertEqual({p["name"]: p["pid"] for p in daemon.status()["processes"]}, before)

    def test_a_new_fault_budget_counts_for_the_running_process(self):
        keys = ["ready: { when: notify }", "memory: { heap: { prealloc: 4M } }"]
        with fixture.Subjects() as s, rtmem.Daemon(document(
                s.policy("node", *keys, "compliance: { interval: 100ms }"))) as d:
            s.tell("node", "say READY=1")
            pid = d.wait_ready("node")["pid"]
            s.tell("node", "fault-worker 20")
            d.wait_process("node", lambda p: p["compliance"] == "violating", "violating")
            d.write_policy("test.yaml", document(s.policy(
                "node", *keys, "compliance: { interval: 100ms, minor_faults: 1000 }")))
            self.assertEqual(d.ctl("apply").returncode, 0)
            p = d.wait_process("node", lambda p: p["compliance"] == "compliant", "compliant")
            self.assertEqual((p["pid"], p["restarts"]), (pid, 0))
            self.assertGreaterEqual(p["faults"]["minor"], 20)

    def test_a_removed_one_that_ignores_sigterm_is_killed(self):
        with fixture.Subjects() as s, rtmem.Daemon(document(
                s.policy("deaf", "ready: { when: notify }", "stop: { timeout: 3s }", deaf=True),
                sleeper("a"))) as d:
            s.tell("deaf", "say READY=1")
            pid = d.wait_ready("deaf")["pid"]
            d.write_policy("test.yaml", document(sleeper("a")))
            self.assertEqual(d.ctl("apply").returncode, 0)
            self.assertEqual(d.process("deaf")["state"], "stopping")
            self.assertIn("no policy names it", d.ctl("start", "deaf").stderr)
            self.assertTrue(rtmem.alive(pid))
            fixture.wait_log(d, "still there after 3s: killing pid", seconds=20)
            rtmem.wait_until(lambda: not rtmem.alive(pid), "killed")
            rtmem.wait_until(lambda: len(d.status()["processes"]) == 1, "forgotten")

    def test_back_before_it_was_gone(self):
        with fixture.Subjects() as s:
            text = document(s.policy("deaf", "ready: { when: notify }", deaf=True))
            with rtmem.Daemon(text) as d:
                s.tell("deaf", "say READY=1")
                pid = d.wait_ready("deaf")["pid"]
                d.write_policy("test.yaml", document())
                self.assertEqual(d.ctl("apply").returncode, 0)
                d.write_policy("test.yaml", text)
                self.assertEqual(d.ctl("apply").returncode, 0)
                os.kill(pid, signal.SIGKILL)
                p = d.wait_process("deaf", lambda p: p["pid"] not in (0, pid), "started again")
                self.assertIn(p["state"], ("starting", "preparing"))


class Restart(rtmem.TestCase):
    ALWAYS_WRONG = ('  wrong:\n    command: [/bin/sh, -c, "exit 3"]\n    ready: { when: exec }\n'
                    '    restart: { when: on-failure, delay: 100ms, limit: 3, window: 60s }\n')

    def test_on_failure_is_tried_as_often_as_the_limit_says(self):
        with rtmem.Daemon(document(self.ALWAYS_WRONG, sleeper("a"))) as d:
            p = d.wait_process("wrong", lambda p: p["state"] == "failed", "failed")
            self.assertEqual((p["restarts"], p["compliance"], p["pid"]), (3, "stopped", 0))
            detail = fixture.findings(p)["launch"]["detail"]
            self.assertEqual(detail, "3 restarts within 1min; last: ended: exit status 3; "
                             "`rtmemctl start wrong` tries again")
            self.assertEqual(d.log().count("wrong: started as pid"), 4)
            for i, delay in enumerate(("100ms", "200ms", "400ms"), 1):
                self.assertIn(f"wrong: starts again in {delay} (restart {i} of at most 3", d.log())
            self.assertEqual(d.status()["daemon"]["state"], "degraded")
            self.assertEqual(d.wait_ready("a")["compliance"], "compliant")

    def test_who_ends_by_a_stack_too_small_is_led_to_the_key(self):
        with rtmem.Daemon(document("""  deep:
    command: [/bin/sh, -c, "kill -SEGV $$"]
    memory: { stack: { threads: 256K } }
    ready: { when: exec }
""")) as d:
            p = d.wait_process("deep", lambda p: p["state"] == "failed", "failed")
            self.assertIn("signal 11 (Segmentation fault)", p["findings"][0]["detail"])
            self.assertIn("memory.stack.threads gives each thread 256K", p["findings"][0]["detail"])

    def test_a_clean_end_is_no_failure(self):
        with rtmem.Daemon(document(self.ALWAYS_WRONG.replace("exit 3", "exit 0"))) as d:
            p = d.wait_process("wrong", lambda p: p["state"] == "stopped", "stopped")
            self.assertEqual((p["restarts"], p["findings"]), (0, []))

    def test_a_signal_is_a_failure(self):
        text = document(sleeper("a", "restart: { when: on-failure, delay: 100ms }"))
        with rtmem.Daemon(text) as d:
            pid = d.wait_ready("a")["pid"]
            os.kill(pid, signal.SIGKILL)
            p = d.wait_process("a", lambda p: p["ready"] and p["pid"] != pid, "runs again")
            self.assertEqual(p["restarts"], 1)

    def test_a_program_that_is_not_there(self):
        wrong = ('  wrong:\n    command: [/nonexistent/program]\n    ready: { when: exec }\n')
        with rtmem.Daemon(document(wrong)) as d:
            p = d.wait_process("wrong", lambda p: p["state"] == "failed", "failed")
            self.assertIn("No such file or directory", fixture.findings(p)["launch"]["detail"])


rtmem.require_root()
rtmem.main()
