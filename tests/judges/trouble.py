#!/usr/bin/env python3
"""Judge: crore's own TCP/IP on a device in trouble: rings that run dry, a server that stands still, an interface that goes down, kill -9.

    CRORE_IO=xdp python3 tests/judges/trouble.py

Whatever the device loses, every byte of every publication arrives at everybody, in order, and what was lost is counted by its name.
"""

import dataclasses
import json
import signal
import socket
import subprocess
import sys
import threading
import zlib

from lib import http, raw
from lib.cases import Skip, case, expect, run, same, until
from lib.packets import UDP, Flood, datagram, packet, seeded
from lib.place import PLACE
from lib.server import WORKERS, Server, free_port, run_to_end

RINGS = 32  # entries: the fewest that there can be
READERS, ROUNDS = 40, 12
BLOB_BYTES = 200_000
WRITERS = 6
FLOOD = 30_000  # datagrams while the server stands still: more than any ring or queue holds
ECHO = "import socket\ns=socket.create_server(('{}', {}))\nprint('ready', flush=True)\nwhile True:\n c,_=s.accept()\n c.sendall(b'kernel')\n c.close()"

if not PLACE.own:
    print("skip trouble: it judges crore's own TCP/IP, on CRORE_IO=tap or xdp")
    sys.exit(0)


def tell(text):
    """A figure for the reader of the log; no result hangs on it."""
    print(f"# {text}", flush=True)


def only_on_xdp(reason):
    if PLACE.io != "xdp":
        raise Skip(reason)


def ip(*words, prefix=()):
    """`ip`, which must succeed."""
    ended = subprocess.run([*prefix, "ip", *map(str, words)], capture_output=True, text=True, timeout=30, check=False)
    expect(ended.returncode == 0, f"ip {' '.join(map(str, words))} ended with {ended.returncode}: {ended.stderr.strip()}")
    return ended.stdout


def server_interface():
    """The name of the interface that the server takes."""
    return PLACE.device.partition(":")[2]


