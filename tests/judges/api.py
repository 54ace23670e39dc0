#!/usr/bin/env python3
"""Judge: the server API, health, readiness, metrics and the key that guards them."""

import base64
import json

from lib import http, raw
from lib.cases import case, expect, run, same, until
from lib.http import api, result
from lib.server import Server, free_port

METRICS = ["crore_connections", "crore_driver_info", "crore_deliveries_total", "crore_task_panics_total"]
LABELLED = {"crore_disconnects_total": "reason", "crore_accept_paused_total": "reason"}


def refused(answer, codes, what):
    """A method's refusal: an error object with one of the codes, or a plain 400."""
    if answer.status == 400:
        return
    same(answer.status, 200, f"{what}: status")
    error = answer.json().get("error", {})
    expect(error.get("code") in codes, f"{what}: {answer!r} instead of an error {codes}")
    expect(error.get("message"), f"{what}: an error without a message")


@case("publish answers the position, and offsets grow by one")
def publish():
    with Server() as server:
        done = [result(server, "publish", {"channel": "news", "data": {"n": n}}) for n in range(5)]
        same([d["offset"] for d in done], [1, 2, 3, 4, 5], "offsets")
        same(len({d["epoch"] for d in done}), 1, "number of epochs")
        expect(done[0]["epoch"], "the epoch is empty")


@case("publish takes every kind of JSON and gives it back unchanged")
def payloads():
    with Server() as server:
        values = [None, True, 0, -1.5, "", "línea\n\t\"x\" 😀", [], {}, [1, [2, [3]]], {"a": {"b": None}}, 12345678901234567890]
        for value in values:
            result(server, "publish", {"channel": "kinds", "data": value})
        got = result(server, "history", {"channel": "kinds", "limit": -1})["publications"]
        same([p["data"] for p in got], values, "data")


@case("publish: b64data, skip_history and idempotency_key")
def publish_options():
    with Server() as server:
        encoded = base64.b64encode(b'{"from":"b64"}').decode()
        result(server, "publish", {"channel": "o", "b64data": encoded})
        result(server, "publish", {"channel": "o", "data": "unstored", "skip_history": True})
        first = result(server, "publish", {"channel": "o", "data": "once", "idempotency_key": "k1"})
        again = result(server, "publish", {"channel": "o", "data": "once", "idempotency_key": "k1"})
        same(again, first, "the result of a repeated key")
        got = result(server, "history", {"channel": "o", "limit": 10})["publications"]
        same([p["data"] for p in got], [{"from": "b64"}, "once"], "stored publications")


@case("publish reaches subscribers on every core, in order")
def delivery():
    with Server() as server:
        clients = [raw.joined(server, "d") for _ in range(16)]
        for number in range(1, 51):
            http.publish(server, "d", number)
        for client in clients:
            same([client.push()[1]["data"] for _ in range(50)], list(range(1, 51)), "publications of a subscriber")
            client.close()


@case("broadcast answers one response a channel, in order")
def broadcast():
    with Server() as server:
        channels = [f"b{n}" for n in range(20)]
        clients = {name: raw.joined(server, name) for name in channels[:4]}
        responses = result(server, "broadcast", {"channels": channels, "data": {"all": 1}})["responses"]
        same(len(responses), 20, "number of responses")
        for response in responses:
            same(response["result"]["offset"], 1, "offset of a broadcast")
        mixed = result(server, "broadcast", {"channels": ["b0", "x" * 300, "b1"], "data": 2})["responses"]
        same([sorted(r) for r in mixed], [["result"], ["error"], ["result"]], "responses of a mixed broadcast")
        same(mixed[1]["error"]["code"], 107, "code for a name of 300 bytes")
        for name, client in clients.items():
            same(client.push()[1]["data"], {"all": 1}, f"publication of {name}")
            client.close()


