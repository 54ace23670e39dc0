"""Thousands of connections, and buffers that run out."""

import selectors
import socket
import threading
import time

from lib.cases import expect, same, until

from .basics import pinged
from .plan import LONG, case, figure, only_on
from .stream import LAZY, MIB, SINK, SOURCE, download, echoed, everything, upload
from .world import OURS4, OURS6, World

MANY = 40_000 if LONG else 8_000
WAVE = 2_000


def wave(world, count, port, six=False, reset=False):
    """Opens `count` connections, says and hears a word on each, and closes them all."""
    links = []
    selector = selectors.DefaultSelector()
    family, address = (socket.AF_INET6, OURS6) if six else (socket.AF_INET, OURS4)
    try:
        with world.inside():
            for _ in range(count):
                link = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
                links.append(link)
                if reset:
                    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                link.connect_ex((address, port))
                selector.register(link, selectors.EVENT_WRITE)
        talk(selector, count)
    finally:
        selector.close()
        [link.close() for link in links]


def talk(selector, count):
    """A word on each connection as it opens, and the same word back."""
    answered, deadline = 0, time.monotonic() + 60
    while answered < count:
        expect(time.monotonic() < deadline, f"{answered} of {count} connections have answered after 60 s")
        for key, events in selector.select(1):
            word = b"%08d" % key.fileobj.fileno()
            if events & selectors.EVENT_WRITE:
                error = key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                expect(error == 0, f"a connection failed with error {error}")
                key.fileobj.send(word)
                selector.modify(key.fileobj, selectors.EVENT_READ)
            else:
                same(key.fileobj.recv(100), word, "what came back")
                selector.unregister(key.fileobj)
                answered += 1


def leftovers(world):
    """What the kernel still has, TIME-WAIT left out."""
    return world.run("ss", "-Htan", "state", "connected", "exclude", "time-wait").stdout.strip()


@case("thousands of connections open, talk and close, and nothing is left at either end")
def thousands():
    # Thousands of resets at once are more than the interface's queue holds, and nobody sends a reset again: who missed one
    # finds out by a probe.
    with World("--time-wait", "1s", "--keep-alive", "1s/1s/2") as world:
        started = time.monotonic()
        for number in range(MANY // WAVE):
            wave(world, WAVE, 7, six=number % 2 == 1, reset=number % 4 == 3)
        seconds = time.monotonic() - started
        until(lambda: not leftovers(world), 10, "the kernel to have no connection left")
        stats = until(lambda: (s := world.stats())["connections"] == 0 and s, 10, "us to have none left")
        same(stats["frames_in_use"], 0, "frames in use")
        same(stats["tally"]["accepted"], MANY, "connections accepted")
        figure(f"{MANY} connections opened, used and closed, at {MANY / seconds:.0f} a second (this judge's own speed, mostly)")


@case("when frames run out, the ping is still answered, and everything arrives in the end")
def scarce_frames(count=100_000):
    with World("--frames", 256, "--laziness", "3s", "--receive-buffer", "64KiB") as world:
        links = [world.connect(LAZY) for _ in range(150)]
        for link in links:
            link.setblocking(False)
        data = bytes(n * 7 & 255 for n in range(count))
        sent = [link.send(data[: 60_000]) for link in links]
        until(lambda: world.counter("copied") > 0, 10, "something to be copied because frames are scarce")
        # What comes in while there is no frame to receive into is lost, so a run may miss some.
        runs = [pinged(world, "-c", 20, "-i", 0.02, "-W", 1, OURS4)[1]]
        while len(runs) < 3 and runs[-1] < 19:
            runs.append(pinged(world, "-c", 20, "-i", 0.02, "-W", 1, OURS4)[1])
        expect(runs[-1] >= 19, f"of 20 pings there were answered {runs}")
        with world.connect(7) as link:
            echoed(link, b"still there")
        for link, done in zip(links, sent):
            link.settimeout(60)
            link.sendall(data[done:])
            link.shutdown(socket.SHUT_WR)
        told = {everything(link).decode() for link in links}
        same(len(told), 1, "different answers")
        expect(told.pop().startswith(f"{count} "), "not all bytes came")
        [link.close() for link in links]


@case("rings and frames as few as can be: streams both ways are whole, and what ran dry is counted by its name")
@only_on("xdp", "a TAP interface has no rings that we share with the kernel")
def scarce_rings(count=8 * MIB):
    with World("--rings", 32, "--frames", 128, "--laziness", "1s") as world:
        # Who sleeps has unread bytes in most of the frames meanwhile.
        asleep = [world.connect(LAZY) for _ in range(30)]
        for link in asleep:
            link.sendall(b"x" * 10_000)
            link.shutdown(socket.SHUT_WR)
        failures = []

        def stream(port, transfer):
            try:
                with world.connect(port) as link:
                    transfer(link, count)
            except Exception as error:
                failures.append(f"{transfer.__name__}: {error}")

        threads = [threading.Thread(target=stream, args=row) for row in 4 * [(SINK, upload), (SOURCE, download)]]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        same(failures, [], "failures")
        for link in asleep:
            expect(everything(link).startswith(b"10000 "), "not all bytes came")
            link.close()
        stats = world.stats()
        counted = {**stats["xdp"], **{name: stats["counters"].get(name, 0) for name in ("frames_exhausted", "copied")}}
        figure(f"what ran dry with rings of 32 and 128 frames: {counted}")
        for names in (("receive_ring_full", "fill_ring_empty"), ("frames_exhausted",), ("copied",), ("transmit_ring_full",)):
            expect(sum(counted[name] for name in names) > 0, f"{' and '.join(names)} never: {counted}")


@case("a backlog that is full lets the kernel try again, and all come in")
def backlog():
    with World("--backlog", 32) as world:
        wave(world, 400, 7)
        until(lambda: world.stats()["connections"] == 0, 10, "no connection")


@case("opens and resets in a hurry leave nothing behind")
def churn():
    with World("--time-wait", "1s") as world:
        opened = 10_000 if LONG else 2_000
        for number in range(opened):
            with world.connect(SINK, before=[(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")]) as link:
                link.send(b"x" * (number % 5000))
        stats = until(lambda: (s := world.stats())["connections"] == 0 and s, 5, "no connection")
        same(stats["tally"]["accepted"], opened, "connections accepted")


@case("a connection that is left over does not escape the judge")
def canary():
    with World("--linger", "300ms") as world, world.connect(7) as link:
        echoed(link, b"hello")
        world.tell("quit")
        same(world.hear()["problems"], ["1 connections are left"], "what our host complains about")
        same(world.process.wait(5), 1, "its exit code")
