# SPDX-License-Identifier: LGPL-2.1-or-later
"""What happens inside a program after its start: new threads, and forks."""
from table import Options, output, program, row, say, with_policy


def bench_threads():
    n = 4 if Options.quick else 8
    say(f"{n} new threads that stay and use half of their stack: creator's time, time until it runs")
    for size in ("8M", "256K"):
        for mode in ("none", "strict", "balanced", "onfault"):
            for reserve in (0, n) if mode != "none" else (0,):
                stack = f"threads: {size}, reserve: {reserve}, expected_threads: 1"
                created, begun, faults = with_policy(
                    f"memory: {{ lock: {mode}, stack: {{ {stack} }} }}",
                    (program("bench", "threads"), str(n))).split()
                row(f"{size}, {mode}" + (f", reserve: {reserve}" if reserve else ""),
                    f"{float(created):.0f} us, {float(begun):.0f} us", "", None)
                if reserve or mode == "none":
                    row("  faults of creator and thread", faults, "0" if reserve else "",
                        float(faults) == 0 if reserve else None)


def bench_fork():
    mib, rounds = (64, 3) if Options.quick else (256, 5)
    say(f"fork() with {mib} MiB locked, which the parent writes again; medians of {rounds}")
    command = (program("bench", "fork"), str(mib), str(rounds))
    plain = float(output(*command).split()[0])
    row("fork() without policy", f"{plain:.0f} us", "", None)
    for mode in ("allow", "precopy"):
        usec, written, faults = map(float, with_policy(
            f"fork: {mode}\n    memory: {{ lock: strict }}", command).split())
        row(f"fork: {mode}: fork()", f"{usec:.0f} us", "", None)
        row("  per MiB", f"{usec / mib:.0f} us", "", None)
        row("  writing all of it", f"{written:.0f} us", "", None)
        row("  faults of the parent", f"{faults:.0f}", "0" if mode == "precopy" else "",
            faults == 0 if mode == "precopy" else None)


PARTS = (bench_threads, bench_fork)
