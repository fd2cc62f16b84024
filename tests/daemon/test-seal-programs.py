#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""memory.seal on programs that know nothing of it: what is reported is what strace counts, thread by thread; what
is denied ends in an error that the program has a word for."""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

import fixture
import rtmem

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
CALLS = ("mmap", "munmap", "mremap", "mprotect", "brk", "madvise")
DROPPING = re.compile(r"MADV_(DONTNEED|FREE|REMOVE|PAGEOUT|DONTNEED_LOCKED|GUARD_\w+)\b")
KEYS = """    memory: { lock: %s, seal: %s, heap: { prealloc: 16M }, stack: { threads: 256K } }
    ready: { when: %s }
    compliance: { interval: 200ms, minor_faults: unlimited }
    limits: { core: 0 }
    restart: { when: "no" }
"""

# Each line of the FIFO is a name of what is tried
PYTHON = """
import os, socket, subprocess, sys, threading
def large(): return len(bytearray(512 << 20))
def many(): return len([object() for _ in range(5_000_000)])
def small(): return len([0] * 1000)
def thread():
    t = threading.Thread(target=small); t.start(); t.join()
def workers():
    ts = [threading.Thread(target=large) for _ in range(4)]
    for t in ts: t.start()
    for t in ts: t.join()
def fork(): os.fork() or os._exit(0)
def spawn(): subprocess.run(["/bin/true"])
def load(): import sqlite3
fifo = os.fdopen(os.open(sys.argv[1], os.O_RDWR))
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
    s.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
for line in fifo:
    try:
        globals()[line.strip()]()
        print(line.strip(), "done", flush=True)
    except BaseException as e:
        print(line.strip(), type(e).__name__, flush=True)
