# SPDX-License-Identifier: LGPL-2.1-or-later
"""The part of bench/run with a thousand managed processes, beside others who start and keep as many."""
import contextlib
import os
import resource
import shutil
import subprocess
import tempfile
import time

from table import Options, median, program, row, say
from with_daemon import cpu_seconds, rtmem, status_kb

N = 1000
PER_FILE = 250
SLEEP = ("/bin/sleep", "infinity")


# ---- what is measured -------------------------------------------------------------------------------

def threads_cpu(pid):
    return sum(cpu_seconds(f"{pid}/task/{tid}") for tid in os.listdir(f"/proc/{pid}/task"))


def percent_of_core(pids, seconds):
    """Of all of them together"""
    begin, before = time.monotonic(), sum(map(threads_cpu, pids))
    time.sleep(seconds)
    return 100 * (sum(map(threads_cpu, pids)) - before) / (time.monotonic() - begin)


def proportional_kb(pids):
    """Memory that they share counts once."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            total += next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total


def sleepers():
    """Processes that have become sleep"""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="ascii") as f:
            if f.read() == "sleep\n":
                found.add(int(pid))
    return found


def wait_for_sleepers(begin, before):
    rtmem.wait_until(lambda: len(sleepers() - before) >= N, f"{N} sleeps", 120)
    return time.monotonic() - begin


def msec_of(command, times):
    def once():
        begin = time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        return 1000 * (time.monotonic() - begin)
    return median([once() for _ in range(times)])


@contextlib.contextmanager
def in_memory():
    """Runtime directories lie in memory, as /run does, if /tmp doesn't."""
    before = tempfile.tempdir
    if os.path.ismount("/dev/shm"):
        tempfile.tempdir = "/dev/shm"
    try:
        yield
    finally:
        tempfile.tempdir = before


# ---- rtmemd -----------------------------------------------------------------------------------------

def policies():
    def process(i):
        return (f"  sleep-{i}:\n    command: [{', '.join(SLEEP)}]\n    memory: {{ lock: none, stack: {{ main: 0 }} }}\n"
                "    ready: { when: exec }\n")
    return {f"{start}.yaml": "version: 1\nprocesses:\n" + "".join(
        process(i) for i in range(start, start + PER_FILE)) for start in range(0, N, PER_FILE)}


def start_rtmemd():
    """(daemon, seconds until it says that all are ready)"""
    daemon = rtmem.Daemon(policies())
    begin = time.monotonic()
    daemon.start()
    while "rtmemd: ready: " not in daemon.log():
        time.sleep(0.01)
        if daemon.popen.poll() is not None or time.monotonic() > begin + 120:
            raise AssertionError(daemon.log()[-2000:])
    return daemon, time.monotonic() - begin


def end(daemon):
    daemon.status()  # so that it knows whom to end
    daemon.__exit__(None, None, None)


