# SPDX-License-Identifier: LGPL-2.1-or-later
"""What librtmem costs inside and outside of time-critical sections, without a policy and under one."""
from table import Options, output, program, row, say, triples, with_policy


def bench_sections():
    batches = "20" if Options.quick else "60"
    say(f"librtmem: a section without faults, a block of a pool, medians of {batches} batches of 20000")
    bench = program("bench", "bench-section")
    free = triples(output(bench, batches))
    locked = triples(with_policy("memory: { lock: strict }", (bench, batches)))
    row("an uncontended mutex, locked and unlocked", f"{free['mutex'][0]:.0f} ns", "", None)
    row("two calls of getrusage", f"{free['usage'][0]:.0f} ns", "", None)
    pool, section = free["pool"][1] / free["mutex"][1], free["section"][1] / free["usage"][1]
    row("pool: get and put", f"{free['pool'][0]:.0f} ns", "", None)
    row("  in times of the mutex", f"{pool:.1f}", "<= 10", pool <= 10)
    row("section: begin and end", f"{free['section'][0]:.0f} ns", "", None)
    row("  in times of two calls", f"{section:.2f}", "<= 0.5", section <= 0.5)
    ratio = locked["section"][1] / locked["usage"][1]
    row("  under lock: strict", f"{locked['section'][0]:.0f} ns", "", None)
    row("  in times of two calls", f"{ratio:.2f}", "<= 3.0", ratio <= 3)
    row("thread with 256 KiB of stack: create and join", f"{free['thread'][0] / 1e3:.0f} us", "", None)
    row("  under lock: strict", f"{locked['thread'][0] / 1e3:.0f} us", "", None)


PARTS = (bench_sections,)
