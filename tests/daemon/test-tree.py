#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A process is stopped when its whole tree is: double forks, sessions of their own, deaf ones, orphans;
with a control group and, where the test may unmount it, without."""
import os
import shutil
import signal
import subprocess
import sys
import textwrap

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fixture  # pylint: disable=wrong-import-position
import rtmem  # pylint: disable=wrong-import-position

KEYS = "    ready: { when: exec }\n    memory: { lock: none }\n"
SLEEPER = "exec /bin/sleep 1000"
# rtmemd in a mount namespace of its own, where no cgroup2 is to be found
WITHOUT_CGROUPS = ("unshare", "-m", "sh", "-c",
                   "umount -l /sys/fs/cgroup/unified 2>/dev/null || umount -l /sys/fs/cgroup; exec \"$@\"", "sh")


def shell(name, script, *lines, keys=KEYS):
    """A process that is a shell script."""
    extra = "".join(f"    {line}\n" for line in lines)
    text = textwrap.indent(textwrap.dedent(script).strip(), " " * 8)
    return f"  {name}:\n    command:\n      - /bin/sh\n      - -c\n      - |\n{text}\n{keys}{extra}"


def document(*processes):
    return "version: 1\nprocesses:\n" + "".join(processes)


def pids_in(path, n):
    """The pids that a script has written, one per line."""
    def complete():
        try:
            with open(path, encoding="ascii") as f:
                words = f.read().split()
        except OSError:
            return None
        return [int(w) for w in words] if len(words) >= n else None
    return rtmem.wait_until(complete, f"{n} pids in {path}")


def gone(pids):
    return not any(rtmem.alive(pid) for pid in pids)


def zombies_of(pid):
    """Children that nobody has collected."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as f:
                    fields = f.read().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] == "Z" and int(fields[1]) == pid:
                found.append(int(entry))
    return found


