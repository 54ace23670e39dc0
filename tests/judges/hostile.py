#!/usr/bin/env python3
"""Judge: malformed, oversized, binary and deeply nested input to every endpoint, smuggled and slow heads.

Each attack must end in a refusal, never in a hang, a 5xx or a second answer; afterwards the server serves as before.
"""

import json
import random
import socket
import time

from lib import http, raw
from lib.cases import case, each, expect, run, same, until
from lib.raw import TEXT, Raw, frame
from lib.server import Server

GETS = ["/", "/health", "/ready", "/metrics", "/events?channel=c", "/poll?channel=c&timeout=0", "/connection/websocket"]
METHODS = ["publish", "broadcast", "history", "channels", "info", "nope"]
NESTED = b"[" * 50000 + b"]" * 50000


def refusal(answer, what, allowed=range(400, 500)):
    """One refusal (or a plain close), and no second answer after it."""
    codes = http.statuses(answer)
    expect(len(codes) <= 1, f"{what}: {len(codes)} answers {codes}: the rest was taken for a second request")
    expect(not codes or codes[0] in allowed or codes[0] in (501, 505), f"{what}: {answer[:120]!r}")


def post(path, body, extra=b""):
    return b"POST " + path.encode() + b" HTTP/1.1\r\nHost: x\r\n" + extra + b"Content-Length: %d\r\n\r\n" % len(body) + body


@case("smuggling heads are refused once and the connection is closed")
def smuggling():
    second = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    with Server() as server:
        heads = smuggling_heads(b"POST /api/info HTTP/1.1\r\nHost: x\r\n" + http.key_line(server))
        each(heads.items(), lambda row: refusal(http.exchange(server, row[1] + second), row[0]))


def smuggling_heads(start):
    """Requests that two readers might understand differently; `start` is a good beginning of one with a body."""
    return {
        "length and chunked": start + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "chunked and length": start + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        "two lengths": start + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
        "two equal lengths": start + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "a list of lengths": start + b"Content-Length: 2, 2\r\n\r\n{}",
        "a plus in the length": start + b"Content-Length: +2\r\n\r\n{}",
        "a minus in the length": start + b"Content-Length: -2\r\n\r\n{}",
        "hexadecimal length": start + b"Content-Length: 0x2\r\n\r\n{}",
        "an empty length": start + b"Content-Length: \r\n\r\n{}",
        "a length beyond 64 bits": start + b"Content-Length: 18446744073709551618\r\n\r\n{}",
        "chunked in another case and a list": start + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "chunked twice": start + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "unknown coding": start + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "chunked with a vertical tab": start + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        "two codings in two lines": start + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "space before the colon": start + b"Content-Length : 2\r\n\r\n{}",
        "a folded line": start + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
        "a first line that is folded": b"POST /api/info HTTP/1.1\r\n Host: x\r\n\r\n",
        "bare line feeds": b"GET /health HTTP/1.1\nHost: x\n\n",
        "one bare line feed": b"GET /health HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
        "a bare carriage return": b"GET /health HTTP/1.1\r\nHost: x\rX: y\r\n\r\n",
        "a NUL in a value": b"GET /health HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        "a name with a space": b"GET /health HTTP/1.1\r\nHost: x\r\nX y: z\r\n\r\n",
        "a line without a colon": b"GET /health HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n",
        "an empty name": b"GET /health HTTP/1.1\r\nHost: x\r\n: z\r\n\r\n",
        "no host": b"GET /health HTTP/1.1\r\n\r\n",
        "two hosts": b"GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "two spaces in the request line": b"GET  /health HTTP/1.1\r\nHost: x\r\n\r\n",
        "no version": b"GET /health\r\nHost: x\r\n\r\n",
        "version 9.9": b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n",
        "a chunk size that overflows": start + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n{}\r\n0\r\n\r\n",
        "a chunk size with a plus": start + b"Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n",
        "a chunk without its line end": start + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n",
        "a chunk size ended by a line feed": start + b"Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n",
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    }


