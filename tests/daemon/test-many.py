#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several hundred processes, and what they leave behind in rtmemd; a thousand with RTMEM_MANY=1000."""
import os
import resource
import subprocess

import fixture
import rtmem

N = int(os.environ.get("RTMEM_MANY", "300"))
PER_FILE = 250  # as many processes as a policy file may have, and a few
SECONDS = 60 + N // 5
KEYS = ("memory: { stack: { main: 64K, threads: 64K } }", "limits: { nofile: 1024 }")
# pidfd, status, statm, report, two counters and two more for each CPU, a control group
PER_PROCESS = 8 + 2 * os.sysconf("SC_NPROCESSORS_CONF")


def policies(n, first=fixture.sleeper("first")):
    """{file: text} with so many processes beside the first"""
    files = {"first.yaml": fixture.document(first)}
    for start in range(0, N, PER_FILE):
        numbers = range(start, min(start + PER_FILE, n))
        files[f"part-{start}.yaml"] = fixture.document(
            *(fixture.sleeper(f"p{i}", *KEYS) for i in numbers))
    return files


def write(daemon, files):
    for name, text in files.items():
        daemon.write_policy(name, text)


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.popen.pid}/fd"))


def all_compliant(daemon, n):
    def look():
        document = daemon.wait_reachable()
        return document if len(document["processes"]) == n and all(
            p["compliance"] == "compliant" and p["ready"] for p in document["processes"]) else None
    return rtmem.wait_until(look, f"{n} compliant", SECONDS)


class Many(rtmem.TestCase):
    def test_hundreds_are_compliant_and_leave_nothing_behind(self):
        with fixture.Subjects() as subjects:
            self.check(subjects, subjects.policy("first", "ready: { when: exec }"))

    def check(self, subjects, first):
        with rtmem.Daemon(policies(0, first)) as d:
            d.wait_ready("first")
            before = descriptors(d)
            write(d, policies(N, first))
            self.assertEqual(d.ctl("apply").returncode, 0)
            document = all_compliant(d, N + 1)
            self.check_all(d, document, before)
            self.check_adoption(d, document)
            self.check_one_among_them(d)
            self.check_lock(d, subjects)
            write(d, policies(0, first))
            self.assertEqual(d.ctl("apply").returncode, 0)
            rtmem.wait_until(lambda: len(d.status()["processes"]) == 1, "all others ended", SECONDS)
            # the first, adopted since, has counters for each of its threads
            most = before + 3 * PER_PROCESS
            rtmem.wait_until(lambda: descriptors(d) <= most, f"{most} descriptors at most")
            self.assertEqual(os.listdir(os.path.join(d.runtime_dir, "processes")), ["first"])

    def check_all(self, daemon, document, before):
        pids = {p["pid"] for p in document["processes"]}
        self.assertEqual(len(pids), N + 1)
        self.assertEqual({rtmem.status_field(pid, "PPid") for pid in pids}, {daemon.popen.pid})
        self.assertEqual(document["daemon"]["state"], "compliant")
        self.assertLessEqual(descriptors(daemon), before + N * PER_PROCESS)
        for p in document["processes"]:  # read with the others, or when it was its turn: it's there
            self.assertEqual([t["tid"] for t in p["threads"]].count(p["pid"]), 1, p)
            self.assertGreater(p["memory"]["rss"], 0, p)
            self.assertGreater(p["memory"]["locked"], 0, p)

    def check_adoption(self, daemon, document):
        """A new rtmemd has the same processes, and as many descriptors."""
        daemon.stop()
        daemon.start()
        again = all_compliant(daemon, N + 1)
        self.assertEqual({p["name"]: p["pid"] for p in again["processes"]},
                         {p["name"]: p["pid"] for p in document["processes"]})

    def check_one_among_them(self, daemon):
        """What one of them does is told of it, and of no other."""
        pid = daemon.process(f"p{N - 1}")["pid"]
        subprocess.run(["prlimit", f"--pid={pid}", "--nofile=512:512"], check=True)
        daemon.wait_process(f"p{N - 1}", lambda p: p["compliance"] == "violating", "violating", 30)
        others = [p["name"] for p in daemon.status()["processes"] if p["compliance"] != "compliant"]
        self.assertEqual(others, [f"p{N - 1}"])

    def check_lock(self, daemon, subjects):
        """A lock taken off, past the library and without any page moved: not each reading shows it."""
        subjects.tell("first", "raw-munlockall")

        def seen():
            return "lock" in fixture.findings(daemon.process("first"))
        rtmem.wait_until(seen, "the lock is missed", 30)

    def test_too_few_descriptors_are_explained_and_the_rest_works(self):
        processes = (fixture.sleeper(f"p{i}", "memory: { lock: none }") for i in range(40))
        with rtmem.Daemon(fixture.document(*processes),
                          argv_prefix=["prlimit", "--nofile=160:160"]) as d:
            def decided():
                document = d.wait_reachable()
                return document if all(p["ready"] or p["state"] == "failed"
                                       for p in document["processes"]) else None
            document = rtmem.wait_until(decided, "all decided", SECONDS)
            failed = [p for p in document["processes"] if p["state"] == "failed"]
            self.assertTrue(0 < len(failed) < 40)
            for p in failed:
                self.assertIn("LimitNOFILE=", p["findings"][0]["detail"])
            fixture.wait_log(d, "raise the limit of rtmemd (LimitNOFILE= of its unit)")
            self.assertLessEqual(descriptors(d), 160 * 3 // 4)
            ready = next(p["name"] for p in document["processes"] if p["ready"])
            self.assertEqual(d.ctl("restart", ready).returncode, 0)
            d.wait_ready(ready)

    def test_starting_and_ending_over_and_over_leaves_nothing_behind(self):
        with rtmem.Daemon(fixture.document(fixture.sleeper("a"))) as d:
            d.wait_ready("a")
            d.status()
            before = descriptors(d)
            for _ in range(20):
                self.assertEqual(d.ctl("restart", "a").returncode, 0)
            rtmem.wait_until(lambda: descriptors(d) == before, f"{before} descriptors again")


rtmem.require_root()
if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 200 + N * PER_PROCESS:
    rtmem.skip(f"the limit of open files is too low for {N} processes")
rtmem.main()
