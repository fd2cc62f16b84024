# SPDX-License-Identifier: LGPL-2.1-or-later
"""What it costs to look after the settings of the machine."""
from table import Options, output, program, row, say, triples


def bench_verify():
    rounds = "50" if Options.quick else "300"
    say(f"Settings of the machine, read and compared, CPU time, medians of {rounds}")
    found = triples(output(program("bench", "bench-verify"), rounds))
    verify, settings = found["verify"]
    row(f"a pass over {settings:.0f} settings", f"{verify:.0f} us", "below 1000 us", verify < 1000)
    row("finding who else claims them, as diff does", f"{found['owners'][0]:.0f} us", "", None)


PARTS = (bench_verify,)
