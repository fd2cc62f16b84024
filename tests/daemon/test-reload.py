#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Policies that change while rtmemd runs; programs that end and are started again."""
import json
import os
import shutil
import signal
import subprocess
import tempfile

import fixture
import rtmem
from fixture import document, sleeper

import dbus  # pylint: disable=wrong-import-order


def actions(text):
    return {p["name"]: p["action"] for p in json.loads(text)["processes"]}


def changes(text, name):
    """{key: (from, to, needs a restart)} of one process of an answer"""
    process = next(p for p in json.loads(text)["processes"] if p["name"] == name)
    return {c["key"]: (c["from"], c["to"], c["needs_restart"]) for c in process["changes"]}


def limit(pid, name):
    """(soft, hard) as the kernel has them"""
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        line = next(line for line in f if line.startswith(name))
    return tuple(line[len("Max open files            "):].split()[:2])


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
            self.assertIn("errors", d.status()["daemon"]["problem"])
            self.assertIn("note: the policies on disk have errors", d.ctl("status").stdout)
            d.write_policy("test.yaml", self.GOOD)
            self.assertEqual(d.ctl("apply").returncode, 0)
            self.assertNotIn("problem", d.status()["daemon"])

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
        names = ("keep", "change", "wait", "watch", "go")
        with rtmem.Daemon(document(*(sleeper(n) for n in names))) as d:
            before = {n: d.wait_ready(n)["pid"] for n in names}
            d.write_policy("test.yaml", document(
                sleeper("keep"), sleeper("change", "limits: { core: 0 }", "on_change: restart"),
                sleeper("wait", "limits: { core: 0 }"),
                sleeper("watch", "compliance: { minor_faults: 7, interval: 300ms }"),
                sleeper("new")))
            expected = {"keep": "keep", "change": "restart", "wait": "pending", "watch": "update",
                        "go": "stop", "new": "start"}
            self.check_dry_run(d, before, expected)
            done = d.ctl("--json", "apply")
            self.assertEqual((done.returncode, actions(done.stdout)), (0, expected))
            d.wait_ready("new")
            rtmem.wait_until(lambda: not rtmem.alive(before["go"]), "the removed one ends")
            changed = d.wait_process(
                "change", lambda p: p["ready"] and p["pid"] != before["change"], "restarted")
            self.assertFalse(rtmem.alive(before["change"]))
            self.assertEqual(changed["compliance"], "compliant")
            for name in ("keep", "wait", "watch"):
                self.assertEqual(d.process(name)["pid"], before[name])
            rtmem.wait_until(lambda: "go" not in [p["name"] for p in d.status()["processes"]],
                             "forgotten")
            self.assertEqual(d.process("wait")["pending_changes"], ["limits.core"])
            self.assertEqual(json.loads(d.ctl("--json", "apply").stdout)["result"], "unchanged")
            done = d.ctl("--json", "apply", "--restart")
            self.assertEqual({n for n, a in actions(done.stdout).items() if a != "keep"}, {"wait"})
            d.wait_process("wait", lambda p: p["ready"] and p["pid"] != before["wait"] and
                           not p["pending_changes"], "restarted")

    def check_dry_run(self, daemon, before, expected):
        done = daemon.ctl("--json", "apply", "--dry-run")
        self.assertEqual(actions(done.stdout), expected)
        self.assertEqual({p["name"]: p["pid"] for p in daemon.status()["processes"]}, before)

    def test_each_key_is_told_with_what_it_was_and_is(self):
        before = document(sleeper("a", "limits: { nofile: 512 }", "scheduling: { nice: 1 }",
                                  "environment: { TOKEN: old }"))
        after = document(sleeper("a", "limits: { nofile: 400 }", "scheduling: { nice: 2 }",
                                 "environment: { TOKEN: new }", "oom_score_adjust: 100"))
        expected = {"limits.nofile": ("512", "400", False), "scheduling.nice": ("1", "2", True),
                    "environment": ("", "", True), "oom_score_adjust": ("", "100", False)}
        with rtmem.Daemon(before) as d:
            pid = d.wait_ready("a")["pid"]
            d.write_policy("test.yaml", after)
            dry = d.ctl("apply", "--dry-run").stdout
            self.assertIn("a: limits.nofile: 512 -> 400\n", dry)
            self.assertIn("a: scheduling.nice: 1 -> 2 (restart needed)\n", dry)
            self.assertNotIn("new", dry)
            self.assertEqual(limit(pid, "Max open files"), ("512", "512"))
            done = d.ctl("--json", "apply")
            self.assertEqual((done.returncode, changes(done.stdout, "a")), (0, expected))
            self.assertEqual(limit(pid, "Max open files"), ("400", "400"))
            with open(f"/proc/{pid}/oom_score_adj", encoding="ascii") as f:
                self.assertEqual(f.read(), "100\n")
            p = d.process("a")
            self.assertEqual((p["pid"], p["pending_changes"], p["findings"]),
                             (pid, ["environment", "scheduling.nice"], []))
            self.assertIn("restart needed  environment, scheduling.nice",
                          d.ctl("status", "a").stdout)
            d.write_policy("test.yaml", before)
            self.assertEqual(actions(d.ctl("--json", "apply").stdout), {"a": "update"})
            p = d.process("a")
            self.assertEqual((p["pid"], p["pending_changes"]), (pid, []))
            self.assertEqual(limit(pid, "Max open files")[0], "400" if not raises() else "512")

    def test_what_was_followed_is_what_the_next_rtmemd_expects(self):
        with rtmem.Daemon(document(sleeper("a", "limits: { nofile: 512 }"), sleeper("b"))) as d:
            pid = d.wait_ready("a")["pid"]
            d.write_policy("test.yaml", document(sleeper("a", "limits: { nofile: 400 }"),
                                                 sleeper("b", "scheduling: { nice: 1 }")))
            self.assertEqual(d.ctl("apply").returncode, 0)
            self.assertEqual(d.stop(), 0)
            d.start()
            p = d.wait_ready("a")
            self.assertEqual((p["pid"], p["pending_changes"]), (pid, []))
            self.assertEqual(d.process("b")["pending_changes"], ["launch"])
            done = d.ctl("--json", "apply")
            self.assertEqual((done.returncode, actions(done.stdout)), (0, {"a": "keep", "b": "keep"}))
            done = d.ctl("--json", "apply", "--restart")
            self.assertEqual(actions(done.stdout), {"a": "keep", "b": "restart"})
            d.wait_process("b", lambda p: p["ready"] and not p["pending_changes"], "restarted")

    def test_a_limit_that_cannot_be_raised_is_told(self):
        if raises():
            self.skipTest("CAP_SYS_RESOURCE raises any limit")
        with rtmem.Daemon(document(sleeper("a", "limits: { nproc: 512 }"))) as d:
            pid = d.wait_ready("a")["pid"]
            d.write_policy("test.yaml", document(sleeper("a", "limits: { nproc: 513 }")))
            for argument in ("--dry-run", "--json"):
                done = d.ctl("apply", argument)
                self.assertIn("CAP_SYS_RESOURCE", done.stderr + done.stdout)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(limit(pid, "Max processes"), ("512", "512"))
            p = d.wait_process("a", lambda p: p["findings"], "found")
            self.assertEqual((p["pid"], p["findings"][0]["rule"]), (pid, "limits.nproc"))

    def test_moving_a_policy_to_another_file_is_nothing(self):
        with rtmem.Daemon({"a.yaml": document(sleeper("a")), "b.yaml": document(sleeper("b"))}) as d:
            before = [d.wait_ready(n)["pid"] for n in "ab"]
            os.rename(os.path.join(d.config_dir, "a.yaml"), os.path.join(d.config_dir, "c.yaml"))
            done = d.ctl("--json", "apply")
            self.assertEqual((json.loads(done.stdout)["result"], actions(done.stdout)),
                             ("unchanged", {"a": "keep", "b": "keep"}))
            self.assertEqual([d.process(n)["pid"] for n in "ab"], before)
            self.assertIn("c.yaml:", d.process("a")["source"])

    def test_what_was_stopped_by_hand_stays_so(self):
        with rtmem.Daemon(document(sleeper("a"))) as d:
            d.wait_ready("a")
            self.assertEqual(d.ctl("stop", "a").returncode, 0)
            d.write_policy("test.yaml", document(sleeper("a", "scheduling: { nice: 3 }")))
            done = d.ctl("--json", "apply", "--restart")
            self.assertEqual(actions(done.stdout), {"a": "update"})
            self.assertEqual(d.process("a")["state"], "stopped")
            self.assertEqual(d.ctl("start", "a").returncode, 0)
            self.assertEqual(os.getpriority(os.PRIO_PROCESS, d.process("a")["pid"]), 3)

    def test_what_failed_is_started_under_a_changed_policy(self):
        wrong = document('  a:\n    command: [/nonexistent]\n    ready: { when: exec }\n')
        with rtmem.Daemon(wrong) as d:
            d.wait_process("a", lambda p: p["state"] == "failed", "failed")
            d.write_policy("test.yaml", document(sleeper("a")))
            self.assertEqual(d.ctl("apply").returncode, 0)
            d.wait_ready("a")

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


