#!/usr/bin/env python3
"""Judge: ten thousand connects in a burst, a reader that does not read, kill -9 and everybody coming back."""

import time

from lib import http, raw
from lib.cases import case, expect, run, same, until
from lib.place import PLACE
from lib.raw import Raw
from lib.server import QUICK, Server, raise_descriptor_limit
from lib.swarm import Swarm

SMALL = QUICK or PLACE.own  # a system call a frame, and the kernel's clients on the same processors
CROWD = 2_000 if SMALL else 10_000
RETURNING = 1_000 if SMALL else 4_000


def tell(text):
    """A figure for the reader of the log; no result hangs on it."""
    print(f"# {text}", flush=True)


@case("thousands of clients connect and subscribe in one burst and each publication reaches each of them once")
def burst():
    raise_descriptor_limit()
    with Server() as server:
        swarm = Swarm(server, CROWD, "storm")
        took = swarm.storm(60)
        tell(f"{CROWD} connected and subscribed in {took:.2f} s")
        same(server.metric("crore_connections") >= CROWD, True, "crore_connections counts all of them")
        started = time.monotonic()
        http.publish(server, "storm", {"n": 1})
        swarm.receive([1], 60)
        tell(f"one publication at all of them after {time.monotonic() - started:.3f} s")
        for number in range(2, 22):
            http.publish(server, "storm", {"n": number})
        swarm.receive(list(range(1, 22)), 60)
        same(swarm.ended, 0, f"clients lost (codes {swarm.codes()})")
        http.publish(server, "other", 1)
        swarm.close()
        until(lambda: raw.clients_of(server) == 0, 60, "all clients to be forgotten")
        swarm = Swarm(server, 500, "storm")
        swarm.storm(30)
        same({m.subscribed.get("offset") for m in swarm.members}, {21}, "position given to newcomers after the storm")
        swarm.close()


@case("a reader that does not read is closed with 3008 and counted, while others are served")
def slow_reader():
    with Server(config='insecure = true\nqueue_bytes = "256KiB"\n') as server:
        slow = Raw(server, seconds=30, receive_buffer=4096)
        slow.commands({"id": 1, "connect": {}}, {"id": 2, "subscribe": {"channel": "wide"}})
        slow.reply(2)
        brisk = [raw.joined(server, "wide") for _ in range(3)]
        blob = "x" * 50_000
        sent = 0
        while not slow_count(server):
            sent += 1
            expect(sent <= 600, "30 MB behind a queue of 256 KiB and nobody was found slow")
            http.publish(server, "wide", {"n": sent, "blob": blob})
            for client in brisk:
                same(client.push()[1]["data"]["n"], sent, "publication of a brisk reader")
        tell(f"found slow after {sent * 50} KB")
        code, _ = slow.closed()
        same(code, 3008, "close code of the slow reader")
        slow.close()
        http.publish(server, "wide", "after")
        for client in brisk:
            same(client.push()[1]["data"], "after", "publication after the slow one was closed")
            client.close()
        same(slow_count(server), 1, "clients counted as slow")


def slow_count(server):
    """Disconnects whose reason is slowness, by word or by code."""
    return sum(server.metric("crore_disconnects_total", reason=reason) or 0 for reason in ("slow", "3008"))


@case("kill -9 and a restart on the same port: all come back, are told that their position is gone, and are served")
def crash():
    raise_descriptor_limit()
    with Server() as server:
        swarm = Swarm(server, RETURNING, "crash")
        swarm.storm(60)
        for number in range(1, 6):
            offset, epoch = http.publish(server, "crash", number)
        swarm.receive([1, 2, 3, 4, 5], 60)
        server.kill()
        if server.place.own:
            # Nobody ends the connections of a host that is gone. Who speaks to its successor is told that it knows of none.
            server.start()
            swarm.learn_of_the_end(30)
        swarm.run(lambda: swarm.ended == RETURNING, 30, "every client to notice the crash")
        swarm.close()
        if not server.place.own:
            server.start()
        back = Swarm(server, RETURNING, "crash", {"recover": True, "offset": offset, "epoch": epoch})
        tell(f"{RETURNING} came back in {back.storm(60):.2f} s")
        for member in back.members:
            told = member.subscribed
            same((told.get("recovered", False), told.get("was_recovering")), (False, True), f"recovery in {told}")
            expect(told.get("epoch") not in (None, "", epoch), f"the old epoch {epoch} survived a crash: {told}")
        for number in range(1, 4):
            http.publish(server, "crash", number)
        back.receive([1, 2, 3], 60)
        back.close()


@case("a mass reconnect to a living server recovers what was missed, at everyone, once and in order")
def reconnect():
    raise_descriptor_limit()
    with Server() as server:
        swarm = Swarm(server, RETURNING, "return")
        swarm.storm(60)
        offset, epoch = http.publish(server, "return", 1)
        swarm.receive([1], 60)
        swarm.close()
        for number in range(2, 41):
            http.publish(server, "return", number)
        back = Swarm(server, RETURNING, "return", {"recover": True, "offset": offset, "epoch": epoch})
        back.storm(60)
        for number in range(41, 61):
            http.publish(server, "return", number)
        back.receive(list(range(2, 61)), 60)
        for member in back.members:
            told = member.subscribed
            same((told.get("recovered"), told.get("was_recovering"), told.get("offset")), (True, True, offset), f"recovery in {str(told)[:200]}")
        back.close()


run()