@case("history: limits, since, reverse, and a foreign epoch")
def history():
    with Server() as server:
        for number in range(1, 11):
            _, epoch = http.publish(server, "h", number)

        def offsets(**fields):
            return [p["offset"] for p in result(server, "history", {"channel": "h", **fields}).get("publications", [])]

        top = result(server, "history", {"channel": "h"})
        same((top["offset"], top["epoch"], top.get("publications", [])), (10, epoch, []), "history without a limit")
        same(offsets(limit=3), [1, 2, 3], "the oldest three")
        same(offsets(limit=-1), list(range(1, 11)), "all")
        same(offsets(limit=3, reverse=True), [10, 9, 8], "the newest three")
        same(offsets(limit=2, since={"offset": 4, "epoch": epoch}), [5, 6], "two after 4")
        same(offsets(limit=2, since={"offset": 4, "epoch": epoch}, reverse=True), [3, 2], "two before 4")
        refused(api(server, "history", {"channel": "h", "limit": 1, "since": {"offset": 1, "epoch": "other"}}), {112}, "a foreign epoch")


@case("history keeps the last hundred publications without a configuration")
def history_size():
    with Server() as server:
        for number in range(1, 131):
            http.publish(server, "long", number)
        got = result(server, "history", {"channel": "long", "limit": -1})
        same([p["offset"] for p in got["publications"]], list(range(31, 131)), "stored offsets")
        same(got["offset"], 130, "top offset")


@case("channels: names with their subscribers, narrowed by a pattern")
def channels():
    with Server() as server:
        clients = [raw.joined(server, "room:1"), raw.joined(server, "room:1", "room:2"), raw.joined(server, "lobby")]
        due = {"room:1": 2, "room:2": 1, "lobby": 1}

        def seen(**fields):
            found = result(server, "channels", fields)["channels"]
            return {name: entry["num_clients"] for name, entry in found.items()}

        until(lambda: seen() == due, 10, f"{due} in /api/channels")
        same(seen(pattern="room:*"), {"room:1": 2, "room:2": 1}, "channels by pattern")
        for client in clients:
            client.close()
        until(lambda: seen() == {}, 10, "no channels after everybody left")


@case("info: one node with its figures")
def info():
    with Server() as server:
        clients = [raw.joined(server, "i") for _ in range(7)]
        until(lambda: raw.clients_of(server) == 7, 10, "7 clients in /api/info")
        nodes = result(server, "info", {})["nodes"]
        same(len(nodes), 1, "number of nodes")
        for field in ["uid", "name", "version", "num_clients", "num_users", "num_channels", "uptime"]:
            expect(field in nodes[0], f"the node has no {field}: {sorted(nodes[0])}")
        same(nodes[0]["num_channels"], 1, "num_channels")
        for client in clients:
            client.close()
        until(lambda: raw.clients_of(server) == 0, 10, "0 clients after all left")


@case("a malformed body is 400, a missing or impossible field is refused")
def malformed():
    with Server() as server:
        for body in [b"", b"{", b"nonsense", b"[]", b"7", b'"x"', b"\x00\x01\xff", b'{"channel":"c","data":}', b'{"channel":7,"data":1}']:
            answer = http.request(server, "POST", "/api/publish", body, {"Content-Type": "application/json"})
            same(answer.status, 400, f"status for the body {body!r}")
            expect(answer.body.strip(), f"no reason for the body {body!r}")
        for fields in [{}, {"data": 1}, {"channel": "", "data": 1}, {"channel": "c"}, {"channel": "x" * 256, "data": 1}, {"channel": "é", "data": 1}]:
            refused(api(server, "publish", fields), {107}, f"publish {str(fields)[:60]}")
        refused(api(server, "publish", {"channel": "c", "b64data": "***"}), {107}, "publish of bad base64")
        refused(api(server, "broadcast", {"data": 1}), {107}, "broadcast without channels")
        refused(api(server, "history", {}), {107}, "history without a channel")


@case("unknown methods and paths are 404, other verbs 405 with Allow")
def not_found():
    with Server() as server:
        for path in ["/api/nope", "/api/", "/nope", "/api/publish/more"]:
            same(http.request(server, "POST", path, b"{}").status, 404, f"status of POST {path}")
        for path in ["/api/publish", "/api/broadcast", "/api/history", "/api/channels", "/api/info"]:
            answer = http.get(server, path)
            same(answer.status, 405, f"status of GET {path}")
            expect("POST" in answer.headers.get("allow", ""), f"GET {path}: Allow is {answer.headers.get('allow')!r}")
        for path in ["/health", "/ready", "/metrics", "/events?channel=c", "/poll?channel=c", "/"]:
            same(http.request(server, "DELETE", path).status, 405, f"status of DELETE {path}")


