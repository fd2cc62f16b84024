# SPDX-License-Identifier: LGPL-2.1-or-later
"""A D-Bus client small enough to read: peer to peer, as rtmemd's private socket speaks it.

    with dbus.Client(path) as c:
        c.call("/org/rtmem1", "org.rtmem1.Manager", "Start", "s", "node")
        c.get("/org/rtmem1", "org.rtmem1.Manager", "State")
        c.wait_signal("StateChanged", lambda body: body[0] == "node")
"""
import os
import socket
import struct
import time

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, SIGNATURE = 1, 2, 3, 4, 5, 8
FIXED = {"y": ("B", 1), "b": ("I", 4), "n": ("h", 2), "q": ("H", 2), "i": ("i", 4), "u": ("I", 4),
         "x": ("q", 8), "t": ("Q", 8), "d": ("d", 8)}
ALIGNMENT = {"s": 4, "o": 4, "a": 4, "g": 1, "v": 1, "(": 8, "{": 8}
DEADLINE = 10


class Error(Exception):
    """What a method answered instead of a result."""

    def __init__(self, name, text):
        super().__init__(f"{name}: {text}")
        self.name, self.text = name, text


def first_type(signature):
    """The first complete type, and the rest."""
    if signature[0] == "a":
        inner, rest = first_type(signature[1:])
        return "a" + inner, rest
    if signature[0] in "({":
        depth = 0
        for i, c in enumerate(signature):
            depth += (c in "({") - (c in ")}")
            if depth == 0:
                return signature[:i + 1], signature[i + 1:]
    return signature[0], signature[1:]


def types(signature):
    while signature:
        one, signature = first_type(signature)
        yield one


def alignment(kind):
    return FIXED[kind[0]][1] if kind[0] in FIXED else ALIGNMENT[kind[0]]


class Writer:
    def __init__(self):
        self.data = bytearray()

    def align(self, n):
        self.data += b"\0" * (-len(self.data) % n)

    def fixed(self, kind, value):
        code, size = FIXED[kind]
        self.align(size)
        self.data += struct.pack("<" + code, value)

    def value(self, kind, value):
        self.align(alignment(kind))
        if kind in FIXED:
            self.fixed(kind, value)
        elif kind in "so":
            self.fixed("u", len(value.encode()))
            self.data += value.encode() + b"\0"
        elif kind == "g":
            self.data += bytes([len(value)]) + value.encode() + b"\0"
        elif kind == "v":  # (type, value)
            self.value("g", value[0])
            self.value(*value)
        elif kind[0] == "a":
            self.array(kind[1:], value)
        else:
            for one, item in zip(types(kind[1:-1]), value):
                self.value(one, item)

    def array(self, kind, items):
        self.fixed("u", 0)
        at = len(self.data)
        self.align(alignment(kind))
        start = len(self.data)
        for item in items.items() if isinstance(items, dict) else items:
            self.value(kind, item)
        struct.pack_into("<I", self.data, at - 4, len(self.data) - start)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def align(self, n):
        self.at += -self.at % n

    def take(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def fixed(self, kind):
        code, size = FIXED[kind]
        self.align(size)
        return struct.unpack("<" + code, self.take(size))[0]

    def value(self, kind):
        self.align(alignment(kind))
        if kind == "b":
            return bool(self.fixed(kind))
        if kind in FIXED:
            return self.fixed(kind)
        if kind in "so":
            return self.take(self.fixed("u") + 1)[:-1].decode()
        if kind == "g":
            return self.take(self.take(1)[0] + 1)[:-1].decode()
        if kind == "v":
            return self.value(self.value("g"))
        if kind[0] == "a":
            return self.array(kind[1:])
        return tuple(self.value(one) for one in types(kind[1:-1]))

    def array(self, kind):
        size = self.fixed("u")
        self.align(alignment(kind))
        end, items = self.at + size, []
        while self.at < end:
            items.append(self.value(kind))
        return dict(items) if kind[0] == "{" else items

    def values(self, signature):
        return [self.value(one) for one in types(signature)]


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(path)
        self.serial, self.signals, self.buffer = 0, [], b""
        uid = str(os.geteuid()).encode().hex()
        self.socket.sendall(b"\0AUTH EXTERNAL " + uid.encode() + b"\r\n")
        while b"\r\n" not in self.buffer:
            self.receive()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        if not line.startswith(b"OK"):
            raise Error("auth", line.decode())
        self.socket.sendall(b"BEGIN\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()

    def receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionResetError("rtmemd hung up")
        self.buffer += data

    def exactly(self, n):
        while len(self.buffer) < n:
            self.receive()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def message(self):
        """(type, fields, body) of the next message"""
        head = self.exactly(16)
        body_size, _, fields_size = struct.unpack("<III", head[4:16])
        rest = self.exactly(fields_size + -fields_size % 8)
        reader = Reader(head + rest)
        reader.at = 12
        fields = dict(reader.value("a(yv)"))
        body = Reader(self.exactly(body_size)).values(fields.get(SIGNATURE, ""))
        return head[1], fields, body

    def send(self, path, interface, member, signature="", *values):
        self.serial += 1
        fields = [(PATH, ("o", path)), (INTERFACE, ("s", interface)), (MEMBER, ("s", member))]
        if signature:
            fields.append((SIGNATURE, ("g", signature)))
        body, head = Writer(), Writer()
        for one, value in zip(types(signature), values):
            body.value(one, value)
        head.data += struct.pack("<BBBBII", ord("l"), CALL, 0, 1, len(body.data), self.serial)
        head.value("a(yv)", fields)
        head.align(8)
        self.socket.sendall(bytes(head.data + body.data))
        return self.serial

    def call(self, *arguments):
        """The results of a method, as a list; an Error if that's the answer."""
        serial = self.send(*arguments)
        while True:
            kind, fields, body = self.message()
            if kind == SIGNAL:
                self.signals.append((fields[MEMBER], fields[PATH], body))
            elif fields.get(REPLY_SERIAL) == serial and kind == ERROR:
                raise Error(fields[ERROR_NAME], body[0] if body else "")
            elif fields.get(REPLY_SERIAL) == serial:
                return body

    def get(self, path, interface, name):
        return self.call(path, "org.freedesktop.DBus.Properties", "Get", "ss", interface, name)[0]

    def get_all(self, path, interface):
        return self.call(path, "org.freedesktop.DBus.Properties", "GetAll", "s", interface)[0]

    def introspect(self, path):
        return self.call(path, "org.freedesktop.DBus.Introspectable", "Introspect")[0]

    def wait_signal(self, member, condition=lambda body: True, seconds=DEADLINE):
        """(path, body) of the first signal of this name that meets the condition, come or to come; it and
        those before it are forgotten."""
        end = time.monotonic() + seconds
        while True:
            while self.signals:
                name, path, body = self.signals.pop(0)
                if name == member and condition(body):
                    return path, body
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                kind, fields, body = self.message()
            except TimeoutError:
                raise AssertionError(f"no signal {member} within {seconds} s") from None
            finally:
                self.socket.settimeout(DEADLINE)
            if kind == SIGNAL:
                self.signals.append((fields[MEMBER], fields[PATH], body))
