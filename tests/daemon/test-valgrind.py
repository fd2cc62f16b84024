#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""rtmemd under valgrind, through all that it does: no error, and nothing left behind in memory."""
import glob
import os
import signal
import socket
import subprocess
import threading

import fixture
import rtmem
from fixture import document, sleeper

PRELOAD = os.path.join(fixture.PROGRAMS, "libpidfd.so")
WRONG = ("  wrong:\n    command: [/nonexistent]\n    ready: { when: exec }\n"
         "    restart: { when: always, delay: 100ms, limit: 1 }\n")
KEYS = ("ready: { when: notify }", "children: inherit",
        "memory: { lock: balanced, stack: { threads: 256K, margin: 128K } }")
SLOW = 60  # seconds; valgrind is


class Opener(threading.Thread):
    """pidfd_open() for rtmemd: a valgrind that doesn't know it would refuse."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(path)
        self.socket.listen()
        self.start()

    def run(self):
        while True:
            connection, _ = self.socket.accept()
            with connection:
                pid = int.from_bytes(connection.recv(4), "little")
                try:
                    fd = os.pidfd_open(pid)
                except OSError:
                    connection.send(b"-")
                    continue
                socket.send_fds(connection, [b"+"], [fd])
                os.close(fd)


class Valgrind(rtmem.TestCase):
    def setUp(self):
        self.subjects = fixture.Subjects().__enter__()
        self.addCleanup(self.subjects.__exit__)
        self.logs = os.path.join(self.subjects.dir, "valgrind")
        path = os.path.join(self.subjects.dir, "opener")
        Opener(path)
        self.daemon = rtmem.Daemon(
            self.policy("200ms"), environment={"LD_PRELOAD": PRELOAD, "RTMEM_TEST_PIDFD": path},
            argv_prefix=(rtmem.require_program("valgrind"), "--quiet", "--leak-check=full",
                         "--show-leak-kinds=definite,indirect,possible", "--error-exitcode=99",
                         f"--log-file={self.logs}.%p"))
        self.addCleanup(lambda: self.daemon.__exit__(None, None, None))

    def policy(self, interval):
        compliance = f"compliance: {{ interval: {interval} }}"
        bad = (f'  bad:\n    command: ["{fixture.HOSTILE}"]\n    ready: {{ when: settle }}\n'
               "    memory: { lock: balanced }\n")
        return document(sleeper("kept", compliance), WRONG, bad,
                        self.subjects.policy("node", *KEYS, compliance),
                        host="host: { sysctl: { vm.no_such_setting: 1 } }\n")

    def end(self):
        """rtmemd's own status is 0; valgrind would have made it 99."""
        status = self.daemon.stop(seconds=SLOW)
        for path in glob.glob(self.logs + ".*"):
            with open(path, encoding="utf-8", errors="replace") as f:
                text = [line for line in f if "WARNING: " not in line]
            self.assertFalse([line for line in text if "definitely lost" in line or
                              "Invalid" in line or "uninitialised" in line], "".join(text))
        self.assertEqual(status, 0, "\n".join(text))

    def check(self, status, *arguments):
        done = self.daemon.ctl(*arguments)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)

    def test_nothing_is_lost(self):
        d = self.daemon
        d.start()
        rtmem.wait_until(d.status, "rtmemd answers", SLOW)
        self.subjects.tell("node", "say READY=1")
        for name in ("kept", "node", "bad"):
            d.wait_ready(name, SLOW)
        fixture.wait_log(d, "wrong: failed: ", seconds=SLOW)
        self.subjects.tell("node", "fault-worker 50", "munlockall")
        fixture.wait_log(d, "node: lock: ", seconds=SLOW)
        self.subjects.tell("node", "thread late", "diver 200", "fork", "raw-fork", "spawn /bin/true",
                           "section loop", "section loop", "section other", "sbrk 64")
        for rule in ("stack", "fork", "section"):
            d.wait_process("node", lambda p, r=rule: r in fixture.findings(p), rule, SLOW)
        self.subjects.tell("node", "exec /bin/sleep")
        d.wait_process("node", lambda p: any(n["rule"] == "exec" for n in p["notes"]) or
                       "exec" in fixture.findings(p), "executed", SLOW)
        self.check(1, "status", "node")
        self.check(0, "restart", "kept")
        self.change_policies()
        self.check(0, "stop", "bad")
        self.check(1, "start", "nobody-of-this-name")
        self.end()
        self.adopt_and_remove()

    def change_policies(self):
        d = self.daemon
        d.write_policy("test.yaml", self.policy("300ms"))
        self.check(0, "apply", "--dry-run")
        self.check(0, "apply")
        d.write_policy("wrong.yaml", "version: [\n")
        self.check(1, "apply")
        d.popen.send_signal(signal.SIGHUP)
        fixture.wait_log(d, "reload failed", seconds=SLOW)
        os.unlink(os.path.join(d.config_dir, "wrong.yaml"))

    def adopt_and_remove(self):
        d = self.daemon
        d.start()
        rtmem.wait_until(d.status, "rtmemd answers", SLOW)
        d.wait_ready("kept", SLOW)
        self.assertIn("kept: adopted", d.log())
        d.write_policy("test.yaml", document())
        self.check(0, "apply")
        rtmem.wait_until(lambda: not d.status()["processes"], "all stopped", SLOW)
        self.end()

    def test_a_refused_start_loses_nothing_either(self):
        self.daemon.write_policy("test.yaml", self.policy("1x"))
        self.daemon.start()
        self.assertEqual(self.daemon.popen.wait(SLOW), 1)


def has_sanitizer():
    symbols = subprocess.run(["nm", "-D", rtmem.RTMEMD], capture_output=True, check=False).stdout
    return b"__asan_init" in symbols


rtmem.require_root()
rtmem.require_program("valgrind")
if has_sanitizer():
    rtmem.skip("built with AddressSanitizer, which looks for the same")
rtmem.main()
