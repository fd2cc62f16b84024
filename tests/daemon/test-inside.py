#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How deep stacks were used, and which processes stem from a managed one."""
import os
import signal

import fixture
import rtmem

KIB = 1024


class Inside(rtmem.TestCase):
    def start(self, *keys, allowed=0):
        keys += ("ready: { when: notify }",
                 f"compliance: {{ interval: 100ms, minor_faults: {allowed} }}")
        subjects = fixture.Subjects().__enter__()
        self.addCleanup(subjects.__exit__)
        daemon = rtmem.Daemon(fixture.document(subjects.policy("node", *keys)))
        daemon.__enter__()
        self.addCleanup(lambda: daemon.__exit__(None, None, None))
        subjects.tell("node", "say READY=1")
        daemon.wait_ready("node")
        return daemon, lambda *deeds: subjects.tell("node", *deeds)


class Stacks(Inside):
    def check_depths(self, lock):
        memory = f"memory: {{ lock: {lock}, stack: {{ main: 1M, threads: 256K }} }}"
        daemon, tell = self.start(memory)
        tell("diver 100")
        p = daemon.wait_process(
            "node", lambda p: fixture.threads(p).get("diver", {}).get("stack", {}).get("used", 0)
            >= 100 * KIB, "the diver's depth is seen")
        stacks = {name: t["stack"] for name, t in fixture.threads(p).items()}
        self.assertLess(stacks["diver"]["used"], 130 * KIB)
        self.assertLess(stacks["idle"]["used"], 32 * KIB)
        for name in ("diver", "idle", "worker"):
            self.assertEqual(stacks[name]["size"], 256 * KIB, name)
        self.assertGreaterEqual(stacks["subject"]["size"], 1000 * KIB)
        self.assertGreater(stacks["subject"]["used"], 0)
        self.assertLess(stacks["subject"]["used"], 200 * KIB)
        return daemon, p

    def test_depth_of_each_thread_is_measured(self):
        _, p = self.check_depths("strict")
        self.assertEqual((p["compliance"], p["faults"]), ("compliant", {"minor": 0, "major": 0}))

    def test_looking_makes_no_page_present(self):
        daemon, p = self.check_depths("none")
        before = p["memory"]["rss"]
        for _ in range(5):
            daemon.ctl("status", "node")
            daemon.status()
        self.assertLessEqual(daemon.process("node")["memory"]["rss"], before + 64 * KIB)

    def test_the_view_of_one_process_shows_them(self):
        daemon, tell = self.start("memory: { lock: strict, stack: { threads: 256K } }")
        tell("diver 100", "spawn /bin/sleep")
        daemon.wait_process("node", lambda p: p["children"] and "diver" in fixture.threads(p),
                            "both are there")
        self.addCleanup(os.kill, daemon.process("node")["children"][0]["pid"], signal.SIGKILL)
        text = daemon.ctl("status", "node").stdout
        self.assertRegex(text, r"THREAD +TID +MINOR +MAJOR +STACK +USED")
        self.assertRegex(text, r"diver +[0-9]+ +0 +0 +256K +1[0-9][0-9]")
        self.assertRegex(text, r"CHILD +PID +LOCKED\n +sleep +[0-9]+ +0")

    def test_too_little_left_is_a_finding(self):
        daemon, tell = self.start(
            "memory: { lock: strict, stack: { threads: 256K, margin: 64K } }")
        self.assertEqual(daemon.process("node")["compliance"], "compliant")
        tell("diver 220")
        # by itself, in the slow round
        fixture.wait_log(daemon, "node: stack: wanted at least 64K unused, seen ", seconds=25)
        finding = fixture.findings(daemon.process("node"))["stack"]
        self.assertRegex(finding["seen"], r"^[0-9.]+K left of 256")
        self.assertIn("thread diver (tid ", finding["detail"])

    def test_the_stack_of_the_librarys_own_thread_is_not_judged(self):
        daemon, _ = self.start(
            "memory: { lock: balanced, stack: { threads: 256K, margin: 64K } }")
        p = daemon.process("node")
        self.assertIn("rtmem-init", fixture.threads(p))
        self.assertEqual(p["compliance"], "compliant", p["findings"])


