# SPDX-License-Identifier: LGPL-2.1-or-later
"""What it costs to look after the settings of the machine."""
import os
import subprocess
import tempfile
import time

from table import Options, median, output, program, row, say, triples
from with_daemon import cpu_seconds, rtmem


def bench_verify():
    rounds = "50" if Options.quick else "300"
    say(f"Settings of the machine, read and compared, CPU time, medians of {rounds}")
    found = triples(output(program("bench", "bench-verify"), rounds))
    verify, settings = found["verify"]
    row(f"a pass over {settings:.0f} settings", f"{verify:.0f} us", "below 1000 us", verify < 1000)
    row("finding who else claims them, as diff does", f"{found['owners'][0]:.0f} us", "", None)


SETTINGS = 30
ROUND = 10  # seconds between two looks of rtmemd


def tree_of_settings(root):
    """A machine of files, and the policy that its settings fulfil."""
    directory = os.path.join(root, "proc/sys/vm")
    os.makedirs(directory)
    for i in range(SETTINGS):
        with open(os.path.join(directory, f"setting_{i}"), "w", encoding="ascii") as f:
            f.write("1\n")
    return "version: 1\nhost:\n  sysctl:\n" + "".join(f"    vm.setting_{i}: 1\n" for i in range(SETTINGS))


def bench_watch():
    rounds = 2 if Options.quick else 6
    say(f"rtmemd with {SETTINGS} settings and no process, {rounds * ROUND} s")
    with tempfile.TemporaryDirectory() as root:
        policy = tree_of_settings(root)
        with rtmem.Daemon(policy, arguments=("--root", root)) as daemon:
            daemon.wait_reachable()
            before = cpu_seconds(daemon.popen.pid)
            time.sleep(rounds * ROUND)
            share = (cpu_seconds(daemon.popen.pid) - before) / (rounds * ROUND) * 100
    row("watching for drift, of a core", f"{share:.4f} %", "below 0.1 %", share < 0.1)


def bench_boot():
    """As the boot unit does it, everything to be written; then again, with nothing to write."""
    say(f"rtmemctl apply --at-boot, {SETTINGS} settings, medians of 9")
    first, second = [], []
    for _ in range(9):
        with tempfile.TemporaryDirectory() as top:
            root, policies = os.path.join(top, "root"), os.path.join(top, "policies")
            os.makedirs(policies)
            with open(os.path.join(policies, "a.yaml"), "w", encoding="ascii") as f:
                f.write(tree_of_settings(root).replace(": 1\n", ": 2\n").replace("version: 2", "version: 1"))
            command = [rtmem.RTMEMCTL, "--root", root, "--state-dir", os.path.join(top, "state"),
                       "--config-dir", policies, "apply", "--at-boot"]
            for times in (first, second):
                start = time.monotonic()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                times.append((time.monotonic() - start) * 1000)
    row("all written, journal included", f"{median(first):.1f} ms", "", None)
    row("nothing to write", f"{median(second):.1f} ms", "", None)


PARTS = (bench_verify, bench_watch, bench_boot)
