"""Bulk data both ways, on a clean wire and on one that goes down and comes back."""

import array
import fcntl
import socket
import struct
import threading
import time

from lib.cases import expect, same, until

from .plan import LONG, case, figure, only_on
from .stream import FIRST, LATE, MIB, SINK, SOURCE, blocks, download, echoed, everything, gigabits, info, upload
from .world import IO, MTU_MAX, World

SIOCETHTOOL, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO = 0x8946, 0x1F, 0x24, 0x2C
BULK = (8 if LONG else 2) * 1024 * MIB


@case("bulk: gigabytes from the kernel to us, every byte right", alone=True)
def bulk_in():
    with World() as world, world.connect(SINK) as link:
        seconds = upload(link, BULK)
        told = info(link)
        figure(f"from the kernel over {IO}: {gigabits(BULK, seconds)}, {told['total_retrans']} segments sent again")


@case("bulk: gigabytes from us to the kernel, every byte right", alone=True)
def bulk_out():
    with World() as world, world.connect(SOURCE) as link:
        seconds = download(link, BULK)
        counters = world.stats()["counters"]
        again = counters.get("retransmitted_timeout", 0) + counters.get("retransmitted_fast", 0)
        figure(f"to the kernel over {IO}: {gigabits(BULK, seconds)}, {again} segments sent again")


@case("bulk: what the kernel does to itself over a veth, for comparison", alone=True)
@only_on("tap", "it measures the kernel, whatever our host stands on")
def bulk_kernel():
    with World(role=None) as world:
        world.ip("link", "add", "va", "type", "veth", "peer", "name", "vb")
        # One namespace would short-circuit its own addresses, so the other end gets a namespace of its own.
        with World(role=None) as other:
            world.ip("link", "set", "vb", "netns", other.name)
            for place, end, address in ((world, "va", "10.78.0.1/24"), (other, "vb", "10.78.0.2/24")):
                place.ip("addr", "add", address, "dev", end)
                place.ip("link", "set", end, "up")
            for offload in (True, False):
                if not offload:
                    for place, end in ((world, "va"), (other, "vb")):
                        single_segments(place, end)
                figure(f"kernel to kernel over veth, {'large' if offload else 'single'} segments: {between(world, other)}")


def single_segments(place, end):
    """The kernel cuts segments before the interface sees them, and joins none that come: what a TAP without offloads gets."""
    with place.socket(kind=socket.SOCK_DGRAM) as control:
        for feature in (ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO):
            value = array.array("I", [feature, 0])
            fcntl.ioctl(control, SIOCETHTOOL, struct.pack("16sP", end.encode(), value.buffer_info()[0]))


def between(world, other, count=512 * MIB):
    """The rate of a stream from one namespace to another."""
    listener = other.socket()
    listener.bind(("10.78.0.2", 0))
    listener.listen()
    got = []

    def take():
        link, _ = listener.accept()
        with link:
            buffer = bytearray(MIB)
            total = 0
            while size := link.recv_into(buffer):
                total += size
            got.append(total)

    taker = threading.Thread(target=take)
    taker.start()
    started = time.monotonic()
    with world.socket() as link:
        link.connect(("10.78.0.2", listener.getsockname()[1]))
        for block in blocks(count):
            link.sendall(block)
    taker.join()
    listener.close()
    same(got, [count], "bytes")
    return gigabits(count, time.monotonic() - started)


@case("bulk: both ways over IPv6, and with frames as small and as large as they may be")
def bulk_odd():
    for mtu, six, count in ((1500, True, 64 * MIB), (1280, True, 16 * MIB), (576, False, 8 * MIB), (MTU_MAX, False, 32 * MIB)):
        with World(mtu=mtu, v6=six) as world:
            with world.connect(SINK, six=six) as link:
                upload(link, count)
            with world.connect(SOURCE, six=six) as link:
                download(link, count)
                mss = info(link)["rcv_mss"]
                headers = 20 + 12 + (40 if six else 20)
                same(mss, mtu - headers, f"bytes in our segments at MTU {mtu}")


@case("bulk: both directions of one connection at the same time")
def both_ways(count=64 * MIB):
    with World() as world, world.connect(7) as link:
        sender = threading.Thread(target=lambda: [link.sendall(block) for block in blocks(count)])
        sender.start()
        buffer = bytearray(MIB)
        left = 0
        for block in blocks(count):
            left = len(block)
            while left:
                size = link.recv_into(buffer, left)
                expect(size, "the stream ended early")
                at = len(block) - left
                expect(buffer[:size] == block[at : at + size], "other bytes came back")
                left -= size
        sender.join()


