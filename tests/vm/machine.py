# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests in the machine of tools/vm share: systemd and rtmemctl, asked and waited for."""
import json
import os
import subprocess
import sys
import time
import unittest

DEADLINE = 60  # seconds; everything is emulated
SKIPPED = 77


def run(*command, check=True, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=DEADLINE * 2, check=False, **more)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}")
    return done


def ctl(*arguments, status=0):
    """The output of rtmemctl; status=None: whatever it ends with."""
    done = run("rtmemctl", *arguments, check=False)
    if status is not None and done.returncode != status:
        raise AssertionError(f"rtmemctl {' '.join(arguments)}: {done.returncode}\n{done.stdout}")
    return done.stdout


def show(unit, *properties):
    """{property: text} of a unit."""
    text = run("systemctl", "show", unit, *("-p" + p for p in properties)).stdout
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read().strip()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    if path.startswith("/etc/"):  # root refuses policies that others can write
        os.chmod(path, 0o644)


def status():
    """The status document, or None while rtmemd can't be reached."""
    done = subprocess.run(["rtmemctl", "--json", "status"], stdin=subprocess.DEVNULL, timeout=DEADLINE,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return json.loads(done.stdout) if done.returncode in (0, 1, 4) and done.stdout else None


def processes():
    """{name: status of the process}"""
    document = status()
    return {p["name"]: p for p in document["processes"]} if document else {}


def wait_until(condition, what, seconds=DEADLINE):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"{what}: not within {seconds} s\n{ctl('status', status=None)}"
                                 + run("journalctl", "-u", "rtmemd", "-n", "30", "--no-pager").stdout)
        time.sleep(0.2)


def wait_ready(*names):
    def ready():
        now = processes()
        return all(n in now and now[n]["ready"] for n in names) and now
    return wait_until(ready, f"{', '.join(names)} ready")


class TestCase(unittest.TestCase):
    maxDiff = None


def main():
    if os.environ.get("RTMEM_VM") != "1":
        print("skipped: it changes the whole machine, so it runs in that of tools/vm alone")
        sys.exit(SKIPPED)
    program = unittest.main(exit=False, verbosity=2)
    sys.exit(0 if program.result.wasSuccessful() and program.result.testsRun else 1)
