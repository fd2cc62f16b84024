# SPDX-License-Identifier: LGPL-2.1-or-later
"""What memory.seal costs: by call, in a process under it and in one beside it."""
from table import Options, output, program, row, say, triples

CALLS = {"call": "a short system call (getppid)", "clock": "clock_gettime", "advice": "madvise that changes nothing",
         "map": "mmap and munmap of a page"}
WAYS = {"beside": "while another process is reported", "report": "report", "deny": "deny"}
MOST = {  # ns more than without it
    ("beside", "call"): 50, ("report", "call"): 200, ("deny", "call"): 100,
    ("beside", "clock"): 20, ("report", "clock"): 20, ("deny", "clock"): 20,
}


def bench_seal():
    rounds = "15" if Options.quick else "41"
    say(f"memory.seal: one call, ns, medians of {rounds} processes each; differences of the medians")
    found = triples(output(program("bench", "bench-seal"), rounds))
    for call, what in CALLS.items():
        plain = found[f"off-{call}"][0]
        row(what, f"{plain:.0f} ns", "", None)
        for way, name in WAYS.items():
            if f"{way}-{call}" not in found:
                row(f"  {name}", "can't be counted here", "", None)
                continue
            ours = found[f"{way}-{call}"][0]
            most = MOST.get((way, call))
            shown = f"{ours:.0f} ns" if (way, call) == ("deny", "map") else f"{ours - plain:+.0f} ns"
            row(f"  {name}" + (", both denied" if (way, call) == ("deny", "map") else ""), shown,
                f"<= +{most} ns" if most else "", ours - plain <= most if most else None)


PARTS = (bench_seal,)