class Tree(rtmem.TestCase):
    PREFIX = ()

    def setUp(self):
        self.dir = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"rtmem-tree-{os.getpid()}")
        os.mkdir(self.dir)
        self.pids = os.path.join(self.dir, "pids")
        self.addCleanup(shutil.rmtree, self.dir)

    def daemon(self, *processes):
        return rtmem.Daemon(document(*processes), argv_prefix=self.PREFIX)

    # A grandchild in a session of its own, whose parent ends at once: it's nobody's child but rtmemd's.
    DAEMONIZED = """
        setsid sh -c 'sleep 1000 & echo $! >> {pids}' &
        sleep 1000 & echo $! >> {pids}
        echo $$ >> {pids}
        wait
    """

    def test_stop_ends_children_sessions_and_orphans(self):
        with self.daemon(shell("tree", self.DAEMONIZED.format(pids=self.pids))) as d:
            d.wait_ready("tree")
            pids = pids_in(self.pids, 3)
            self.assertFalse(gone(pids[:1]) or gone(pids[1:2]))
            self.assertEqual(d.ctl("stop", "tree").returncode, 0)
            p = d.wait_process("tree", lambda p: p["state"] == "stopped", "stopped")
            self.assertTrue(gone(pids))
            self.assertEqual((p["pid"], p["compliance"]), (0, "stopped"))
            self.assertEqual(zombies_of(d.popen.pid), [])

    def test_a_child_whose_main_thread_has_ended_goes_too(self):
        script = os.path.join(self.dir, "headless.py")
        with open(script, "w", encoding="ascii") as f:
            f.write(textwrap.dedent(f"""
                import ctypes, os, threading, time
                if os.fork() == 0:
                    with open({self.pids!r}, "w") as f:
                        f.write(str(os.getpid()))
                    threading.Thread(target=time.sleep, args=(1000,)).start()
                    ctypes.CDLL(None).pthread_exit(None)
                time.sleep(1000)
                """))
        with self.daemon(shell("headless", f"exec {sys.executable} {script}")) as d:
            d.wait_ready("headless")
            pid = pids_in(self.pids, 1)[0]
            rtmem.wait_until(lambda: "Z" in rtmem.status_field(pid, "State"), "a main thread that ended")
            self.assertTrue(rtmem.alive(pid))
            self.assertEqual(d.ctl("stop", "headless").returncode, 0)
            self.assertTrue(gone([pid]))

    def test_what_ignores_the_signal_is_killed_wherever_it_is(self):
        script = """
            setsid sh -c 'trap "" TERM; while :; do sleep 1000; done' & echo $! >> {pids}
            echo $$ >> {pids}
            exec sleep 1000
        """
        with self.daemon(shell("deaf", script.format(pids=self.pids), "stop: { timeout: 500ms }")) as d:
            d.wait_ready("deaf")
            pids = pids_in(self.pids, 2)
            rtmem.wait_until(lambda: int(str(rtmem.status_field(pids[0], "SigIgn")), 16) & 1 << signal.SIGTERM - 1,
                             "deaf")
            self.assertEqual(d.ctl("stop", "deaf").returncode, 0)
            d.wait_process("deaf", lambda p: p["state"] == "stopped", "stopped")
            self.assertTrue(gone(pids))
            self.assertIn("still there after 500ms: killing ", d.log())

    def test_a_restart_waits_for_the_old_children(self):
        with self.daemon(shell("tree", self.DAEMONIZED.format(pids=self.pids))) as d:
            d.wait_ready("tree")
            pids = pids_in(self.pids, 3)
            self.assertEqual(d.ctl("restart", "tree").returncode, 0)
            d.wait_process("tree", lambda p: p["restarts"] == 1 and p["ready"], "started again")
            self.assertTrue(gone(pids))
            pids_in(self.pids, 6)

    def test_orphans_go_before_a_restart_of_its_own_accord(self):
        script = self.DAEMONIZED.format(pids=self.pids).replace("wait\n", "kill -9 $$\n")
        restart = "restart: { when: on-failure, delay: 100ms, limit: 1, window: 60s }"
        with self.daemon(shell("crash", script, restart)) as d:
            d.wait_process("crash", lambda p: p["state"] == "failed", "failed")
            self.assertEqual(d.stemming(), set())
            self.assertIn("crash: stopping (what its main process left behind)", d.log())

    def test_a_daemon_that_detached_is_told_and_ended_by_stop(self):
        script = "setsid sleep 1000 & echo $! >> {pids}; exit 0"
        with self.daemon(shell("forker", script.format(pids=self.pids))) as d:
            pids = pids_in(self.pids, 1)
            fixture.wait_log(d, "its main process has ended and left others behind: ")
            self.assertEqual(d.process("forker")["state"], "stopped")
            self.assertFalse(gone(pids))
            self.assertEqual(d.ctl("stop", "forker").returncode, 0)
            rtmem.wait_until(lambda: gone(pids), "ended")
            d.wait_process("forker", lambda p: p["state"] == "stopped", "stopped")

    def test_start_ends_first_what_an_earlier_run_left(self):
        script = "setsid sleep 1000 & echo $! >> {pids}; exit 0"
        with self.daemon(shell("forker", script.format(pids=self.pids))) as d:
            fixture.wait_log(d, "left others behind: ")
            first = pids_in(self.pids, 1)
            d.ctl("start", "forker")
            pids_in(self.pids, 2)
            self.assertTrue(gone(first))

    def test_a_stopped_tree_hears_the_signal(self):
        with self.daemon(shell("tree", self.DAEMONIZED.format(pids=self.pids), "stop: { timeout: 1min }")) as d:
            d.wait_ready("tree")
            pids = pids_in(self.pids, 3)
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            self.assertEqual(d.ctl("stop", "tree").returncode, 0)
            d.wait_process("tree", lambda p: p["state"] == "stopped", "stopped")
            self.assertTrue(gone(pids))

    def test_orphans_are_collected_and_main_processes_keep_their_status(self):
        script = "while :; do (sh -c 'exit 7' & ) ; sleep 0.01; done"
        wrong = "sleep 0.{n}; exit {n}"
        names = [f"w{n}" for n in range(1, 9)]
        with self.daemon(shell("breeder", script),
                         *(shell(f"w{n}", wrong.format(n=n)) for n in range(1, 9))) as d:
            for n, name in enumerate(names, 1):
                p = d.wait_process(name, lambda p: p["state"] == "failed", "failed")
                self.assertIn(f"exit status {n}", fixture.findings(p)["launch"]["detail"])
            rtmem.wait_until(lambda: zombies_of(d.popen.pid) == [], "collected")

    def test_two_trees_are_told_apart(self):
        other = os.path.join(self.dir, "other")
        with self.daemon(shell("one", self.DAEMONIZED.format(pids=self.pids)),
                         shell("two", self.DAEMONIZED.format(pids=other))) as d:
            d.wait_ready("one")
            d.wait_ready("two")
            one, two = pids_in(self.pids, 3), pids_in(other, 3)
            self.assertEqual(d.ctl("stop", "one").returncode, 0)
            d.wait_process("one", lambda p: p["state"] == "stopped", "stopped")
            self.assertTrue(gone(one))
            self.assertTrue(all(rtmem.alive(pid) for pid in two))
            self.assertEqual(d.ctl("stop", "two").returncode, 0)
            d.wait_process("two", lambda p: p["state"] == "stopped", "stopped")
            self.assertTrue(gone(two))


    def test_groups_that_a_program_makes_go_with_it(self):
        script = '''
            group=$(sed -n 's/^0:://p' /proc/self/cgroup)
            for mount in /sys/fs/cgroup/unified /sys/fs/cgroup; do
                mkdir "$mount$group/own" 2>/dev/null || continue
                sleep 1000 & echo $! >> {pids}
                echo $! > "$mount$group/own/cgroup.procs"
                echo moved > {pids}.moved
                break
            done
            exec sleep 1000
        '''
        if self.PREFIX:
            self.skipTest("without control groups there are none to make")
        with self.daemon(shell("maker", script.format(pids=self.pids), "stop: { timeout: 1min }")) as d:
            d.wait_ready("maker")
            if not d.cgroups:
                self.skipTest("no control group of version 2 may be made here")
            rtmem.wait_until(lambda: os.path.exists(self.pids + ".moved"), "moved")
            pids = pids_in(self.pids, 1)
            self.assertEqual(d.ctl("stop", "maker").returncode, 0)
            self.assertTrue(gone(pids))
            self.assertEqual(d.process("maker")["state"], "stopped")

    def test_the_tree_of_another_user_too(self):
        os.chmod(self.dir, 0o777)
        with self.daemon(shell("tree", self.DAEMONIZED.format(pids=self.pids), 'user: "65534"')) as d:
            d.wait_ready("tree")
            pids = pids_in(self.pids, 3)
            self.assertEqual(rtmem.status_field(pids[0], "Uid"), fixture.NOBODY)
            self.assertEqual(d.ctl("stop", "tree").returncode, 0)
            self.assertTrue(gone(pids))

    def test_a_new_rtmemd_ends_the_tree_that_it_adopted(self):
        with self.daemon(shell("tree", self.DAEMONIZED.format(pids=self.pids))) as d:
            d.wait_ready("tree")
            pids, main = pids_in(self.pids, 3), d.process("tree")["pid"]
            d.stop(signal.SIGKILL)
            d.start()
            self.assertEqual(d.wait_ready("tree")["pid"], main)
            self.assertEqual(d.ctl("stop", "tree").returncode, 0)
            self.assertTrue(gone(pids))

    def test_what_was_being_cleared_when_rtmemd_was_killed_goes(self):
        script = """
            setsid sh -c 'trap "" TERM; while :; do sleep 1000; done' & echo $! >> {pids}
            sleep 0.3; exit 0
        """
        with self.daemon(shell("tree", script.format(pids=self.pids), "stop: { timeout: 2s }")) as d:
            fixture.wait_log(d, "left others behind: ")
            pids = pids_in(self.pids, 1)
            with subprocess.Popen([rtmem.RTMEMCTL, "--runtime-dir", d.runtime_dir, "stop", "tree"],
                                  stderr=subprocess.DEVNULL):
                d.wait_process("tree", lambda p: p["state"] == "stopping", "stopping")
                self.assertEqual([m["pid"] for m in d.process("tree")["left_behind"]][:1], pids)
                d.stop(signal.SIGKILL)
            d.start()
            d.wait_process("tree", lambda p: p["state"] == "stopped", "stopped")
            self.assertTrue(gone(pids))
            self.assertEqual(d.process("tree")["wanted"], "stopped")


class TreeWithoutCgroups(Tree):
    PREFIX = WITHOUT_CGROUPS


if __name__ == "__main__":
    rtmem.require_root()
    rtmem.main()
