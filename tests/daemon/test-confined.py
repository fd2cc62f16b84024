#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What rtmemd may do, by the kernel's word on each of its threads; and that its programs are bound by none
of it."""
import os
import re
import stat

import fixture
import rtmem

SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
NAMES = {"DAC_READ_SEARCH": 2, "KILL": 5, "IPC_LOCK": 14, "SYS_PTRACE": 19, "SYS_ADMIN": 21,
         "SYS_RESOURCE": 24, "PERFMON": 38}


def rights(path):
    """{field of /proc/.../status: text}"""
    with open(f"/proc/{path}/status", encoding="utf-8", errors="replace") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def documented():
    """Numbers of the capabilities that docs/security.md says are kept."""
    with open(os.path.join(rtmem.ROOT, "docs", "security.md"), encoding="utf-8") as f:
        kept = f.read().split("<!-- kept -->")[1].split("<!-- end -->")[0]
    return {NAMES[name] for name in re.findall(r"CAP_([A-Z_]+)` \|", kept)}


class Confined(rtmem.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = rtmem.Daemon(fixture.document(fixture.sleeper("root"), fixture.sleeper(
            "user", "user: nobody", "capabilities: [ipc_lock]")))
        cls.daemon.start()
        cls.addClassCleanup(lambda: cls.daemon.__exit__(None, None, None))
        cls.daemon.wait_ready("root")
        cls.daemon.wait_ready("user")
        pid = cls.daemon.popen.pid
        cls.threads = {rights(f"{pid}/task/{tid}")["Name"]: rights(f"{pid}/task/{tid}")
                       for tid in os.listdir(f"/proc/{pid}/task")}
        cls.hands = [cls.threads.pop(f"rtmemd-{name}") for name in ("hands", "starter", "output")]

    def test_each_thread_but_the_hands_has_what_the_documentation_says(self):
        here = rights("self")
        kept = sum(1 << n for n in documented()) & int(here["CapPrm"], 16)
        self.assertTrue(self.threads)
        for name, thread in self.threads.items():
            found = {field: int(thread[field], 16) for field in SETS}
            self.assertEqual(found, {"CapInh": 0, "CapAmb": 0, "CapPrm": kept, "CapEff": kept,
                                     "CapBnd": kept}, name)

    def test_each_thread_but_the_hands_is_under_the_filter(self):
        if self.threads["rtmemd"]["Seccomp"] == "0":
            self.skipTest("built without a filter of system calls, or seccomp isn't in this kernel")
        for name, thread in self.threads.items():
            self.assertEqual((thread["Seccomp"], thread["NoNewPrivs"]), ("2", "1"), name)

    def test_the_hands_have_all_that_rtmemd_was_given(self):
        here = rights("self")
        for thread in self.hands:
            for field in (*SETS, "Seccomp", "NoNewPrivs"):
                self.assertEqual(thread[field], here[field], (thread["Name"], field))

    def test_a_program_is_bound_by_nothing_of_it(self):
        here, program = rights("self"), rights(self.daemon.process("root")["pid"])
        for field in ("CapPrm", "CapEff", "CapBnd", "Seccomp", "NoNewPrivs"):
            self.assertEqual(program[field], here[field], field)

    def test_a_program_has_the_capabilities_of_its_policy(self):
        program = rights(self.daemon.process("user")["pid"])
        self.assertEqual(int(program["CapEff"], 16), 1 << NAMES["IPC_LOCK"])
        self.assertEqual(program["Seccomp"], rights("self")["Seccomp"])

    def test_a_program_is_a_child_of_rtmemd(self):
        self.assertEqual(rights(self.daemon.process("root")["pid"])["PPid"], str(self.daemon.popen.pid))


class Sandbox(rtmem.TestCase):
    """In namespaces of its own, as a unit's sandbox makes them"""

    def start(self, *arguments):
        daemon = rtmem.Daemon(fixture.document(fixture.sleeper("a")), arguments=arguments, argv_prefix=(
            rtmem.require_program("unshare"), "--mount", "--net", "sh", "-c", 'mount -t tmpfs none /mnt && exec "$@"',
            "sh"))
        self.addCleanup(lambda: daemon.__exit__(None, None, None))
        daemon.start()
        pid = daemon.wait_ready("a")["pid"]
        return daemon.popen.pid, pid

    def namespaces(self, pid):
        return [os.stat(f"/proc/{pid}/ns/{name}").st_ino for name in ("mnt", "net")]

    def test_programs_are_in_the_sandbox_too(self):
        daemon, program = self.start()
        self.assertEqual(self.namespaces(program), self.namespaces(daemon))

    def test_with_the_namespaces_of_another_process_programs_are_outside(self):
        daemon, program = self.start("--namespaces-of", str(os.getpid()))
        self.assertEqual(self.namespaces(program), self.namespaces("self"))
        self.assertNotIn(self.namespaces(daemon)[0], self.namespaces("self"))
        self.assertEqual(os.readlink(f"/proc/{program}/cwd"), "/")
        self.assertEqual(os.stat(f"/proc/{program}/root/mnt").st_dev, os.stat("/mnt").st_dev)