class AtOnce(rtmem.TestCase):
    """Reloads that meet something under way."""

    def test_a_process_that_is_being_started_is_followed_to_the_end(self):
        with fixture.Subjects() as s:
            def text(*keys):
                return document(s.policy("slow", "ready: { when: notify }", *keys))
            with rtmem.Daemon(text()) as d:
                pid = d.wait_process("slow", lambda p: p["state"] == "preparing", "prepares")["pid"]
                d.write_policy("test.yaml", text("compliance: { minor_faults: 5 }"))
                self.assertEqual(actions(d.ctl("--json", "apply").stdout), {"slow": "update"})
                self.assertEqual(d.process("slow")["pid"], pid)
                d.write_policy("test.yaml", text("scheduling: { nice: 1 }"))
                self.assertEqual(actions(d.ctl("--json", "apply", "--restart").stdout),
                                 {"slow": "restart"})
                new = d.wait_process("slow", lambda p: p["pid"] not in (0, pid), "restarted")["pid"]
                s.tell("slow", "say READY=1")
                p = d.wait_ready("slow")
                self.assertEqual((p["pid"], p["pending_changes"]), (new, []))
                self.assertEqual(os.getpriority(os.PRIO_PROCESS, new), 1)

    def test_a_process_that_is_being_stopped_stays_stopped(self):
        with fixture.Subjects() as s:
            def text(*keys):
                return document(s.policy("deaf", "ready: { when: notify }", "stop: { timeout: 1s }",
                                         *keys, deaf=True))
            with rtmem.Daemon(text()) as d:
                s.tell("deaf", "say READY=1")
                pid = d.wait_ready("deaf")["pid"]
                stop = subprocess.Popen([rtmem.RTMEMCTL, "--runtime-dir", d.runtime_dir, "stop", "deaf"])
                d.wait_process("deaf", lambda p: p["state"] == "stopping", "being stopped")
                d.write_policy("test.yaml", text("scheduling: { nice: 1 }"))
                self.assertEqual(actions(d.ctl("--json", "apply").stdout), {"deaf": "pending"})
                self.assertEqual(stop.wait(30), 0)
                p = d.process("deaf")
                self.assertEqual((p["state"], p["pid"], p["pending_changes"]), ("stopped", 0, []))
                self.assertFalse(rtmem.alive(pid))
                with dbus.Client(wait_socket(d)) as c:
                    c.call("/org/rtmem1", "org.rtmem1.Manager", "Start", "s", "deaf")
                pid = d.wait_process("deaf", lambda p: p["state"] == "preparing", "started")["pid"]
                self.assertEqual(os.getpriority(os.PRIO_PROCESS, pid), 1)

    def test_several_at_once_come_to_the_same(self):
        with rtmem.Daemon(document(*(sleeper(f"p{i}") for i in range(10)))) as d:
            for i in range(10):
                d.wait_ready(f"p{i}")
            d.write_policy("test.yaml", document(
                *(sleeper(f"p{i}", "scheduling: { nice: 2 }") for i in range(5, 15))))
            applies = [subprocess.Popen([rtmem.RTMEMCTL, "--runtime-dir", d.runtime_dir, "apply",
                                         "--restart"], stdout=subprocess.DEVNULL) for _ in range(4)]
            self.assertEqual([a.wait(60) for a in applies], [0] * 4)
            for i in range(5, 15):
                p = d.wait_process(f"p{i}", lambda p: p["ready"] and not p["pending_changes"], "there")
                self.assertEqual(os.getpriority(os.PRIO_PROCESS, p["pid"]), 2)
            rtmem.wait_until(lambda: len(d.status()["processes"]) == 10, "the others are forgotten")
            self.assertEqual(sum(d.process(f"p{i}")["restarts"] for i in range(5, 10)), 5)


