"""Connections that we open, to servers of the kernel."""

import contextlib
import selectors
import socket
import threading
import time

from lib.cases import expect, same

from .plan import LONG, case, figure
from .stream import MIB
from .world import KERNEL4, KERNEL6, OURS4, OURS6, World


class EchoServer:
    """An echo server of the kernel for any number of connections, in a thread."""

    def __init__(self, world, six=False, before=()):
        self.selector = selectors.DefaultSelector()
        self.listener = world.socket(socket.AF_INET6 if six else socket.AF_INET)
        for option in before:
            self.listener.setsockopt(*option)
        self.listener.bind((KERNEL6 if six else KERNEL4, 0))
        self.listener.listen(4096)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ)
        host, port = self.listener.getsockname()[:2]
        self.address = f"[{host}]:{port}" if six else f"{host}:{port}"
        self.waiting = {}
        self.ending = False
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending = True
        self.thread.join()
        for link in list(self.waiting):
            link.close()
        self.listener.close()
        self.selector.close()

    def serve(self):
        while not self.ending:
            for key, events in self.selector.select(0.05):
                if key.fileobj is self.listener:
                    self.accept()
                else:
                    self.turn(key.fileobj, events)

    def accept(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                link, _ = self.listener.accept()
                link.setblocking(False)
                self.waiting[link] = b""
                self.selector.register(link, selectors.EVENT_READ)

    def turn(self, link, events):
        try:
            if events & selectors.EVENT_WRITE:
                rest = self.waiting[link]
                self.waiting[link] = rest[link.send(rest) :]
            elif data := link.recv(256 * 1024):
                self.waiting[link] = data[link.send(data) :]
            else:
                return self.drop(link)
        except BlockingIOError:
            if not events & selectors.EVENT_WRITE:
                self.waiting[link] = data
        except OSError:
            return self.drop(link)
        self.selector.modify(link, selectors.EVENT_WRITE if self.waiting[link] else selectors.EVENT_READ)

    def drop(self, link):
        self.selector.unregister(link)
        del self.waiting[link]
        link.close()


def run(world, *flags, seconds=60):
    """Starts our host as a client and waits until it has done everything; its last words."""
    world.start(*flags)
    final = world.hear(seconds)
    same((world.process.wait(10), final["problems"]), (0, []), f"our host's end: {world.complaints()}")
    return final


def endings(final):
    """How connections ended, without what was told on the way."""
    return {name: count for name, count in final["tally"].items() if name[0].isupper()}


@case("we connect: thousands of connections to the kernel over IPv4 and IPv6, each with a stream of its own")
def many():
    count = 20_000 if LONG else 4_000
    for six in (False, True):
        with World(role="connect") as world, EchoServer(world, six) as server:
            started = time.monotonic()
            final = run(world, "--to", server.address, "--connections", count, "--parallel", 1000, "--bytes", 3000, "--time-wait", "2s")
            same(endings(final), {"InOrder": count}, "how they ended")
            figure(f"{count} connections opened by us over IPv{6 if six else 4}, at {count / (time.monotonic() - started):.0f} a second")


@case("we connect: large streams there and back, clean and through loss and reordering")
def large():
    rows = [(8, 16 * MIB, ""), (4, MIB, "loss=1%,seed=1"), (4, MIB, "reorder=10%,seed=2"), (20, 50_000, "loss=10%,duplicate=5%,corrupt=1%,flips=1,seed=3")]
    for count, size, spec in rows:
        with World(role="connect") as world, EchoServer(world) as server:
            flags = ("--connections", count, "--parallel", 8, "--bytes", size, "--faulty", spec)
            same(endings(run(world, "--to", server.address, *flags)), {"InOrder": count}, f"how they ended with {spec!r}")


@case("we connect: a port where nobody listens refuses, a neighbour that is not there is unreachable")
def refused():
    for to, reason in ((f"{KERNEL4}:9", "Refused"), (f"[{KERNEL6}]:9", "Refused"), ("10.77.0.99:9", "Unreachable")):
        with World(role="connect") as world:
            same(endings(run(world, "--to", to, "--connections", 3)), {reason: 3}, f"how connections to {to} ended")


@case("we connect: the kernel resets, and closes at once")
def odd_servers():
    for linger, reason in ((True, "Reset"), (False, "InOrder")):
        with World(role="connect") as world, world.socket() as listener:
            listener.bind((KERNEL4, 0))
            listener.listen(64)
            world.start("--to", f"{KERNEL4}:{listener.getsockname()[1]}", "--connections", 10, "--bytes", 0)
            for _ in range(10):
                link, _ = listener.accept()
                if linger:
                    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                link.close()
            same(endings(world.hear()), {reason: 10}, "how they ended")
            same(world.process.wait(10), 0, f"our host's end: {world.complaints()}")


@case("we connect: both ends connect to each other at the same moment")
def simultaneous():
    for six in (False, True):
        kernel = KERNEL6 if six else KERNEL4
        with World(role="connect") as world, world.socket(socket.AF_INET6 if six else socket.AF_INET) as link:
            link.bind((kernel, 5001))
            to = f"[{kernel}]:5001" if six else f"{kernel}:5001"
            # The way is long enough for both SYNs to be on it at once; the kernel's answer to ours would be an RST.
            flags = ("--source-port", 5002, "--to", to, "--bytes", 100_000, "--faulty", "delay=300ms")
            opener = threading.Thread(target=world.start, args=flags)
            opener.start()
            link.connect((OURS6 if six else OURS4, 5002))
            opener.join()
            with contextlib.suppress(OSError):
                while data := link.recv(65_536):
                    link.sendall(data)
            link.close()
            final = world.hear()
            same(endings(final), {"InOrder": 1}, f"how it ended: {final['counters']}")
            same(world.process.wait(10), 0, f"our host's end: {world.complaints()}")


@case("we connect: small windows and small segments at a kernel server")
def small():
    for option in ((socket.SOL_SOCKET, socket.SO_RCVBUF, 2304), (socket.IPPROTO_TCP, socket.TCP_MAXSEG, 88), (socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)):
        with World(role="connect") as world, EchoServer(world, before=[option]) as server:
            final = run(world, "--to", server.address, "--connections", 4, "--bytes", 100_000)
            same(endings(final), {"InOrder": 4}, f"how they ended with {option}")


@case("we connect: a kernel server that is gone in the middle of a stream")
def vanished():
    with World(role="connect", v6=False) as world, EchoServer(world) as server:
        world.start("--to", server.address, "--connections", 3, "--bytes", "10GB", "--user-timeout", "3s")
        world.move_on(MIB)
        world.ip("link", "set", "t0", "down")
        final = world.hear(20)
        same(final["tally"].get("TimedOut"), 3, f"how they ended: {final['tally']}")
        same(world.process.wait(10), 0, f"our host's end: {world.complaints()}")
        expect(final["frames_in_use"] == 0, f"{final['frames_in_use']} frames in use")
