"""Resets, peers that vanish, keep-alive, and ports that are used again."""

import errno
import os
import signal
import socket
import struct
import time

from lib.cases import expect, same, until

from .plan import case
from .stream import ABORT, CLOSE, FIRST, GONE, SINK, SOURCE, echoed, everything, info
from .world import World

LINGER_0 = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def keep_alive(link, idle, interval, probes):
    """The kernel's keep-alive."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in ((socket.TCP_KEEPIDLE, idle), (socket.TCP_KEEPINTVL, interval), (socket.TCP_KEEPCNT, probes)):
        link.setsockopt(socket.IPPROTO_TCP, name, value)


def fate(link, words=b"", seconds=10):
    """How a connection ends on which `words` are said: the bytes that are read, or the error's name."""
    link.settimeout(seconds)
    try:
        if words:
            link.sendall(words)
        return everything(link)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


@case("resets: the kernel's SO_LINGER 0 is a reset for us, at rest, with unread bytes, in the middle of our stream")
def reset_by_kernel():
    opened = 0
    with World() as world:
        for port, words in ((7, b""), (SINK, b"x" * 50_000), (SOURCE, b"100000000\n")):
            for six in (False, True):
                link = world.connect(port, six=six)
                link.sendall(words)
                opened += 1
                until(lambda: world.stats()["tally"].get("accepted") == opened, 5, "us to have the connection")
                until(lambda: info(link)["unacked"] == 0, 5, "us to have the words")
                if port == SOURCE:
                    expect(link.recv(1, socket.MSG_PEEK), "our stream did not begin")
                link.setsockopt(*LINGER_0)
                link.close()
        stats = until(lambda: (s := world.stats())["connections"] == 0 and s, 5, "no connection")
        same(stats["tally"].get("Reset"), 6, "connections reset by the peer")
        same(stats["frames_in_use"], 0, "frames in use")


@case("resets: ours is a reset for the kernel, whether aborted or closed with unread bytes")
def reset_by_us():
    with World() as world:
        for port in (ABORT, CLOSE):
            for six in (False, True):
                with world.connect(port, six=six) as link:
                    same(fate(link, b"x" * 100_000), "ECONNRESET", f"what the kernel sees from port {port}")
        until(lambda: world.stats()["connections"] == 0, 5, "no connection")


@case("a connection that we give up at once: the kernel reads the end, and what it still says is refused")
def given_up():
    with World() as world:
        for six in (False, True):
            with world.connect(GONE, six=six) as link:
                same(fate(link), b"", "what the kernel reads")
                link.sendall(b"anybody there?")
                until(lambda: refused(link), 5, "the kernel to be told that nobody is")
        stats = until(lambda: (s := world.stats())["connections"] == 0 and s, 5, "no connection")
        expect(stats["counters"].get("dropped_closed", 0) >= 2, f"{stats['counters']}")


def refused(link):
    """Whether writing fails."""
    try:
        link.send(b"?")
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False


@case("a connection that both ends close at the same moment ends in order")
def both_close():
    with World("--faulty", "delay=50ms") as world:
        links = [world.connect(FIRST) for _ in range(20)]
        for link in links:
            link.shutdown(socket.SHUT_WR)
        for link in links:
            same(fate(link), b"goodbye\n", "what the kernel reads")
            link.close()
        until(lambda: world.stats()["tally"].get("InOrder") == 20, 5, "all to end in order")


@case("keep-alive: the kernel's probes are answered, ours are too, and idle connections stay")
def keep_alive_lives():
    with World("--keep-alive", "1s/1s/3") as world:
        quiet, probing = world.connect(7), world.connect(7)
        keep_alive(probing, 1, 1, 2)
        # Longer than either end waits before it gives up a peer that does not answer.
        until(lambda: world.counter("keep_alive_probes") >= 5, 30, "five probes of ours", step=0.1)
        for link in (quiet, probing):
            echoed(link, b"still there")
            link.close()
        same(world.counter("closed_keep_alive"), 0, "connections given up")


@case("keep-alive: a peer that has vanished is noticed, by us and by the kernel")
def keep_alive_dies():
    with World("--keep-alive", "1s/1s/2", v6=False) as world:
        link = world.connect(7)
        echoed(link, b"hello")
        world.ip("link", "set", "t0", "down")
        until(lambda: world.counter("closed_keep_alive") == 1, 10, "us to notice", step=0.1)
        same(world.stats()["connections"], 0, "connections")
        world.ip("link", "set", "t0", "up")
        # The kernel's end still believes in the connection; what it says now is refused.
        link.sendall(b"hello?")
        same(fate(link), "ECONNRESET", "what the kernel is told")
        link.close()
        link = world.connect(7)
        keep_alive(link, 1, 1, 2)
        echoed(link, b"hello again")
        os.kill(world.process.pid, signal.SIGSTOP)
        try:
            same(fate(link), "ETIMEDOUT", "what the kernel notices")
        finally:
            os.kill(world.process.pid, signal.SIGCONT)
        link.close()
        until(lambda: world.stats()["connections"] == 0, 10, "us to notice too", step=0.1)


@case("a peer that acknowledges nothing any more is given up after the user timeout")
def user_timeout():
    with World("--user-timeout", "3s", v6=False) as world, world.connect(SOURCE) as link:
        link.sendall(b"1000000000\n")
        expect(link.recv(1, socket.MSG_PEEK), "our stream did not begin")
        world.ip("link", "set", "t0", "down")
        started = time.monotonic()
        until(lambda: world.counter("closed_timeout") == 1, 15, "us to give up", step=0.1)
        waited = time.monotonic() - started
        expect(2.5 < waited < 8, f"we gave up after {waited:.1f} s instead of 3")
        same(world.stats()["connections"], 0, "connections")


@case("a port is used again while our end is in TIME-WAIT, a hundred times, at once each time")
def reuse():
    for flags, sysctls in (((), ()), (("--no-timestamps",), [("net.ipv4.tcp_timestamps", 0)])):
        with World(*flags, sysctls=sysctls) as world:
            started = time.monotonic()
            for n in range(100):
                # We finish first, so the wait is ours, and the kernel forgets its end.
                with world.connect(FIRST, source=40_000) as link:
                    same(everything(link), b"goodbye\n", "what came")
                    link.sendall(bytes([n]))
                    link.shutdown(socket.SHUT_WR)
                    until(lambda: closed(link), 5, "the kernel's end to be closed", step=0.001)
            seconds = time.monotonic() - started
            same(world.counter("time_wait_reopened"), 99, "connections out of TIME-WAIT")
            expect(seconds < 20, f"a hundred took {seconds:.1f} s")


def closed(link):
    """Whether the kernel has finished with a connection."""
    return link.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 7
