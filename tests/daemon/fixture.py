# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of rtmemd share: subjects that do what they're told, and a manager to be notified."""
import os
import select
import shutil
import socket
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

PROGRAMS = os.path.join(rtmem.BUILD, "tests", "daemon")
SUBJECT = os.path.join(PROGRAMS, "subject")
HOSTILE = os.path.join(PROGRAMS, "hostile")
NOBODY = 65534


class Subjects:
    """The FIFOs of subjects, and the policies that start them; for use in `with`."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="rtmem-subjects-")
        os.chmod(self.dir, 0o755)
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.dir, ignore_errors=True)

    def policy(self, name, *lines, deaf=False):
        """One entry of `processes:`; each of the lines is a key of it."""
        path = os.path.join(self.dir, name)
        if not os.path.exists(path):
            os.mkfifo(path)
            os.chmod(path, 0o666)
        argument = ', "deaf"' if deaf else ""
        keys = "".join(f"    {line}\n" for line in lines)
        return f'  {name}:\n    command: ["{SUBJECT}", "{path}"{argument}]\n{keys}'

    def tell(self, name, *commands):
        """Waits until the subject listens."""
        def opened():
            try:
                return os.open(os.path.join(self.dir, name), os.O_WRONLY | os.O_NONBLOCK) + 1
            except OSError:
                return 0
        fd = rtmem.wait_until(opened, f"{name} listens") - 1
        try:
            os.write(fd, "".join(command + "\n" for command in commands).encode())
        finally:
            os.close(fd)


def document(*processes, host=""):
    """A whole policy file."""
    return "version: 1\n" + host + "processes:\n" + "".join(processes) if processes else \
        "version: 1\n" + host


def sleeper(name, *lines):
    """A process that needs no telling."""
    keys = "".join(f"    {line}\n" for line in lines)
    return f'  {name}:\n    command: [/bin/sleep, "1000"]\n    ready: {{ when: exec }}\n{keys}'


def findings(process):
    """{rule: finding}"""
    return {f["rule"]: f for f in process["findings"]}


def threads(process):
    """{name: thread}, of differing names"""
    return {t["name"]: t for t in process["threads"]}


def wait_log(daemon, text, n=1, seconds=rtmem.DEADLINE):
    rtmem.wait_until(lambda: daemon.log().count(text) >= n, f"'{text}' in the log", seconds)


class Manager:
    """The NOTIFY_SOCKET of rtmemd's own manager; for use in `with`."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="rtmem-manager-")
        self.path = os.path.join(self.dir, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.lines = []
        return self

    def __exit__(self, *unused):
        self.socket.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def receive(self, seconds=0.0):
        """Takes what has come, after waiting for something; all lines so far."""
        while select.select([self.socket], [], [], seconds)[0]:
            self.lines += self.socket.recv(65536).decode().splitlines()
            seconds = 0
        return self.lines

    def wait(self, prefix, n=1, seconds=30):
        """Waits for the n-th line with this beginning, and returns it."""
        def found():
            matching = [line for line in self.receive(0.05) if line.startswith(prefix)]
            return matching[n - 1] if len(matching) >= n else None
        return rtmem.wait_until(found, f"{prefix} ({n})", seconds)
