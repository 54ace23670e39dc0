#!/usr/bin/env python3
"""Judge: curl, h2load and Python's `httpx`, each with its own idea of HTTP/1.1, on the plain pages, the API and the streams."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("CRORE_JUDGES", os.path.join(os.path.dirname(__file__), "..", "..", "judges")), "python"))

import httpx
from lib import http
from lib.cases import Skip, case, each, expect, run, same
from lib.server import QUICK, Server

REQUESTS = 2_000 if QUICK else 20_000
"""Requests of one run of h2load."""
API_BYTES = 4 << 20
"""The most that the body of an API request may have."""


def curl(server, *arguments, body=b""):
    """What curl prints for these arguments; a path stands for its URL."""
    if not shutil.which("curl"):
        raise Skip("curl is missing")
    headers = [word for name, value in http.keyed(server).items() for word in ("-H", f"{name}: {value}")]
    line = ["curl", "-sS", "-m", "30", "--noproxy", "*", *headers]
    line += [server.url + word if word.startswith("/") and word != "/dev/null" else word for word in arguments]
    ended = subprocess.run(line, input=body, capture_output=True, timeout=60)
    expect(ended.returncode == 0, f"curl {arguments} ended with {ended.returncode}: {ended.stderr.decode().strip()}")
    return ended.stdout.decode()


def publication(channel, bytes_):
    """The body of a publication whose data is a text of so many bytes."""
    return json.dumps({"channel": channel, "data": "x" * bytes_}).encode()


JSON = ("-H", "Content-Type: application/json")
CODE = ("-o", "/dev/null", "-w", "%{http_code}")


@case("curl keeps one connection for many requests, answered and refused ones alike")
def curl_keeps():
    with Server() as server:
        count = "%{http_code}/%{num_connects} "
        paths = ["/health", "/nowhere", "/ready", "/metrics", "/health?x=%20", "/poll?channel=c&timeout=0", "/health"]
        outputs = [word for _ in paths for word in ("-o", "/dev/null")]
        printed = curl(server, *outputs, "-w", count, *paths)
        same(printed.split(), ["200/1", "404/0", "200/0", "200/0", "200/0", "200/0", "200/0"], "statuses and connects")
        printed = curl(server, "-X", "POST", *outputs[:4], "-w", count, "/health", "/nowhere")
        same([word[:3] for word in printed.split()], ["405", "404"], "statuses of POST")


@case("curl asks as old clients do, by HEAD, and with an offer of HTTP/2")
def curl_asks():
    with Server() as server:
        length = len(curl(server, "/health"))
        head = curl(server, "--head", "/health")
        expect(re.search(rf"(?mi)^content-length: {length}\r?$", head), f"HEAD: {head!r} without the length {length}")
        same(curl(server, "--http1.0", *CODE, "/health"), "200", "status in HTTP/1.0")
        kept = curl(server, "--http1.0", "-H", "Connection: keep-alive", *CODE[:2], *CODE[:2], "-w", "%{num_connects} ", "/health", "/health")
        same(kept.split(), ["1", "0"], "connects in HTTP/1.0 with keep-alive")
        same(curl(server, "--http2", *CODE, "/health"), "200", "status with an offer of HTTP/2 that nobody takes up")
        same(curl(server, "--compressed", *CODE, "/metrics"), "200", "status with an offer of compression")
        same(curl(server, "-H", "Host: [::1]:8000", *CODE, "/health"), "200", "status with an address for a host")


@case("curl uploads with a length, in chunks, and after it was told to go on; what is too large gets 413")
def curl_uploads():
    with Server() as server:
        ways = {
            "with a length": [],
            "in chunks": ["-H", "Transfer-Encoding: chunked"],
            "after 100 Continue": ["-H", "Expect: 100-continue"],
            "in chunks after 100 Continue": ["-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue"],
        }
        post = ["-H", "Expect:", *JSON, "--data-binary", "@-"]
        for way, more in ways.items():
            words = [*more, *(post[2:] if "Expect: 100-continue" in more else post)]
            answer = json.loads(curl(server, *words, "/api/publish", body=publication("up", 50_000)))
            expect("result" in answer, f"{way}: {answer}")
        same(http.result(server, "history", {"channel": "up", "limit": 0})["offset"], len(ways), "publications")
        fields = ["-D", "-", "-o", "/dev/null", "-H", "Expect: 100-continue", *post[2:]]
        heads = curl(server, *fields, "/api/publish", body=publication("up", 50_000))
        same(http.statuses(heads.encode()), [100, 200], "statuses of an upload that waits")
        # Beyond the limit by its length and not waited for, most of a body is still under way when the server ends the connection:
        # what the client sees then is the system's choice.
        del ways["with a length"]
        for way, more in ways.items():
            words = [*more, *(post[2:] if "Expect: 100-continue" in more else post)]
            same(curl(server, *CODE, *words, "/api/publish", body=b"x" * (API_BYTES + 1)), "413", f"status {way}")


@case("curl opens fifty connections at once and follows a stream")
def curl_at_once():
    with Server() as server:
        paths = ["/health", "/metrics"] * 25
        outputs = [word for _ in paths for word in CODE[:2]]
        printed = curl(server, "--parallel", "--parallel-max", "50", *outputs, "-w", "%{http_code} ", *paths)
        same(printed.split(), ["200"] * 50, "statuses")
        same(len(curl(server, "-r", "0-9", "/health")), len(curl(server, "/health")), "bytes of a range that nobody serves")
        _, epoch = http.publish(server, "feed", {"n": 1})
        http.publish(server, "feed", {"n": 2})
        # The stream never ends, so curl is told to stop: 28 says so.
        line = ["curl", "-sN", "-m", "2", f"{server.url}/events?channel=feed&since={epoch}:0"]
        ended = subprocess.run(line, capture_output=True, timeout=60)
        same(ended.returncode, 28, "how a curl ends that is told to stop")
        same([json.loads(data) for data in re.findall(rb"data: ?(.*)", ended.stdout)], [{"n": 1}, {"n": 2}], "data of the stream")


def load(server, *arguments, requests=REQUESTS):
    """Runs h2load over HTTP/1.1; all requests must be answered with 2xx."""
    if not shutil.which("h2load"):
        raise Skip("h2load is missing")
    *options, path = arguments
    headers = [word for name, value in http.keyed(server).items() for word in ("-H", f"{name}: {value}")]
    line = ["h2load", "--h1", "-t", "1", "-n", str(requests), *headers, *options, server.url + path]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=120)
    expect(ended.returncode == 0, f"h2load ended with {ended.returncode}: {ended.stderr[-300:]}")
    counts = re.search(r"(?m)^requests: (\d+) total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", ended.stdout)
    codes = re.search(r"(?m)^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", ended.stdout)
    expect(counts and codes, f"h2load printed {ended.stdout[-600:]!r}")
    same([int(n) for n in counts.groups()], [requests] * 3 + [0] * 3, f"total, done, succeeded, failed, errored, timeout of {arguments}")
    same([int(n) for n in codes.groups()], [requests, 0, 0, 0], f"2xx, 3xx, 4xx, 5xx of {arguments}")


@case("h2load has no request failed: one connection, a hundred, pipelined, publishing")
def h2load():
    with Server() as server, tempfile.NamedTemporaryFile() as body:
        body.write(publication("load", 500))
        body.flush()
        load(server, "-c", "1", "/health", requests=REQUESTS // 10)
        load(server, "-c", "100", "/health")
        load(server, "-c", "50", "-m", "16", "/health")
        load(server, "-c", "10", "-m", "4", "/metrics", requests=REQUESTS // 20)
        load(server, "-c", "20", "-d", body.name, "/api/publish", requests=REQUESTS // 4)
        same(http.result(server, "history", {"channel": "load", "limit": 0})["offset"], REQUESTS // 4, "publications")


def client(server, **more):
    return httpx.Client(base_url=server.url, headers=http.keyed(server), timeout=30, trust_env=False, **more)


@case("httpx on one pooled connection: pages, misses, uploads from memory and from a generator")
def httpx_pooled():
    with Server() as server, client(server, limits=httpx.Limits(max_connections=1)) as link:
        ports = set()
        for round_ in range(50):
            for path, status in [("/health", 200), ("/nowhere", 404), ("/metrics", 200)]:
                answer = link.get(path)
                same((answer.status_code, answer.http_version), (status, "HTTP/1.1"), path)
                ports.add(answer.extensions["network_stream"].get_extra_info("client_addr")[1])
        same(len(ports), 1, "connections for 150 requests")
        whole = link.post("/api/publish", json={"channel": "up", "data": "x" * 10_000})
        pieces = link.post("/api/publish", content=iter([b'{"channel":"up",', b'"data":', b"1}"]))
        for answer in (whole, pieces):
            same((answer.status_code, "result" in answer.json()), (200, True), "a publication")
        same(link.head("/health").content, b"", "the body of HEAD")
        same(link.options("/health").status_code, 405, "status of OPTIONS")


@case("httpx is refused what is too large, and goes on")
def httpx_refused():
    with Server() as server, client(server) as link:
        wrong = [
            ("headers of 10 KB", 431, lambda: link.get("/health", headers={"X-Long": "x" * 10_000})),
            ("a target of 5 KB", 414, lambda: link.get("/" + "x" * 5_000)),
            ("100 headers", 431, lambda: link.get("/health", headers={f"X-{n}": "y" for n in range(100)})),
            ("a body that is no JSON", 400, lambda: link.post("/api/publish", content=b"\xff")),
        ]

        def refuses(row):
            name, status, ask = row
            same(ask().status_code, status, name)
            same(link.get("/health").status_code, 200, f"status after {name}")

        each(wrong, refuses)


@case("httpx with a hundred requests at once, waits that are given up, and streams")
def httpx_at_once():
    with Server() as server:
        asyncio.run(at_once(server))


async def at_once(server):
    limits = httpx.Limits(max_connections=20)
    async with httpx.AsyncClient(base_url=server.url, headers=http.keyed(server), timeout=30, trust_env=False, limits=limits) as link:
        answers = await asyncio.gather(*(link.get("/health") for _ in range(100)))
        same([answer.status_code for answer in answers], [200] * 100, "statuses")
        sent = [link.post("/api/publish", json={"channel": "many", "data": n}) for n in range(100)]
        offsets = sorted(answer.json()["result"]["offset"] for answer in await asyncio.gather(*sent))
        same(offsets, list(range(1, 101)), "offsets of publications at once")
        for _ in range(20):
            try:
                await link.get("/poll?channel=quiet&timeout=20", timeout=0.05)
                expect(False, "a poll without news was answered at once")
            except httpx.ReadTimeout:
                pass
        epoch = (await link.post("/api/history", json={"channel": "many", "limit": 0})).json()["result"]["epoch"]
        async with link.stream("GET", f"/events?channel=many&since={epoch}:90") as stream:
            same(stream.headers["content-type"].partition(";")[0], "text/event-stream", "type of the stream")
            got = []
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    got.append(json.loads(line[5:]))
                if len(got) == 10:
                    break
        expect(len(got) == 10, f"the stream gave {got}")
        same((await link.get("/health")).status_code, 200, "status after all that")


if __name__ == "__main__":
    run()