class Children(Inside):
    def test_descendants_are_listed(self):
        daemon, tell = self.start("memory: { lock: none }", allowed=1000)
        self.assertEqual(daemon.process("node")["children"], [])
        tell("spawn /bin/sleep")
        p = daemon.wait_process("node", lambda p: len(p["children"]) == 1, "a child")
        child = p["children"][0]
        self.addCleanup(os.kill, child["pid"], signal.SIGKILL)
        self.assertEqual((child["name"], child["locked"]), ("sleep", 0))
        self.assertEqual(p["compliance"], "compliant")

    def test_a_child_that_is_not_locked_is_a_finding_where_it_shall_be(self):
        daemon, tell = self.start("memory: { lock: strict }", "children: inherit", "fork: allow")
        tell("raw-fork")
        fixture.wait_log(daemon, "node: children: wanted locked like their parent", seconds=25)
        p = daemon.process("node")
        finding = fixture.findings(p)["children"]
        self.assertIn(f"subject (pid {p['children'][0]['pid']})", finding["seen"])

    def test_faults_of_children_count_where_the_policy_is_theirs(self):
        daemon, tell = self.start("memory: { lock: none }", "children: inherit",
                                  allowed=100000)
        before = daemon.process("node")["faults"]["minor"]
        tell("spawn /bin/true")
        daemon.wait_process("node", lambda p: p["faults"]["minor"] > before + 20, "its faults")


class Sections(Inside):
    def test_a_section_that_faulted_is_a_finding_with_its_thread(self):
        daemon, tell = self.start("memory: { lock: strict }")
        tell("section control loop", "section control loop", "section logging")
        fixture.wait_log(daemon, "node: section: wanted 0 faults, seen ")
        p = daemon.wait_process("node", lambda p: len(p["findings"]) == 2, "both")
        p = daemon.wait_process("node", lambda p: [f["seen"] for f in p["findings"]] == [
            "6 in control loop", "3 in logging"], "each with its sum")
        self.assertEqual(p["findings"][0]["detail"],
                         f"3 minor, 0 major in thread subject (tid {p['pid']})")

    def test_another_process_can_not_tell_of_it(self):
        daemon, tell = self.start("memory: { lock: strict }")
        tell("forged-section mine", "section mine")
        fixture.wait_log(daemon, "node: section: ")
        self.assertEqual(fixture.findings(daemon.process("node"))["section"]["seen"], "3 in mine")


class Forks(Inside):
    def test_a_fork_past_the_library_is_seen(self):
        daemon, tell = self.start("memory: { lock: strict }")
        tell("raw-fork")
        fixture.wait_log(daemon, "node: fork: wanted no fork once ready, seen fork once")
        self.assertIn("thread subject (tid ", fixture.findings(daemon.process("node"))["fork"]
                      ["detail"])

    def test_posix_spawn_is_no_fork(self):
        daemon, tell = self.start("memory: { lock: strict }")
        tell("spawn /bin/true", "spawn /bin/true")
        daemon.wait_process("node", lambda p: not p["children"], "they end")
        p = daemon.process("node")
        self.assertEqual((p["compliance"], p["findings"], p["notes"]), ("compliant", [], []))

    def test_a_fork_that_the_policy_allows_is_no_news(self):
        daemon, tell = self.start("memory: { lock: strict }", "fork: allow", allowed=1000)
        tell("raw-fork")
        daemon.wait_process("node", lambda p: p["children"], "a child")
        self.assertNotIn("fork", fixture.findings(daemon.process("node")))


rtmem.require_root()
rtmem.main()
