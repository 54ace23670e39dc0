#!/usr/bin/env python3
"""Judge: Python `websockets` on /connection/websocket: framing, pings both ways, stale connects, and RFC 6455's rules."""

import json
import os
import select
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("CRORE_JUDGES", os.path.join(os.path.dirname(__file__), "..", "..", "judges")), "python"))

from lib import http, raw
from lib.cases import case, each, expect, run, same, until
from lib.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Raw, frame
from lib.server import Server
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

OPEN = "insecure = true\n"
BRISK = OPEN + 'ping_interval = "1s"\npong_timeout = "500ms"\n'


def dial(server, **more):
    return connect(server.websocket_url, open_timeout=10, close_timeout=10, ping_interval=None, **more)


def lines(text):
    """The objects of one frame; text frames only."""
    expect(isinstance(text, str), "the server sent a binary frame to a JSON client")
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def objects(link, count):
    got = []
    while len(got) < count:
        got += lines(link.recv(timeout=10))
    return got


def closing(link):
    """The code with which the server closes."""
    try:
        while True:
            link.recv(timeout=30)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006


def code_after(server, *frames, connected=True):
    """The close code that raw frames earn, after a lawful connect unless told otherwise."""
    client = Raw(server)
    if connected:
        client.commands({"id": 1, "connect": {}})
        client.reply(1)
    for data in frames:
        try:
            client.send(data)
        except OSError:
            break
    code, _ = client.closed()
    client.close()
    return code


@case("several commands in one frame are answered in order, newline-joined or not")
def pipelined():
    with Server() as server, dial(server) as link:
        commands = [{"id": 1, "connect": {"name": "python"}}]
        commands += [{"id": n, "subscribe": {"channel": f"c{n}"}} for n in range(2, 30)]
        commands += [{"id": 30, "publish": {"channel": "other", "data": [1]}}, {"id": 31, "history": {"channel": "other", "limit": 5}}]
        link.send("\n".join(json.dumps(c) for c in commands) + "\n")
        got = objects(link, 31)
        same([o.get("id") for o in got], list(range(1, 32)), "order of the replies")
        welcome = got[0]["connect"]
        expect(welcome.get("client"), f"connect reply without a client id: {welcome}")
        same((welcome.get("ping"), welcome.get("pong")), (25, True), "ping and pong in the connect reply")
        position = got[1]["subscribe"]
        expect(position.get("recoverable") and position.get("positioned") and position.get("epoch"), f"subscribe reply {position}")
        same([p["data"] for p in got[30]["history"]["publications"]], [[1]], "history behind a publish in one frame")


@case("a subscribe reply always comes before the channel's publications")
def reply_first():
    with Server() as server:
        link = dial(server)
        link.send(json.dumps({"id": 1, "connect": {}}))
        objects(link, 1)
        for number in range(2, 102):
            channel = f"r{number}"
            link.send(json.dumps({"id": number, "subscribe": {"channel": channel}}) + "\n" + json.dumps({"id": 1000 + number, "publish": {"channel": channel, "data": number}}))
            kinds = []
            while len(kinds) < 3:
                for got in lines(link.recv(timeout=10)):
                    kinds.append(got.get("id") or got["push"]["channel"])
            expect(kinds.index(number) < kinds.index(channel), f"order {kinds}")
        link.close()


@case("compression is not negotiated by force and the sub-protocol is chosen only when offered")
def negotiation():
    with Server() as server:
        with dial(server) as link:
            same(link.subprotocol, None, "sub-protocol nobody asked for")
        with dial(server, subprotocols=["centrifuge-json"]) as link:
            same(link.subprotocol, "centrifuge-json", "sub-protocol")
        with dial(server, compression=None) as link:
            link.send('{"id":1,"connect":{}}')
            objects(link, 1)


@case("a client's close is answered with its code")
def close_handshake():
    with Server() as server:
        link = dial(server)
        link.close(1000, "bye")
        same((link.protocol.close_rcvd and link.protocol.close_rcvd.code), 1000, "code in the answer")


@case("WebSocket pings are answered with their payload")
def native_ping():
    with Server() as server, dial(server) as link:
        for payload in [b"", b"x", b"y" * 125]:
            expect(link.ping(payload).wait(10), f"no pong for a ping of {len(payload)} bytes")
        client = Raw(server)
        client.send(frame(PING, b"abc"))
        same(client.frame(), (True, PONG, b"abc"), "pong")
        client.send(frame(PONG, b"unasked"))
        client.commands({"id": 1, "connect": {}})
        client.reply(1)
        client.close()


