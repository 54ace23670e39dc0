"""Small and closed windows, small segments, urgent data."""

import fcntl
import socket
import struct
import termios
import threading
import time

from lib.cases import expect, same, until

from .plan import case
from .stream import LAZY, MIB, SINK, SOURCE, blocks, download, echoed, exactly, info, upload, verify
from .world import World

RCVBUF = (socket.SOL_SOCKET, socket.SO_RCVBUF)
SNDBUF = (socket.SOL_SOCKET, socket.SO_SNDBUF)
MAXSEG = (socket.IPPROTO_TCP, socket.TCP_MAXSEG)


@case("a tiny receive buffer at the kernel's end: slow, but whole")
def tiny_kernel(count=1_000_000):
    with World() as world:
        for size in (1, 2304, 4608):
            with world.connect(SOURCE, before=[(*RCVBUF, size)]) as link:
                seconds = download(link, count)
                expect(seconds < 20, f"{count} bytes through SO_RCVBUF {size} took {seconds:.1f} s")


@case("a tiny receive buffer at our end: slow, but whole")
def tiny_ours(count=1_000_000):
    for size in (536, 1000, 2304, 4608):
        with World("--receive-buffer", size) as world, world.connect(SINK) as link:
            seconds = upload(link, count)
            expect(seconds < 20, f"{count} bytes through our {size} took {seconds:.1f} s")


@case("a tiny send queue at our end")
def tiny_queue(count=1_000_000):
    for size in (1, 100, 1448, 5000):
        with World("--send-buffer", size) as world, world.connect(SOURCE) as link:
            download(link, count if size > 1 else 20_000)


@case("the kernel does not read for seconds: its window closes, we probe, nothing is lost")
def kernel_sleeps(count=4 * MIB):
    with World() as world:
        for probes in (1, 4):
            with world.connect(SOURCE, before=[(*RCVBUF, 20_000)]) as link:
                before = world.counter("window_probes")
                link.sendall(b"%d\n" % count)
                until(lambda: world.counter("window_probes") >= before + probes, 30, f"{probes} probes of the window", step=0.05)
                started = time.monotonic()
                verify(link, count)
                seconds = time.monotonic() - started
                expect(seconds < 15, f"going on took {seconds:.1f} s")


@case("the kernel reads a little now and then: its window opens and closes many times")
def kernel_dozes(count=300_000):
    with World() as world, world.connect(SOURCE, before=[(*RCVBUF, 8_000)]) as link:
        link.sendall(b"%d\n" % count)
        got = b""
        while len(got) < count // 2:
            until(lambda: unread(link) >= 1_448, 10, "a segment in the buffer", step=0.001)
            got += link.recv(5_000)
        while part := link.recv(MIB):
            got += part
        same(len(got), count + 4, "bytes")


def unread(link):
    """Bytes that the kernel has and nobody has read."""
    return struct.unpack("i", fcntl.ioctl(link, termios.FIONREAD, b"\0" * 4))[0]


@case("we do not read for seconds: our window closes, the kernel probes, nothing is lost")
def ours_sleep():
    for size in ("4KiB", "64KiB", "1MiB"):
        with World("--laziness", "2500ms", "--receive-buffer", size) as world, world.connect(LAZY) as link:
            started = time.monotonic()
            upload(link, 4 * MIB)
            seconds = time.monotonic() - started
            expect(2.4 < seconds < 12, f"it took {seconds:.1f} s")


@case("small segments: TCP_MAXSEG 88 and 536 at the kernel's end, and a route with advmss")
def small_segments():
    with World() as world:
        for mss, six in ((88, False), (536, False), (536, True), (1000, True)):
            for port, transfer in ((SINK, upload), (SOURCE, download)):
                with world.connect(port, six=six, before=[(*MAXSEG, mss)]) as link:
                    transfer(link, 400_000)
                    told = info(link)
                    if port == SOURCE:
                        expect(told["rcv_mss"] <= mss, f"our segments had {told['rcv_mss']} bytes, more than {mss}")
        world.ip("route", "change", "10.77.0.0/24", "dev", "t0", "src", "10.77.0.1", "advmss", 536)
        with world.connect(SOURCE) as link:
            download(link, 1_000_000)
            same(info(link)["rcv_mss"], 524, "bytes in our segments for advmss 536 with timestamps")


@case("urgent data arrives in its place, and is told")
def urgent():
    with World() as world:
        with world.connect(7) as link:
            for n in range(20):
                plain = bytes([n]) * (n * 700)
                link.sendall(plain)
                link.send(b"!" + bytes([n]), socket.MSG_OOB)
                same(exactly(link, len(plain) + 2), plain + b"!" + bytes([n]), "what came back")
        stats = world.stats()
        expect(stats["tally"].get("urgent", 0) >= 20, f"urgent data was told {stats['tally'].get('urgent', 0)} times, not 20")
        expect(stats["counters"].get("urgent", 0) >= 20, "urgent segments were not counted")
        with world.connect(SINK) as link:
            link.send(b"a", socket.MSG_OOB)
            until(lambda: world.stats()["tally"].get("urgent", 0) >= 21, 5, "urgent data alone to be told")
            link.close()


@case("both ends press against full buffers, and neither waits for the other for ever")
def pressed(count=8 * MIB):
    with World("--send-buffer", "64KiB", "--receive-buffer", "16KiB") as world:
        with world.connect(7, before=[(*RCVBUF, 16_000), (*SNDBUF, 16_000)]) as link:
            sender = threading.Thread(target=lambda: [link.sendall(block) for block in blocks(count)])
            sender.start()
            until(lambda: world.counter("window_probes") > 0, 20, "our end to find the window closed")
            for block in blocks(count):
                expect(exactly(link, len(block)) == block, "other bytes came back")
            sender.join()
            echoed(link, b"still there")