class Watched(rtmem.TestCase):
    """rtmemd --watch-config"""

    def test_what_an_editor_does_is_followed(self):
        with rtmem.Daemon(document(sleeper("a")), ["--watch-config"]) as d:
            pid = d.wait_ready("a")["pid"]
            d.write_policy("test.yaml", document(sleeper("a"), sleeper("b")))  # renamed into place
            wait_there(d, "b")
            path = os.path.join(d.config_dir, "more.yaml")
            with open(path, "w", encoding="utf-8") as f:  # written in place, in two pieces
                f.write("version: 1\n")
                f.flush()
                f.write("processes:\n" + sleeper("c"))
            wait_there(d, "c")
            os.unlink(path)
            rtmem.wait_until(lambda: len(d.status()["processes"]) == 2, "c is gone")
            self.assertEqual(d.process("a")["pid"], pid)

    def test_what_is_wrong_is_told_once(self):
        with rtmem.Daemon(document(sleeper("a")), ["--watch-config"]) as d, \
                dbus.Client(wait_socket(d)) as c:
            pid = d.wait_ready("a")["pid"]
            for text, n in (("process", 1), ("process", 1), ("processe", 2)):
                d.write_policy("wrong.yaml", f"version: 1\n{text}: {{}}\n")
                c.wait_signal("Reloaded", lambda b: b == ["refused"])
                self.assertEqual(d.log().count("nothing was changed"), n)
                self.assertEqual(d.log().count("unknown key"), n)
            d.write_policy("wrong.yaml", document(sleeper("b")))
            wait_there(d, "b")
            self.assertEqual(d.process("a")["pid"], pid)

    def test_other_files_are_no_reason(self):
        with rtmem.Daemon(document(sleeper("a")), ["--watch-config", "--log-level", "debug"]) as d, \
                dbus.Client(wait_socket(d)) as c:
            d.wait_ready("a")
            for name in (".test.yaml.swp", "test.yaml~", "README", "4913"):
                with open(os.path.join(d.config_dir, name), "w", encoding="utf-8") as f:
                    f.write("nothing")
            with self.assertRaises(AssertionError):
                c.wait_signal("Reloaded", seconds=2)
            d.write_policy("test.yaml", document(sleeper("b")))
            c.wait_signal("Reloaded")

    def test_directories_may_come_and_go(self):
        with tempfile.TemporaryDirectory() as above:
            os.chmod(above, 0o755)
            late = os.path.join(above, "not", "yet", "there")
            elsewhere = os.path.join(above, "elsewhere.yaml")
            with rtmem.Daemon(document(sleeper("a")), ["--watch-config", "--config-dir", late]) as d:
                d.wait_ready("a")
                os.makedirs(late)
                with open(elsewhere, "w", encoding="utf-8") as f:
                    f.write(document(sleeper("b")))
                os.symlink(elsewhere, os.path.join(late, "link.yaml"))
                wait_there(d, "b")
                with open(elsewhere, "w", encoding="utf-8") as f:
                    f.write(document(sleeper("c")))
                wait_there(d, "c")
                os.symlink("/dev/null", os.path.join(d.config_dir, "link.yaml"))  # masks
                rtmem.wait_until(lambda: len(d.status()["processes"]) == 1, "masked")
                os.unlink(os.path.join(d.config_dir, "link.yaml"))
                wait_there(d, "c")
                shutil.rmtree(os.path.join(above, "not"))
                rtmem.wait_until(lambda: len(d.status()["processes"]) == 1, "removed")
                os.makedirs(late)
                with open(os.path.join(late, "again.yaml"), "w", encoding="utf-8") as f:
                    f.write(document(sleeper("d")))
                wait_there(d, "d")


def wait_there(daemon, name):
    """Waits for a process that there may be no policy for yet."""
    rtmem.wait_until(lambda: any(p["name"] == name and p["ready"] for p in daemon.status()["processes"]),
                     f"{name} is there")


def wait_socket(daemon):
    path = os.path.join(daemon.runtime_dir, "bus")
    rtmem.wait_until(lambda: os.path.exists(path), "the socket")
    return path


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


def raises():
    """May we raise a hard limit?"""
    return rtmem.status_field(os.getpid(), "CapEff") is not None and \
        int(str(rtmem.status_field(os.getpid(), "CapEff")), 16) >> 24 & 1


rtmem.require_root()
rtmem.main()
