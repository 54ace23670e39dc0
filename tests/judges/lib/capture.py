"""Reads a capture (pcapng, draft-ietf-opsawg-pcapng), strictly: anything out of place is an error that says where."""

import socket
import struct

SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
BYTE_ORDER = 0x1A2B3C4D
ETHERNET, IPV4 = 1, 0x0800
FLAGS = 2
INWARD = 1


class Frame:
    """One frame: its bytes, whether it came in, and when, in nanoseconds since 1970."""

    def __init__(self, data, inward, nanos):
        self.data, self.inward, self.nanos = data, inward, nanos

    @property
    def is_ipv4(self):
        return len(self.data) >= 34 and int.from_bytes(self.data[12:14], "big") == IPV4

    def has(self, address):
        """Whether a packet of IPv4 is from or to the address."""
        return socket.inet_aton(address) in (self.data[26:30], self.data[30:34])


def read(path):
    """The frames of a file that begins with a section and its one interface."""
    with open(path, "rb") as file:
        data = file.read()
    found = blocks(data, path)
    kinds = [kind for kind, _ in found]
    if kinds[:2] != [SECTION, INTERFACE] or set(kinds[2:]) - {PACKET}:
        raise AssertionError(f"{path}: blocks of the kinds {kinds[:6]}")
    if struct.unpack_from("<IHH", found[0][1]) != (BYTE_ORDER, 1, 0):
        raise AssertionError(f"{path}: not version 1.0 in this byte order: {found[0][1][:8].hex()}")
    if struct.unpack_from("<H", found[1][1]) != (ETHERNET,):
        raise AssertionError(f"{path}: the link is not Ethernet")
    return [frame(body, path) for _, body in found[2:]]


def blocks(data, path):
    """The blocks as (kind, body)."""
    found, at = [], 0
    while at < len(data):
        if len(data) - at < 12:
            raise AssertionError(f"{path}: {len(data) - at} bytes after the last block")
        kind, length = struct.unpack_from("<II", data, at)
        if length % 4 or not 12 <= length <= len(data) - at:
            raise AssertionError(f"{path}: a block of {length} bytes at {at} of {len(data)}")
        if struct.unpack_from("<I", data, at + length - 4) != (length,):
            raise AssertionError(f"{path}: the block at {at} has two lengths")
        found.append((kind, data[at + 8 : at + length - 4]))
        at += length
    return found


def frame(body, path):
    """The frame of a packet block; it must be whole and say its direction."""
    number, high, low, kept, length = struct.unpack_from("<IIIII", body)
    end = 20 + kept + -kept % 4
    if number != 0 or kept != length or end > len(body):
        raise AssertionError(f"{path}: a packet of {kept} of {length} bytes on interface {number}")
    code, size, flags = struct.unpack_from("<HHI", body, end)
    if (code, size) != (FLAGS, 4):
        raise AssertionError(f"{path}: a packet without a direction")
    return Frame(body[20 : 20 + kept], flags & 3 == INWARD, high << 32 | low)
