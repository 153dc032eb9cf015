"""A peer that speaks ZMTP and the coordinator's protocol from their specifications, with sockets alone: so
that it can also speak them wrongly. Nothing of the product is used here."""

import contextlib
import socket
import struct
import time

HELLO, RENEW, REPORT, RELEASE, GOODBYE, WELCOME, REJECT, GRANT, REPORT_ACK, REVOKE, PULSE, DRAIN = range(1, 13)


def pack(value):
    """MessagePack of what the protocol uses."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        for limit, code, form in ((1 << 7, None, "B"), (1 << 8, b"\xcc", "B"), (1 << 16, b"\xcd", ">H"),
                                  (1 << 32, b"\xce", ">I"), (1 << 64, b"\xcf", ">Q")):
            if value < limit:
                return (code or b"") + struct.pack(form, value)
    if isinstance(value, str):
        data = value.encode()
        return (bytes([0xA0 | len(data)]) if len(data) < 32 else b"\xda" + struct.pack(">H", len(data))) + data
    if isinstance(value, bytes):
        return b"\xc6" + struct.pack(">I", len(value)) + value
    if isinstance(value, (list, tuple)):
        head = bytes([0x90 | len(value)]) if len(value) < 16 else b"\xdc" + struct.pack(">H", len(value))
        return head + b"".join(map(pack, value))
    head = bytes([0x80 | len(value)]) if len(value) < 16 else b"\xde" + struct.pack(">H", len(value))
    return head + b"".join(pack(key) + pack(item) for key, item in value.items())


def unpack(data):
    """The value that the bytes are; what the protocol never uses raises."""
    def take(at):
        code = data[at]
        at += 1
        def number(form):
            size = struct.calcsize(form)
            return struct.unpack(form, data[at:at + size])[0], at + size
        def text(size, start):
            return data[start:start + size].decode(), start + size
        def items(count, start):
            values = []
            for _ in range(count):
                value, start = take(start)
                values.append(value)
            return values, start
        def members(count, start):
            values, start = items(2 * count, start)
            return dict(zip(values[::2], values[1::2])), start
        if code < 0x80:
            return code, at
        if code < 0x90:
            return members(code & 15, at)
        if code < 0xA0:
            return items(code & 15, at)
        if code < 0xC0:
            return text(code & 31, at)
        if code in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[code], at
        if code in (0xC4, 0xC5, 0xC6):
            size, start = number({0xC4: "B", 0xC5: ">H", 0xC6: ">I"}[code])
            return data[start:start + size], start + size
        if code in (0xCC, 0xCD, 0xCE, 0xCF):
            return number({0xCC: "B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q"}[code])
        if code in (0xD9, 0xDA, 0xDB):
            return text(*number({0xD9: "B", 0xDA: ">H", 0xDB: ">I"}[code]))
        if code in (0xDC, 0xDD):
            return items(*number({0xDC: ">H", 0xDD: ">I"}[code]))
        if code in (0xDE, 0xDF):
            return members(*number({0xDE: ">H", 0xDF: ">I"}[code]))
        raise ValueError(f"byte {code:#x}")
    return take(0)[0]


def header(kind, version=1):
    return b"ATHN" + bytes([version, kind])


def frame(data, more=False, command=False):
    flags = (1 if more else 0) | (4 if command else 0)
    if len(data) < 256:
        return bytes([flags, len(data)]) + data
    return bytes([flags | 2]) + struct.pack(">Q", len(data)) + data


def greeting(mechanism=b"NULL"):
    return b"\xff" + bytes(8) + b"\x7f\x03\x01" + mechanism.ljust(20, b"\0") + bytes(32)


def ready(kind=b"DEALER"):
    def prop(name, value):
        return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
    return frame(b"\x05READY" + prop(b"Socket-Type", kind) + prop(b"Identity", b""), command=True)


class Closed(Exception):
    """The other end has closed the connection."""


class Peer:
    """One connection to an endpoint without encryption ("tcp://127.0.0.1:port", "ipc:///path")."""

    def __init__(self, endpoint, timeout=10):
        if endpoint.startswith("ipc://"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(endpoint[len("ipc://"):])
        else:
            host, port = endpoint[len("tcp://"):].rsplit(":", 1)
            self.socket = socket.create_connection((host, int(port)), timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed from error

    def handshake(self):
        self.send_bytes(greeting() + ready())
        self.take(64)
        self.frame()  # the other end's READY
        return self

    def take(self, count):
        while len(self.buffer) < count:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError as error:
                raise Closed from error
            if not data:
                raise Closed
            self.buffer += data
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def frame(self):
        """(flags, bytes) of the next frame."""
        flags = self.take(1)[0]
        size = struct.unpack(">Q", self.take(8))[0] if flags & 2 else self.take(1)[0]
        return flags, self.take(size)

    def send(self, kind, body, version=1):
        self.send_frames(header(kind, version), pack(body))

    def send_frames(self, *frames):
        self.send_bytes(b"".join(frame(data, more=at + 1 < len(frames)) for at, data in enumerate(frames)))

    def receive(self, kind=None):
        """The next message as (type, body), or the body of the next one of a type; answers pings."""
        while True:
            parts, flags = [], 1
            while flags & 1:
                flags, data = self.frame()
                if flags & 4:
                    if data[:5] == b"\x04PING":
                        self.send_bytes(frame(b"\x04PONG" + data[7:], command=True))
                    flags = 1
                else:
                    parts.append(data)
            got = parts[0][5]
            if kind is None:
                return got, unpack(parts[1])
            if got == kind:
                return unpack(parts[1])

    def hello(self, name, jobs=1, running=(), **more):
        """Says hello and returns the welcome."""
        self.send(HELLO, dict({"protocol_min": 1, "protocol_max": 1, "name": name, "version": "0",
                               "capacity": {"jobs": jobs, "cpu": jobs}, "running": list(running)}, **more))
        return self.receive(WELCOME)

    def is_cut(self, seconds=10):
        """Whether the other end closes the connection in time, whatever it says before."""
        deadline = time.monotonic() + seconds
        self.socket.settimeout(0.2)
        while time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                try:
                    if not self.socket.recv(1 << 16):
                        return True
                except OSError as error:
                    if isinstance(error, TimeoutError):
                        raise
                    return True
        return False


class Listener:
    """The other end: takes one worker at a time on a unix socket, as a ROUTER does."""

    def __init__(self, path):
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen(16)
        self.endpoint = f"ipc://{path}"

    def accept(self, timeout=20):
        self.server.settimeout(timeout)
        peer = Peer.__new__(Peer)
        peer.socket, _ = self.server.accept()
        peer.socket.settimeout(timeout)
        peer.buffer = b""
        peer.send_bytes(greeting() + ready(b"ROUTER"))
        peer.take(64)
        peer.frame()
        return peer

    def close(self):
        self.server.close()


def recorded(source, version, name):
    """(header, body as a value) of a message as a program of that version said it."""
    data = bytes.fromhex((source / "tests/golden/protocol" / str(version) / f"{name}.hex").read_text())
    return data[:6], unpack(data[6:])