@case("a body beyond the limit is 413, told from its length before it is read")
def too_large():
    with Server() as server:
        with http.connect(server) as link:
            link.sendall(b"POST /api/publish HTTP/1.1\r\nHost: x\r\n" + http.key_line(server) + b"Content-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n{")
            answer = http.read_to_end(link)
        same(http.statuses(answer)[:1], [413], f"status ({answer[:200]!r})")
        chunked = b"POST /api/publish HTTP/1.1\r\nHost: x\r\n" + http.key_line(server) + b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b"x" * 65536 + b"\r\n"
        answer = http.exchange(server, chunked + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 400 + b"0\r\n\r\n")
        expect(http.statuses(answer)[:1] in ([413], []), f"26 MB in chunks: {answer[:200]!r}")


@case("health, readiness and the console answer")
def health():
    with Server() as server:
        same(http.get(server, "/health").json(), {}, "/health")
        same(http.get(server, "/ready").status, 200, "status of /ready")
        console = http.get(server, "/")
        same(console.status, 200, "status of /")
        expect("text/html" in console.headers.get("content-type", ""), f"content type of / is {console.headers.get('content-type')!r}")
        head = http.request(server, "HEAD", "/health")
        same((head.status, head.body), (200, b""), "HEAD /health")


@case("metrics: the promised names, and the figures move with what happens")
def metrics():
    with Server() as server:
        before = server.metrics()
        names = {name for name, _ in before}
        for name in METRICS:
            expect(name in names, f"{name} is not in /metrics")
        clients = [raw.joined(server, "m") for _ in range(5)]
        until(lambda: server.metric("crore_connections") >= 5, 10, "crore_connections of at least 5")
        http.publish(server, "m", 1)
        for client in clients:
            client.push()
        until(lambda: server.metric("crore_deliveries_total") >= 5, 10, "crore_deliveries_total of at least 5")
        clients.pop().text("garbage")
        until(lambda: server.metric("crore_disconnects_total"), 10, "a disconnect in crore_disconnects_total")
        for name, label in LABELLED.items():
            for (seen, labels), _ in server.metrics().items():
                expect(seen != name or label in dict(labels), f"{name} without the label {label}")
        drivers = [dict(labels) for (name, labels) in server.metrics() if name == "crore_driver_info"]
        same([d.get("driver") for d in drivers], [server.place.io or server.place.model or "epoll"], "the driver that crore_driver_info names")
        gone = server.metric("crore_connections")
        for client in clients:
            client.close()
        until(lambda: server.metric("crore_connections") <= gone - 4, 10, "crore_connections to sink by 4")
        same(server.metric("crore_task_panics_total"), 0, "crore_task_panics_total")


@case("with api_key set the API answers 401 without it, in all three places where it may stand")
def api_key():
    with Server(config='insecure = true\napi_key = "s3cret-key"\n') as server:
        fields = {"channel": "k", "data": 1}
        for headers in [{}, {"X-API-Key": "wrong"}, {"Authorization": "apikey wrong"}, {"X-API-Key": "s3cret-ke"}, {"X-API-Key": ""}]:
            same(api(server, "publish", fields, headers).status, 401, f"status with {headers}")
        for headers in [{"X-API-Key": "s3cret-key"}, {"Authorization": "apikey s3cret-key"}]:
            same(api(server, "publish", fields, headers).status, 200, f"status with {headers}")
        answer = http.request(server, "POST", "/api/publish?api_key=s3cret-key", json.dumps(fields).encode())
        same(answer.status, 200, "status with the key in the query")
        same(http.get(server, "/health").status, 200, "/health needs no key")


@case("an admin address takes the API, the metrics and the console off the public listener")
def admin():
    port = free_port()
    with Server(admin_port=port) as server:
        same(api(server, "info", {}, port=port).status, 200, "status of /api/info on the admin address")
        for path in ["/metrics", "/"]:
            same(http.get(server, path, port=port).status, 200, f"status of {path} on the admin address")
            expect(http.get(server, path, port=server.port).status in (401, 403, 404), f"{path} is still on the public listener")
        expect(api(server, "info", {}, port=server.port).status in (401, 403, 404), "/api/info is still on the public listener")
        client = raw.joined(server, "still-served")
        http.publish(server, "still-served", "hello")
        same(client.push()[1]["data"], "hello", "publication on the public listener")
        client.close()


run()
