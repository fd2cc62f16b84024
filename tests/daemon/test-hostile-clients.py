#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients of the private socket that mean harm, as nobody: nothing changes, nothing grows, and others are
answered. They speak D-Bus by hand, since no library would send what they do."""
import contextlib
import itertools
import os
import re
import select
import signal
import socket
import struct
import sys
import time

import fixture
import rtmem

PATH, INTERFACE = "/org/rtmem1", "org.rtmem1.Manager"
GREETING = b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"
GROWTH_MAX = 6 << 10  # kB
SERIALS = itertools.count(1)


# ---- D-Bus by hand

def align(data, n):
    return data + bytes(-len(data) % n)


def text(value):
    raw = value.encode()
    return struct.pack("<I", len(raw)) + raw + b"\0"


def call(member, path=PATH, interface=INTERFACE, signature="", body=b""):
    fields = b""
    for code, kind, value in ((1, "o", path), (2, "s", interface), (3, "s", member), (8, "g", signature)):
        if kind == "g":
            if value:
                fields = align(fields, 8) + struct.pack("<B", code) + b"\1g\0" + bytes(
                    [len(value)]) + value.encode() + b"\0"
        else:
            fields = align(fields, 8) + struct.pack("<B", code) + b"\1" + kind.encode() + b"\0" + text(value)
    head = struct.pack("<BBBBIII", ord("l"), 1, 0, 1, len(body), next(SERIALS), len(fields))
    return align(head + fields, 8) + body


def connect(path, greet=True):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(20)
    rtmem.wait_until(lambda: s.connect_ex(path) == 0, "there's room at the door")
    if greet:
        s.sendall(GREETING)
    return s


class Reader:
    """What comes back: lines, then messages."""

    def __init__(self, path):
        self.socket, self.data = connect(path), b""
        while b"OK " not in self.data or self.data.count(b"\r\n") < 2:
            self.more()
        self.data = self.data.split(b"\r\n", 2)[2]

    def more(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError
        self.data += data

    def message(self):
        """(type, body)"""
        while len(self.data) < 16:
            self.more()
        kind, body, fields = self.data[1], *struct.unpack_from("<I4xI", self.data, 4)
        start = 16 + (fields + 7) // 8 * 8
        while len(self.data) < start + body:
            self.more()
        whole, self.data = self.data[:start + body], self.data[start + body:]
        return kind, whole[start:]

    def answer(self, *arguments, **keywords):
        """(is it an error, body); signals in between are skipped"""
        self.socket.sendall(call(*arguments, **keywords))
        while True:
            kind, body = self.message()
            if kind in (2, 3):
                return kind == 3, body


def value_of(kind):
    """Of an argument of a method, and how it must be aligned; None for a type that isn't known here."""
    return {"s": (4, text("good")), "o": (4, text("/org/rtmem1")), "b": (4, struct.pack("<I", 1)),
            "u": (4, struct.pack("<I", 1)), "i": (4, struct.pack("<i", 1)), "t": (8, struct.pack("<Q", 1)),
            "x": (8, struct.pack("<q", 1)), "as": (4, struct.pack("<I", 0)), "a{sv}": (4, bytes(8)),
            "g": (1, b"\1s\0"), "y": (1, b"\1"), "v": (1, b"\1s\0" + b"\0" + text("x"))}.get(kind)


def arguments_of(kinds):
    body = b""
    for kind in kinds:
        n, raw = value_of(kind) or (1, b"")
        body = align(body, n) + raw
    return body


def methods(reader, path):
    """(interface, name, kinds of its arguments) of every method, and the objects below"""
    is_error, body = reader.answer("Introspect", path, "org.freedesktop.DBus.Introspectable")
    if is_error:
        return [], []
    xml = body[4:-1].decode()
    found = []
    for interface, inside in re.findall(r'<interface name="([^"]+)">(.*?)</interface>', xml, re.S):
        for name, short, arguments in re.findall(
                r'<method name="([^"]+)"(/>|>(.*?)</method>)', inside, re.S):
            kinds = re.findall(r'<arg type="([^"]+)"[^>]*direction="in"', arguments or short)
            found.append((interface, name, kinds))
    return found, re.findall(r'<node name="([^"]+)"', xml)


# ---- what they do, each in a process of its own

def try_everything(path):
    """Every method of every object, with arguments that make sense."""
    reader, todo, n = Reader(path), [PATH], 0
    while todo:
        node = todo.pop()
        found, below = methods(reader, node)
        todo += [f"{node.rstrip('/')}/{name}" for name in below]
        for interface, name, kinds in found:
            if None in map(value_of, kinds):
                raise AssertionError(f"{interface}.{name}: no value for {kinds}")
            reader.answer(name, node, interface, "".join(kinds), arguments_of(kinds))
            n += 1
    for name in ("Exit", "Reload", "Shutdown", "SetLogLevel"):
        assert reader.answer(name)[0], name
    assert n > 10, n


def ask_and_never_read(path):
    held = [connect(path) for _ in range(10)]
    for s in held:
        s.settimeout(1)
        with contextlib.suppress(OSError):
            for _ in range(2000):
                s.sendall(call("GetStatus"))
    done()


def ask_all_the_time(path):
    readers = [Reader(path) for _ in range(4)]
    for r in readers:
        r.socket.setblocking(False)
    done(wait=False)
    question = call("GetStatus") * 20
    while True:
        for r in readers:
            with contextlib.suppress(BlockingIOError):
                r.socket.send(question)
            with contextlib.suppress(BlockingIOError):
                while r.socket.recv(1 << 20):
                    pass


