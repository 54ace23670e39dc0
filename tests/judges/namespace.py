#!/usr/bin/env python3
"""Runs a command in a network namespace of its own, an interface away from crore's own TCP/IP.

    CRORE_IO=tap python3 tests/judges/namespace.py bash

`tap`: a TAP interface; the kernel has one end of it, the server takes the other. `xdp`: a veth into a second namespace; there the
server takes what is for its own address, and the kernel keeps another on the same interface. `dpdk`: a veth whose far end, in the
same namespace and without an address, is read and written by a virtual device of DPDK. CRORE_PLACE tells the command what
is where (`lib/place.py`). Judges start themselves again through this when CRORE_IO is set.

Everything made here ends with the command: nothing has a name outside, so runs beside each other never meet.
"""

import array
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
AF_XDP = 44
SIOCETHTOOL = 0x8946
ETHTOOL_STXCSUM = 0x17

NETWORK = "10.77.0.{}/24"
NETWORK6 = "fd77::{}/64"
CLIENTS = "crore0"  # the kernel's end
SERVER = "crore1"  # the other end of a veth
KERNEL_IN_SERVERS = 3
# The clients' addresses; several, because the ports of one may not suffice for a crowd, and each is a neighbour of its own.
SOURCES = (1, 11, 12, 13)

_libc = ctypes.CDLL(None, use_errno=True)


class Unable(Exception):
    """This machine or user cannot have such a network; its text is the reason."""


def isolate():
    """This process has a network namespace of its own from now on."""
    if _libc.unshare(CLONE_NEWNET) != 0:
        raise Unable(f"a network namespace needs CAP_SYS_ADMIN ({os.strerror(ctypes.get_errno())})")


def ip(*arguments, prefix=()):
    """`ip`, which must succeed."""
    ended = subprocess.run([*prefix, "ip", *map(str, arguments)], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise Unable(f"ip {' '.join(map(str, arguments))}: {ended.stderr.strip()}")


def quiet(prefix=()):
    """Loopback is up, and addresses of IPv6 can be used at once."""
    settings = ["accept_dad", "router_solicitations"]
    line = "; ".join(f"echo 0 > /proc/sys/net/ipv6/conf/default/{name}" for name in settings)
    subprocess.run([*prefix, "sh", "-c", line], stderr=subprocess.DEVNULL, check=False)  # there may be no IPv6
    ip("link", "set", "lo", "up", prefix=prefix)


def equip(interface, hosts, prefix=()):
    """Addresses for the kernel, and the interface up."""
    for host in hosts:
        ip("addr", "add", NETWORK.format(host), "dev", interface, prefix=prefix)
    try:
        ip("addr", "add", NETWORK6.format(hosts[0]), "dev", interface, "nodad", prefix=prefix)
    except Unable:
        pass  # a kernel without IPv6; who needs it says so
    ip("link", "set", interface, "up", prefix=prefix)


def make_tap(workers):
    """The TAP interface: what of the place it decides."""
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise Unable("/dev/net/tun is not there or not ours")
    several = ["multi_queue"] if workers > 1 else []
    ip("tuntap", "add", "dev", CLIENTS, "mode", "tap", *several)
    equip(CLIENTS, SOURCES)
    return {"device": f"tap:{CLIENTS}", "prefix": [], "kernel": "127.0.0.1"}


def hold_namespace():
    """A second namespace, kept by a process that ends with this one: its id."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        isolate()
        os.write(writer, b".")
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nowhere, standard)
        os.closerange(3, 256)
        while True:
            signal.pause()
    os.close(writer)
    if os.read(reader, 1) != b".":
        raise Unable("a second network namespace could not be made")
    os.close(reader)
    return pid


def make_veth(workers):
    """The veth with its two namespaces."""
    try:
        socket.socket(AF_XDP, socket.SOCK_RAW, 0).close()
    except OSError as error:
        raise Unable(f"AF_XDP: {error.strerror}") from None
    holder = hold_namespace()
    prefix = ["nsenter", f"--net=/proc/{holder}/ns/net"]
    # Each of the server's cores has a queue of the interface, and none is without one.
    queues = ["numrxqueues", workers, "numtxqueues", workers]
    ip("link", "add", CLIENTS, *queues, "type", "veth", "peer", "name", SERVER, *queues, "netns", holder)
    # A veth leaves checksums to hardware that it does not have, and who reads its raw frames would find them wrong.
    complete_checksums(CLIENTS)
    quiet(prefix)
    equip(SERVER, [KERNEL_IN_SERVERS], prefix)
    equip(CLIENTS, SOURCES)
    return {"device": f"xdp:{SERVER}", "prefix": prefix, "kernel": NETWORK.format(KERNEL_IN_SERVERS).partition("/")[0]}


def make_dpdk(workers):
    """The veth for DPDK's af_packet."""
    ip("link", "add", CLIENTS, "type", "veth", "peer", "name", SERVER)
    complete_checksums(CLIENTS)
    ip("link", "set", SERVER, "up")
    equip(CLIENTS, SOURCES)
    return {"device": f"dpdk:net_af_packet0,iface={SERVER},qpairs={workers}", "prefix": [], "kernel": "127.0.0.1"}


def complete_checksums(interface):
    """`ethtool -K INTERFACE tx off`."""
    value = array.array("B", struct.pack("II", ETHTOOL_STXCSUM, 0))
    request = struct.pack("16sP16x", interface.encode(), value.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCETHTOOL, request)


def make(io, workers):
    """Makes the network for `io` and says in CRORE_PLACE what is where."""
    isolate()
    quiet()
    made = {"tap": make_tap, "xdp": make_veth, "dpdk": make_dpdk}[io](workers)
    address = NETWORK.format(2)
    os.environ["CRORE_PLACE"] = json.dumps({
        "io": io,
        "host": address.partition("/")[0],
        "address": address,
        "sources": [NETWORK.format(host).partition("/")[0] for host in SOURCES],
        "interface": CLIENTS,
        **made,
    })


def main():
    io = os.environ.get("CRORE_IO", "")
    if io not in ("tap", "xdp", "dpdk") or len(sys.argv) < 2:
        sys.exit(f"usage: CRORE_IO=tap|xdp|dpdk {sys.argv[0]} COMMAND... (CRORE_IO is {io!r})")
    try:
        make(io, int(os.environ.get("CRORE_WORKERS", "1")))
    except Unable as reason:
        print(f"skip {io}: {reason}", flush=True)
        return
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
