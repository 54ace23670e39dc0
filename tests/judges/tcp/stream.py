"""Streams of bytes between the kernel's sockets and our host's services, with a checksum over every byte."""

import random
import socket
import struct
import time
import zlib

from lib.cases import expect, same

SINK, SOURCE, LATE, ABORT, CLOSE, LAZY, FIRST, GONE = 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008
MIB = 1 << 20

_random = random.Random(7)
_blocks = [_random.randbytes(MIB - 97 * n) for n in range(8)]


def blocks(count):
    """`count` bytes, in pieces of about a MiB that differ from each other and from stream to stream."""
    choose = random.Random(count)
    while count > 0:
        block = _blocks[choose.randrange(len(_blocks))]
        yield block if len(block) <= count else block[:count]
        count -= len(block)


def upload(link, count):
    """Sends `count` bytes to a sink and checks what it says about them; seconds it took."""
    started = time.monotonic()
    checksum, sent = 0, []
    for block in blocks(count):
        link.sendall(block)
        sent.append(block)
    link.shutdown(socket.SHUT_WR)
    answer = everything(link)
    seconds = time.monotonic() - started
    for block in sent:
        checksum = zlib.crc32(block, checksum)
    same(answer.decode(), f"{count} {checksum:08x}\n", "what arrived")
    return seconds


def download(link, count):
    """Asks a source for `count` bytes and checks them; seconds it took."""
    started = time.monotonic()
    link.sendall(b"%d\n" % count)
    verify(link, count)
    return time.monotonic() - started


def verify(link, count):
    """Reads `count` bytes, their checksum, and the end."""
    buffer = bytearray(MIB)
    view = memoryview(buffer)
    checksum, got = 0, 0
    tail = b""
    while True:
        size = link.recv_into(buffer)
        if size == 0:
            break
        fresh = min(size, max(0, count - got))
        checksum = zlib.crc32(view[:fresh], checksum)
        tail += bytes(view[fresh:size])
        got += size
    same(got, count + 4, "bytes that came, checksum included")
    same(tail, struct.pack(">I", checksum), "checksum")


def everything(link):
    """All bytes up to the end."""
    parts = []
    while part := link.recv(MIB):
        parts.append(part)
    return b"".join(parts)


def exactly(link, count):
    """`count` bytes."""
    parts = []
    while count > 0:
        part = link.recv(min(count, MIB))
        expect(part, f"the stream ended {count} bytes early")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def echoed(link, data):
    """Sends and expects the same back."""
    link.sendall(data)
    back = exactly(link, len(data))
    expect(back == data, "other bytes came back than were sent")


def info(link):
    """Some of the kernel's `tcp_info`."""
    raw = link.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    names = (
        "rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent last_ack_sent last_data_recv last_ack_recv "
        "pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans"
    ).split()
    values = dict(zip(names, struct.unpack_from("<24I", raw, 8)))
    values["options"] = raw[5]
    values["scales"] = (raw[6] & 15, raw[6] >> 4)
    return values


def gigabits(count, seconds):
    """A rate for the reader."""
    return f"{count * 8 / seconds / 1e9:.2f} Gbit/s"
