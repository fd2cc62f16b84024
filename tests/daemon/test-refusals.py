#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kernel refuses something in the middle of a launch (strace injects the error): rtmemd says what and
why, goes on, and leaves nothing half-started behind."""
import errno
import os
import re
import signal
import subprocess
import tempfile

import fixture
import rtmem

# lock: none, because this is about rtmemd; `always`, because a launch without a client is what is wanted
POLICY = fixture.document(fixture.sleeper(
    "node", "memory: { lock: none }", "restart: { when: always, delay: 100ms, delay_max: 100ms, limit: 0 }"))


def threads(pid):
    return os.listdir(f"/proc/{pid}/task")


def children(pid):
    """{pid: state letter} of the living and of zombies"""
    pids, states = [], {}
    for tid in threads(pid):
        with open(f"/proc/{pid}/task/{tid}/children", encoding="ascii") as f:
            pids += f.read().split()
    for child in pids:
        try:
            states[int(child)] = rtmem.status_field(child, "State")[0]
        except OSError:
            pass
    return states


class Tracer:
    """strace on rtmemd alone, from when it's attached until the end of the block."""

    def __init__(self, pid, trace, inject=None):
        self.pid = pid
        self.output = tempfile.NamedTemporaryFile(prefix="rtmem-strace-", mode="r")
        self.argv = ["strace", "-o", self.output.name, "-e", f"trace={trace}"]
        for tid in threads(pid):
            self.argv += ["-p", tid]
        if inject:
            self.argv += ["-e", f"inject={trace}:{inject}"]

    def __enter__(self):
        self.popen = subprocess.Popen(self.argv, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE, text=True)
        try:
            rtmem.wait_until(self.attached, "strace attaches")
        except BaseException:
            self.__exit__()
            raise
        return self

    def attached(self):
        if self.popen.poll() is not None:
            message = self.popen.stderr.read().strip()
            rtmem.skip(f"strace can't attach: {message}")
        return all(rtmem.status_field(f"{self.pid}/task/{tid}", "TracerPid") == self.popen.pid
                   for tid in threads(self.pid))

    def __exit__(self, *unused):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGINT)
        self.popen.communicate()
        self.text = self.output.read()
        self.output.close()


class Refusals(rtmem.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = rtmem.Daemon(POLICY)
        cls.daemon.start()
        cls.addClassCleanup(lambda: cls.daemon.__exit__(None, None, None))
        cls.pid = cls.daemon.popen.pid

    def setUp(self):
        self.mark = len(self.daemon.log())
        self.daemon.ctl("start", "node")  # after a failure of the test before
        self.node = self.daemon.wait_ready("node")["pid"]

    def log(self):
        return self.daemon.log()[self.mark:]

    def launch(self, trace, inject=None):
        """The process ends, and starts again with this in the way; what strace saw."""
        with Tracer(self.pid, trace, inject) as tracer:
            self.mark = len(self.daemon.log())
            os.kill(self.node, signal.SIGKILL)
            rtmem.wait_until(lambda: re.search(r"node: (ready|failed)", self.log()),
                             "node is ready again, or has failed")
        return tracer.text

    def check_whole(self):
        """Either it runs, or there's nothing of it; and the daemon can start it once more."""
        p = self.daemon.process("node")
        if p["state"] == "running":
            self.assertEqual(list(children(self.pid)), [p["pid"]], self.log())
            self.assertNotEqual(children(self.pid)[p["pid"]], "Z")
        else:
            self.assertEqual((p["state"], p["pid"]), ("failed", 0))
            self.assertEqual(children(self.pid), {}, self.log())
            done = self.daemon.ctl("start", "node")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(children(self.pid)), 1)
        self.assertIsNone(self.daemon.popen.poll())
        return p

    def refuse(self, call, name, when="1"):
        """Returns the status after the launch in which `call` failed with this error."""
        seen = self.launch(call, f"error={name}:when={when}")
        self.assertIn("(INJECTED)", seen)
        return self.check_whole()

    def check_fails(self, call, name, said, when="1"):
        p = self.refuse(call, name, when)
        why = f"{said}: {os.strerror(getattr(errno, name))}"
        self.assertEqual(p["state"], "failed")
        self.assertEqual([f["rule"] for f in p["findings"]], ["launch"])
        self.assertIn(why, p["findings"][0]["detail"])
        self.assertIn(f"node: failed: {why}", self.log())

    def test_no_descriptor_for_the_plan(self):
        self.check_fails("memfd_create", "EMFILE", "can't write the launch plan")
        self.assertIn("LimitNOFILE=", self.log())

    def test_no_descriptors_for_the_report_socket(self):
        self.check_fails("socketpair", "ENFILE", "can't make the report socket")
        self.assertIn("fs.file-max", self.log())

    def test_no_more_processes(self):
        self.check_fails("clone,clone3,vfork", "EAGAIN", "can't start rtmem-exec")
        self.assertIn("TasksMax=", self.log())

    def test_no_descriptor_for_the_new_process(self):
        self.check_fails("pidfd_open", "EMFILE", "can't watch the new process")

    def test_perf_is_refused_for_good(self):
        p = self.refuse("perf_event_open", "EACCES", "1+")
        self.assertEqual((p["state"], p["fault_source"]), ("running", "proc"))
        note = [n["detail"] for n in p["notes"] if n["rule"] == "faults"]
        self.assertEqual(len(note), 1, p)
        self.assertIn("Permission denied", note[0])
        self.assertIn("perf_event_paranoid", note[0])

    def test_perf_runs_out_of_descriptors(self):
        p = self.refuse("perf_event_open", "EMFILE", "1+")
        self.assertEqual((p["state"], p["fault_source"]), ("running", "proc"))
        note = [n["detail"] for n in p["notes"] if n["rule"] == "faults"]
        self.assertIn("Too many open files", note[0])
        self.assertIn("LimitNOFILE=", note[0])
        self.assertNotIn("perf_event_paranoid", note[0])

    def test_the_go_can_not_be_sent(self):
        p = self.refuse("sendto", "ENOBUFS")
        self.assertEqual(p["state"], "running")  # at the second try
        self.assertIn("No buffer space available", self.log())

    def each(self, call, name):
        """One launch for each time that a whole launch makes this call, in whatever thread: strace counts
        those of each by itself."""
        seen = re.findall(rf"^(\d+) +{call}\(", self.launch(call), re.M)
        self.assertTrue(seen)
        for when in range(1, max(map(seen.count, seen)) + 1):
            with self.subTest(call=call, when=when):
                self.node = self.daemon.wait_ready("node")["pid"]
                self.refuse(call, name, str(when))
                if self.daemon.process("node")["state"] == "failed":
                    self.assertIn(os.strerror(getattr(errno, name)), self.log())

    def test_epoll_takes_no_more_at_any_point(self):
        self.each("epoll_ctl", "ENOSPC")

    def test_no_file_can_be_opened_at_any_point(self):
        self.each("openat", "ENFILE")

    def test_no_descriptor_can_be_copied_at_any_point(self):
        self.each("fcntl", "EMFILE")


if __name__ == "__main__":
    rtmem.require_root()
    rtmem.require_program("strace")
    rtmem.main()
