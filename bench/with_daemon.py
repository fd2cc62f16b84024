# SPDX-License-Identifier: LGPL-2.1-or-later
"""The parts of bench/run with rtmemd: what it needs, what it does to those it watches, what it misses."""
import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

from table import ROOT, Options, median, program, row, say

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import rtmem  # pylint: disable=wrong-import-position

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
IDLE_PROCESSES = 100
SHORT_LIVED = 8
BATCH = 2000  # faults at once: the rings hold more than that between two samples


def status_kb(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return int(re.search(rf"{field}:\s+(\d+)", f.read()).group(1))


def stat_fields(pid):
    """Of /proc/PID/stat, from the third one on; the name before them may hold anything."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        return f.read().rpartition(")")[2].split()


def cpu_seconds(pid):
    """Time on a CPU: the scheduler's own count in nanoseconds, or clock ticks where there is none."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
            return int(f.read().split()[0]) / 1e9
    except OSError:
        fields = stat_fields(pid)
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def bench_idle():
    seconds = 10 if Options.quick else 30
    say(f"rtmemd with {IDLE_PROCESSES} idle processes over {seconds} s, sampled every second")
    policy = "version: 1\nprocesses:\n" + "".join(
        f"  idle-{i}:\n    command: [/bin/sleep, infinity]\n"
        "    memory: { lock: strict, stack: { main: 0 } }\n    ready: { when: exec }\n"
        for i in range(IDLE_PROCESSES))
    with rtmem.Daemon({}) as daemon:
        daemon.wait_reachable()
        rss = status_kb(daemon.popen.pid, "VmRSS")
        row("RSS without processes", f"{rss} kB", "below 4096 kB", rss < 4096)
    with rtmem.Daemon(policy) as daemon:
        def all_ready():
            status = daemon.status()
            return status and sum(p["ready"] for p in status["processes"]) == IDLE_PROCESSES
        rtmem.wait_until(all_ready, "every process ready", 60)
        pid, start = daemon.popen.pid, time.monotonic()
        before = cpu_seconds(pid)
        time.sleep(seconds)
        percent = 100 * (cpu_seconds(pid) - before) / (time.monotonic() - start)
        rss = status_kb(pid, "VmRSS")
        row(f"CPU with {IDLE_PROCESSES} processes",
            f"{percent:.3f} % of a core", "below 0.2 %", percent < 0.2)
        row(f"RSS with {IDLE_PROCESSES} processes", f"{rss} kB", "below 4096 kB", rss < 4096)
        row("  of which its own (anonymous)", f"{status_kb(pid, 'RssAnon')} kB", "", None)
        status = daemon.status()
        good = sum(p["compliance"] == "compliant" for p in status["processes"])
        row("processes compliant", f"{good} of {IDLE_PROCESSES}", "all", good == IDLE_PROCESSES)


def launches(daemon):
    return sum(p["restarts"] for p in daemon.wait_reachable()["processes"])


def spawning_calls(pid, seconds):
    """Of the daemon itself: (how many that share its memory, how many that copy it)."""
    with tempfile.NamedTemporaryFile("r") as trace:
        # no -f: rtmemd has one thread, and what its children do is their own affair
        strace = subprocess.Popen(["strace", "-qq", "-p", str(pid), "-o", trace.name, "-e",
                                   "trace=fork,vfork,clone,clone3"])
        time.sleep(seconds)
        strace.send_signal(signal.SIGINT)
        strace.wait(10)
        calls = [line for line in trace if "(" in line]
    shared = sum("vfork(" in line or "CLONE_VM|CLONE_VFORK" in line for line in calls)
    return shared, len(calls) - shared


def bench_launches():
    """With a fork rtmemd would copy every page that it writes next: some 40 faults per launch."""
    wanted = 200 if Options.quick else 1000
    say(f"rtmemd that starts short-lived programs, {wanted} times and more")
    policy = "version: 1\nprocesses:\n" + "".join(
        f"  short-{i}:\n    command: [/bin/true]\n    memory: {{ stack: {{ main: 0 }} }}\n"
        "    restart: { when: always, delay: 10ms, limit: 0 }\n" for i in range(SHORT_LIVED))
    with rtmem.Daemon(policy) as daemon:
        rtmem.wait_until(lambda: launches(daemon) >= 50, "50 launches", 30)
        pid = daemon.popen.pid
        n, faults = launches(daemon), int(stat_fields(pid)[7])
        rtmem.wait_until(lambda: time.sleep(1) or launches(daemon) >= n + wanted, "launches", 60)
        faults, n = int(stat_fields(pid)[7]) - faults, launches(daemon) - n
        row("launches", str(n), "", None)
        row("rtmemd's page faults per launch", f"{faults / n:.2f}", "below 20", faults < 20 * n)
        try:
            shared, copied = spawning_calls(pid, 2)
        except OSError:
            shared = copied = 0
        if shared + copied == 0:
            row("  of these with a copy of its memory (fork)", "strace doesn't work", "", None)
        else:
            row(f"  with a copy of its memory (fork), of {shared + copied} traced", str(copied), "0",
                copied == 0)


class Worker:
    """Both ends of the FIFOs of a bench/worker, whoever starts it."""

    def __init__(self, directory, name):
        paths = [os.path.join(directory, f"{name}.{end}") for end in ("commands", "answers")]
        for path in paths:
            os.mkfifo(path, 0o600)
        self.command = [program("bench", "worker"), *paths]
        self.fds = [os.open(path, os.O_RDWR | os.O_CLOEXEC) for path in paths]

    def answer(self):
        if not select.select([self.fds[1]], [], [], 60)[0]:
            raise AssertionError("bench/worker doesn't answer")
        return os.read(self.fds[1], 100).decode()

    def tell(self, text):
        os.write(self.fds[0], text.encode() + b"\n")
        return [float(word) for word in self.answer().split()]


@contextlib.contextmanager
def workers(keys, by_hand):
    """(daemon, a worker that it manages under these keys, another that by_hand(keys) launches)."""
    with tempfile.TemporaryDirectory(prefix="rtmem-bench-") as directory:
        managed, free = Worker(directory, "managed"), Worker(directory, "free")
        text = "version: 1\nprocesses:\n  worker:\n" + "".join(
            f"    {key}\n" for key in (f"command: {managed.command}".replace("'", '"'), *keys))
        with rtmem.Daemon(text) as daemon:
            with subprocess.Popen([*by_hand(daemon), *free.command]) as popen:
                try:
                    for worker in (managed, free):
                        worker.answer()  # "ready"
                    daemon.wait_ready("worker")
                    yield daemon, managed, free
                finally:
                    popen.kill()


def counted(daemon, faults):
    """(faults, faults of its thread, records missing) once the count is at least this."""
    p = daemon.wait_process("worker", lambda p: p["faults"]["minor"] >= faults, f"{faults} faults")
    of_threads = [t["minor"] + t["major"] for t in p["threads"]]
    return p["faults"]["minor"], max(of_threads), p["faults"]["minor"] - sum(of_threads)


def count_row(daemon, what, wanted):
    total, thread, lost = counted(daemon, wanted)
    row(what, f"{total}, lost {lost}", f"{wanted}, lost 0", (total, thread, lost) == (wanted, wanted, 0))


def bench_faults():
    batches = 20 if Options.quick else 50
    keys = ("memory: { lock: none, stack: { main: 0 } }",
            "compliance: { minor_faults: unlimited, interval: 20ms }")
    say(f"Faults of a managed process: {batches} times {BATCH}, sampled every 20 ms, in turns with the "
        "same without rtmem")
    with workers(keys, lambda daemon: ()) as (daemon, managed, free):
        nsec, free_nsec = [], []
        for _ in range(batches):
            nsec += managed.tell(f"fault {BATCH}")
            free_nsec += free.tell(f"fault {BATCH}")
            time.sleep(0.05)
        count_row(daemon, "counted, and known by thread", batches * BATCH)
        managed.tell("fault 3000")
        count_row(daemon, "  and 3000 more at once", batches * BATCH + 3000)
        over = 100 * median([a / b - 1 for a, b in zip(nsec, free_nsec)])
        row("a fault without rtmem", f"{median(free_nsec):.0f} ns", "", None)
        row("  being counted and recorded", f"{over:+.1f} %", "at most +15 %", over <= 15)


def bench_polling():
    cycles, rounds = (8000, 3) if Options.quick else (20000, 7)
    keys = ("memory: { lock: strict }", "scheduling: { policy: fifo, priority: 80 }",
            "compliance: { minor_faults: unlimited, interval: 10ms }")
    say(f"mmap, touch and munmap of 16 KiB every 250 us under fifo, {cycles} cycles, medians of {rounds}: "
        "sampled 100 times a second or not")

    def in_foreground(daemon):
        return (program("ctl", "rtmemctl"), "run", "--policy", "worker", "--policy-file",
                os.path.join(daemon.config_dir, "test.yaml"), "--")

    with workers(keys, in_foreground) as (daemon, managed, free):
        sampled, not_sampled = [], []
        for _ in range(rounds):
            sampled.append(managed.tell(f"map {cycles}"))
            daemon.popen.send_signal(signal.SIGSTOP)  # so that it's quite absent
            try:
                not_sampled.append(free.tell(f"map {cycles}"))
            finally:
                daemon.popen.send_signal(signal.SIGCONT)
        for i, what in ((0, "p50"), (1, "p99.9")):
            a, b = median([s[i] for s in sampled]), median([n[i] for n in not_sampled])
            row(f"not sampled: {what}", f"{b / 1e3:.1f} us", "", None)
            row("  sampled, in times of that", f"{a / b:.2f}", "<= 1.5" if i else "",
                a / b <= 1.5 if i else None)


PARTS = (bench_idle, bench_launches, bench_faults, bench_polling)