class Places(rtmem.TestCase):
    """Directories that others could have prepared"""

    def make(self):
        daemon = rtmem.Daemon(fixture.document(fixture.sleeper("a")))
        self.addCleanup(lambda: daemon.__exit__(None, None, None))
        return daemon

    def check_refused(self, daemon, said):
        daemon.start()
        self.assertEqual(daemon.popen.wait(20), 1, daemon.log())
        self.assertIn(said, daemon.log())
        self.assertNotIn("started as", daemon.log())

    def test_a_runtime_directory_that_others_can_write(self):
        for mode in (0o777, 0o775, 0o1777):
            with self.subTest(mode=oct(mode)):
                daemon = self.make()
                os.chmod(daemon.runtime_dir, mode)
                self.check_refused(daemon, "writable by nobody else")

    def test_a_runtime_directory_of_somebody_else(self):
        daemon = self.make()
        os.chown(daemon.runtime_dir, fixture.NOBODY, -1)
        self.check_refused(daemon, f"belongs to uid {fixture.NOBODY}")

    def test_a_runtime_directory_that_is_a_link(self):
        daemon = self.make()
        os.rename(daemon.runtime_dir, daemon.runtime_dir + "-there")
        os.symlink(daemon.runtime_dir + "-there", daemon.runtime_dir)
        self.check_refused(daemon, "can't open")

    def test_a_policy_that_others_can_write(self):
        daemon = self.make()
        os.chmod(os.path.join(daemon.config_dir, "test.yaml"), 0o666)
        self.check_refused(daemon, "can't be used")

    def test_sockets_and_records_are_not_made_through_links(self):
        daemon = self.make()
        victim = os.path.join(daemon.dir, "victim")
        with open(victim, "w", encoding="utf-8") as f:
            f.write("mine")
        os.mkdir(os.path.join(daemon.runtime_dir, "processes"))
        for name in ("bus", "notify", "processes/a", "processes/.a"):
            os.symlink(victim, os.path.join(daemon.runtime_dir, name))
        daemon.start()
        daemon.wait_ready("a")
        with open(victim, encoding="utf-8") as f:
            self.assertEqual(f.read(), "mine")
        self.assertTrue(stat.S_ISSOCK(os.lstat(os.path.join(daemon.runtime_dir, "bus")).st_mode))
        self.assertTrue(stat.S_ISREG(os.lstat(os.path.join(daemon.runtime_dir, "processes", "a")).st_mode))

    def test_a_lock_that_is_a_link(self):
        daemon = self.make()
        os.symlink("/dev/null", os.path.join(daemon.runtime_dir, "lock"))
        self.check_refused(daemon, "can't open")


rtmem.require_root()
rtmem.main()
