"""Frames made by hand, whole and with right checksums, from whoever and to whom the judge says; and a flood of them."""

import errno
import itertools
import mmap
import os
import random
import socket
import struct
import time

from .cases import expect, until

ICMP, TCP, UDP = 1, 6, 17
FIN, SYN, RST, PUSH, ACK = 1, 2, 4, 8, 16
IPV4 = 0x0800
COUNT = struct.Struct("Q")
BURST = 64  # frames between two looks at the clock


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    return folded(sum(struct.unpack(f"!{len(data) // 2}H", data)))


def folded(total):
    """The complement of a sum of less than 65,536 words, in ones' complement."""
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def segment(source, target, flags, sequence=0, acknowledgment=0, data=b"", window=65_535):
    """A TCP segment without options; both ends are (address, port)."""
    head = struct.pack("!HHIIBBHHH", source[1], target[1], sequence, acknowledgment, 5 << 4, flags, window, 0, 0)
    pseudo = socket.inet_aton(source[0]) + socket.inet_aton(target[0]) + struct.pack("!HH", TCP, len(head) + len(data))
    return head[:16] + struct.pack("!H", checksum(pseudo + head + data)) + head[18:] + data


def opens(rng, target, count):
    """So many SYNs from as many strangers, each a whole packet. Made from one by changing it and its sums (RFC 1624), which is quick."""
    nobody = "0.0.0.0"
    model = packet(nobody, target[0], TCP, segment((nobody, 0), target, SYN))
    of_packet, of_segment = (~int.from_bytes(model[at : at + 2], "big") & 0xFFFF for at in (10, 36))
    made = []
    for _ in range(count):
        high, low = rng.randrange(20 << 8, 100 << 8), rng.randrange(1, 0xFFFF)
        port, sequence = rng.randrange(1024, 65_536), rng.randrange(1 << 16)
        first = struct.pack("!HHH", folded(of_packet + high + low), high, low)
        second = struct.pack("!HHHH", port, target[1], 0, sequence)
        third = struct.pack("!H", folded(of_segment + high + low + port + sequence))
        made.append(model[:10] + first + model[16:20] + second + model[28:36] + third + model[38:])
    return made


def datagram(source, target, data):
    """A UDP datagram that says that it has no checksum (RFC 768)."""
    return struct.pack("!HHHH", source[1], target[1], 8 + len(data), 0) + data


def icmp(kind, code, rest):
    """An ICMP message; `rest` begins behind the checksum."""
    return struct.pack("!BBH", kind, code, checksum(struct.pack("!BBH", kind, code, 0) + rest)) + rest


def packet(source, target, protocol, payload):
    """An IPv4 packet between two addresses."""
    addresses = socket.inet_aton(source) + socket.inet_aton(target)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0) + addresses
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def anybody(rng):
    """An address that a host somewhere else may have."""
    return f"{rng.randrange(20, 100)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


class Flood:
    """Sends frames over and over while the context is open: so many a second, or as fast as one process can. `packets` are IPv4.

    The process ends with the context, and is this process's child: nothing goes on when the judge is killed in between, because the
    child looks who its parent is.
    """

    def __init__(self, interface, mac, packets, rate=None):
        self.rate = rate
        self.link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.link.bind((interface, 0))
        own = self.link.getsockname()[4]
        head = bytes.fromhex(mac.replace(":", "")) + own + struct.pack("!H", IPV4)
        self.frames = [(head + one).ljust(60, b"\0") for one in packets]
        self.shared = mmap.mmap(-1, 2 * COUNT.size)
        self.child = None

    @property
    def sent(self):
        """Frames that the interface has taken."""
        return COUNT.unpack_from(self.shared, 0)[0]

    @property
    def refused(self):
        """Frames that it had no room for."""
        return COUNT.unpack_from(self.shared, COUNT.size)[0]

    def __enter__(self):
        judge = os.getpid()
        self.child = os.fork()
        if self.child == 0:
            try:
                self._send(judge)
            finally:
                os._exit(1)
        return self

    def __exit__(self, *_):
        os.kill(self.child, 9)
        os.waitpid(self.child, 0)
        self.link.close()

    def _send(self, judge):
        sent = refused = 0
        due = time.monotonic()
        for at in itertools.cycle(range(0, len(self.frames), BURST)):
            if os.getppid() != judge:
                return
            for frame in self.frames[at : at + BURST]:
                try:
                    self.link.send(frame)
                    sent += 1
                except OSError as error:
                    if error.errno != errno.ENOBUFS:
                        raise
                    refused += 1
            COUNT.pack_into(self.shared, 0, sent)
            COUNT.pack_into(self.shared, COUNT.size, refused)
            if self.rate:
                # What was missed is not made up for: that would be a flood without a rate.
                due = max(due + BURST / self.rate, time.monotonic())
                time.sleep(max(0, due - time.monotonic()))

    def flow(self, count, seconds=60):
        """Waits until `count` frames more have been sent; how many a second that was."""
        before, started = self.sent, time.monotonic()
        until(lambda: self.sent >= before + count, seconds, f"{count} frames of a flood to be sent")
        expect(os.waitpid(self.child, os.WNOHANG) == (0, 0), "the flood has ended by itself")
        return (self.sent - before) / (time.monotonic() - started)


def seeded(number):
    """Dice that roll the same for every run."""
    return random.Random(number)