@case("pings come every interval and a client that answers them stays")
def pings():
    with Server(config=BRISK) as server:
        with dial(server) as link:
            link.send('{"id":1,"connect":{}}')
            same(objects(link, 1)[0]["connect"].get("ping"), 1, "ping in the connect reply")
            for _ in range(4):
                same(link.recv(timeout=10), "{}", "frame")
                link.send("{}")
            link.send('{"id":2,"publish":{"channel":"c","data":1}}')
            same(objects(link, 1)[0].get("id"), 2, "reply after four pings")


@case("a client that never answers pings is closed with 3012")
def no_pong():
    with Server(config=BRISK) as server:
        with dial(server) as link:
            link.send('{"id":1,"connect":{}}')
            same(closing(link), 3012, "close code")
        until(lambda: server.metric("crore_disconnects_total"), 10, "the disconnect in the metrics")


@case("a pong nobody asked for and a second pong for one ping are 3501")
def stray_pong():
    with Server() as server:
        same(code_after(server, frame(TEXT, b"{}")), 3501, "code for an unasked pong")
    with Server(config=BRISK) as server:
        client = Raw(server)
        client.commands({"id": 1, "connect": {}})
        client.reply(1)
        same(client.next(), {}, "the ping")
        client.text("{}")
        client.text("{}")
        same(client.closed()[0], 3501, "code for a second pong")
        client.close()


@case("first pings of twenty clients fall into the second half of the interval, spread")
def spread():
    with Server(config=BRISK) as server:
        born, first = {}, {}
        clients = {}
        for _ in range(20):
            client = Raw(server)
            client.commands({"id": 1, "connect": {}})
            client.reply(1)
            born[client.link] = time.monotonic()
            clients[client.link] = client
        waiting = list(clients)
        while waiting:
            ready, _, _ = select.select(waiting, [], [], 10)
            expect(ready, f"{len(waiting)} of 20 clients got no ping in 10 s")
            for link in ready:
                first[link] = time.monotonic() - born[link]
                same(clients[link].next(), {}, "first frame")
                waiting.remove(link)
        delays = sorted(first.values())
        # The born stamp is taken a moment after the server's own, so a lawful ping may look a little early.
        expect(delays[0] >= 0.4, f"a first ping after {delays[0]:.3f} s: before half of the interval")
        expect(delays[-1] <= 3.0, f"a first ping after {delays[-1]:.3f} s of a 1 s interval")
        expect(delays[-1] - delays[0] > 0.1, f"first pings within {delays[-1] - delays[0]:.3f} s: not spread")
        for client in clients.values():
            client.close()


@case("ping_interval 0 switches pings off and the connect reply says so")
def no_pings():
    with Server(config=OPEN + 'ping_interval = "0"\n') as server, dial(server) as link:
        link.send('{"id":1,"connect":{}}')
        welcome = objects(link, 1)[0]["connect"]
        same((welcome.get("ping", 0), welcome.get("pong", False)), (0, False), "ping and pong")


@case("who upgrades and never connects is closed with 3502 after ten seconds")
def stale():
    with Server() as server:
        started = time.monotonic()
        with dial(server) as link:
            same(closing(link), 3502, "close code")
        expect(time.monotonic() - started >= 8, "closed long before ten seconds")


@case("a binary frame to a JSON session is refused with 3506 or 1003")
def binary():
    with Server() as server:
        for connected in (True, False):
            code = code_after(server, frame(BINARY, b'{"id":1,"connect":{}}'), connected=connected)
            expect(code in (3506, 1003), f"close code {code}")


@case("a message beyond 64 KiB is 1009, by its declared length, in one frame or in fragments")
def too_big():
    with Server() as server:
        with dial(server) as link:
            link.send('{"id":1,"connect":{}}')
            objects(link, 1)
            link.send(json.dumps({"id": 2, "publish": {"channel": "c", "data": "x" * 60000}}))
            same(objects(link, 1)[0].get("id"), 2, "reply to 60,000 bytes")
            try:
                link.send("x" * 65537)
            except ConnectionClosed:
                pass
            same(closing(link), 1009, "close code for 65,537 bytes")
        same(code_after(server, frame(TEXT, b"", declared=1 << 40)), 1009, "code for a declared length of 2^40")
        pieces = [frame(TEXT, b"x" * 30000, fin=False)] + [frame(CONTINUATION, b"x" * 30000, fin=False)] * 3
        same(code_after(server, *pieces), 1009, "code for 120,000 bytes in fragments")


