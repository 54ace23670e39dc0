#!/usr/bin/env python3
"""Judge: crore's own TCP/IP as a neighbour of the kernel's, on one network: found, pinged, loaded, cut off, killed, captured.

    CRORE_IO=tap python3 tests/judges/neighbour.py

The other judges tell whether the server does its work over it; this one, whether the host behaves.
"""

import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

from lib import capture, http, raw
from lib.cases import Skip, case, expect, run, same, until
from lib.place import PLACE
from lib.server import WORKERS, Server, free_port, raise_descriptor_limit, run_to_end
from lib.swarm import Swarm

CROWD = 2_000
MEBIBYTE = 1 << 20
OUR6, KERNEL6 = "fd77::2", "fd77::1"

if not PLACE.own:
    print("skip neighbour: it judges crore's own TCP/IP, on CRORE_IO=tap or xdp")
    sys.exit(0)


def tell(text):
    """A figure for the reader of the log; no result hangs on it."""
    print(f"# {text}", flush=True)


def command(*words, prefix=(), check=True):
    """A program's output; it must succeed unless told otherwise."""
    ended = subprocess.run([*prefix, *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
    expect(not check or ended.returncode == 0, f"{' '.join(map(str, words))} ended with {ended.returncode}: {ended.stderr.strip()}")
    return ended.stdout


def only_on(io, reason):
    if PLACE.io != io:
        raise Skip(reason)


def mac_of(address):
    """The hardware address under which the kernel knows its neighbour, if it does."""
    found = re.search(r"lladdr (\S+)", command("ip", "neigh", "show", address))
    return found and found[1]


def interface():
    """How the clients' interface stands, counters included."""
    return json.loads(command("ip", "-j", "-s", "link", "show", PLACE.interface))[0]


def cpu_share(server, seconds):
    """The share of one core that the server uses over a while."""
    used, started = server.cpu_seconds(), time.monotonic()
    until(lambda: time.monotonic() - started >= seconds, seconds + 5, "the measured while to pass", step=0.1)
    return (server.cpu_seconds() - used) / (time.monotonic() - started)


@case("it answers pings of any size that a frame carries, and for no address but its own")
def ping():
    with Server():
        for size in (0, 56, 1472):
            said = command("ping", "-c", 5, "-i", 0.05, "-W", 5, "-s", size, PLACE.host)
            expect(" 5 received" in said, f"pings of {size} bytes: {said}")
        said = command("ping", "-c", 1, "-W", 2, PLACE.host.rpartition(".")[0] + ".77", check=False)
        expect(" 0 received" in said, f"somebody answered for an address of nobody: {said}")


@case("the kernel learns one hardware address for it, that of one host")
def neighbour_entry():
    with Server() as server:
        http.get(server, "/health")
        mac = mac_of(PLACE.host)
        expect(mac, f"the kernel knows no neighbour {PLACE.host}")
        expect(int(mac[:2], 16) & 1 == 0, f"{mac} is a group's address")
        if PLACE.io == "xdp":
            device = PLACE.device.partition(":")[2]
            due = json.loads(command("ip", "-j", "link", "show", device, prefix=PLACE.prefix))[0]["address"]
            same(mac, due, "the neighbour's address, which is the interface's")
        else:
            expect(mac != interface()["address"], "both ends of the interface have one address")


@case("an address of the kernel's and one of ours serve the same channels from one process")
def both_stacks():
    port = free_port()
    with Server(f"--listen={PLACE.kernel}:{port}") as server:
        ours = raw.joined(server, "both")
        theirs = dataclasses.replace(PLACE, host=PLACE.kernel)
        over_kernel = raw.joined(Elsewhere(theirs, port), "both")
        http.publish(server, "both", 1)
        same([client.push()[1]["data"] for client in (ours, over_kernel)], [1, 1], "publications on both")
        for client in (ours, over_kernel):
            client.close()


class Elsewhere:
    """Another address of a server that runs."""

    def __init__(self, place, port):
        self.place, self.host, self.port = place, place.host, port


@case("a program of the kernel's keeps its port beside ours, on its own address and on one that both share")
def kernel_server():
    only_on("xdp", "the other end of a TAP interface has no sockets of the kernel's")
    echo = "import socket,sys\ns=socket.create_server(('', 9000))\nprint('ready', flush=True)\nwhile True:\n c,_=s.accept()\n c.sendall(b'kernel')\n c.close()"
    with subprocess.Popen([*PLACE.prefix, sys.executable, "-c", echo], stdout=subprocess.PIPE) as program:
        try:
            expect(program.stdout.readline() == b"ready\n", "the kernel's server did not start")
            shared = dataclasses.replace(PLACE, host=PLACE.kernel, address=PLACE.kernel + "/24")
            for place in (PLACE, shared):
                with Server(place=place, port=8000) as server:
                    client = raw.joined(server, "beside")
                    for _ in range(20):
                        with socket.create_connection((PLACE.kernel, 9000), timeout=10) as link:
                            same(http.read_to_end(link), b"kernel", f"what the kernel's server says beside {place.host}:8000")
                    http.publish(server, "beside", 1)
                    same(client.push()[1]["data"], 1, "publication")
                    client.close()
        finally:
            program.kill()


@case("large uploads: within the limit taken, beyond it refused, declared or in chunks; and large answers")
def large():
    with Server() as server:
        channels = [f"{n:0>250}" for n in range(10_000)]
        answers = http.result(server, "broadcast", {"channels": channels, "data": 1})["responses"]
        same(len(answers), len(channels), "responses to a broadcast of 2.5 MB")
        body = b'{"channel":"c","data":"' + b"x" * (8 * MEBIBYTE) + b'"}'
        for sent, what in [(body, "8 MiB"), (iter([body[at : at + 65536] for at in range(0, len(body), 65536)]), "8 MiB in chunks")]:
            try:
                same(http.request(server, "POST", "/api/publish", sent).status, 413, f"status of {what}")
            except ConnectionError:
                pass  # refused while it was being sent, and the rest reset: as lawful, and how a client may see a 413
        blob = "y" * (MEBIBYTE - 1000)
        for number in range(8):
            http.publish(server, "large", {"n": number, "blob": blob})
        got = http.result(server, "history", {"channel": "large", "limit": -1})["publications"]
        same([(p["data"]["n"], p["data"]["blob"] == blob) for p in got], [(n, True) for n in range(8)], "8 MiB of history")


@case("two thousand clients of the kernel's at once, and every publication reaches each of them")
def crowd():
    raise_descriptor_limit()
    with Server() as server:
        swarm = Swarm(server, CROWD, "crowd")
        tell(f"{CROWD} connected and subscribed in {swarm.storm(60):.2f} s")
        started = time.monotonic()
        for number in range(1, 11):
            http.publish(server, "crowd", {"n": number})
        swarm.receive(list(range(1, 11)), 60)
        tell(f"10 publications at all of them after {time.monotonic() - started:.3f} s")
        same(swarm.ended, 0, f"clients lost (codes {swarm.codes()})")
        swarm.close()


@case("after kill -9 its successor on the same interface is reached at once, and resets what it does not know")
def successor():
    with Server() as server:
        before, mac = [raw.joined(server, "c") for _ in range(10)], mac_of(PLACE.host)
        server.kill()
        started = time.monotonic()
        server.start()
        tell(f"served again {time.monotonic() - started:.3f} s after the start; {mac} became {mac_of(PLACE.host)}")
        for client in before:
            try:
                client.text("{}")
            except ConnectionError:
                pass  # an acknowledgment that was still owed has reached the successor before
            same(client.closed()[0], 1006, "end of a connection from before")
            client.close()
        client = raw.joined(server, "c")
        http.publish(server, "c", 1)
        same(client.push()[1]["data"], 1, "publication")
        client.close()


@case("IPv6 beside IPv4: neighbour discovery, pings, and the same channels on both")
def version_six():
    if KERNEL6 not in command("ip", "-6", "addr", "show", "dev", PLACE.interface):
        raise Skip("this kernel has no IPv6 here")
    with Server(f"--address={OUR6}/64", f"--listen=[{OUR6}]:8006", port=8000) as server:
        said = command("ping", "-6", "-c", 3, "-i", 0.05, "-W", 5, OUR6)
        expect(" 3 received" in said, f"pings: {said}")
        clients = [raw.joined(server, "six"), raw.joined(Elsewhere(dataclasses.replace(PLACE, host=OUR6), 8006), "six")]
        http.publish(server, "six", 6)
        same([client.push()[1]["data"] for client in clients], [6, 6], "publications on both")
        for client in clients:
            client.close()


@case("interface down and up: nothing is lost, nothing spins, and what was sent meanwhile arrives in order")
def down_and_up():
    port = free_port()
    with Server(admin_port=port) as server:
        client = raw.joined(server, "down", seconds=60)
        command("ip", "link", "set", PLACE.interface, "down")
        try:
            # The veth leads to the administrator's address too; a TAP has nothing to do with it.
            for number in range(1, 6) if PLACE.io == "tap" else ():
                http.publish(server, "down", number)
            share = cpu_share(server, 1.5)
            expect(share < 0.5, f"{share:.1%} of a core while the interface is down: it spins")
        finally:
            command("ip", "link", "set", PLACE.interface, "up")
        until(lambda: http.get(server, "/health", seconds=2).status == 200, 30, "/health after the interface is up again")
        for number in range(1, 6) if PLACE.io == "xdp" else ():
            http.publish(server, "down", number)
        started = time.monotonic()
        same([client.push()[1]["data"] for _ in range(5)], [1, 2, 3, 4, 5], "publications")
        tell(f"all of them {time.monotonic() - started:.2f} s after the interface was up")
        client.close()


@case("a device that another has, or that is not there, is refused with its name")
def taken():
    # A TAP interface of several queues takes more of them at any time; the kernel tells nobody whose the others are.
    if PLACE.io != "tap" or WORKERS == "1":
        with Server(port=8000):
            code, said = run_to_end("serve", *PLACE.flags, f"--workers={WORKERS}", "--insecure", f"--listen={PLACE.host}:8001")
            expect(code in (1, 2) and PLACE.device in said and "panicked" not in said, f"a second server ended with {code}: {said[-400:]}")
    wrong = [("wire:a/b", "a/b"), ("tap:", "tap:"), ("tap:" + "x" * 16, "x" * 16), ("tap:lo", "tap:lo"), ("xdp:nowhere", "nowhere")]
    for device, word in wrong:
        code, said = run_to_end("serve", f"--io={device}", f"--address={PLACE.address}", "--insecure", f"--listen={PLACE.host}:8001")
        expect(code in (1, 2) and word in said and "panicked" not in said, f"--io {device} ended with {code}: {said[-400:]}")


@case("a TAP interface that the server makes itself goes with it, and comes again with the next")
def made_by_the_server():
    only_on("tap", "only a TAP interface is the server's own")
    name = "croremade"

    def equip():
        command("ip", "addr", "add", "10.78.0.1/24", "dev", name)

    place = dataclasses.replace(PLACE, device=f"tap:{name}", host="10.78.0.2", address="10.78.0.2/24", sources=("10.78.0.1",), interface=name)
    with Server(place=place, port=8000, listening=equip) as server:
        for _ in range(2):
            client = raw.joined(server, "made")
            http.publish(server, "made", 1)
            same(client.push()[1]["data"], 1, "publication")
            client.close()
            server.kill()
            expect(name not in command("ip", "link", "show"), "the interface has outlived its server")
            server.start()


@case("a capture is a file of pcapng with one block for each frame")
def captured():
    with tempfile.TemporaryDirectory(prefix="crore-judge-") as folder:
        path = os.path.join(folder, "all.pcapng")
        before = interface()["stats64"]
        with Server(f"--capture={path}") as server:
            client = raw.joined(server, "film")
            for number in range(50):
                http.publish(server, "film", number)
                client.push()
            client.close()
            server.signal(signal.SIGTERM)
            same(server.wait(30), 0, "exit code")
        after = interface()["stats64"]
        # With several cores, each writes a file of its own.
        frames = [frame for name in sorted(os.listdir(folder)) for frame in capture.read(os.path.join(folder, name))]
        inward = sum(frame.inward for frame in frames)
        moved = [after[way]["packets"] - before[way]["packets"] for way in ("tx", "rx")]
        tell(f"{inward} frames in, {len(frames) - inward} out; the interface counted {moved[0]} and {moved[1]}")
        expect(inward >= 100 and len(frames) - inward >= 100, f"only {inward} of {len(frames)} frames came in")
        if PLACE.io == "tap":
            same([inward, len(frames) - inward], moved, "frames in and out")
        else:
            expect(inward <= moved[0] and len(frames) - inward <= moved[1], "more frames than the interface has seen")
        expect(all(frame.has(PLACE.host) for frame in frames if frame.is_ipv4), "a frame of somebody else's")


@case("an interface that is taken away ends the server, with a word why")
def taken_away():
    with Server() as server:
        device = PLACE.device.partition(":")[2]
        command("ip", "link", "del", device, prefix=PLACE.prefix)
        code = server.wait(30)
        said = server.printed().decode("utf-8", "replace")
        expect(code != 0 and f"{PLACE.device} cannot be used any more" in said, f"the server ended with {code}: {said[:800]}")


run()
