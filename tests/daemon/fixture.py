# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of rtmemd share: subjects that do what they're told, and a manager to be notified."""
import fcntl
import os
import select
import shutil
import socket
import sys
import tempfile
import threading

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


class Keeper(Manager):
    """A manager that keeps descriptors, as systemd does for who asks by FDSTORE=1; reads in a thread."""

    def __enter__(self):
        super().__enter__()
        self.lock, self.stored, self.deaf, self.heeds_removal = threading.Lock(), [], False, True
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.deafen()
        for _, fd in self.stored:
            os.close(fd)
        super().__exit__()

    def deafen(self):
        """From now on nothing is read."""
        self.deaf = True
        self.thread.join()

    def _serve(self):
        while not self.deaf:
            if select.select([self.socket], [], [], 0.05)[0]:
                text, fds, _, _ = socket.recv_fds(self.socket, 65536, 253)
                for fd in fds:
                    os.set_inheritable(fd, False)
                with self.lock:
                    self._take(text.decode().splitlines(), fds)

    def _take(self, lines, fds):
        self.lines += lines
        values = dict(line.partition("=")[::2] for line in lines)
        name = values.get("FDNAME", "stored")
        if values.get("FDSTORE") == "1":
            self.stored = [(name, fd) for fd in fds] + self.stored  # the newest first, as systemd hands them out
            return
        for fd in fds:
            os.close(fd)
        if values.get("FDSTOREREMOVE") == "1" and self.heeds_removal:
            for entry in [e for e in self.stored if e[0] == name]:
                os.close(entry[1])
                self.stored.remove(entry)

    def kept(self):
        """The names, one for each descriptor."""
        with self.lock:
            return [name for name, _ in self.stored]

    def all_kept(self):
        """Names and descriptors; these have numbers that a child may use for what it's given."""
        with self.lock:
            self.stored = [(name, fd if fd >= 500 else self._raise(fd)) for name, fd in self.stored]
            return [name for name, _ in self.stored], [fd for _, fd in self.stored]

    @staticmethod
    def _raise(fd):
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 500)
        os.close(fd)
        return high


class KeepingDaemon(rtmem.Daemon):
    """rtmemd below a manager that keeps what it's given, and gives it back at the next start."""

    def __init__(self, text, keeper):
        super().__init__(text, environment={"NOTIFY_SOCKET": keeper.path},
                         argv_prefix=("/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"))
        self.keeper = keeper

    def start(self):
        names, fds = self.keeper.all_kept()
        self.environment.pop("LISTEN_FDS", None)
        if fds:
            self.environment.update(LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=":".join(names))

        def place():
            for i, fd in enumerate(fds):
                os.dup2(fd, 3 + i)
        self.popen_arguments = {"preexec_fn": place, "close_fds": False} if fds else {}
        return super().start()