def blob(number):
    """A publication like no other, with its own checksum."""
    text = seeded(number).randbytes(BLOB_BYTES // 2).hex()
    return {"n": number, "crc": zlib.crc32(text.encode()), "blob": text}


def check_blob(data, number):
    """That it is the publication of this number, whole."""
    same((data["n"], len(data["blob"])), (number, BLOB_BYTES), "number and size of a publication")
    same(zlib.crc32(data["blob"].encode()), data["crc"], f"checksum of publication {number}")


class Writers:
    """Threads that publish large publications to channels of their own as fast as they can; every one must be taken."""

    def __init__(self, server, count):
        self.server, self.ending, self.taken, self.failures = server, False, 0, []
        self.threads = [threading.Thread(target=self._write, args=(number,)) for number in range(count)]

    def _write(self, number):
        try:
            while not self.ending:
                http.publish(self.server, f"written-{number}", blob(number))
                self.taken += 1
        except Exception as error:  # told by the case
            self.failures.append(f"{type(error).__name__}: {error}")

    def __enter__(self):
        [thread.start() for thread in self.threads]
        return self

    def __exit__(self, *_):
        self.ending = True
        [thread.join() for thread in self.threads]


def rounds(server, readers, numbers):
    """Publishes blobs one by one, and every reader gets each of them whole."""
    for number in numbers:
        http.publish(server, "large", blob(number))
        for reader in readers:
            check_blob(reader.push()[1]["data"], number)


@case("rings as small as can be: nothing of large publications is lost to many subscribers, and what the rings lacked is counted")
def tiny_rings():
    only_on_xdp("a TAP interface has no rings that we share with the kernel")
    place = dataclasses.replace(PLACE, device=f"{PLACE.device},rings={RINGS}")
    with Server(place=place) as server:
        readers = [raw.joined(server, "large", seconds=60) for _ in range(READERS)]
        with Writers(server, WRITERS) as writers:
            rounds(server, readers, range(ROUNDS))
            until(lambda: writers.taken >= WRITERS * 3 or writers.failures, 60, "publications of those who write at the same time")
        same(writers.failures, [], "publications that were not taken")
        # It recovers: what comes after the load finds rings that are as good as new.
        rounds(server, readers, range(ROUNDS, ROUNDS + 2))
        again = server.metric("crore_network_total", event="retransmitted_timeout") + server.metric("crore_network_total", event="retransmitted_fast")
        [reader.close() for reader in readers]
        told = server.drain()
    tell(f"{READERS} readers, {ROUNDS} publications of {BLOB_BYTES} bytes, {writers.taken} taken meanwhile; {again:.0f} segments sent again; {told}")
    expect(told["fill_ring_empty"] + told["receive_ring_full"] > 0, f"rings of {RINGS} never ran dry: {told}")
    expect(told["transmit_ring_full"] > 0, f"nothing ever had to wait for a ring of {RINGS} to send: {told}")
    expect("frames were dropped because" in server.printed().decode(), "the log does not say what was dropped, and why")


@case("rings of a size that cannot be, and settings that there are not, are refused with the value and what may be")
def ring_sizes():
    only_on_xdp("a TAP interface has no rings")
    rows = [("rings=33", "33 entries"), ("rings=16", "16 entries"), ("rings=32768", "32 to 16384"), ("rings=many", '"many"'), ("cups=4", '"cups=4"')]
    for setting, word in rows:
        flags = ["serve", f"--io={PLACE.device},{setting}", f"--address={PLACE.address}", f"--workers={WORKERS}", "--insecure", f"--listen={PLACE.host}:8001"]
        code, said = run_to_end(*flags)
        expect(code in (1, 2) and word in said and "panicked" not in said, f"{setting} ended with {code}: {said[-400:]}")


@case("a server that stands still while a peer sends on: what finds no room is dropped and counted, and all connections go on")
def stands_still():
    before = interface_drops()
    with Server(admin_port=free_port()) as server:
        readers = [raw.joined(server, "large", seconds=60) for _ in range(8)]
        rounds(server, readers, [0])
        source, target = (PLACE.sources[0], 5353), (PLACE.host, 5353)
        packets = [packet(source[0], target[0], UDP, datagram(source, target, bytes(100)))] * 64
        mac = ip("neigh", "show", PLACE.host).partition("lladdr ")[2].split()[0]
        with Writers(server, 2) as writers:
            until(lambda: writers.taken > 0 or writers.failures, 30, "a first publication of those who write")
            server.signal(signal.SIGSTOP)
            try:
                with Flood(PLACE.interface, mac, packets) as flood:
                    until(lambda: flood.sent + flood.refused >= FLOOD, 30, f"{FLOOD} datagrams to be sent to a server that stands still")
            finally:
                server.signal(signal.SIGCONT)
            taken = writers.taken
            rounds(server, readers, range(1, 4))
            until(lambda: writers.taken >= taken + 4 or writers.failures, 60, "those who write to go on")
        same(writers.failures, [], "publications that were not taken")
        [reader.close() for reader in readers]
        told = server.drain()
    dropped = interface_drops() - before
    tell(f"{flood.sent} datagrams sent and {flood.refused} refused meanwhile; the interface dropped {dropped}; {told}")
    if PLACE.io == "xdp":
        expect(told["fill_ring_empty"] + told["receive_ring_full"] > 0, f"the rings held all of it: {told}")
        expect("not fetched in time" in server.printed().decode(), "the log does not say that frames were not fetched")
    else:
        expect(dropped > 0, "the interface's queue held all of it")


def interface_drops():
    """Frames that the clients' interface has dropped on their way to the server."""
    return json.loads(ip("-j", "-s", "link", "show", PLACE.interface))[0]["stats64"]["tx"]["dropped"]


@case("the server's own interface down and up, twice, with subscribers: what is published meanwhile reaches all of them, in order")
def down_and_up():
    port = free_port()
    # Who publishes is on loopback, where the server is: there is no other way to it meanwhile.
    with Server(f"--listen=127.0.0.1:{port}") as server:
        readers = [raw.joined(server, "down", seconds=60) for _ in range(50)]
        for first in (0, 10):
            publish_inside(server, port, range(first, first + 5))
            ip("link", "set", server_interface(), "down", prefix=PLACE.prefix)
            try:
                publish_inside(server, port, range(first + 5, first + 10))
            finally:
                ip("link", "set", server_interface(), "up", prefix=PLACE.prefix)
            for reader in readers:
                same([reader.push()[1]["data"] for _ in range(10)], list(range(first, first + 10)), "publications")
        newcomer = raw.joined(server, "down")
        http.publish(server, "down", "last")
        same([reader.push()[1]["data"] for reader in [*readers, newcomer]], ["last"] * 51, "a publication after it")
        [reader.close() for reader in [*readers, newcomer]]


def publish_inside(server, port, numbers):
    """Publishes numbers from where the server is, through the kernel's loopback."""
    program = (
        "import json, sys, urllib.request as web\n"
        "for number in json.loads(sys.argv[3]):\n"
        "    body = json.dumps({'channel': 'down', 'data': number}).encode()\n"
        "    web.urlopen(web.Request(sys.argv[1], body, {'X-API-Key': sys.argv[2]}), timeout=20).read()"
    )
    words = [*PLACE.prefix, sys.executable, "-c", program, f"http://127.0.0.1:{port}/api/publish", server.key, json.dumps(list(numbers))]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    expect(ended.returncode == 0, f"publishing on loopback: {ended.stderr[-400:]}")


@case("after kill -9 nothing of ours is on the interface, and the kernel's own server answers at the address and port we shared")
def killed():
    only_on_xdp("the other end of a TAP interface has no sockets of the kernel's")
    shared = dataclasses.replace(PLACE, host=PLACE.kernel, address=PLACE.kernel + "/24")
    with subprocess.Popen([*PLACE.prefix, sys.executable, "-c", ECHO.format(PLACE.kernel, 8000)], stdout=subprocess.PIPE) as program:
        try:
            expect(program.stdout.readline() == b"ready\n", "the kernel's server did not start")
            same(kernel_says(), b"kernel", "what is heard before ours is there")
            with Server(place=shared, port=8000) as server:
                for _ in range(3):
                    expect(filters(), "no filter is on the interface while the server runs")
                    client = raw.joined(server, "shared")
                    server.kill()
                    same(filters(), [], "filters on the interface after kill -9")
                    same(kernel_says(), b"kernel", "what is heard after kill -9")
                    client.close()
                    server.start()
        finally:
            program.kill()


def kernel_says():
    """What the kernel's server says where ours was."""
    with socket.create_connection((PLACE.kernel, 8000), timeout=10) as link:
        return http.read_to_end(link)


def filters():
    """What is attached to the server's interface, as `ip` tells it."""
    link = json.loads(ip("-j", "-d", "link", "show", server_interface(), prefix=PLACE.prefix))[0]
    return [link["xdp"]] if link.get("xdp") else []


run()