@case("heads beyond their limits are refused: size, count, target")
def oversized_heads():
    with Server() as server:
        many = b"".join(b"X-%d: y\r\n" % n for n in range(500))
        heads = {
            "a value of 100 KB": b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
            "500 headers": b"GET /health HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n",
            "a target of 50 KB": b"GET /" + b"a" * 50_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            "a method of 10 KB": b"G" * 10_000 + b" / HTTP/1.1\r\nHost: x\r\n\r\n",
            "a megabyte without a line end": b"a" * 1_000_000,
            "a megabyte of empty lines": b"\r\n" * 500_000,
        }
        each(heads.items(), lambda row: refusal(http.exchange(server, row[1]), row[0]))


@case("lawful heads are served however they are cut: byte by byte, pipelined, half-closed")
def lawful():
    with Server() as server:
        one = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
        with http.connect(server) as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(len(one)):
                link.sendall(one[at : at + 1])
            expect(link.recv(4096).startswith(b"HTTP/1.1 200"), "a request byte by byte")
        answer = http.exchange(server, one * 20 + b"POST /api/info HTTP/1.1\r\nHost: x\r\n" + http.key_line(server) + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nT: r\r\n\r\n" + one)
        same(http.statuses(answer), [200] * 22, "pipelined answers before a half-close")


@case("every API method survives bodies that are malformed, binary, deep, huge or of the wrong types")
def api_bodies():
    rng = random.Random(7)
    wrong = [None, True, 1, -1, 1e308, "x", [], {}, [[]], {"a": 1}, "x" * 300, "\u0000", "\ud800", 2**64, -(2**63)]
    fields = ["channel", "channels", "data", "b64data", "limit", "since", "reverse", "pattern", "tags", "idempotency_key"]
    bodies = [b"", b"{", b"}", b"[", b'"', b"\x00", b"\xff\xfe", b"nul", b"{}{}", b'{"channel":"c"', b'{"a":1,}', b"'", b"NaN", b"\xef\xbb\xbf{}"]
    bodies += [rng.randbytes(n) for n in (1, 10, 1000, 60000)]
    bodies += [NESTED, b"[" * 60000, b'{"channel":"c","data":' + NESTED + b"}", b'{"a":' * 10000 + b"1" + b"}" * 10000]
    bodies += [b'{"channel":"c","data":' + b"9" * 50000 + b"}", b'{"channel":"c","data":1e999999}', b'{"channel":"c","channel":"d","data":1}']
    bodies += [b'{"channel":"c","data":"\\ud800"}', b'{"channel":"c","data":"\xff"}', b'{"channel":"\\u0000","data":1}', b'{"channel":"a\\nb","data":1}']
    bodies += [json.dumps({"channel": "c", "data": 1, "limit": 1, name: value}).encode() for name in fields for value in wrong]
    with Server() as server:
        for method in METHODS:
            for body in bodies:
                answer = http.request(server, "POST", f"/api/{method}", body, {"Content-Type": "application/json"})
                expect(answer.status < 500, f"/api/{method} with {body[:60]!r}: {answer!r}")
                if answer.status == 200:
                    json.loads(answer.body, parse_int=str)


@case("a publication can carry no raw line end into the streams of others")
def injection():
    with Server() as server:
        client = raw.joined(server, "inject")
        with http.connect(server) as stream:
            stream.sendall(b"GET /events?channel=inject HTTP/1.1\r\nHost: x\r\n\r\n")
            got = b""
            while b"\r\n\r\n" not in got:
                got += stream.recv(4096)
            body = b'{"channel":"inject",\r\n "data":{"a":\r\n1,\n"b":"x\\ny"}}'
            same(http.request(server, "POST", "/api/publish", body).status, 200, "status of a publication with line ends")
            same(client.push()[1]["data"], {"a": 1, "b": "x\ny"}, "data over WebSocket")
            while b"x\\ny" not in got:
                piece = stream.recv(4096)
                expect(piece, f"the stream ended: {got!r}")
                got += piece
            lines = got.partition(b"\r\n\r\n")[2].split(b"\n")
            loose = [l for l in lines if l.strip(b"\r") and not l.startswith((b"data:", b"id:", b"event:", b"retry:", b":"))]
            # A chunked stream has its chunk sizes between the lines; they are hexadecimal numbers.
            loose = [l for l in loose if not all(c in b"0123456789abcdefABCDEF\r" for c in l)]
            same(loose, [], "lines that are no field of an event")
        client.close()


@case("every GET endpoint survives odd queries, headers and bodies")
def get_endpoints():
    odd = ["?", "?&&&", "?=", "?channel", "?channel=", "?channel=%", "?channel=%00", "?channel=%ff%fe", "?channel=a%0d%0aX:y"]
    odd += ["?channel=" + "x" * 3000, "?channel=c&since=" + "9" * 3000 + "&timeout=0", "?channel=c&timeout=1e9x", "?" + "a=b&" * 700]
    odd += ["?channel=c&channel=d&timeout=0", "?cf_connect=" + "[" * 2000, "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//", "/\\"]
    with Server() as server:
        for path in GETS:
            for tail in odd:
                target = (path.partition("?")[0] + tail).encode()
                for extra in [b"", b"Last-Event-ID: \xff\xfe:\x01\r\n", b"Last-Event-ID: " + b"A" * 2000 + b"\r\n", b"Range: bytes=0-\r\nExpect: nonsense\r\n"]:
                    check_get(server, target, extra)
            answer = http.exchange(server, post(path, b"\x00\xff" * 1000))
            refusal(answer, f"POST {path}", allowed=(405, 404, 400, 426))


def check_get(server, target, extra):
    """One GET; a stream or a waiting poll need not end, so only the status line is waited for."""
    with http.connect(server, seconds=1 if b"/poll" in target else 10) as link:
        link.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + extra + b"\r\n")
        try:
            link.shutdown(socket.SHUT_WR)
            first = link.recv(64)
        except ConnectionError:
            first = b""
        except TimeoutError:
            expect(b"/poll" in target, f"no answer to {target[:80]!r} with {extra[:40]!r}")
            return
        expect(not first.startswith(b"HTTP/1.1 5"), f"{target[:80]!r} with {extra[:40]!r}: {first!r}")
        expect(b"passwd" not in target or not first.startswith(b"HTTP/1.1 200") or target.startswith(b"/?"), f"{target!r}: {first!r}")