def spawn_loop():
    with subprocess.Popen([program("bench", "bench-spawn"), str(N), *SLEEP], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as popen:
        seconds = float(popen.stdout.readline())
        popen.communicate("")
    return seconds


def measure_start(rounds):
    plain, ours = [], []
    for _ in range(rounds):
        plain.append(spawn_loop())
        daemon, seconds = start_rtmemd()
        ours.append(seconds)
        end(daemon)
    ratio = median(ours) / median(plain)
    row("posix_spawn in a loop, until each was executed", f"{median(plain):.2f} s", "", None)
    row("rtmemd, from its start until all are ready", f"{median(ours):.2f} s", "", None)
    row("  in times of the loop", f"{ratio:.2f}", "<= 2", ratio <= 2)


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure_answers(daemon, times):
    pid, shares, clients = daemon.popen.pid, [], []
    command = [rtmem.RTMEMCTL, "--runtime-dir", daemon.runtime_dir, "--json", "status"]

    def once():
        time.sleep(0.2)  # asked sooner, it needn't read again
        before, client, msec = threads_cpu(pid), children_cpu(), msec_of(command, 1)
        shares.append(1000 * (threads_cpu(pid) - before))
        clients.append(1000 * (children_cpu() - client))
        return msec
    whole = median([once() for _ in range(times)])
    row("rtmemctl --json status, whole run", f"{whole:.0f} ms", "below 50 ms", whole < 50)
    row("  of which CPU time of rtmemd, and of rtmemctl",
        f"{median(shares):.0f} ms, {median(clients):.0f} ms", "", None)
    return whole


def bench_rtmemd(seconds):
    daemon, _ = start_rtmemd()
    try:
        pid = daemon.popen.pid
        time.sleep(2)
        cpu, rss = percent_of_core([pid], seconds), status_kb(pid, "VmRSS")
        row("CPU, each judged once a second", f"{cpu:.2f} % of a core", "below 1 %", cpu < 1)
        row("RSS", f"{rss} kB", "below 16384 kB", rss < 16384)
        row("  of which its own (anonymous)", f"{status_kb(pid, 'RssAnon')} kB", "", None)
        answer = measure_answers(daemon, 5 if Options.quick else 15)
        good = sum(p["compliance"] == "compliant" for p in daemon.status()["processes"])
        row("processes compliant", f"{good} of {N}", "all", good == N)
    finally:
        end(daemon)
    return {"cpu": cpu, "memory": rss, "status": answer}


# ---- others -----------------------------------------------------------------------------------------

SUPERVISORD = """[supervisord]
nodaemon=true
minfds=8192
logfile={0}/log
pidfile={0}/pid
childlogdir={0}
[unix_http_server]
file={0}/socket
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{0}/socket
[program:sleep]
command=%s
numprocs=%d
process_name=%%(process_num)d
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
""" % (" ".join(SLEEP), N)


@contextlib.contextmanager
def supervisord(directory):
    path = os.path.join(directory, "conf")
    with open(path, "w", encoding="ascii") as f:
        f.write(SUPERVISORD.format(directory))
    with subprocess.Popen(["supervisord", "-c", path], stdout=subprocess.DEVNULL) as popen:
        yield lambda: [popen.pid], ["supervisorctl", "-c", path, "status"]
        popen.terminate()


@contextlib.contextmanager
def s6(directory):
    for i in range(N):
        os.mkdir(os.path.join(directory, str(i)))
        run = os.path.join(directory, str(i), "run")
        with open(run, "w", encoding="ascii") as f:
            f.write(f"#!/bin/sh\nexec {' '.join(SLEEP)}\n")
        os.chmod(run, 0o755)
    script = f'cd "{directory}"; for d in *; do s6-svstat "$d"; done'
    with subprocess.Popen(["s6-svscan", "-c", str(N + 10), directory], stdout=subprocess.DEVNULL) as popen:
        def pids():
            with open(f"/proc/{popen.pid}/task/{popen.pid}/children", encoding="ascii") as f:
                return [popen.pid, *map(int, f.read().split())]
        yield pids, ["sh", "-c", script]
        subprocess.run(["s6-svscanctl", "-t", directory], check=True)
        popen.wait(60)


def bench_other(what, needed, keeper, ours, seconds):
    if not shutil.which(needed):
        row(f"{what}: not installed (tools/setup bench)", "", "", None)
        return
    before = sleepers()
    with tempfile.TemporaryDirectory(prefix="rtmem-bench-") as directory:
        begin = time.monotonic()
        with keeper(directory) as (pids, ask):
            start = wait_for_sleepers(begin, before)
            time.sleep(2)
            figures = {"cpu": percent_of_core(pids(), seconds), "memory": proportional_kb(pids()),
                       "status": msec_of(ask, 3)}
    row(f"{what}: start until {N} run", f"{start:.2f} s", "", None)
    for name, unit in (("cpu", "% of a core"), ("memory", "kB"), ("status", "ms")):
        row(f"  {name}; rtmemd's in times of it", f"{figures[name]:.2f} {unit}, "
            f"{ours[name] / max(figures[name], 0.001):.2f}", "", None)


def bench_scale():
    rounds, seconds = (1, 5) if Options.quick else (5, 15)
    say(f"{N} processes that sleep, medians of {rounds}; `lock: none`, since the others lock nothing")
    with in_memory():
        measure_start(rounds)
        ours = bench_rtmemd(seconds)
        bench_other("supervisord", "supervisord", supervisord, ours, seconds)
        bench_other("s6 (a supervisor for each process)", "s6-svscan", s6, ours, seconds)


PARTS = (bench_scale,)