def send_halves(path):
    held = []
    for n in range(4):
        held.append(connect(path))
        held[-1].sendall(call("GetStatus")[:10 + n * 20])
    huge = struct.pack("<BBBBIII", ord("l"), 1, 0, 1, 128 << 20, 1, 8)
    for head in (huge, huge[:4] + struct.pack("<III", 8, 1, 64 << 20), b"x" * 16, bytes(16)):
        with contextlib.suppress(OSError), contextlib.closing(connect(path)) as s:
            s.sendall(head)
            for _ in range(1000):
                s.sendall(bytes(1 << 14))
            raise AssertionError(f"{head!r}: still taken after 16M")
    held.append(connect(path))
    for byte in call("GetStatus"):
        held[-1].sendall(bytes([byte]))
    assert held[-1].recv(100)
    done()


def send_garbage(path):
    for seed in range(200):
        noise = bytes((seed * 7919 + i * i * 31 >> 3) & 255 for i in range(600))
        with contextlib.suppress(OSError), contextlib.closing(connect(path, greet=seed % 2)) as s:
            s.sendall(noise if seed % 4 else call("GetStatus")[:16] + noise)
    for line in (b"A" * 5000, b"\0AUTH\r\n" * 1000, b"\0" * 5000, b"BEGIN\r\nBEGIN\r\n"):
        with contextlib.suppress(OSError), contextlib.closing(connect(path, greet=False)) as s:
            s.sendall(line)
            while s.recv(1 << 16):
                pass
    done()


def come_and_go(path):
    for i in range(1500):
        with contextlib.closing(connect(path, greet=i % 2)) as s, contextlib.suppress(OSError):
            s.sendall(call("GetStatus") if i % 3 else b"")
    done()


def pass_descriptors(path):
    s = connect(path)
    message = call("GetStatus")
    with contextlib.suppress(OSError):
        for n in (1, 10, 250):
            socket.send_fds(s, [message], [0] * n)
    with contextlib.closing(connect(path, greet=False)) as early, contextlib.suppress(OSError):
        socket.send_fds(early, [b"\0AUTH ANONYMOUS\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n"], [0] * 10)
    done()


READY = os.pipe()


def done(wait=True):
    os.write(READY[1], b"!")
    while wait:
        signal.pause()


@contextlib.contextmanager
def client(function, path, wait=True):
    """Does this as nobody; the block begins when it's done, and the client stays until the block ends."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(fixture.NOBODY)
            os.setuid(fixture.NOBODY)
            signal.alarm(50)
            function(path)
            status = 0
        except BaseException as e:  # pylint: disable=broad-except
            print(f"{function.__name__}: {e!r}", file=sys.stderr)
        finally:
            os._exit(status)
    try:
        if wait:
            rtmem.wait_until(lambda: select.select([READY[0]], [], [], 0)[0] or not rtmem.alive(pid),
                             "it's done", seconds=60)
            assert rtmem.alive(pid), "it failed"
            os.read(READY[0], 1)
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


class Clients(rtmem.TestCase):
    def setUp(self):
        self.daemon = rtmem.Daemon(fixture.document(fixture.sleeper("good"), fixture.sleeper("other")))
        self.addCleanup(lambda: self.daemon.__exit__(None, None, None))
        self.daemon.start()
        self.daemon.wait_ready("other")
        self.before = self.look()
        self.pid = self.daemon.popen.pid
        self.bus = os.path.join(self.daemon.runtime_dir, "bus")
        self.descriptors = len(os.listdir(f"/proc/{self.pid}/fd"))
        self.resident = rtmem.status_field(self.pid, "VmRSS")

    def look(self):
        return [(p["name"], p["pid"], p["state"], p["restarts"], p["findings"])
                for p in self.daemon.status()["processes"]]

    def check(self):
        """Root is answered, nothing has changed, and nothing has grown by much."""
        self.assertEqual(self.look(), self.before)
        self.assertEqual(self.daemon.ctl("status", "good").returncode, 0)
        self.assertIsNone(self.daemon.popen.poll())
        self.assertLess(rtmem.status_field(self.pid, "VmRSS"), self.resident + GROWTH_MAX)
        self.assertLess(len(self.daemon.log().splitlines()), 20, self.daemon.log())

    def run_client(self, function):
        with client(function, self.bus):
            self.check()
        rtmem.wait_until(lambda: len(os.listdir(f"/proc/{self.pid}/fd")) <= self.descriptors,
                         "what it held is closed")
        self.check()

    def test_nobody_can_change_anything(self):
        with client(try_everything, self.bus, wait=False) as pid:
            self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.check()

    def test_questions_whose_answers_are_never_read(self):
        self.run_client(ask_and_never_read)

    def test_halves_and_more_than_there_is_room_for(self):
        self.run_client(send_halves)

    def test_garbage(self):
        self.run_client(send_garbage)

    def test_connections_that_come_and_go(self):
        self.run_client(come_and_go)

    def test_descriptors_are_not_taken(self):
        self.run_client(pass_descriptors)

    def processor_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="utf-8") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_a_flood_of_questions_costs_a_part_of_a_processor(self):
        with client(ask_all_the_time, self.bus):
            self.check()
            start, used = time.monotonic(), self.processor_seconds()
            while time.monotonic() < start + 4:
                self.assertIsNotNone(self.daemon.status())
                time.sleep(0.2)
            used = self.processor_seconds() - used
            self.assertLess(used, 0.4 * (time.monotonic() - start))
            self.check()


rtmem.require_root()
rtmem.main()
