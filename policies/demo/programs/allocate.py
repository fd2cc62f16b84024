# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Python program that handles data: each cycle builds a frame and records, and drops them.

Knows nothing of rtmem. Usage: python3 allocate.py [SECONDS]   (0 or none: runs until a signal)
"""
import sys
import time

PERIOD = 0.25
FRAME = 3840 * 2160 * 3 * 2  # a 4K picture of 16 bits per colour, 47 MB


def cycle(n):
    """One round of work: a frame, some thousand small objects; all is gone at the end."""
    frame = bytearray(FRAME)
    for i in range(0, len(frame), 4096):
        frame[i] = n & 0xFF
    records = [{"id": i, "name": f"record {i}", "values": [i, i + 1]} for i in range(5000)]
    return len(frame) + sum(len(r["values"]) for r in records)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    end = time.monotonic() + seconds
    n = 0
    while not seconds or time.monotonic() < end:
        cycle(n)
        n += 1
        time.sleep(PERIOD)


main()
