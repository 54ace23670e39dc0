"""A WebSocket client that does exactly what a judge tells it, lawful or not. Not a library: the lawful judge is `websockets`."""

import base64
import json
import os
import socket
import struct

from . import http
from .place import bracketed

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
CONTINUATION = 0


def head(server, extra="", path="/connection/websocket"):
    """The bytes of a lawful upgrade request."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: {bracketed(server.host)}:{server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{extra}\r\n"
    ).encode()


def frame(opcode, payload=b"", fin=True, mask=True, reserved=0, declared=None):
    """One frame's bytes; `declared` lies about the length (the payload is sent as it is)."""
    length = len(payload) if declared is None else declared
    first = (0x80 if fin else 0) | (reserved << 4) | opcode
    bit = 0x80 if mask else 0
    if length < 126:
        start = struct.pack("!BB", first, bit | length)
    elif length < 65536:
        start = struct.pack("!BBH", first, bit | 126, length)
    else:
        start = struct.pack("!BBQ", first, bit | 127, length)
    if not mask:
        return start + payload
    key = os.urandom(4)
    whole = key * (len(payload) // 4 + 1)
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(whole[: len(payload)], "big")
    return start + key + masked.to_bytes(len(payload), "big")


class Raw:
    """One connection, upgraded at once. Every wait has the socket's timeout."""

    def __init__(self, server, seconds=15, extra="", receive_buffer=None):
        self.link = socket.socket(socket.AF_INET6 if ":" in server.host else socket.AF_INET)
        if receive_buffer:
            self.link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.link.settimeout(seconds)
        self.link.connect((server.host, server.port))
        self.buffer = b""
        self.objects = []
        self.link.sendall(head(server, extra))
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        answer, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 101"):
            raise AssertionError(f"upgrade refused: {answer[:200]!r}")

    def _more(self):
        piece = self.link.recv(65536)
        if not piece:
            raise EOFError("the server ended the stream")
        self.buffer += piece

    def send(self, data):
        """Bytes as they are."""
        self.link.sendall(data)

    def text(self, text):
        self.send(frame(TEXT, text.encode() if isinstance(text, str) else text))

    def commands(self, *commands):
        """Commands, newline-joined, in one text frame."""
        self.text("\n".join(json.dumps(command) for command in commands))

    def frame(self):
        """The next frame of the server: (fin, opcode, payload)."""
        while len(self.buffer) < 2:
            self._more()
        first, second = self.buffer[0], self.buffer[1]
        if second & 0x80:
            raise AssertionError("the server masked a frame")
        if first & 0x70:
            raise AssertionError(f"the server set reserved bits: {first:#x}")
        length, start = second & 0x7F, 2
        if length >= 126:
            size = 2 if length == 126 else 8
            while len(self.buffer) < 2 + size:
                self._more()
            length, start = int.from_bytes(self.buffer[2 : 2 + size], "big"), 2 + size
        while len(self.buffer) < start + length:
            self._more()
        payload = self.buffer[start : start + length]
        self.buffer = self.buffer[start + length :]
        return bool(first & 0x80), first & 0x0F, payload

    def next(self):
        """The next JSON object of the protocol; a close frame is an EOFError that names its code."""
        while not self.objects:
            _, opcode, payload = self.frame()
            if opcode == TEXT:
                self.objects = [json.loads(line) for line in payload.decode().split("\n") if line.strip()]
            elif opcode == CLOSE:
                raise EOFError(f"closed with {close_code(payload)}")
        return self.objects.pop(0)

    def reply(self, number):
        """The reply with this id; pushes and pings before it are dropped."""
        while True:
            got = self.next()
            if got.get("id") == number:
                return got

    def push(self):
        """The next publication: (channel, publication)."""
        while True:
            push = self.next().get("push")
            if push and "pub" in push:
                return push["channel"], push["pub"]

    def closed(self):
        """Reads to the close frame and answers it: (code, reason). End of stream without one is code 1006."""
        while True:
            try:
                _, opcode, payload = self.frame()
            except (EOFError, ConnectionError):
                return 1006, ""
            if opcode == CLOSE:
                try:
                    self.send(frame(CLOSE, payload[:2]))
                except OSError:
                    pass
                return close_code(payload), payload[2:].decode("utf-8", "replace")

    def close(self):
        self.link.close()


def close_code(payload):
    return int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005


def joined(server, *channels, **more):
    """A connection that has connected and subscribed to the channels."""
    client = Raw(server, **more)
    commands = [{"id": 1, "connect": {}}]
    commands += [{"id": 2 + i, "subscribe": {"channel": name}} for i, name in enumerate(channels)]
    client.commands(*commands)
    for number in range(1, len(commands) + 1):
        reply = client.reply(number)
        if "error" in reply:
            raise AssertionError(f"{commands[number - 1]!r} was answered {reply!r}")
    return client


def clients_of(server):
    """How many connections the server counts."""
    return http.result(server, "info", {})["nodes"][0].get("num_clients", 0)