@case("bulk: fifty connections up and down at once, none starves")
def fifty(count=4 * MIB):
    with World() as world:
        seconds = []
        failures = []

        def one(number):
            try:
                with world.connect(SINK if number % 2 else SOURCE) as link:
                    seconds.append((upload if number % 2 else download)(link, count))
            except Exception as error:
                failures.append(f"{number}: {error}")

        threads = [threading.Thread(target=one, args=(number,)) for number in range(50)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        same(failures, [], "failures")
        figure(f"fifty streams of {count // MIB} MiB at once: the first took {min(seconds):.1f} s, the last {max(seconds):.1f} s")


@case("half-close: our answer comes after the kernel's FIN, whole")
def kernel_first(count=4 * MIB):
    with World() as world:
        for six in (False, True):
            with world.connect(LATE, six=six) as link:
                sent = b"".join(blocks(count))
                link.sendall(sent)
                link.shutdown(socket.SHUT_WR)
                expect(everything(link) == sent, "other bytes came back")
        until(lambda: world.stats()["tally"].get("InOrder") == 2, 5, "both to end in order")


@case("half-close: after our FIN the kernel goes on sending, and nothing of it is refused")
def ours_first(count=4 * MIB):
    with World() as world:
        for six in (False, True):
            with world.connect(FIRST, six=six) as link:
                same(everything(link), b"goodbye\n", "what came before our FIN")
                for block in blocks(count):
                    link.sendall(block)
                link.shutdown(socket.SHUT_WR)
                until(lambda: info(link)["unacked"] == 0, 10, "everything to be acknowledged")
        stats = until(lambda: (s := world.stats())["tally"].get("InOrder") == 2 and s, 5, "both to end in order")
        same(stats["counters"].get("resets_sent", 0), 0, "RSTs")


@case("small writes: byte by byte there and back, with Nagle's algorithm at either end or none")
def small_writes(count=3000):
    for flags, nodelay in (((), 1), ((), 0), (("--nagle",), 1)):
        with World(*flags) as world, world.connect(7, before=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, nodelay)]) as link:
            started = time.monotonic()
            for n in range(count // 10):
                echoed(link, bytes([n & 255]))
            waited = time.monotonic() - started
            data = bytes(n & 255 for n in range(count))
            sender = threading.Thread(target=lambda: [link.sendall(data[n : n + 1]) for n in range(count)])
            sender.start()
            got = b""
            while len(got) < count:
                part = link.recv(count)
                expect(part, "the stream ended early")
                got += part
            sender.join()
            expect(got == data, "other bytes came back")
            expect(waited < 0.02 * count / 10, f"{count // 10} bytes, one after the other, took {waited:.1f} s: somebody waits for a timer")


@case("a neighbour whose hardware address changes in the middle of both streams is followed")
def moved(count=256 * MIB):
    with World(v6=False) as world:
        failures = []

        def stream(port, transfer):
            try:
                with world.connect(port) as link:
                    transfer(link, count)
            except Exception as error:
                failures.append(f"{transfer.__name__}: {error}")

        threads = [threading.Thread(target=stream, args=row) for row in ((SINK, upload), (SOURCE, download))]
        [thread.start() for thread in threads]
        for number in range(3):
            world.move_on(count // 6)
            world.ip("link", "set", "t0", "address", f"02:00:00:00:07:{number:02x}")
        [thread.join() for thread in threads]
        same(failures, [], "failures")


@case("a link that goes down for a while in the middle of both streams loses nothing")
def link_down(count=256 * MIB):
    with World(v6=False) as world:
        failures = []

        def stream(port, transfer):
            try:
                with world.connect(port) as link:
                    transfer(link, count)
            except Exception as error:
                failures.append(f"{transfer.__name__}: {error}")

        threads = [threading.Thread(target=stream, args=row) for row in ((SINK, upload), (SOURCE, download))]
        [thread.start() for thread in threads]
        for _ in range(2):
            world.move_on(count // 6)
            world.ip("link", "set", "t0", "down")
            again = world.counter("retransmitted_timeout")
            until(lambda: world.counter("retransmitted_timeout") > again, 20, "our timer to find out")
            world.ip("link", "set", "t0", "up")
        [thread.join() for thread in threads]
        same(failures, [], "failures")