"""


class Programs(rtmem.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="rtmem-seal-")
        os.chmod(self.dir, 0o755)
        self.addCleanup(shutil.rmtree, self.dir)
        self.fifo = os.path.join(self.dir, "fifo")
        os.mkfifo(self.fifo)
        self.daemon = None

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def run_under(self, mode, command, lock="strict", ready="notify"):
        text = "version: 1\nprocesses:\n  p:\n    command: [" + ", ".join(
            f'"{word}"' for word in command) + "]\n" + KEYS % (lock, mode, ready)
        self.daemon = rtmem.Daemon(text)
        self.daemon.__enter__()
        self.addCleanup(lambda: self.daemon.__exit__(None, None, None))
        p = self.daemon.wait_ready("p")
        if mode == "deny":
            p = self.daemon.wait_process("p", lambda p: p["seal"]["in_force"], "sealed")
        return p

    def tell(self, line, answer):
        """Has it done, and waits for what it says."""
        before = self.daemon.log().count(answer)
        with open(self.fifo, "w", encoding="ascii") as f:
            f.write(line + "\n")
        rtmem.wait_until(lambda: self.daemon.log().count(answer) > before, f"{line}: {answer}", 30)

    def traced(self, pid, work):
        """{tid: {call: n}} by strace, of what the process did meanwhile."""
        out = os.path.join(self.dir, "trace")
        with subprocess.Popen(["strace", "-f", "-ff", "-o", out, "-e", "trace=" + ",".join(CALLS),
                               "-p", str(pid)], stderr=subprocess.PIPE) as strace:
            self.assertIn(b"attached", strace.stderr.readline())
            work()
            strace.terminate()
        counts = {}
        for name in os.listdir(self.dir):
            if name.startswith("trace."):
                calls = self.count(os.path.join(self.dir, name))
                if calls:
                    counts[int(name.split(".")[1])] = calls
        return counts

    @staticmethod
    def count(path):
        calls = {}
        with open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                name = line.split("(")[0]
                if name not in CALLS or line.startswith("brk(NULL)") or \
                        (name == "madvise" and not DROPPING.search(line)):
                    continue
                calls[name] = calls.get(name, 0) + 1
        return calls

    def compare(self, work):
        p = self.daemon.process("p")
        before = {t["tid"]: t["calls"] for t in p["seal"]["threads"]}
        expected = self.traced(p["pid"], work)
        self.assertTrue(expected)

        def delta(p):
            return {t["tid"]: d for t in p["seal"]["threads"] if (d := {
                call: n - before.get(t["tid"], {}).get(call, 0) for call, n in t["calls"].items()
                if n > before.get(t["tid"], {}).get(call, 0) and call in CALLS})}
        self.daemon.wait_process("p", lambda p: delta(p) == expected, f"what strace saw: {expected}")


class Reported(Programs):
    def setUp(self):
        super().setUp()
        rtmem.require_program("strace")

    def test_python_as_strace_counts_it(self):
        self.run_under("report", [sys.executable, self.write("p.py", PYTHON), self.fifo],
                       lock="balanced")

        def work():
            for deed in ("large", "workers", "thread", "load", "small"):
                self.tell(deed, f"{deed} done")
        self.compare(work)

    def test_go_as_strace_counts_it(self):
        if shutil.which("go") is None:
            self.skipTest("go is not installed")
        program = os.path.join(self.dir, "mapping")
        done = subprocess.run(
            ["go", "build", "-o", program, os.path.join(SOURCES, "mapping.go")], check=False,
            capture_output=True, text=True, timeout=120,
            env=dict(os.environ, GOCACHE=os.path.join(self.dir, "cache"), GO111MODULE="off",
                     GOFLAGS="-mod=mod"))
        if done.returncode != 0:
            self.skipTest(f"go can't build it: {done.stderr.strip()[-200:]}")
        self.run_under("report", [program, self.fifo], lock="onfault")

        def work():
            for n in (3, 11, 5):
                self.tell(str(n), f"done {n}")
        self.compare(work)


class Denied(Programs):
    def denied(self, *calls):
        """What was denied, once these calls are there."""
        return self.daemon.wait_process("p", lambda p: p["seal"]["calls"].keys() >= set(calls),
                                        f"{calls} denied")["seal"]["calls"]

    def test_python_has_an_exception_for_each(self):
        p = self.run_under("deny", [sys.executable, self.write("p.py", PYTHON), self.fifo])
        for deed, answer in (("small", "done"), ("large", "MemoryError"),
                             ("fork", "PermissionError"), ("spawn", "PermissionError"),
                             ("thread", "RuntimeError"), ("load", "ImportError"),
                             ("small", "done")):
            self.tell(deed, f"{deed} {answer}")
        self.denied("mmap", "fork")
        self.tell("many", "many MemoryError")  # thousands of small refusals
        self.tell("small", "small done")
        self.assertEqual(self.daemon.process("p")["pid"], p["pid"])

    def test_sqlite_runs_out_of_memory_and_keeps_its_data(self):
        rtmem.require_program("sqlite3")
        self.run_under("deny", [shutil.which("sqlite3"), ":memory:", f".read {self.fifo}"],
                       ready="settle")
        rows = ("with recursive c(x) as (select 1 union all select x + 1 from c where x < %d) "
                "insert into t select hex(randomblob(%d)) from c;")
        with open(self.fifo, "w", encoding="ascii") as f:
            f.write("create table t(a text);\n" + rows % (1000, 50) + "\n" +
                    rows % (1000000, 500) + "\nselect 'rows ' || count(*) from t;\n")
            f.flush()
            rtmem.wait_until(lambda: "rows 1000\n" in self.daemon.log(), "sqlite goes on", 30)
            self.assertIn("out of memory", self.daemon.log())
            self.denied("mmap")

    def test_redis_serves_and_cannot_fork(self):
        rtmem.require_program("redis-server")
        path = os.path.join(self.dir, "socket")
        p = self.run_under("deny", [shutil.which("redis-server"), "--port", "0", "--unixsocket",
                                    path, "--save", "", "--dir", self.dir], ready="settle")

        def ask(command):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(30)
                s.connect(path)
                s.sendall(command.encode() + b"\r\n")
                return s.recv(200).decode()
        for i in range(200):
            self.assertEqual(ask(f"SET key{i} {'x' * 100}"), "+OK\r\n")
        self.assertTrue(ask("GET key7").startswith("$100"))
        self.assertIn("-ERR", ask("BGSAVE"))
        calls = self.denied("fork")
        self.assertEqual(calls.pop("fork"), 1)
        self.assertLessEqual(set(calls), {"madvise"})  # jemalloc tries, and lives with the refusal
        self.assertEqual(ask("PING"), "+PONG\r\n")
        self.assertEqual(self.daemon.process("p")["pid"], p["pid"])

    def test_who_cannot_live_with_it_ends_and_is_led_to_the_key(self):
        """Node.js makes room for new objects as it goes, and gives up when there's none."""
        rtmem.require_program("node")
        script = self.write("p.js", "const fs = require('fs'), a = []; setInterval(() => {\n"
                                    "  for (let i = 0; fs.existsSync(process.argv[2]) && i < 10000; i++)"
                                    " a.push({ i });\n}, 50);\n")
        go = os.path.join(self.dir, "go")
        self.run_under("deny", [shutil.which("node"), script, go], ready="settle")
        self.write("go", "")
        p = self.daemon.wait_process("p", lambda p: p["pid"] <= 0, "its end", 60)
        self.assertRegex(fixture.findings(p)["launch"]["detail"],
                         r"memory.seal had denied it by then: .*(mmap|mprotect|madvise) \d+")


class WithoutDaemon(Programs):
    def test_run_seals_once_settled(self):
        policy = self.write("run.yaml", f"version: 1\nprocesses:\n  p:\n    command: [{sys.executable}]\n" +
                            KEYS % ("strict", "deny", "settle, settle: 300ms"))
        script = ("import mmap, time\n"
                  "def works():\n    try:\n        mmap.mmap(-1, 4096).close()\n        return True\n"
                  "    except OSError:\n        return False\n"
                  "print('before', works(), flush=True)\n"
                  "end = time.monotonic() + 20\n"
                  "while works() and time.monotonic() < end:\n    time.sleep(1)\n"
                  "print('after', works(), flush=True)\n")
        done = subprocess.run([rtmem.RTMEMCTL, "run", "--policy", "p", "--policy-file", policy, "--",
                               sys.executable, "-c", script], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.stdout, "before True\nafter False\n", done.stderr)


rtmem.require_root()
rtmem.main()
