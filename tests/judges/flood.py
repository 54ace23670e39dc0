#!/usr/bin/env python3
"""Judge: a neighbour that floods the server with frames made by hand, while honest clients come, stay and are served.

    CRORE_IO=xdp python3 tests/judges/flood.py

In each case a crowd is subscribed before the flood begins. While it goes on, more come, publications reach each of them once and in
order, and the server's memory stays bounded. Afterwards every frame that came in is accounted for, and nothing is left behind.
"""

import re
import subprocess
import sys

from lib import http, raw
from lib.cases import Skip, case, expect, run, same, until
from lib.packets import ACK, BURST, FIN, ICMP, PUSH, RST, SYN, TCP, UDP, Flood, anybody, datagram, icmp, opens, packet, seeded, segment
from lib.place import PLACE
from lib.server import WORKERS, Server, free_port, raise_descriptor_limit
from lib.swarm import Swarm

BEFORE, DURING = 200, 100
PUBLICATIONS = 10
VARIETY = 4_096  # packets of a flood, which come again and again
STRANGERS = 100_000 * int(WORKERS)  # whose SYNs are more than each core remembers half-open connections
# A second: more than the honest say, and less than fills the queue before us, where everybody's frames are lost alike.
RATE = 50_000
FRAMES = 80_000 * int(WORKERS)  # of a flood that must have passed before it is over
MEBIBYTE = 1 << 20
GROWTH_MAX = 64 * MEBIBYTE  # all frames of the pool and its tables touched for the first time; a leak of a flood is larger
# This judge listens to one crowd at a time, so nobody is to be asked meanwhile whether they are still there.
CONFIG = 'insecure = true\nping_interval = "10m"\n'
BLOCKED = "198.51.100.0/24"

if not PLACE.own:
    print("skip flood: it judges crore's own TCP/IP, on CRORE_IO=tap or xdp")
    sys.exit(0)


def tell(text):
    """A figure for the reader of the log; no result hangs on it."""
    print(f"# {text}", flush=True)


def mac_of(address):
    """The hardware address under which the kernel knows its neighbour."""
    said = subprocess.run(["ip", "neigh", "show", address], capture_output=True, text=True, timeout=10, check=True).stdout
    found = re.search(r"lladdr (\S+)", said)
    expect(found, f"the kernel knows no neighbour {address}: {said!r}")
    return found[1]


