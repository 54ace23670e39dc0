"""The link, ping, ports, and curl."""

import json
import re
import zlib

from lib.cases import each, expect, same, until

from .plan import case
from .world import OURS4, OURS6, World


def pinged(world, *arguments):
    """Runs ping; how many were sent and answered."""
    result = world.run("ping", "-n", "-q", *arguments)
    counts = re.search(r"(\d+) packets transmitted, (\d+) received", result.stdout)
    expect(counts, f"ping said {result.stdout!r} {result.stderr!r}")
    return int(counts[1]), int(counts[2])


def all_answered(world, count, *arguments):
    """Every ping of a run is answered. The last may be answered later than ping waits (two round trips), so there are three."""
    runs = []
    while len(runs) < 3 and (count, count) not in runs:
        runs.append(pinged(world, "-c", count, *arguments))
    expect((count, count) in runs, f"sent and answered by ping {arguments}: {runs}")


@case("ping: IPv4 and IPv6, small, and as large as the link carries, at its usual sizes and in a hurry")
def ping():
    with World() as world:
        runs = [("-4", OURS4, 0), ("-4", OURS4, 56), ("-4", OURS4, 1472), ("-6", OURS6, 0), ("-6", OURS6, 56), ("-6", OURS6, 1452)]
        for family, address, size in runs:
            all_answered(world, 20, family, "-i", 0.01, "-s", size, "-M", "do", address)
        all_answered(world, 400, "-i", 0.003, OURS4)


@case("ping: what the link has to cut is not answered but counted, and hurts nobody")
def fragments():
    with World() as world:
        before = world.stats()["counters"].get("dropped_malformed", 0)
        same(pinged(world, "-4", "-c", 2, "-i", 0.2, "-s", 4000, "-W", 1, OURS4), (2, 0), "pings in fragments")
        same(pinged(world, "-6", "-c", 2, "-i", 0.2, "-s", 4000, "-W", 1, OURS6), (2, 0), "pings in fragments, IPv6")
        dropped = world.counter("dropped_malformed") - before
        expect(dropped >= 12, f"{dropped} of 12 fragments were counted")
        all_answered(world, 3, "-i", 0.01, OURS4)


@case("neighbours: the kernel finds us by ARP and neighbour discovery, again and again")
def neighbours():
    with World() as world:
        for _ in range(3):
            world.ip("neigh", "flush", "dev", "t0")
            pinged(world, "-c", 2, "-i", 0.05, OURS4)
            pinged(world, "-c", 2, "-i", 0.05, OURS6)
            known = {entry["dst"]: entry for entry in json.loads(world.ip("-j", "neigh", "show", "dev", "t0"))}
            for address in (OURS4, OURS6):
                same(known[address].get("lladdr"), world.mac, f"the hardware address of {address}")
                expect("REACHABLE" in known[address]["state"], f"{known[address]}")


@case("a port where nobody listens refuses at once, on IPv4 and IPv6")
def closed_port():
    with World() as world:
        for six in (False, True):
            for port in (1, 8, 65535):
                try:
                    world.connect(port, six=six, seconds=2).close()
                except ConnectionRefusedError:
                    continue
                raise AssertionError(f"port {port} was not refused")
        same(world.counter("resets_sent"), 6, "RSTs")


def curl(world, *arguments):
    """Runs curl; its standard output as bytes through a temporary namespace shell."""
    result = world.run("curl", "--silent", "--show-error", "--max-time", 50, *arguments)
    same(result.returncode, 0, f"curl {arguments}: {result.stderr}")
    return result.stdout


@case("curl: IPv4 and IPv6, GET and HEAD, what is missing, and a method that is not allowed")
def curl_basics():
    with World() as world:
        status = "%{http_code} %{size_download}"
        rows = [
            ("http://10.77.0.2/", [], "200 19"),
            ("http://[fd77::2]/", [], "200 19"),
            ("http://10.77.0.2/", ["--head"], "200 0"),
            ("http://[fd77::2]/bytes/0", [], "200 0"),
            ("http://10.77.0.2/bytes/1", ["--http1.0"], "200 1"),
            ("http://10.77.0.2/nowhere", [], "404 10"),
            ("http://10.77.0.2/", ["-X", "DELETE"], "405 12"),
        ]
        each(rows, lambda row: same(curl(world, *row[1], "-o", "/dev/null", "-w", status, row[0]), row[2], f"{row}"))


@case("curl: twenty requests use one connection")
def curl_keeps():
    with World() as world:
        for host in ("10.77.0.2", "[fd77::2]"):
            urls = [word for n in range(20) for word in ("-o", "/dev/null", f"http://{host}/bytes/{n * 5000}")]
            said = curl(world, "-w", "%{http_code} %{size_download} %{num_connects}\n", *urls).split("\n")[:20]
            same(said, [f"200 {n * 5000} {int(n == 0)}" for n in range(20)], "answers, sizes and new connections")
        same(world.stats()["tally"]["accepted"], 2, "connections accepted")


@case("curl: large bodies arrive as they were sent, on IPv4 and IPv6, and thirty at once")
def curl_large(size=100_000_000):
    with World() as world:
        for host in ("10.77.0.2", "[fd77::2]"):
            program = f"curl -sS --max-time 50 -D /dev/stderr http://{host}/bytes/{size} | python3 -c 'import sys,zlib;c=n=0\nwhile b:=sys.stdin.buffer.read(1<<20):c=zlib.crc32(b,c);n+=len(b)\nprint(n,format(c,\"08x\"))'"
            result = world.run("sh", "-c", program)
            told = re.search(r"X-Crc32: (\w+)", result.stderr)
            expect(told, f"no checksum: {result.stderr!r}")
            same(result.stdout.split(), [str(size), told[1]], "size and checksum")
        urls = [word for n in range(30) for word in ("-o", "/dev/null", f"http://10.77.0.2/bytes/{n * 100_000}")]
        said = curl(world, "--parallel", "--parallel-immediate", "--parallel-max", 30, "-w", "%{http_code} %{size_download}\n", *urls)
        same(sorted(said.split("\n")[:30]), sorted(f"200 {n * 100_000}" for n in range(30)), "answers and sizes in parallel")


@case("HTTP: requests in one segment and requests byte by byte are answered in order")
def pipelined():
    with World() as world:
        with world.connect(80) as link:
            asked = b"".join(b"GET /bytes/%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(40))
            link.sendall(asked)
            for n in range(40):
                read_answer(link, n)
            for byte in b"GET /bytes/77 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
                link.sendall(bytes([byte]))
            read_answer(link, 77)
            same(link.recv(1), b"", "the end")
        until(lambda: world.stats()["connections"] == 0, 5, "the connection to be gone")


def read_answer(link, size):
    """One answer from /bytes/SIZE."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = link.recv(1)
        expect(byte, f"the stream ended in {head!r}")
        head += byte
    expect(b"Content-Length: %d\r\n" % size in head, f"{head!r} instead of {size} bytes")
    body = b""
    while len(body) < size:
        body += link.recv(size - len(body))
    expect(b"X-Crc32: %08x\r\n" % zlib.crc32(body) in head, "the checksum is another")
