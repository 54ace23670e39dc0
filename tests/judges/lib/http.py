"""HTTP for judges: small requests through the standard library, and raw bytes where a client would refuse to send them."""

import http.client
import json
import re
import socket

SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')


class Answer:
    """A whole HTTP response."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:200]!r}"


def request(server, method, path, body=None, headers=None, seconds=10, port=None):
    """One request on a connection of its own; the API, metrics and console are asked for where they are."""
    if port is None and server.admin_port and path.startswith(("/api/", "/metrics")):
        port = server.admin_port
    host = server.place.kernel if port and port == server.admin_port else server.host
    port = port or server.port
    # An admin listener speaks in the clear.
    if server.context and port != server.admin_port:
        link = http.client.HTTPSConnection(host, port, timeout=seconds, context=server.context)
    else:
        link = http.client.HTTPConnection(host, port, timeout=seconds)
    headers = {**keyed(server), **(headers or {})} if path.startswith("/api/") else headers or {}
    try:
        link.request(method, path, body=body, headers=headers)
        got = link.getresponse()
        return Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
    except http.client.HTTPException as error:
        raise ConnectionError(f"{type(error).__name__}: {error}") from error
    finally:
        link.close()


def keyed(server):
    """The headers that open the server's API."""
    return {"X-API-Key": server.key} if server.key else {}


def key_line(server):
    """The same in a raw head."""
    return "".join(f"{name}: {value}\r\n" for name, value in keyed(server).items()).encode()


def get(server, path, **more):
    return request(server, "GET", path, **more)


def api(server, method, fields, headers=None, port=None):
    """POST /api/METHOD with a JSON body; the whole answer."""
    sent = {"Content-Type": "application/json", **(headers or {})}
    return request(server, "POST", f"/api/{method}", json.dumps(fields).encode(), sent, port=port)


def result(server, method, fields):
    """The `result` of an API method that must succeed."""
    answer = api(server, method, fields)
    if answer.status != 200 or "result" not in answer.json():
        raise AssertionError(f"/api/{method} {fields!r}: {answer!r} instead of 200 with a result")
    return answer.json()["result"]


def publish(server, channel, data):
    """Publishes through the API; the position's (offset, epoch)."""
    done = result(server, "publish", {"channel": channel, "data": data})
    return done.get("offset", 0), done.get("epoch", "")


def metrics(server, port=None):
    """Parses the Prometheus text format strictly: a line that is no sample, comment or blank is an error."""
    answer = get(server, "/metrics", port=port)
    if answer.status != 200:
        raise AssertionError(f"/metrics: {answer!r}")
    samples = {}
    for line in answer.body.decode().splitlines():
        if not line or line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        if not match:
            raise AssertionError(f"/metrics: not a sample line: {line!r}")
        name, labels, value = match.groups()
        samples[(name, frozenset(LABEL.findall(labels or "")))] = float(value)
    return samples


def connect(server, seconds=10):
    """A plain TCP connection to the server."""
    return socket.create_connection((server.host, server.port), timeout=seconds)


def exchange(server, sent, seconds=10):
    """Sends raw bytes and reads until the server closes; what came. Half-closes after sending, so that it does end."""
    with connect(server, seconds) as link:
        try:
            link.sendall(sent)
            link.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server may have refused and closed before it had everything
        return read_to_end(link)


def read_to_end(link):
    """Everything until end of stream or reset; the socket's timeout is an error."""
    got = bytearray()
    while True:
        try:
            piece = link.recv(65536)
        except ConnectionError:
            return bytes(got)
        if not piece:
            return bytes(got)
        got += piece


def statuses(raw):
    """The status codes of all responses in raw bytes, in order."""
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3})[ \r]", raw)]