def resident(server):
    """Bytes of memory that the server has."""
    with open(f"/proc/{server.pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def events(server):
    """What the engine has counted, by name."""
    return {dict(labels)["event"]: int(value) for (name, labels), value in server.metrics().items() if name == "crore_network_total"}


def is_accounted_for(server):
    """Whether every frame that came in was delivered or dropped for a reason, with nothing under way."""
    counted = events(server)
    dropped = sum(value for name, value in counted.items() if name.startswith("dropped_"))
    return counted["frames_in"] == counted["frames_delivered"] + dropped


def flooded(packets, config=CONFIG, check=None):
    """A server in a flood of what `packets(server, crowd)` gives; `check(server, before, after, flood)` looks at the counters."""
    raise_descriptor_limit()
    with Server(config=config, admin_port=free_port()) as server:
        held = server.held()
        crowd = Swarm(server, BEFORE, "flood")
        crowd.storm(60)
        http.publish(server, "flood", 1)
        crowd.receive([1], 60)
        before, memory = events(server), resident(server)
        with Flood(PLACE.interface, mac_of(PLACE.host), packets(server, crowd), RATE) as flood:
            flood.flow(FRAMES // 10)
            late = Swarm(server, DURING, "flood")
            joined = late.storm(60)
            for number in range(PUBLICATIONS):
                http.publish(server, "flood", number)
                flood.flow(FRAMES // PUBLICATIONS)
            for swarm, first in ((crowd, 1), (late, 2)):
                swarm.receive(list(range(first, PUBLICATIONS + 2)), 60)
                same(swarm.ended, 0, f"clients lost (codes {swarm.codes()})")
            grown = resident(server) - memory
            rate = flood.flow(FRAMES // 10)
        after = events(server)
        tell(
            f"{flood.sent} frames sent, {rate:.0f} a second at last, {after['frames_in'] - before['frames_in']} of all frames came in; "
            f"{DURING} joined in {joined:.2f} s; memory grew by {grown / MEBIBYTE:.1f} MiB"
        )
        expect(grown < GROWTH_MAX, f"memory grew by {grown} bytes in the flood")
        if check:
            check(server, before, after, flood)
        served_after(server, crowd, late, held)
        return flood.sent, server.drain()


def served_after(server, crowd, late, held):
    """After the flood: publications arrive at once, frames are accounted for, and nobody is left when all have gone."""
    http.publish(server, "flood", "after")
    for swarm, first in ((crowd, 1), (late, 2)):
        swarm.receive(list(range(first, PUBLICATIONS + 3)), 30)
        swarm.close()
    until(lambda: is_accounted_for(server), 10, "every frame to be accounted for", step=0.1)
    until(lambda: raw.clients_of(server) == 0, 30, "all clients to be forgotten")
    until(lambda: server.held() <= held, 30, f"connections to be no more than the {held} before")


def grew(before, after, *names):
    """By how much counters have grown together."""
    return sum(after.get(name, 0) - before.get(name, 0) for name in names)


@case("SYNs from everywhere: who is honest comes in beside them, and the half of a connection costs nobody anything")
def syns():
    def packets(server, _crowd):
        return opens(seeded(1), (PLACE.host, server.port), STRANGERS)

    def check(_server, before, after, _flood):
        expect(grew(before, after, "cookies_sent") > 0, f"no SYN was answered by a cookie: {after}")
        expect(grew(before, after, "opened_passive") >= DURING, "the honest were not let in")

    flooded(packets, check=check)


@case("segments of no connection, and of the honest ones' with numbers that are guessed, end nobody's connection")
def strays():
    def packets(server, crowd):
        rng = seeded(2)
        target = (PLACE.host, server.port)
        honest = [member.link.getsockname() for member in crowd.members]
        made = []
        for number in range(VARIETY):
            who = rng.choice(honest) if number % 2 else (anybody(rng), rng.randrange(1024, 65_536))
            flags = rng.choice([ACK, RST, RST | ACK, SYN, SYN | ACK, FIN | ACK, PUSH | ACK, 0, 0x3F])
            data = rng.randbytes(rng.choice([0, 0, 1, 500])) if flags & PUSH else b""
            numbers = (rng.randrange(1 << 32), rng.randrange(1 << 32))
            made.append(packet(who[0], target[0], TCP, segment(who, target, flags, *numbers, data)))
        return made

    def check(_server, before, after, _flood):
        stray = grew(before, after, "dropped_stray", "dropped_handshake", "resets_sent", "replies_left_out")
        expect(stray > FRAMES // 10, f"{stray} strays were counted: {after}")
        guessed = grew(before, after, "dropped_window", "dropped_reset", "dropped_syn", "dropped_ack", "dropped_no_ack", "dropped_no_timestamp")
        expect(guessed > FRAMES // 10, f"{guessed} segments with guessed numbers were counted: {after}")
        same(grew(before, after, "closed_reset"), 0, "connections that were reset")

    flooded(packets, check=check)


@case("UDP, pings, errors of ICMP about connections that there are, and protocols that nobody speaks")
def others():
    def packets(server, crowd):
        rng = seeded(3)
        honest = [member.link.getsockname() for member in crowd.members]
        made = []
        for _ in range(VARIETY // 4):
            who = anybody(rng)
            made.append(packet(who, PLACE.host, UDP, datagram((who, 53), (PLACE.host, rng.randrange(1, 65_536)), rng.randbytes(200))))
            made.append(packet(who, PLACE.host, ICMP, icmp(8, 0, rng.randbytes(60))))
            quoted = segment((PLACE.host, server.port), rng.choice(honest), ACK, rng.randrange(1 << 32))[:8]
            about = packet(PLACE.host, rng.choice(honest)[0], TCP, quoted)
            made.append(packet(who, PLACE.host, ICMP, icmp(3, rng.randrange(16), rng.randbytes(4) + about)))
            made.append(packet(who, PLACE.host, rng.choice([0, 2, 41, 50, 132, 255]), rng.randbytes(40)))
        return made

    def check(_server, before, after, _flood):
        expect(grew(before, after, "dropped_protocol") > FRAMES // 10, f"datagrams were not counted: {after}")
        same(grew(before, after, "closed_reset", "closed_unreachable"), 0, "connections that were ended")

    flooded(packets, check=check)


@case("frames that are broken in every way")
def broken():
    def packets(server, _crowd):
        rng = seeded(4)
        target = (PLACE.host, server.port)
        made = []
        for _ in range(VARIETY):
            who = (anybody(rng), rng.randrange(1024, 65_536))
            whole = bytearray(packet(who[0], target[0], TCP, segment(who, target, PUSH | ACK, data=rng.randbytes(100))))
            # Where it is to go stays right, or the kernel's filter would not let it come to us.
            for _ in range(rng.randrange(1, 6)):
                at = rng.choice([*range(16), *range(20, len(whole))])
                whole[at] ^= 1 << rng.randrange(8)
            made.append(bytes(whole[: rng.choice([len(whole), rng.randrange(20, len(whole))])]))
        return made

    def check(_server, before, after, _flood):
        found = grew(before, after, "dropped_checksum", "dropped_malformed", "dropped_tcp_header", "dropped_protocol")
        expect(found > FRAMES // 10, f"{found} broken frames were found: {after}")

    flooded(packets, check=check)


@case("a prefix that is blocked: the filter drops its frames before anybody looks at them, and counts them")
def blocked():
    if PLACE.io != "xdp":
        raise Skip("only an interface of the kernel's has a filter")

    def packets(server, _crowd):
        rng = seeded(5)
        target = (PLACE.host, server.port)
        sources = [(f"198.51.100.{rng.randrange(256)}", rng.randrange(1024, 65_536)) for _ in range(VARIETY)]
        return [packet(who[0], target[0], TCP, segment(who, target, SYN, rng.randrange(1 << 32))) for who in sources]

    def check(_server, before, after, flood):
        came = grew(before, after, "frames_in")
        expect(came < flood.sent // 4, f"{came} frames came in while {flood.sent} were sent from a blocked prefix")
        same(grew(before, after, "cookies_sent", "replies_left_out"), 0, "answers to blocked SYNs")

    sent, told = flooded(packets, config=f'{CONFIG}blocked = ["{BLOCKED}"]\n', check=check)
    tell(f"the filter dropped {told['blocked']} of {sent} frames from a blocked prefix")
    # The flood is ended in the middle of a burst, which it has not counted.
    expect(sent // 4 < told["blocked"] <= sent + BURST, f"the filter counted {told['blocked']} blocked frames of {sent}")


run()
