#!/usr/bin/env python3
"""Judge: how the process starts, refuses to start, idles, runs out of descriptors, drains and ends."""

import signal
import socket
import time

from lib import http, raw
from lib.cases import case, expect, run, same, until
from lib.place import PLACE, only_on_loopback, only_with_descriptors
from lib.raw import Raw
from lib.server import Server, free_port, raise_descriptor_limit, run_to_end, write_config
from lib.swarm import Swarm


SETTINGS = "settings are read before anything is opened, whatever carries the connections"


def cpu_share(server, seconds):
    """The share of one core that the server uses over a while in which nothing is asked of it."""
    used, started = server.cpu_seconds(), time.monotonic()
    until(lambda: time.monotonic() - started >= seconds, seconds + 5, "the measured while to pass", step=0.1)
    return (server.cpu_seconds() - used) / (time.monotonic() - started)


def known(server):
    """A connection that the server has accepted, as an answer on it shows: it stays when listeners are closed."""
    kept = http.connect(server)
    kept.sendall(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
    same(http.statuses(kept.recv(4096)), [200], "status of /ready before")
    return kept


def ready(server, kept):
    """The status of /ready over a new connection, or over one kept from before when new ones are refused."""
    try:
        return http.get(server, "/ready", seconds=2).status
    except OSError:
        kept.sendall(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
        codes = http.statuses(kept.recv(4096))
        return codes[0] if codes else None


@case("idle, alone and with a thousand subscribers, the server uses about no CPU")
def idle():
    raise_descriptor_limit()
    with Server() as server:
        share = cpu_share(server, 2)
        expect(share < 0.03, f"{share:.1%} of a core without a single client")
        swarm = Swarm(server, 1000, "idle")
        swarm.storm(30)
        share = cpu_share(server, 3)
        expect(share < 0.10, f"{share:.1%} of a core with 1,000 idle subscribers")
        swarm.close()


@case("SIGTERM drains: not ready, 3001 to everyone, every queued publication first, exit code 0")
def drain():
    with Server(config='insecure = true\ndrain_window = "4s"\n') as server:
        swarm = Swarm(server, 300, "drain")
        swarm.storm(30)
        http.publish(server, "drain", "last words")
        with known(server) as kept:
            server.signal(signal.SIGTERM)
            until(lambda: ready(server, kept) == 503, 4, "/ready to answer 503")
        swarm.run(lambda: swarm.ended == swarm.count, 30, "every client to be closed")
        same(swarm.codes(), {3001: 300}, "close codes")
        same([m.offsets for m in swarm.members if m.offsets != [1]], [], "members without the last publication")
        same(server.wait(10), 0, "exit code")
        swarm.close()


@case("a drain is over as soon as everybody is gone")
def drain_early():
    with Server(config='insecure = true\ndrain_window = "300s"\n') as server:
        server.signal(signal.SIGTERM)
        same(server.wait(20), 0, "exit code of an empty server with a drain window of 300 s")


@case("Ctrl-C ends it, and its clients learn of it")
def interrupt():
    with Server() as server:
        client = raw.joined(server, "c", seconds=60)
        server.signal(signal.SIGINT)
        client.closed()
        client.close()
        server.wait(60)
        expect(b"panicked" not in server.printed(), "a panic while ending")


@case("a second SIGTERM ends at once")
def second_signal():
    with Server(config='insecure = true\ndrain_window = "300s"\n') as server:
        stuck = [raw.joined(server, "c") for _ in range(200)]
        with known(server) as kept:
            server.signal(signal.SIGTERM)
            until(lambda: ready(server, kept) == 503, 20, "/ready to answer 503")
        expect(server.process.poll() is None, "the server did not wait for its clients")
        server.signal(signal.SIGTERM)
        server.wait(10)
        for client in stuck:
            client.close()


@case("without a configuration it refuses to listen elsewhere than on loopback, and says why")
def loopback_only():
    only_on_loopback(SETTINGS)
    for address in ["0.0.0.0:0", "[::]:0"]:
        code, text = run_to_end("serve", f"--listen={address}")
        same(code, 2, f"exit code for --listen {address} ({text[:300]})")
        for word in [address.rpartition(":")[0].strip("[]"), "--insecure", "loopback"]:
            expect(word in text, f"the refusal does not say {word!r}: {text[:400]}")
        code, text = run_to_end("serve", f"--listen={address}", "--insecure", "--check")
        same(code, 0, f"exit code of --check with --insecure for {address} ({text[:300]})")


@case("a wrong key or value is named with its line, and --check ends with 2")
def check():
    only_on_loopback(SETTINGS)
    table = [
        ('insecure = true\n\npnig_interval = "1s"\n', "3", ["pnig_interval"]),
        ('insecure = true\nping_interval = "soon"\n', "2", ["ping_interval", "soon"]),
        ('# a remark\n\n\nworkers = "many"\n', "4", ["workers"]),
        ('insecure = true\nqueue_bytes = "12 parsecs"\n', "2", ["queue_bytes", "12 parsecs"]),
        ('insecure = true\nlisten = "nowhere"\n', "2", ["listen", "nowhere"]),
        ("insecure = true\nthis is no toml\n", "2", []),
    ]
    for text, line, words in table:
        path = write_config(text)
        for more in (["--check"], []):
            code, said = run_to_end("serve", "--config", path, *more)
            same(code, 2, f"exit code for {text!r} with {more} ({said[:300]})")
            for word in words:
                expect(word in said, f"{word!r} is not named: {said[:400]}")
            expect(f"line {line}" in said or f":{line}" in said, f"line {line} is not named: {said[:400]}")


@case("--check with a good configuration ends with 0 and listens nowhere")
def check_good():
    only_on_loopback(SETTINGS)
    port = free_port()
    path = write_config(f'listen = "127.0.0.1:{port}"\nping_interval = "30s"\npong_timeout = "8s"\nqueue_bytes = "1MiB"\nworkers = 1\n')
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        code, said = run_to_end("serve", "--config", path, "--check")
        same(code, 0, f"exit code ({said[:300]})")


@case("wrong usage ends with 2 and names what was wrong")
def usage():
    only_on_loopback(SETTINGS)
    table = [
        (["--nonsense"], "--nonsense"),
        (["--config", "/nowhere/crore.toml"], "/nowhere/crore.toml"),
        (["--io", "pigeon"], "pigeon"),
        (["--workers", "some"], "some"),
        (["--listen", "127.0.0.1:notaport"], "notaport"),
    ]
    for flags, word in table:
        code, said = run_to_end("serve", *flags)
        same(code, 2, f"exit code for {flags} ({said[:300]})")
        expect(word in said, f"{word!r} is not named: {said[:400]}")
    code, said = run_to_end("serve", "--check", env={"CRORE_PING_INTERVAL": "soon"})
    same(code, 2, f"exit code for a wrong environment variable ({said[:300]})")
    expect("CRORE_PING_INTERVAL" in said, f"the variable is not named: {said[:400]}")


@case("an address in use is an error that names it, not a crash")
def in_use():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        # Nobody else can have a port of an address that only the server has; but it can be told to take one twice.
        twice = [*PLACE.flags, "--insecure", f"--listen={PLACE.host}:{port}"] if PLACE.own else []
        code, said = run_to_end("serve", f"--listen={PLACE.host}:{port}", *twice)
        expect(code in (1, 2), f"exit code {code} ({said[:300]})")
        expect(str(port) in said, f"port {port} is not named: {said[:400]}")
        expect("panicked" not in said, f"a panic: {said[:400]}")


@case("file, environment and flags override each other from weak to strong")
def precedence():
    file = 'insecure = true\nping_interval = "7s"\npong_timeout = "2s"\n'
    for env, due in [({}, 7), ({"CRORE_PING_INTERVAL": "9s"}, 9)]:
        with Server(config=file, env=env) as server:
            client = Raw(server)
            client.commands({"id": 1, "connect": {}})
            same(client.reply(1)["connect"].get("ping"), due, f"ping with {env}")
            client.close()
    port = free_port()
    with Server(config=f'insecure = true\nlisten = "127.0.0.1:{port}"\n') as server:
        expect(server.port != port, "--listen did not override the file's listen")


@case("several listeners serve the same channels")
def listeners():
    second = free_port()
    with Server(f"--listen={PLACE.host}:{second}") as server:
        here = raw.joined(server, "shared")
        first, server.port = server.port, second
        there = raw.joined(server, "shared")
        server.port = first
        http.publish(server, "shared", 1)
        same([c.push()[1]["data"] for c in (here, there)], [1, 1], "publications on both listeners")
        here.close()
        there.close()


@case("out of descriptors it neither spins nor dies, counts the pause, and serves again")
def descriptors():
    only_with_descriptors()
    with Server(descriptors=64) as server:
        crowd = []
        for _ in range(200):
            link = socket.socket()
            link.setblocking(False)
            link.connect_ex((server.host, server.port))
            crowd.append(link)
        until(lambda: server.open_descriptors() >= 60, 20, "the server to run out of descriptors")
        share = cpu_share(server, 2)
        expect(share < 0.5, f"{share:.1%} of a core while out of descriptors: it spins")
        expect(server.process.poll() is None, "the server died")
        for link in crowd:
            link.close()
        until(lambda: http.get(server, "/health", seconds=2).status == 200, 30, "/health to answer again")
        paused = until(lambda: server.metric("crore_accept_paused_total", reason="emfile"), 10, "a counted pause")
        expect(paused > 0, f"crore_accept_paused_total is {paused}")
        client = raw.joined(server, "again")
        http.publish(server, "again", 1)
        same(client.push()[1]["data"], 1, "publication afterwards")
        client.close()


run()