@case("upgrade requests that are not quite right are refused with 4xx")
def upgrades():
    good = {"Host": "x", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    changes = [("Upgrade", None), ("Upgrade", "h2c"), ("Connection", None), ("Connection", "close"), ("Sec-WebSocket-Key", None)]
    changes += [("Sec-WebSocket-Key", "short"), ("Sec-WebSocket-Key", "!" * 24), ("Sec-WebSocket-Version", None), ("Sec-WebSocket-Version", "8")]
    with Server() as server:

        def refuses(change):
            name, value = change
            headers = {**good, name: value}
            head = "GET /connection/websocket HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items() if v is not None) + "\r\n"
            answer = http.exchange(server, head.encode())
            codes = http.statuses(answer)
            expect(codes and 400 <= codes[0] < 500, f"{name}: {value!r}: {answer[:120]!r}")

        each(changes, refuses)
        same(http.request(server, "POST", "/connection/websocket", b"").status, 405, "status of POST /connection/websocket")


@case("every WebSocket command survives fields of the wrong type and unknown ones")
def commands():
    wrong = [None, True, 1, -1, 1e308, "x", "", [], {}, [{}], "x" * 300, "é", "\u0000", 2**64, {"channel": {"a": 1}}]
    kinds = ["connect", "subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history", "rpc", "send", "refresh", "sub_refresh", "ping", "nope"]
    inner = [{"channel": v} for v in wrong] + [{"channel": "c", "data": v, "offset": v, "epoch": v, "recover": v, "limit": v, "since": v, "token": v, "delta": v, "flag": v} for v in wrong]
    with Server() as server:
        watcher = raw.joined(server, "watched")
        for kind in kinds:
            for value in wrong + inner:
                command(server, {"id": 2, kind: value})
        for number in [-1, 2**32, 2**64, 1.5, "2", None, [], True]:
            command(server, {"id": number, "subscribe": {"channel": "c"}})
        http.publish(server, "watched", "calm")
        same(watcher.push()[1]["data"], "calm", "publication to a bystander")
        watcher.close()


def command(server, sent):
    """One command after a lawful connect, with a history request behind it: a reply to that, or a close, must come."""
    client = Raw(server)
    client.commands({"id": 1, "connect": {}}, sent, {"id": 77, "history": {"channel": "c"}})
    try:
        client.reply(77)
    except (EOFError, ConnectionError) as closed:
        expect("3004" not in str(closed), f"{json.dumps(sent)[:120]}: {closed}")
    client.close()


def garbage_is_refused(server, text):
    client = Raw(server)
    client.send(frame(TEXT, text))
    code, _ = client.closed()
    client.close()
    expect(code in (3501, 1007), f"{text[:80]!r} was closed with {code}")


@case("random bytes after the upgrade and instead of a request end only their own connection")
def noise():
    rng = random.Random(11)
    with Server() as server:
        watcher = raw.joined(server, "noise")
        for _ in range(200):
            http.exchange(server, rng.randbytes(rng.randrange(1, 3000)))
            client = Raw(server)
            try:
                client.send(rng.randbytes(rng.randrange(1, 3000)))
                client.link.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            http.read_to_end(client.link)
            client.close()
        for _ in range(100):
            text = bytes(rng.choice(b'{}[]":,0123456789\\u\nidconectsubrb ') for _ in range(rng.randrange(1, 400)))
            garbage_is_refused(server, text)
        http.publish(server, "noise", 1)
        same(watcher.push()[1]["data"], 1, "publication to a bystander")
        watcher.close()


@case("a head that trickles in is closed by an absolute deadline, however lively it looks")
def slow_heads():
    with Server() as server:
        slow = []
        for start in [b"GET /health HTTP/1.1\r\nHost: x\r\nX: ", b"", b"POST /api/publish HTTP/1.1\r\n", b"GET /connection/websocket HTTP/1.1\r\nHo"]:
            for _ in range(10):
                link = http.connect(server)
                link.sendall(start)
                link.setblocking(False)
                slow.append(link)

        def all_closed():
            for link in list(slow):
                try:
                    link.send(b"a")
                    if link.recv(4096) == b"":
                        raise ConnectionResetError
                except BlockingIOError:
                    continue
                except OSError:
                    slow.remove(link)
                    link.close()
            return not slow

        started = time.monotonic()
        until(all_closed, 60, "the server to close 40 trickling heads", step=0.2)
        expect(time.monotonic() - started >= 1, "closed at once, without giving a slow client any time")


@case("a thousand connections that vanish at every stage leave nothing behind")
def vanish():
    with Server() as server:
        before = server.held()
        upgrade = raw.head(server)
        connect = frame(TEXT, b'{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"v"}}')
        stages = [b"", b"GET ", upgrade, upgrade + connect[:9], upgrade + connect, b"GET /events?channel=v HTTP/1.1\r\nHost: x\r\n\r\n"]
        reset = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        for number in range(1000):
            link = http.connect(server)
            link.sendall(stages[number % len(stages)])
            if number % 2:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            link.close()
        until(lambda: server.held() <= before + 2, 30, f"what connections hold to return to {before}")
        until(lambda: raw.clients_of(server) == 0, 30, "no clients in /api/info")


run()