@case("fragments, also cut inside a character and with pings between them, make one message")
def fragments():
    with Server() as server:
        with dial(server) as link:
            link.send(['{"id":1,', '"connect"', ":{}}"])
            same(objects(link, 1)[0].get("id"), 1, "reply to a fragmented connect")
        client = raw.joined(server, "f")
        whole = json.dumps({"id": 9, "publish": {"channel": "f", "data": "žluťoučký 😀"}}, ensure_ascii=False).encode()
        for at in range(len(whole)):
            client.send(frame(TEXT if at == 0 else CONTINUATION, whole[at : at + 1], fin=at == len(whole) - 1))
            if at % 16 == 0:
                client.send(frame(PING, b"between"))
        seen = {}
        while len(seen) < 2:
            got = client.next()
            seen["reply" if "id" in got else "push"] = got
        same(seen["push"]["push"]["pub"]["data"], "žluťoučký 😀", "data")
        client.close()


@case("bad UTF-8 is 1007, also when it is split over fragments")
def bad_text():
    with Server() as server:
        for payload in [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b'{"id":1,"connect":{"name":"\xe2\x82"}}']:
            same(code_after(server, frame(TEXT, payload)), 1007, f"code for {payload!r}")
        same(code_after(server, frame(TEXT, b"ok\xe2", fin=False), frame(CONTINUATION, b"\x28\xa1")), 1007, "code for a split one")


@case("every broken frame rule of RFC 6455 is 1002")
def broken_frames():
    table = {
        "an unmasked frame": [frame(TEXT, b"{}", mask=False)],
        "a reserved bit": [frame(TEXT, b"{}", reserved=4)],
        "a reserved data opcode": [frame(3, b"")],
        "a reserved control opcode": [frame(11, b"")],
        "a ping of 126 bytes": [frame(PING, b"x" * 126)],
        "a fragmented ping": [frame(PING, b"", fin=False)],
        "a continuation of nothing": [frame(CONTINUATION, b"x")],
        "a new message inside a fragmented one": [frame(TEXT, b"{", fin=False), frame(TEXT, b"}")],
        "a close of one byte": [frame(CLOSE, b"\x03")],
        "a close with code 1005": [frame(CLOSE, b"\x03\xed")],
        "a close with code 999": [frame(CLOSE, b"\x03\xe7")],
        "a length not in its shortest form": [b"\x81\xfe\x00\x02" + b"\x00" * 4 + b"{}"],
    }
    with Server() as server:
        each(table.items(), lambda row: same(code_after(server, *row[1]), 1002, f"code for {row[0]}"))
        # A length with its top bit set is both too long and malformed; either code tells the truth.
        expect(code_after(server, b"\x81\xff\xff" + b"\x00" * 7 + b"\x00" * 4) in (1002, 1009), "code for a negative length")


@case("deeply nested JSON is answered or refused, never fatal")
def nested():
    with Server() as server:
        for depth in [100, 1000, 30000]:
            data = "[" * depth + "]" * depth
            for command in ['{"id":2,"publish":{"channel":"deep","data":%s}}', '{"id":2,"subscribe":{"channel":"d","data":%s}}', '{"id":2,"x":%s}', '%s', '{"id":2,"rpc":{"data":%s']:
                client = Raw(server)
                client.commands({"id": 1, "connect": {}})
                client.reply(1)
                client.text(command % data)
                try:
                    client.reply(2)
                except EOFError as closed:
                    expect("3501" in str(closed), f"depth {depth} in {command}: {closed}")
                client.close()
            same(http.get(server, "/health").status, 200, f"/health after depth {depth}")


@case("two hundred thousand empty pings do not disturb others")
def ping_flood():
    with Server() as server:
        other = raw.joined(server, "calm")
        flood = Raw(server)
        flood.link.settimeout(30)
        burst = frame(PING, b"") * 1000
        try:
            for _ in range(200):
                flood.send(burst)
                flood.link.setblocking(False)
                try:
                    while flood.link.recv(65536):
                        pass
                except BlockingIOError:
                    pass
                flood.link.settimeout(30)
        except OSError:
            pass  # closing such a client is a lawful answer
        http.publish(server, "calm", "still here")
        same(other.push()[1]["data"], "still here", "publication during the flood")
        flood.close()
        other.close()


run()
