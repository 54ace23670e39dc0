#!/usr/bin/env python3
"""Judge: curl, OpenSSL, Python's ssl and Node's `ws` on a server that speaks TLS; and those who do not, or not to the end."""

import concurrent.futures
import contextlib
import ipaddress
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile

from lib import http
from lib.cases import case, each, expect, run, same, until
from lib.place import PLACE, only_on_loopback
from lib.server import BINARY, Server, run_to_end

FOLDER = tempfile.mkdtemp(prefix="crore-judge-tls-")
NODE_MODULES = os.path.join(os.environ.get("CRORE_JUDGES", "../../judges"), "node_modules")
HISTORY = "[without_namespace]\nhistory_size = 100\nhistory_ttl = \"5m\"\nallow_subscribe = true\nallow_publish = true\n"
OPEN = 'insecure = true\nping_interval = "0s"\npong_timeout = "0s"\n' + HISTORY
FAN_OUT = """
import { pathToFileURL } from "node:url";
const { default: WebSocket } = await import(pathToFileURL(process.argv[1] + "/ws/wrapper.mjs"));
const [url, count] = [process.argv[2], 20];
const sockets = [];
let got = 0;
for (let index = 0; index < count; index += 1) {
  const socket = new WebSocket(url, { ca: process.argv[3] && (await import("node:fs")).readFileSync(process.argv[3]) });
  await new Promise((resolve, reject) => { socket.on("open", resolve); socket.on("error", reject); });
  const subscribed = new Promise((resolve) => {
    socket.on("message", (text) => {
      for (const line of String(text).split("\\n")) {
        const message = JSON.parse(line);
        if (message.id === 2) resolve();
        if (message.push?.pub) got += 1;
      }
      if (got === count * 10) { console.log("all"); process.exit(0); }
    });
  });
  socket.send('{"id":1,"connect":{}}\\n{"id":2,"subscribe":{"channel":"news"}}');
  await subscribed;
  sockets.push(socket);
}
for (let n = 0; n < 10; n += 1) sockets[0].send(`{"id":${n + 3},"publish":{"channel":"news","data":{"n":${n},"pad":"${"x".repeat(3000 * n)}"}}}`);
"""


def path(name):
    return os.path.join(FOLDER, name)


