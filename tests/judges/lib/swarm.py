"""Thousands of raw WebSocket subscribers on one epoll loop: enough to storm a server, count, and check every offset."""

import json
import select
import socket
import time

from .raw import CLOSE, TEXT, close_code, frame, head

IP_BIND_ADDRESS_NO_PORT = 24  # the port is chosen at connect, so that one pair of addresses does not limit another
STRAYS = 50  # who speak at once to a server that does not know them
SLICE = 100  # connects started between two looks at what came back


class Member:
    """One subscriber: its socket, what is half read, what it was told."""

    __slots__ = ("link", "buffer", "upgraded", "subscribed", "offsets", "code", "ended", "silent")

    def __init__(self, link):
        self.link = link
        self.buffer = b""
        self.upgraded = False
        self.subscribed = None
        self.offsets = []
        self.code = None
        self.ended = False
        self.silent = False


class Swarm:
    """`count` subscribers of one channel. `subscribe` adds fields to the request, such as a position to recover from."""

    def __init__(self, server, count, channel, subscribe=None):
        self.count = count
        self.members = []
        self.by_descriptor = {}
        self.epoll = select.epoll()
        self.address = (server.host, server.port)
        self.sources = server.place.sources
        self.head = head(server)
        connect = {"id": 1, "connect": {}}
        request = {"id": 2, "subscribe": {"channel": channel, **(subscribe or {})}}
        self.frame = frame(TEXT, f"{json.dumps(connect)}\n{json.dumps(request)}".encode())
        self.subscribed = 0
        self.ended = 0

    def storm(self, seconds):
        """Connects and subscribes all of them as fast as this process can; the seconds it took."""
        started = time.monotonic()
        while len(self.members) < self.count:
            for _ in range(min(SLICE, self.count - len(self.members))):
                self._start()
            self.turn(0)
        self.run(lambda: self.subscribed >= self.count, seconds, f"{self.count} subscribers")
        return time.monotonic() - started

    def _start(self):
        link = socket.socket()
        link.setblocking(False)
        link.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        link.bind((self.sources[len(self.members) % len(self.sources)], 0))
        link.connect_ex(self.address)
        member = Member(link)
        self.members.append(member)
        self.by_descriptor[link.fileno()] = member
        self.epoll.register(link.fileno(), select.EPOLLOUT)

    def learn_of_the_end(self, seconds):
        """Every member speaks (an answer to a ping that nobody sent) to a server that knows none of them, until it is reset.

        A few at a time: a host answers only so many strays in a millisecond, and who is left out asks again ever later.
        """
        for at in range(0, len(self.members), STRAYS):
            slice_ = self.members[at : at + STRAYS]
            for member in slice_:
                try:
                    if not member.ended:
                        member.link.send(frame(TEXT, b"{}"))
                except OSError:
                    self._end(member)
            self.run(lambda: all(member.ended for member in slice_), seconds, "a reset for each who spoke")

    def run(self, done, seconds, what):
        """Serves the sockets until `done()`; fails after `seconds`, naming `what` (text, or what gives it then)."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                named = what() if callable(what) else what
                raise AssertionError(
                    f"waited {seconds} s for {named}: {self.subscribed} subscribed, {self.ended} ended of {self.count}; "
                    f"close codes {self.codes()}"
                )
            self.turn(0.05)

    def turn(self, seconds):
        for descriptor, event in self.epoll.poll(seconds, 1024):
            member = self.by_descriptor.get(descriptor)
            if member is None:
                continue
            if event & select.EPOLLOUT:
                self._connected(member)
            if event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                self._read(member)

    def _connected(self, member):
        try:
            member.link.send(self.head)
            self.epoll.modify(member.link.fileno(), select.EPOLLIN)
        except OSError:
            self._end(member)

    def _read(self, member):
        try:
            piece = member.link.recv(262144)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._end(member)
            return
        member.buffer += piece
        if not member.upgraded:
            answer, end, rest = member.buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if not answer.startswith(b"HTTP/1.1 101"):
                raise AssertionError(f"upgrade refused: {answer[:200]!r}")
            member.upgraded = True
            member.buffer = rest
            member.link.send(self.frame)
        self._frames(member)

    def _frames(self, member):
        data, at = member.buffer, 0
        while len(data) - at >= 2:
            length, start = data[at + 1] & 0x7F, at + 2
            if length >= 126:
                size = 2 if length == 126 else 8
                if len(data) < start + size:
                    break
                length, start = int.from_bytes(data[start : start + size], "big"), start + size
            if len(data) < start + length:
                break
            self._take(member, data[at] & 0x0F, data[start : start + length])
            at = start + length
        member.buffer = data[at:]

    def _take(self, member, opcode, payload):
        if opcode == CLOSE:
            member.code = close_code(payload)
            if not member.silent:
                member.link.send(frame(CLOSE, payload[:2]))
            return
        for line in payload.split(b"\n"):
            if not line.strip():
                continue
            got = json.loads(line)
            if not got and not member.silent:
                member.link.send(frame(TEXT, b"{}"))
            elif "error" in got:
                raise AssertionError(f"refused: {got!r}")
            elif "subscribe" in got:
                member.subscribed = got["subscribe"]
                self.subscribed += 1
                member.offsets += [p["offset"] for p in got["subscribe"].get("publications", [])]
            elif "push" in got and "pub" in got["push"]:
                if member.subscribed is None:
                    raise AssertionError("a publication came before the subscribe reply")
                member.offsets.append(got["push"]["pub"]["offset"])

    def _end(self, member):
        if not member.ended:
            member.ended = True
            self.ended += 1
            del self.by_descriptor[member.link.fileno()]
            member.link.close()

    def codes(self):
        """How many members were closed with which code."""
        counted = {}
        for member in self.members:
            if member.ended or member.code:
                counted[member.code] = counted.get(member.code, 0) + 1
        return counted

    def receive(self, due, seconds):
        """Waits until every member has exactly the offsets `due`, in that order."""
        last = due[-1]
        waiting = {id(m): m for m in self.members}

        def all_there():
            for key in [k for k, m in waiting.items() if m.offsets and m.offsets[-1] >= last]:
                del waiting[key]
            return not waiting

        self.run(all_there, seconds, lambda: f"offset {last} at everyone ({len(waiting)} still wait)")
        for number, member in enumerate(self.members):
            if member.offsets != due:
                raise AssertionError(f"member {number} has offsets {member.offsets[:40]} instead of {due[:40]}")

    def close(self):
        for member in self.members:
            self._end(member)
        self.epoll.close()
