# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Python program with a steady cycle: small objects, a large buffer, a thread beside it."""
import threading
import time


def cycle():
    rows = [{"id": i, "name": f"row {i}", "values": (i, i * 2)} for i in range(2000)]
    buffer = bytearray(2 << 20)
    buffer[:: 4096] = b"x" * len(buffer[:: 4096])
    return len(rows) + len(buffer)


def work():
    while True:
        cycle()
        time.sleep(0.005)


threading.Thread(target=work, daemon=True).start()
work()