def certificate(name):
    """A certificate that signs itself, for where the server stands: NAME.pem and NAME.key."""
    line = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    line += ["-keyout", path(f"{name}.key"), "-out", path(f"{name}.pem"), "-subj", f"/CN=crore {name}"]
    line += ["-addext", f"subjectAltName=DNS:localhost,IP:{ipaddress.ip_address(PLACE.host)}"]
    line += ["-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def flags(name):
    return [f"--tls-certificate={path(f'{name}.pem')}", f"--tls-key={path(f'{name}.key')}"]


def trusting(name, version=None):
    context = ssl.create_default_context(cafile=path(f"{name}.pem"))
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def start(**more):
    return Server(*flags("first"), config=OPEN, context=trusting("first"), **more)


@contextlib.contextmanager
def secured(server, context=None):
    """A TLS connection by Python's ssl."""
    with http.connect(server) as plain:
        with (context or trusting("first")).wrap_socket(plain, server_hostname=server.host) as link:
            yield link


def curl(server, *arguments):
    """(exit code, standard output) of curl that trusts the server."""
    line = ["curl", "-sS", "-m", "30", "--cacert", path("first.pem"), *arguments]
    ended = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return ended.returncode, ended.stdout


def counted(server, event):
    return server.metric("crore_tls_total", event=event)


def is_well(server):
    same(http.get(server, "/health").status, 200, "status of /health")


@case("curl is served by TLS 1.2 and 1.3, over HTTP/1.1, and refuses a certificate it does not trust")
def versions():
    with start() as server:
        for flag in (["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3"]):
            code, out = curl(server, *flag, "--http2", "-w", "%{http_code} %{http_version}", "-o", "/dev/null", f"{server.url}/health")
            same((code, out), (0, b"200 1.1"), f"curl {flag}")
        refused = subprocess.run(["curl", "-sS", "-m", "30", f"{server.url}/health"], stderr=subprocess.DEVNULL)
        same(refused.returncode, 60, "exit code of curl without the certificate")
        until(lambda: counted(server, "failed_alert") == 1, 10, "the refusal to be counted")
        for old in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = old
            try:
                with secured(server, context):
                    raise AssertionError(f"{old} was accepted")
            except (ssl.SSLError, OSError):
                pass


@case("large bodies go up and come down unchanged")
def large():
    with start() as server:
        piece = "".join(chr(97 + n % 26) for n in range(50_000))
        body = path("body.json")
        for number in range(40):
            with open(body, "w") as file:
                json.dump({"channel": "large", "data": f"{number}{piece}"}, file)
            sent = ["-H", "Content-Type: application/json", "--data-binary", f"@{body}", *keyed(server)]
            code, out = curl(server, *sent, f"{server.url}/api/publish")
            expect(code == 0 and json.loads(out).get("result"), f"publication {number}: {code} {out[:200]}")
        asked = ["-H", "Content-Type: application/json", "-d", '{"channel":"large","limit":100}', *keyed(server)]
        code, out = curl(server, *asked, f"{server.url}/api/history")
        got = [publication["data"] for publication in json.loads(out)["result"]["publications"]]
        expect(got == [f"{number}{piece}" for number in range(len(got))] and got, f"{len(got)} publications came back")


def keyed(server):
    return [flag for name, value in http.keyed(server).items() for flag in ("-H", f"{name}: {value}")]


@case("requests that are sent ahead are answered in order")
def pipelined():
    with start() as server, secured(server) as link:
        count = 200
        link.sendall(b"".join(f"GET /nothing-{n} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for n in range(count - 1)))
        link.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answers = http.read_to_end(link)
        same(http.statuses(answers), [404] * (count - 1) + [200], "statuses")


@case("Node's ws subscribes and is pushed to over wss, also messages of many records")
def websockets():
    with start() as server:
        line = ["node", "--input-type=module", "-e", FAN_OUT, os.path.abspath(NODE_MODULES), server.websocket_url, path("first.pem")]
        ended = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        same((ended.returncode, ended.stdout), (0, b"all\n"), "outcome")


@case("crore load sees no loss over wss, sse+https and https")
def load():
    with start() as server:
        trust = ["--tls-ca", path("first.pem"), "--connections=50", "--hold=1s", "--json"]
        authority = f"{server.url.removeprefix('https://')}"
        for url in (f"wss://{authority}", f"sse+https://{authority}/events?channel=load", f"https://{authority}/health"):
            publishing = [] if url.startswith("https:") else ["--publish-rate=20/s", f"--api-key={server.key or 'none'}"]
            ended = subprocess.run([BINARY, "load", url, *trust, *publishing], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
            expect(ended.returncode == 0, f"{url}: {ended.stderr[-600:].decode()}")
        ended = subprocess.run([BINARY, "load", f"wss://{authority}", "--connections=1", "--hold=1s"], stderr=subprocess.PIPE, timeout=60)
        expect(ended.returncode != 0 and b"certificate" in ended.stderr, f"a stranger's certificate: {ended.stderr[-600:].decode()}")


@case("a connection that ends without a goodbye ends alone and is counted")
def truncated():
    with start() as server:
        for _ in range(5):
            with http.connect(server) as plain:
                link = trusting("first").wrap_socket(plain, server_hostname=server.host)
                link.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                expect(link.recv(65536).startswith(b"HTTP/1.1 200"), "an answer")
                # The socket below, without close_notify.
                socket.socket(fileno=link.detach()).close()
        # Python's own client says no goodbye either, so the look at the metrics counts too.
        until(lambda: counted(server, "truncated") >= 5, 10, "five cut connections to be counted")
        is_well(server)


@case("who says goodbye after a request still gets the answer and a goodbye")
def half_closed():
    with start() as server, http.connect(server) as plain:
        link, incoming, outgoing = in_memory(server)
        shake(link, incoming, outgoing, plain)
        link.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            link.unwrap()
        except ssl.SSLError:
            pass  # the server's goodbye is not there yet
        plain.sendall(outgoing.read())
        plain.shutdown(socket.SHUT_WR)
        records = http.read_to_end(plain)
        seen = []
        while records:
            length = int.from_bytes(records[3:5], "big")
            seen.append((records[0], length))
            records = records[5 + length:]
        # Tickets and the answer, then a goodbye of two bytes, a type and a tag: by TLS 1.3 all look like data.
        expect(len(seen) >= 2 and seen[-1] == (23, 19) and seen[-2][1] > 100, f"(kind, length) of the records: {seen}")


def in_memory(server):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    return trusting("first").wrap_bio(incoming, outgoing, server_hostname=server.host), incoming, outgoing


def shake(link, incoming, outgoing, plain, size=65536):
    """A handshake whose bytes go out `size` at a time."""
    while True:
        try:
            link.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            done = False
        out = outgoing.read()
        for at in range(0, len(out), size):
            plain.sendall(out[at:at + size])
        if done:
            return
        got = plain.recv(65536)
        expect(got, "the server ended the handshake")
        incoming.write(got)


@case("a handshake a byte at a time succeeds")
def slowly():
    with start() as server, http.connect(server) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link, incoming, outgoing = in_memory(server)
        shake(link, incoming, outgoing, plain, size=1)
        link.write(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for byte in outgoing.read():
            plain.sendall(bytes([byte]))
        incoming.write(http.read_to_end(plain))
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += link.read(65536)
        same(http.statuses(answer), [200], "statuses")


@case("renegotiation is refused and leaves the server well")
def renegotiation():
    with start() as server:
        line = ["openssl", "s_client", "-tls1_2", "-connect", f"{server.host}:{server.port}", "-CAfile", path("first.pem")]
        ended = subprocess.run(line, input=b"R\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
        expect(b"RENEGOTIATING" in ended.stdout and b"no renegotiation" in ended.stdout, ended.stdout[-600:].decode("utf-8", "replace"))
        is_well(server)


@case("who does not speak TLS is cut off and counted")
def garbage():
    rows = [
        ("HTTP in the clear", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("zeros", bytes(40_000)),
        ("a record of impossible length", b"\x16\x03\x01\xff\xff" + bytes(65_535)),
        ("a ClientHello of nothing", b"\x16\x03\x01\x00\x04\x01\x00\x00\x00"),
        ("data before a handshake", b"\x17\x03\x03\x00\x05hello"),
        ("SSL 2", b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(32)),
        ("a message in crumbs", b"".join(b"\x16\x03\x01\x00\x01" + bytes([b]) for b in b"\x01\x00\xff\xf0" + bytes(60_000))),
    ]
    with start() as server:
        each(rows, lambda row: expect(not http.exchange(server, row[1]).startswith(b"HTTP"), f"{row[0]} was served"))
        failed = ("failed_not_tls", "failed_protocol", "failed_incompatible", "failed_abandoned")
        until(lambda: sum(counted(server, event) for event in failed) == len(rows), 10, "each of them to be counted")
        is_well(server)


@case("a handshake that stalls is cut off, a hundred at once too, while others are served")
def stalled():
    with start() as server:
        links = [http.connect(server, seconds=30) for _ in range(100)]
        for n, link in enumerate(links):
            link.sendall(b"\x16\x03\x01\x02\x00\x01\x00"[: n % 8])
        is_well(server)
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            ends = list(pool.map(http.read_to_end, links))
        same(set(ends), {b""}, "what stalled handshakes were told")
        same(counted(server, "failed_abandoned"), 100, "failed_abandoned")


@case("SIGHUP shows the certificate that is in the files now; a broken one changes nothing")
def reloaded():
    for name in ("pem", "key"):
        shutil.copy(path(f"first.{name}"), path(f"shown.{name}"))
    with Server(*flags("shown"), config=OPEN, context=trusting("first")) as server, secured(server) as before:
        with open(path("shown.pem"), "w") as file:
            file.write("no certificate\n")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: b"are kept as they were" in server.printed(), 10, "the mistake in the log")
        is_well(server)
        for name in ("pem", "key"):
            shutil.copy(path(f"second.{name}"), path(f"shown.{name}"))
        server.process.send_signal(signal.SIGHUP)
        until(lambda: b"were read again" in server.printed(), 10, "the new certificate in the log")
        server.context = trusting("second")
        is_well(server)
        before.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        same(http.statuses(http.read_to_end(before)), [200], "statuses on a connection from before")


@case("--check reads certificate and key, and says which is wrong")
def checked():
    only_on_loopback("settings are read alike everywhere")
    same(run_to_end("serve", "--check", *flags("first"))[0], 0, "exit code for files that fit")
    rows = [
        ([flags("first")[0]], "tls_key is not given"),
        ([flags("first")[0], flags("second")[1]], "second.key is not the key"),
        ([f"--tls-certificate={path('nothing.pem')}", flags("first")[1]], "nothing.pem"),
        ([f"--tls-certificate={path('first.key')}", flags("first")[1]], "first.key: no certificate in it"),
    ]

    def check(row):
        code, text = run_to_end("serve", "--check", *row[0])
        expect(code == 2 and row[1] in text, f"{code}: {text!r} instead of 2 and {row[1]!r}")

    each(rows, check)


certificate("first")
certificate("second")
try:
    run()
finally:
    shutil.rmtree(FOLDER)
